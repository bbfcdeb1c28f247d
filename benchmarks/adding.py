"""The adding problem over 600 steps: what a GRU, or an LSTM, makes of two numbers that are hundreds of steps apart.

Each step has a number from [0, 1) and a mark, which is 1 at two steps only, one in each half of the sequence; what is
to be predicted after the last step is the sum of the two marked numbers. What is counted is the mean squared error on
1000 sequences that are always the same; always answering 1, the mean, has 1/6. Published: Bai, Kolter & Koltun 2018,
table 1: 0.164 with an LSTM, 5.3e-5 with a GRU, both of about 70,000 parameters.

Training makes new sequences without end, and never meets those of the test, which come from a seed of their own. The
recipe was chosen with `--tune`, which measures on a thousand others. What matters most is chrono initialisation (Tallec
& Ollivier 2018, equation 16): the bias of the gate that keeps the old state starts at log(u), u uniform from 1 to
T - 1, so that there are units of every memory from one step to all.

    python benchmarks/adding.py --cell gru --json benchmarks/results/adding_gru.json
    python benchmarks/adding.py --cell lstm --json benchmarks/results/adding_lstm.json
    python benchmarks/adding.py --cell gru --tune --seeds 0 --steps 1000
"""

from __future__ import annotations

from typing import Any

import numpy as np
from published import Task, measure, parser_of, summary, write

from unrolled.bench.machine import describe_machine
from unrolled.data.sequences import SequenceBatch
from unrolled.losses import mean_squared_error
from unrolled.models.sequences.network import SequenceNetwork
from unrolled.training.fit import FitSettings, fit

T, SEQUENCES = 600, 1000
TEST, TUNING = 1, 2  # what the seeds of the two thousands begin with; those of training begin with 0
PUBLISHED = {"gru": 5.3e-5, "lstm": 0.164}
TARGET = {"gru": 1e-4, "lstm": 1e-2}
RECIPE: dict[str, Any] = {
    "hidden_size": 64,
    "batch": 32,
    "steps": 10_000,
    "learning_rate": 4e-3,
    "warmup": 100,
    "final_rate": 0.002,
    "clip": 1.0,
    "beta2": 0.99,
}


def sequences(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and marks `(T, N, 2)`, and the sums of the marked numbers `(N, 1)`."""
    x = np.zeros((T, count, 2), np.float32)
    x[..., 0] = rng.random((T, count), np.float32)
    rows = np.arange(count)
    first, second = rng.integers(0, T // 2, count), rng.integers(T // 2, T, count)
    x[first, rows, 1] = x[second, rows, 1] = 1
    return x, (x[first, rows, 0] + x[second, rows, 0])[:, None]


class Endless:
    """Batches of sequences that are made as they are asked for; an epoch is as many as the test has."""

    def __init__(self, batch: int, seed: int) -> None:
        self.batch_items = float(batch)
        self.steps_per_epoch = -(-SEQUENCES // batch)
        self._batch, self._rng = batch, np.random.default_rng([0, seed])

    def next(self) -> SequenceBatch:
        x, sums = sequences(self._batch, self._rng)
        return SequenceBatch(x, None, sums, None)

    @property
    def position(self) -> dict[str, Any]:
        return {"random": self._rng.bit_generator.state}

    def go_to(self, position: dict[str, Any]) -> None:
        self._rng.bit_generator.state = position["random"]


def chrono(network: SequenceNetwork, seed: int) -> None:
    """Starts the biases so that the units remember for 1 to T steps."""
    H = network.recurrent.hidden_size
    u = np.log(np.random.default_rng([3, seed]).uniform(1, T - 1, H))
    bias = network.recurrent.parameters["bias_l0"].copy()
    if network.recurrent.cell == "lstm":  # gates i, f, g, o: f keeps, and i lets in no more than f forgets
        bias[:H], bias[H : 2 * H] = -u, u
    else:  # gates r, z, n: h = (1 - z) * n + z * h_prev
        bias[H : 2 * H] = u
    network.recurrent.set(bias_l0=bias)


def run(cell: str, recipe: dict[str, Any], seed: int, part: int) -> dict[str, float]:
    """Trains on new sequences, and gives the error on the thousand of `part`."""
    network = SequenceNetwork(
        2, 1, mean_squared_error, cell=cell, hidden_size=recipe["hidden_size"], pooling="last", seed=seed
    )
    chrono(network, seed)
    settings = FitSettings(
        steps=recipe["steps"],
        learning_rate=recipe["learning_rate"],
        warmup=recipe["warmup"],
        final_rate=recipe["final_rate"],
        clip=recipe["clip"],
        optimizer_options={"beta2": recipe["beta2"]},
        seed=seed,
    )
    fit(network, Endless(recipe["batch"], seed), settings)
    return {"mse": squared_error(network, part)}


def squared_error(network: SequenceNetwork, part: int) -> float:
    x, sums = fixed(part)
    return mean_squared_error(network.predict(x), sums)[0]


def fixed(part: int) -> tuple[np.ndarray, np.ndarray]:
    """The thousand sequences that are always the same."""
    return sequences(SEQUENCES, np.random.default_rng([part]))


def main(given: list[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--cell", choices=("gru", "lstm"), default="gru")
    parser.add_argument("--tune", action="store_true", help="measure on other sequences than the test's")
    for name, value in RECIPE.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help=f"(default {value})")
    options = parser.parse_args(given)
    recipe = {name: getattr(options, name) for name in RECIPE}
    cell, part, machine = options.cell, TUNING if options.tune else TEST, describe_machine()
    task = Task(
        name=f"adding problem, T = {T}, {cell.upper()}" + " (tuning)" * options.tune,
        measure=f"mean squared error on {SEQUENCES} sequences",
        target={"mse": TARGET[cell]},
        minutes=15,
        published={f"{cell.upper()} (Bai et al. 2018)": {"mse": PUBLISHED[cell]}},
    )
    runs = measure(options.seeds, lambda seed: run(cell, recipe, seed, part))
    baselines = {"always 1": {"mse": float(np.mean((fixed(part)[1] - 1) ** 2))}}
    write(summary(task, {"cell": cell, **recipe}, runs, baselines, machine=machine), options.json)


if __name__ == "__main__":
    main()
