"""Losses, optimizers, schedules and clipping against PyTorch's in the same run; where PyTorch is installed."""

from functools import partial

import numpy as np
import pytest

from helpers import rng
from pytorch.training import RUNS, STEPS, TOLERANCE, by_torch, by_us
from unrolled import losses
from unrolled.optimizers import clip_by_global_norm
from unrolled.schedules import ReduceOnPlateau, constant, exponential, one_cycle, stepwise, warmup_cosine

pytestmark = pytest.mark.torch

LOSSES = [name for name in losses.__all__ if name.islower()]


@pytest.mark.parametrize("name", RUNS)
def test_every_step_of_a_training_run_is_pytorchs(name):
    ours, theirs = by_us(RUNS[name]), by_torch(RUNS[name])
    assert len(ours) == len(theirs) == STEPS
    for step, (found, expected) in enumerate(zip(ours, theirs, strict=True)):
        assert found.loss == pytest.approx(expected.loss, rel=TOLERANCE["rtol"]), f"step {step}"
        assert found.rate == pytest.approx(expected.rate, rel=TOLERANCE["rtol"]), f"step {step}"
        for key, array in expected.parameters.items():
            np.testing.assert_allclose(found.parameters[key], array, **TOLERANCE, err_msg=f"{key} after step {step}")


@pytest.mark.parametrize("seed", range(4))
def test_schedules_give_pytorchs_rates(seed):
    import torch
    from torch.optim import lr_scheduler as theirs

    draw = rng(seed)
    peak, factor = float(draw.uniform(0.01, 2)), float(draw.uniform(0.3, 1))
    warmup, every = int(draw.integers(2, 40)), int(draw.integers(1, 30))
    final, divisor = peak * float(draw.uniform(0, 0.1)), float(draw.uniform(2, 50))
    whole = {"peak": peak, "warmup": warmup, "total": STEPS, "final": final}

    def rise(optimizer):
        return theirs.LinearLR(optimizer, 1 / warmup, 1, warmup - 1)

    def then(optimizer, after):
        return theirs.SequentialLR(optimizer, [rise(optimizer), after], [warmup])

    pairs = {
        "constant": (partial(constant, peak=peak, warmup=warmup), rise),
        "step": (
            partial(stepwise, peak=peak, warmup=warmup, every=every, factor=factor),
            lambda o: then(o, theirs.StepLR(o, every, factor)),
        ),
        "exponential": (
            partial(exponential, peak=peak, warmup=warmup, factor=factor),
            lambda o: then(o, theirs.ExponentialLR(o, factor)),
        ),
        "cosine": (
            partial(warmup_cosine, **whole),
            lambda o: then(o, theirs.CosineAnnealingLR(o, STEPS - warmup, final)),
        ),
        "one_cycle": (
            partial(one_cycle, divisor=divisor, **whole),
            lambda o: theirs.OneCycleLR(
                o,
                peak,
                STEPS,
                pct_start=warmup / STEPS,
                cycle_momentum=False,
                div_factor=divisor,
                final_div_factor=peak / (divisor * final),
            ),
        ),
    }
    for name, (schedule, their_schedule) in pairs.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
        scheduler = their_schedule(optimizer)
        for step in range(STEPS):
            expected = optimizer.param_groups[0]["lr"]
            # theirs multiplies its way from rate to rate
            assert schedule(step) == pytest.approx(expected, rel=1e-11, abs=1e-14 * peak), f"{name}, step {step}"
            optimizer.step()
            scheduler.step()


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("seed", range(4))
def test_a_plateau_is_left_when_pytorch_leaves_it(mode, seed):
    import torch

    draw = rng(seed)
    settings = {
        "factor": float(draw.uniform(0.2, 0.9)),
        "patience": int(draw.integers(4)),
        "cooldown": int(draw.integers(4)),
        "threshold": float(draw.uniform(0, 0.05)),
    }
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode, eps=0, min_lr=1e-3, **settings)
    ours, seen = ReduceOnPlateau(mode=mode, **settings), set()
    for value in 1 + np.exp(-np.arange(200) / 30) + draw.uniform(0, 0.1, 200):
        ours.update(value)
        theirs.step(value)
        seen.add(rate := optimizer.param_groups[0]["lr"])
        assert ours(0, peak=0.5, final=1e-3) == pytest.approx(rate, rel=1e-12)
    assert len(seen) > 3


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1.0, 25.0])
def test_a_loss_and_its_gradient_are_pytorchs(name, dtype, scale):
    import torch
    from torch.nn import functional as theirs

    draw = rng(0)
    outputs = draw.normal(scale=scale, size=(5, 4, 6)).astype(dtype)
    y = torch.tensor(outputs.astype(float), requires_grad=True)
    if name == "softmax_cross_entropy":
        targets = draw.integers(6, size=(5, 4))
        expected = theirs.cross_entropy(y.reshape(-1, 6), torch.tensor(targets).reshape(-1))
    else:
        size = (5, 4, 3) if name == "gaussian_nll" else (5, 4, 6)
        targets = draw.uniform(size=size).astype(dtype)
        t = torch.tensor(targets.astype(float))
        expected = {
            "binary_cross_entropy_with_logits": lambda: theirs.binary_cross_entropy_with_logits(y, t),
            "mean_squared_error": lambda: theirs.mse_loss(y, t),
            "mean_absolute_error": lambda: theirs.l1_loss(y, t),
            "gaussian_nll": lambda: theirs.gaussian_nll_loss(
                y[..., :3], t, y[..., 3:].clamp(*losses.LOG_VARIANCES).exp(), full=True, eps=1e-300
            ),
        }[name]()
    expected.backward()
    value, gradient = getattr(losses, name)(outputs, targets)
    tolerance = {"float32": 2e-6, "float64": 1e-13}[dtype]
    assert value == pytest.approx(expected.item(), rel=tolerance)
    inside = np.ones(outputs.shape, bool)
    if name == "gaussian_nll":  # outside the bounds of s a clamp has no gradient, and we lead back
        low, high = losses.LOG_VARIANCES
        inside[..., 3:] = (outputs[..., 3:] > low) & (outputs[..., 3:] < high)
    np.testing.assert_allclose(gradient[inside], y.grad.numpy()[inside], rtol=tolerance, atol=tolerance / 10)


@pytest.mark.parametrize("maximum", [0.5, 2.0, 1e3])
def test_clipping_by_the_norm_differs_from_pytorchs_by_the_millionth_that_it_adds(maximum):
    import torch

    ours = {"a": rng(1).normal(size=(3, 4)), "b": rng(2).normal(size=5)}
    parameters = [torch.nn.Parameter(torch.zeros(g.shape, dtype=torch.float64)) for g in ours.values()]
    for parameter, g in zip(parameters, ours.values(), strict=True):
        parameter.grad = torch.tensor(g)
    norm = clip_by_global_norm(ours, maximum)
    assert norm == pytest.approx(torch.nn.utils.clip_grad_norm_(parameters, maximum).item(), rel=1e-14)
    added = 1 + 1e-6 / norm if norm > maximum else 1
    for parameter, g in zip(parameters, ours.values(), strict=True):
        np.testing.assert_allclose(g, added * parameter.grad.numpy(), rtol=1e-14)
