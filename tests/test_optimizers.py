"""Adam against algorithm 1 written entry by entry, what it remembers, and clipping."""

import math

import numpy as np
import pytest

from unrolled.errors import CheckpointError, ParameterError, ShapeError
from unrolled.layers.layer import Layer
from unrolled.optimizers import Adam, clip_by_global_norm
from unrolled.optimizers.base import BLOCK

# theta of order 1 after a handful of steps, each with about ten roundings
TOLERANCE = {"float32": 1e-6, "float64": 1e-14}


def make_layer(dtype, **arrays):
    layer = Layer(dtype)
    for name, array in arrays.items():
        layer._create(name, "N", array)
    return layer


def plain_adam(theta, gradients, rates, beta1, beta2, epsilon):
    """Kingma & Ba 2015, algorithm 1, in float64."""
    m = v = np.zeros_like(theta)
    for t, (g, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta = theta - rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return theta


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 7, 2 * BLOCK + 5])
def test_steps_are_those_of_the_algorithm(dtype, size):
    rng = np.random.default_rng(0)
    theta = rng.normal(size=size)
    gradients = [rng.normal(size=size).astype(dtype) for _ in range(5)]
    rates = [0.1, 0.03, 0.2, 0.01, 0.05]
    layer = make_layer(dtype, w=theta)
    start = layer.parameters["w"].astype(np.float64)
    adam = Adam(beta1=0.8, beta2=0.95, epsilon=1e-3)
    for g, rate in zip(gradients, rates, strict=True):
        adam.step(layer, {"w": g}, rate)
    want = plain_adam(start, [g.astype(np.float64) for g in gradients], rates, 0.8, 0.95, 1e-3)
    np.testing.assert_allclose(layer.parameters["w"], want, atol=TOLERANCE[dtype])


def test_epsilon_stands_outside_the_root():
    layer = make_layer("float64", w=np.zeros(1))
    Adam(learning_rate=1.0, epsilon=1e-2).step(layer, {"w": np.array([1e-2])})
    # inside the root it would be 1e-2 / sqrt(1e-4 + 1e-2) = 0.0995
    assert layer.parameters["w"][0] == pytest.approx(-0.5)


def test_a_step_bumps_the_version_so_that_no_pack_goes_stale():
    layer = make_layer("float64", w=np.zeros(1))
    before = layer.version
    Adam().step(layer, {"w": np.ones(1)})
    assert layer.version > before


def test_the_gradient_is_left_as_it_was():
    g = np.linspace(-1, 1, 9)
    kept = g.copy()
    Adam().step(make_layer("float64", w=np.zeros(9)), {"w": g})
    assert (g == kept).all()


def test_going_on_from_a_saved_state_gives_the_same_bits():
    rng = np.random.default_rng(1)
    gradients = [{"a": rng.normal(size=5), "b": rng.normal(size=3)} for _ in range(6)]

    def run(pause):
        layer, adam = make_layer("float64", a=np.ones(5), b=np.ones(3)), Adam(0.1)
        for index, g in enumerate(gradients):
            if index == pause:
                saved, count = {k: v.copy() for k, v in adam.state().items()}, adam.count
                adam = Adam(0.1)
                adam.restore(count, saved)
            adam.step(layer, g)
        return np.concatenate([layer.parameters["a"], layer.parameters["b"]]).tobytes()

    assert run(pause=None) == run(pause=3) == run(pause=0)


def test_a_restored_state_is_a_copy():
    adam, saved = Adam(), {"m.w": np.ones(2), "v.w": np.ones(2)}
    adam.restore(1, saved)
    adam.step(make_layer("float64", w=np.zeros(2)), {"w": np.ones(2)})
    assert (saved["v.w"] == 1).all()


def test_a_gradient_without_a_parameter_is_named():
    layer = make_layer("float64", w=np.zeros(2))
    with pytest.raises(ParameterError, match="`u` has a gradient but is no parameter, expected one of w"):
        Adam().step(layer, {"u": np.zeros(2)})


def test_no_parameter_changes_when_one_gradient_is_wrong():
    layer, adam = make_layer("float64", a=np.zeros(2), b=np.zeros((3, 2))), Adam()
    with pytest.raises(
        ShapeError, match=r"`gradients\['b'\]` has shape \(2, 3\), expected .* = \(3, 2\); did you pass"
    ):
        adam.step(layer, {"a": np.ones(2), "b": np.ones((2, 3))})
    assert (layer.parameters["a"] == 0).all()
    assert adam.count == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0}, "`learning_rate` is 0, expected a positive finite number"),
        ({"learning_rate": math.nan}, "`learning_rate` is nan, expected a positive finite number"),
        ({"beta1": 1.0}, r"`beta1` is 1.0, expected a number in \[0, 1\); 0.9 is usual"),
        ({"beta2": -0.1}, r"`beta2` is -0.1, expected a number in \[0, 1\); 0.999 is usual"),
        ({"epsilon": 0.0}, "`epsilon` is 0.0, expected a positive finite number; 1e-08 is usual"),
    ],
)
def test_a_setting_out_of_its_range_is_named(settings, message):
    with pytest.raises(ParameterError, match=message):
        Adam(**settings)


@pytest.mark.parametrize(
    ("state", "message"),
    [({"w": 0}, "`w` is no moment of Adam"), ({"m.w": 0}, "`w` lacks its moment v, expected m and v")],
)
def test_a_state_that_is_not_adams_is_an_error(state, message):
    with pytest.raises(CheckpointError, match=message):
        Adam().restore(1, {name: np.zeros(1) for name in state})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clipping_scales_all_gradients_by_one_factor(dtype):
    rng = np.random.default_rng(2)
    gradients = {"a": rng.normal(size=(3, BLOCK)).astype(dtype), "b": rng.normal(size=5).astype(dtype)}
    before = {name: g.astype(np.float64) for name, g in gradients.items()}
    norm = math.sqrt(sum(float((g**2).sum()) for g in before.values()))
    # a sum of 50 000 squares, summed pairwise
    assert clip_by_global_norm(gradients, 2.0) == pytest.approx(norm, rel={"float32": 1e-5, "float64": 1e-13}[dtype])
    for name, g in gradients.items():
        np.testing.assert_allclose(g, before[name] * 2 / norm, rtol={"float32": 1e-5, "float64": 1e-12}[dtype])


def test_gradients_within_the_maximum_keep_their_bits():
    gradients = {"a": np.array([0.1, 0.2])}
    clip_by_global_norm(gradients, 1.0)
    assert gradients["a"].tolist() == [0.1, 0.2]


def test_a_gradient_that_is_no_contiguous_array_is_clipped_in_place():
    whole = np.full((4, 4), 3.0)
    clip_by_global_norm({"a": whole[:, ::2]}, 1.0)
    assert whole[0, 0] < 1
    assert whole[0, 1] == 3


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_norm_that_is_not_finite_is_reported_and_nothing_is_changed(bad):
    gradients = {"a": np.array([5.0, 0.0]), "b": np.array([bad])}
    assert not math.isfinite(clip_by_global_norm(gradients, 1.0))
    assert gradients["a"].tolist() == [5.0, 0.0]


def test_a_maximum_that_is_not_positive_is_an_error():
    with pytest.raises(ParameterError, match=r"`maximum` is 0, expected a positive number; pass math.inf"):
        clip_by_global_norm({}, 0)
