"""A hundred training steps of one model, by us and by PyTorch: loss, clipping, optimizer and schedule; no judgement.

The model is an LSTM and a Dense layer in float64. PyTorch's redundant `bias_hh` is zero and frozen: left to train, it
would double the step of the bias and change the norm that is clipped. PyTorch is imported only where it computes.
"""
# ruff: noqa: E741 - an axis is I, as in the equations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from unrolled import losses
from unrolled.layers import LSTM, Dense, Stack
from unrolled.optimizers import clip_by_global_norm, clip_by_value, create_optimizer
from unrolled.schedules import SCHEDULES, ReduceOnPlateau

STEPS, BATCHES = 100, 7
T, N, I, H, K = 6, 4, 3, 5, 2
WARMUP, FINAL = 10, 1e-3  # the rate at the end, as a share of the peak
# the same arithmetic in another order; training carries each rounding on, and a hundred steps were seen to make 1e-14
TOLERANCE = {"rtol": 1e-11, "atol": 1e-12}

Values = dict[str, np.ndarray]


@dataclass(frozen=True)
class Run:
    """What is trained how."""

    optimizer: str
    rate: float
    loss: str = "softmax_cross_entropy"
    settings: dict[str, Any] = field(default_factory=dict)
    smoothing: float = 0.0
    schedule: str = "constant"
    of_schedule: dict[str, Any] = field(default_factory=dict)
    clip: float | None = None
    clip_value: float | None = None


RUNS = {
    "sgd": Run("sgd", 0.5),
    "momentum, clipped by norm": Run("sgd", 0.2, "mean_squared_error", {"momentum": 0.9}, clip=0.5),
    "nesterov, stairs": Run(
        "sgd",
        0.1,
        "binary_cross_entropy_with_logits",
        {"momentum": 0.9, "nesterov": True},
        schedule="step",
        of_schedule={"every": 30, "factor": 0.5},
    ),
    "rmsprop, exponential fall": Run(
        "rmsprop", 0.01, "mean_absolute_error", schedule="exponential", of_schedule={"factor": 0.97}
    ),
    "rmsprop centered with momentum, clipped by value": Run(
        "rmsprop", 0.002, "gaussian_nll", {"momentum": 0.9, "centered": True, "decay": 0.9}, clip_value=0.02
    ),
    "adam, one cycle, smoothed labels": Run("adam", 0.03, smoothing=0.1, schedule="one_cycle"),
    "adam, plateau": Run(
        "adam",
        0.1,
        "gaussian_nll",
        {"beta1": 0.8, "beta2": 0.99, "epsilon": 1e-6},
        schedule="plateau",
        of_schedule={"factor": 0.5, "patience": 3, "threshold": 1e-2, "cooldown": 2},
    ),
    "adamw, cosine, clipped by norm": Run(
        "adamw", 0.03, settings={"weight_decay": 0.1, "decayed": "all"}, schedule="cosine", clip=0.3
    ),
}


@dataclass(frozen=True)
class Batch:
    """Inputs, targets of the loss, and weights of which some are zero."""

    x: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Moment:
    """How training stands after a step."""

    loss: float  # before the step
    rate: float
    parameters: Values


def numbers(run: Run) -> tuple[Values, list[Batch]]:
    """First parameters and batches, from raw bits, the same for every version of NumPy."""
    bits = np.random.PCG64([STEPS, T, N, I, H, K])
    outputs = 2 * K if run.loss == "gaussian_nll" else K

    def draw(*shape: int, scale: float = 1.0) -> np.ndarray:
        uniform = bits.random_raw(int(np.prod(shape))).astype(float) / 2**64
        return scale * (2 * uniform - 1).reshape(shape)

    parameters = {
        "lstm.weight_ih_l0": draw(4 * H, I),
        "lstm.weight_hh_l0": draw(4 * H, H, scale=0.7),
        "lstm.bias_l0": draw(4 * H),
        "dense.weight": draw(outputs, H),
        "dense.bias": draw(outputs),
    }
    batches: list[Batch] = []
    for _ in range(BATCHES):
        x, noise, weights = draw(T, N, I), draw(T, N, K, scale=0.1), np.maximum(0, draw(T, N) + 0.5)
        answer = np.cumsum(x[..., :K], axis=0) + noise  # needs memory
        targets = {
            "softmax_cross_entropy": (answer[..., 0] > answer[..., 1]).astype(np.int64),
            "binary_cross_entropy_with_logits": (answer > 0).astype(float),
        }.get(run.loss, answer)
        batches.append(Batch(x, targets, weights))
    return parameters, batches


def by_us(run: Run) -> list[Moment]:
    """Every step, by this package."""
    start, batches = numbers(run)
    dense = Dense(H, len(start["dense.bias"]), dtype="float64", seed=0)
    stack = Stack(lstm=LSTM(I, H, dtype="float64", seed=0), dense=dense)
    stack.set(start)
    loss: Callable[..., tuple[float, np.ndarray]] = getattr(losses, run.loss)
    if run.loss == "softmax_cross_entropy":
        loss = partial(loss, label_smoothing=run.smoothing)
    optimizer = create_optimizer(run.optimizer, run.rate, **run.settings)
    plateau = ReduceOnPlateau(**run.of_schedule) if run.schedule == "plateau" else None
    schedule = plateau or partial(SCHEDULES[run.schedule], **run.of_schedule)
    # stairs and the exponential fall begin at once in PyTorch, and end nowhere
    free = run.schedule in ("constant", "step", "exponential", "plateau")
    limits = {} if free else {"warmup": WARMUP, "total": STEPS, "final": run.rate * FINAL}
    moments: list[Moment] = []
    for step in range(STEPS):
        batch = batches[step % BATCHES]
        forward = stack.forward(batch.x)
        value, doutput = loss(forward.output, batch.targets, batch.weights)
        gradients = stack.backward(forward, doutput).parameters
        if run.clip_value is not None:
            clip_by_value(gradients, run.clip_value)
        if run.clip is not None:
            clip_by_global_norm(gradients, run.clip)
        rate = schedule(step, peak=run.rate, **limits)
        optimizer.step(stack, gradients, rate)
        if plateau:
            plateau.update(value)
        moments.append(Moment(value, rate, {name: array.copy() for name, array in stack.parameters.items()}))
    return moments


def by_torch(run: Run) -> list[Moment]:
    """Every step, by PyTorch."""
    import torch

    start, batches = numbers(run)
    lstm = torch.nn.LSTM(I, H, dtype=torch.float64)
    dense = torch.nn.Linear(H, len(start["dense.bias"]), dtype=torch.float64)
    owned = {
        "lstm.weight_ih_l0": lstm.weight_ih_l0,
        "lstm.weight_hh_l0": lstm.weight_hh_l0,
        "lstm.bias_l0": lstm.bias_ih_l0,
        "dense.weight": dense.weight,
        "dense.bias": dense.bias,
    }
    with torch.no_grad():
        for name, parameter in owned.items():
            parameter.copy_(torch.tensor(start[name]))
        lstm.bias_hh_l0.zero_()
    lstm.bias_hh_l0.requires_grad_(False)
    trained = list(owned.values())
    optimizer = _their_optimizer(run, trained)
    scheduler = _their_scheduler(run, optimizer)
    moments: list[Moment] = []
    for step in range(STEPS):
        batch = batches[step % BATCHES]
        output = dense(lstm(torch.tensor(batch.x))[0])
        value = _their_loss(run, output, torch.tensor(batch.targets), torch.tensor(batch.weights))
        optimizer.zero_grad()
        value.backward()
        if run.clip_value is not None:
            torch.nn.utils.clip_grad_value_(trained, run.clip_value)
        if run.clip is not None:  # their clip_grad_norm_ adds 1e-6 to the norm
            norm = torch.nn.utils.get_total_norm([p.grad for p in trained])
            for parameter in trained:
                parameter.grad.mul_(min(1.0, run.clip / norm.item()))
        rate = optimizer.param_groups[0]["lr"]
        optimizer.step()
        if scheduler is not None:
            scheduler.step(*((value.detach(),) if run.schedule == "plateau" else ()))
        moments.append(
            Moment(value.item(), rate, {name: array.detach().numpy().copy() for name, array in owned.items()})
        )
    return moments


def _their_loss(run: Run, output: Any, targets: Any, weights: Any) -> Any:
    from torch.nn import functional

    if run.loss == "softmax_cross_entropy":
        each = functional.cross_entropy(
            output.reshape(-1, K), targets.reshape(-1), reduction="none", label_smoothing=run.smoothing
        ).reshape(T, N)
    elif run.loss == "gaussian_nll":
        mean, log_variance = output[..., :K], output[..., K:]
        each = functional.gaussian_nll_loss(
            mean, targets, log_variance.exp(), full=True, eps=1e-300, reduction="none"
        ).mean(-1)
    else:
        theirs: Any = {
            "binary_cross_entropy_with_logits": functional.binary_cross_entropy_with_logits,
            "mean_squared_error": functional.mse_loss,
            "mean_absolute_error": functional.l1_loss,
        }[run.loss]
        each = theirs(output, targets, reduction="none").mean(-1)
    return (weights * each).sum() / weights.sum()


def _their_optimizer(run: Run, parameters: list[Any]) -> Any:
    from torch import optim

    given = dict(run.settings)
    given.pop("decayed", None)
    if run.optimizer in ("adam", "adamw"):
        given = {"betas": (given.pop("beta1", 0.9), given.pop("beta2", 0.999)), **given}
    renamed = {{"decay": "alpha", "epsilon": "eps"}.get(name, name): value for name, value in given.items()}
    kind: Any = {"sgd": optim.SGD, "rmsprop": optim.RMSprop, "adam": optim.Adam, "adamw": optim.AdamW}[run.optimizer]
    return kind(parameters, lr=run.rate, **renamed)


def _their_scheduler(run: Run, optimizer: Any) -> Any:
    from torch.optim import lr_scheduler as theirs

    given = run.of_schedule
    match run.schedule:
        case "constant":
            return None
        case "step":
            return theirs.StepLR(optimizer, given["every"], given["factor"])
        case "exponential":
            return theirs.ExponentialLR(optimizer, given["factor"])
        case "one_cycle":
            start = given.get("divisor", 25.0)
            return theirs.OneCycleLR(
                optimizer,
                run.rate,
                STEPS,
                pct_start=WARMUP / STEPS,
                cycle_momentum=False,
                div_factor=start,
                final_div_factor=1 / (start * FINAL),
            )
        case "cosine":
            rise = theirs.LinearLR(optimizer, 1 / WARMUP, 1, WARMUP - 1)
            fall = theirs.CosineAnnealingLR(optimizer, STEPS - WARMUP, run.rate * FINAL)
            return theirs.SequentialLR(optimizer, [rise, fall], [WARMUP])
        case _:
            return theirs.ReduceLROnPlateau(optimizer, eps=0, **given)


def digest(moments: list[Moment]) -> list[dict[str, Any]]:
    """Every tenth step in few numbers: the loss, the rate, and of each parameter sum, norm and last entry."""
    return [
        {
            "step": step,
            "loss": moment.loss,
            "rate": moment.rate,
            **{
                name: [float(array.sum()), float(np.sqrt((array**2).sum())), float(array.flat[-1])]
                for name, array in moment.parameters.items()
            },
        }
        for step, moment in enumerate(moments, start=1)
        if step % 10 == 0
    ]
