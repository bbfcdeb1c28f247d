"""A model so small that every number can be followed; time is counted, not waited for."""

from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np


class Clock:
    """Seconds that pass only where something costs them."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class ToyModel:
    """Loss (w - batch)^2; the carried state counts the steps since the last fresh start.

    With `noise` each gradient has a random part, as one with dropout has, and one that depends on the carried state.
    """

    def __init__(self, clock=None, cost=0.0, noise=0.0):
        self.w = np.array([4.0])
        self.clock, self.cost, self.noise = clock, cost, noise
        self.carried = []
        self.rng = np.random.default_rng(5)

    @property
    def random_state(self):
        return self.rng.bit_generator.state if self.noise else None

    @random_state.setter
    def random_state(self, state):
        self.rng.bit_generator.state = state

    @property
    def parameters(self):
        return {"w": self.w}

    @contextmanager
    def edit(self):
        yield {"w": self.w}

    def loss_and_gradients(self, batch, state):
        if self.clock:
            self.clock.now += self.cost
        self.carried.append(None if state is None else float(state))
        after = np.array(1.0 if state is None else state + 1.0)
        noise = self.noise * (self.rng.normal(size=1) + 0.1 * after) if self.noise else 0.0
        return float((self.w[0] - batch.value) ** 2), {"w": 2 * (self.w - batch.value) + noise}, after

    def state_to_arrays(self, state):
        return {"count": state}

    def state_from_arrays(self, arrays):
        return arrays["count"]


class ToyBatches:
    """The numbers 0, 1, 2, ...; every fourth begins anew; `poison` is a place that holds NaN."""

    def __init__(self, poison=None):
        self.place, self.poison = 0, poison

    @property
    def position(self):
        return {"place": self.place}

    def go_to(self, position):
        self.place = position["place"]

    steps_per_epoch = 4
    batch_items = 100

    def next(self):
        value = np.nan if self.place == self.poison else float(self.place % 3)
        batch = SimpleNamespace(value=value, first=self.place % 4 == 0)
        self.place += 1
        return batch


class ToyTask:
    """Looks at the model; each look costs time."""

    by_epoch = decides = False
    partial = True
    unit, loss_unit = "chars", "nats/char"
    metrics = ("loss", "characters")
    full_share = 10.0

    def __init__(self, model, clock, cost=0.0):
        self.model, self.clock, self.cost = model, clock, cost
        self.looks = []

    def validate(self, full):
        self.looks.append((self.clock.now, full))
        self.clock.now += self.cost * (self.full_share if full else 1)
        return {"loss": float(self.model.w[0]), "characters": 1000 if full else 100}

    def sample(self, step):
        return f"sample {step}"

    def probe(self):
        self.clock.now += self.cost if self.partial else 0.0
        return self.full_share if self.partial else 0.0


class Log:
    """Keeps what it is told."""

    def __init__(self):
        self.steps, self.reports = [], []

    def step(self, report):
        self.steps.append(report)

    def report(self, report):
        self.reports.append(report)
