"""Every optimizer against its rule written entry by entry, what it remembers, what it refuses, and its memory."""

import math
import tracemalloc

import numpy as np
import pytest

from unrolled.errors import CheckpointError, ParameterError, ShapeError
from unrolled.layers.layer import Layer
from unrolled.optimizers import OPTIMIZERS, SGD, Adam, AdamW, RMSprop, create_optimizer
from unrolled.optimizers.base import BLOCK

# theta of order 1 after a handful of steps, each with about ten roundings
TOLERANCE = {"float32": 1e-6, "float64": 1e-14}


def make_layer(dtype, **arrays):
    layer = Layer(dtype)
    for name, array in arrays.items():
        layer._create(name, ", ".join("NIJ"[: np.ndim(array)]), array)
    return layer


def plain_sgd(theta, gradients, rates, momentum=0.0, nesterov=False):
    """Sutskever et al. 2013, with the rate outside."""
    v = np.zeros_like(theta)
    for g, rate in zip(gradients, rates, strict=True):
        v = momentum * v + g
        theta = theta - rate * (g + momentum * v if nesterov else v)
    return theta


def plain_rmsprop(theta, gradients, rates, decay, epsilon, momentum=0.0, centered=False):
    """Graves 2013, equations 38 to 45, with epsilon and the rate outside."""
    v = mean = b = np.zeros_like(theta)
    for g, rate in zip(gradients, rates, strict=True):
        v = decay * v + (1 - decay) * g**2
        mean = decay * mean + (1 - decay) * g if centered else mean
        b = momentum * b + g / (np.sqrt(v - mean**2) + epsilon)
        theta = theta - rate * b
    return theta


def plain_adam(theta, gradients, rates, beta1, beta2, epsilon, weight_decay=0.0):
    """Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019, algorithm 2; in float64."""
    m = v = np.zeros_like(theta)
    for t, (g, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta = theta - rate * (m_hat / (np.sqrt(v_hat) + epsilon) + weight_decay * theta)
    return theta


ADAM = {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3}
SQUARES = {"decay": 0.9, "epsilon": 1e-2}
RULES = {
    "sgd": (SGD, {}, plain_sgd),
    "momentum": (SGD, {"momentum": 0.7}, plain_sgd),
    "nesterov": (SGD, {"momentum": 0.7, "nesterov": True}, plain_sgd),
    "rmsprop": (RMSprop, SQUARES, plain_rmsprop),
    "rmsprop with momentum": (RMSprop, {**SQUARES, "momentum": 0.6}, plain_rmsprop),
    "rmsprop centered": (RMSprop, {**SQUARES, "centered": True}, plain_rmsprop),
    "rmsprop centered with momentum": (RMSprop, {**SQUARES, "centered": True, "momentum": 0.6}, plain_rmsprop),
    "adam": (Adam, ADAM, plain_adam),
    "adamw": (AdamW, {**ADAM, "weight_decay": 0.3, "decayed": "all"}, plain_adam),
}
EACH = pytest.mark.parametrize("rule", RULES)


def make(rule):
    kind, settings, _ = RULES[rule]
    return kind(0.1, **settings)


@EACH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1,), (7,), (3, 5), (2 * BLOCK + 5,)])
def test_steps_are_those_of_the_rule(rule, dtype, shape):
    kind, settings, plain = RULES[rule]
    rng = np.random.default_rng(0)
    gradients = [rng.normal(size=shape).astype(dtype) for _ in range(5)]
    rates = [0.1, 0.03, 0.2, 0.01, 0.05]
    layer = make_layer(dtype, w=rng.normal(size=shape))
    start = layer.parameters["w"].astype(np.float64)
    optimizer = kind(**settings)
    for g, rate in zip(gradients, rates, strict=True):
        optimizer.step(layer, {"w": g}, rate)
    settings = {name: value for name, value in settings.items() if name != "decayed"}
    want = plain(start, [g.astype(np.float64) for g in gradients], rates, **settings)
    # g / (|g| + epsilon) of a small g, several times over, for RMSprop
    np.testing.assert_allclose(layer.parameters["w"], want, atol=TOLERANCE[dtype] * (10 if kind is RMSprop else 1))


@EACH
def test_without_a_rate_for_the_step_its_own_is_taken(rule):
    layers = [make_layer("float64", w=np.ones(3)) for _ in range(2)]
    make(rule).step(layers[0], {"w": np.arange(3.0)})
    make(rule).step(layers[1], {"w": np.arange(3.0)}, 0.1)
    assert layers[0].parameters["w"].tolist() == layers[1].parameters["w"].tolist() != [1, 1, 1]


@EACH
def test_a_rate_of_zero_changes_no_parameter(rule):
    layer = make_layer("float64", w=np.ones((2, 3)))
    make(rule).step(layer, {"w": np.ones((2, 3))}, 0.0)
    assert (layer.parameters["w"] == 1).all()


@pytest.mark.parametrize("kind", [Adam, RMSprop])
def test_epsilon_stands_outside_the_root(kind):
    layer, settings = make_layer("float64", w=np.zeros(1)), {"decay": 0.0} if kind is RMSprop else {}
    kind(1.0, epsilon=1e-2, **settings).step(layer, {"w": np.array([1e-2])})
    # inside the root it would be 1e-2 / sqrt(1e-4 + 1e-2) = 0.0995
    assert layer.parameters["w"][0] == pytest.approx(-0.5)


def test_a_constant_gradient_has_no_variance_and_still_a_finite_step():
    layer, optimizer = make_layer("float32", w=np.zeros(50)), RMSprop(1e-3, decay=0.5, epsilon=1.0, centered=True)
    for _ in range(100):  # v - mean^2 is zero but for rounding, to either side
        optimizer.step(layer, {"w": np.linspace(0.1, 3, 50, dtype="float32")})
    np.testing.assert_allclose(layer.parameters["w"], -1e-3 * 100 * np.linspace(0.1, 3, 50), rtol=0.1)


@pytest.mark.parametrize(
    ("decayed", "shrunk"),
    [
        ("matrices", {"weight", "cube"}),
        ("all", {"weight", "cube", "bias"}),
        (lambda name, value: name == "bias" and value.size == 2, {"bias"}),
    ],
)
def test_only_what_is_decayed_shrinks_by_its_share(decayed, shrunk):
    layer = make_layer("float64", weight=np.ones((2, 2)), cube=np.ones((1, 2, 2)), bias=np.ones(2))
    zero = {name: np.zeros(value.shape) for name, value in layer.parameters.items()}
    AdamW(0.5, weight_decay=0.1, decayed=decayed).step(layer, zero, 0.2)
    for name, value in layer.parameters.items():
        np.testing.assert_allclose(value, 0.98 if name in shrunk else 1.0, rtol=1e-15)


def test_by_default_adamw_decays_matrices_by_a_hundredth():
    layer = make_layer("float64", weight=np.ones((2, 2)), bias=np.ones(2))
    AdamW(0.5).step(layer, {"weight": np.zeros((2, 2)), "bias": np.zeros(2)})
    assert layer.parameters["weight"][0, 0] == pytest.approx(0.995, rel=1e-15)
    assert layer.parameters["bias"].tolist() == [1, 1]


@EACH
def test_a_step_bumps_the_version_so_that_no_pack_goes_stale(rule):
    layer = make_layer("float64", w=np.zeros(1))
    before = layer.version
    make(rule).step(layer, {"w": np.ones(1)})
    assert layer.version > before


@EACH
def test_the_gradient_is_left_as_it_was(rule):
    g = np.linspace(-1, 1, 9)
    kept = g.copy()
    make(rule).step(make_layer("float64", w=np.zeros(9)), {"w": g})
    assert (g == kept).all()


@EACH
def test_a_step_allocates_nothing_of_a_parameters_size(rule):
    size = 40 * BLOCK
    layer, optimizer, g = make_layer("float32", w=np.ones(size)), make(rule), np.ones(size, "float32")
    optimizer.step(layer, {"w": g})  # allocates the moments
    tracemalloc.start()
    optimizer.step(layer, {"w": g})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 4 * BLOCK <= peak < 2 * 4 * BLOCK  # one block of scratch


@EACH
def test_going_on_from_a_saved_state_gives_the_same_bits(rule):
    rng = np.random.default_rng(1)
    gradients = [{"a": rng.normal(size=5), "b": rng.normal(size=3)} for _ in range(6)]

    def run(pause):
        layer, optimizer = make_layer("float64", a=np.ones(5), b=np.ones(3)), make(rule)
        for index, g in enumerate(gradients):
            if index == pause:
                saved, count = {k: v.copy() for k, v in optimizer.state().items()}, optimizer.count
                optimizer = make(rule)
                optimizer.restore(count, saved)
            optimizer.step(layer, g)
        return np.concatenate([layer.parameters["a"], layer.parameters["b"]]).tobytes()

    assert run(pause=None) == run(pause=3) == run(pause=0)


@pytest.mark.parametrize(
    ("rule", "kinds"),
    [
        ("sgd", ""),
        ("nesterov", "v"),
        ("rmsprop", "v"),
        ("rmsprop centered with momentum", "v mean b"),
        ("adam", "m v"),
        ("adamw", "m v"),
    ],
)
def test_the_state_is_named_after_its_moments(rule, kinds):
    optimizer = make(rule)
    optimizer.step(make_layer("float64", w=np.zeros(2)), {"w": np.ones(2)})
    assert list(optimizer.state()) == [f"{kind}.w" for kind in kinds.split()]
    assert optimizer.count == 1


def test_a_restored_state_is_a_copy():
    adam, saved = Adam(), {"m.w": np.ones(2), "v.w": np.ones(2)}
    adam.restore(1, saved)
    adam.step(make_layer("float64", w=np.zeros(2)), {"w": np.full(2, 3.0)})
    assert saved["m.w"].tolist() == saved["v.w"].tolist() == [1, 1]


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


def test_a_parameter_that_cannot_be_changed_in_place_is_named():
    layer = make_layer("float64", w=np.zeros((2, 3)))
    layer._arrays["w"] = layer._arrays["w"].T
    with pytest.raises(ParameterError, match=r"`w` has strides \(8, 24\), expected a C-contiguous parameter"):
        SGD().step(layer, {"w": np.zeros((3, 2))})


def test_a_state_of_another_models_shape_is_named():
    sgd = SGD(momentum=0.9)
    sgd.restore(1, {"v.w": np.zeros(3)})
    with pytest.raises(ShapeError, match=r"`v.w` has shape \(3,\), expected .* = \(2,\); was it restored from another"):
        sgd.step(make_layer("float64", w=np.zeros(2)), {"w": np.zeros(2)})


@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf, "x", True])
def test_a_rate_that_is_no_step_length_is_an_error(rate):
    with pytest.raises(ParameterError, match=f"`learning_rate` is {rate!r}, expected a finite number of at least 0"):
        SGD().step(make_layer("float64", w=np.zeros(2)), {"w": np.zeros(2)}, rate)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        *(
            (kind, {"learning_rate": 0}, "`learning_rate` is 0, expected a finite number above 0")
            for kind in OPTIMIZERS.values()
        ),
        (Adam, {"learning_rate": math.nan}, "`learning_rate` is nan, expected a finite number above 0; 0.001 is"),
        (Adam, {"learning_rate": "x"}, "`learning_rate` is 'x', expected a finite number above 0; 0.001 is usual"),
        (Adam, {"beta1": 1.0}, "`beta1` is 1.0, expected a number from 0 to below 1; 0.9 is usual"),
        (Adam, {"beta1": None}, "`beta1` is None, expected a number from 0 to below 1; 0.9 is usual"),
        (Adam, {"beta2": -0.1}, "`beta2` is -0.1, expected a number from 0 to below 1; 0.999 is usual"),
        (Adam, {"epsilon": 0.0}, "`epsilon` is 0.0, expected a finite number above 0; 1e-08 is usual"),
        (AdamW, {"weight_decay": -1}, "`weight_decay` is -1, expected a finite number of at least 0"),
        (AdamW, {"decayed": "biases"}, "`decayed` is 'biases', expected 'matrices', 'all' or a function"),
        (SGD, {"momentum": 1.0}, "`momentum` is 1.0, expected a number from 0 to below 1; 0.9 is usual"),
        (SGD, {"nesterov": True}, "`nesterov` is True with a `momentum` of 0, expected one above 0"),
        (RMSprop, {"decay": 1.0}, "`decay` is 1.0, expected a number from 0 to below 1; 0.99 is usual"),
        (RMSprop, {"epsilon": -1}, "`epsilon` is -1, expected a finite number above 0; 1e-08 is usual"),
        (RMSprop, {"momentum": -0.5}, "`momentum` is -0.5, expected a number from 0 to below 1; 0.9 is usual"),
    ],
)
def test_a_setting_out_of_its_range_is_named(kind, settings, message):
    with pytest.raises(ParameterError, match=message):
        kind(**settings)


@pytest.mark.parametrize(
    ("optimizer", "state", "message"),
    [
        (Adam(), ["w"], "`w` is no moment of Adam, expected `m.NAME` or `v.NAME`; was it saved by another optimizer"),
        (SGD(), ["v.w"], "`v.w` is no moment of SGD, expected none at all"),
        (Adam(), ["m.w"], "`w` lacks its moment v, expected m and v; the saved state is incomplete"),
        (RMSprop(momentum=0.9), ["b.u", "v.w", "b.w"], "`u` lacks its moment v, expected v and b"),
    ],
)
def test_a_state_that_is_another_optimizers_is_an_error(optimizer, state, message):
    with pytest.raises(CheckpointError, match=message):
        optimizer.restore(1, {name: np.zeros(1) for name in state})


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_is_created_by_its_name(name):
    optimizer = create_optimizer(name, 0.25)
    assert type(optimizer).__name__.lower() == name
    assert optimizer.learning_rate == 0.25


def test_an_unknown_name_or_setting_is_named():
    with pytest.raises(ParameterError, match="`name` is 'adma', expected one of sgd, rmsprop, adam, adamw"):
        create_optimizer("adma", 0.1)
    with pytest.raises(ParameterError, match=r"`weight_decay` is no setting of 'sgd', expected one of .*momentum"):
        create_optimizer("sgd", 0.1, weight_decay=0.1)
