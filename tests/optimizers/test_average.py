"""The averaged weights: the formula, the model that wears them for a while, and what is remembered."""

import numpy as np
import pytest

from unrolled.errors import ParameterError, ShapeError
from unrolled.layers.layer import Layer
from unrolled.optimizers import WeightAverage
from unrolled.optimizers.base import BLOCK


def make_layer(dtype="float64", **arrays):
    layer = Layer(dtype)
    for name, array in arrays.items():
        layer._create(name, "N", np.asarray(array))
    return layer


def worn(average, layer):
    with average.swapped(layer):
        return {name: value.copy() for name, value in layer.parameters.items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 2 * BLOCK + 3])
@pytest.mark.parametrize("decay", [0.0, 0.8, 0.999])
def test_it_is_the_weighted_mean_of_all_weights_so_far(dtype, size, decay):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, size)).astype(dtype)
    layer, average = make_layer(dtype, w=np.zeros(size)), WeightAverage(decay)
    for value in values:
        layer.set(w=value)
        average.update(layer)
    shares = decay ** np.arange(5.0, -1, -1)
    want = (shares[:, None] * values).sum(axis=0) / shares.sum()
    np.testing.assert_allclose(worn(average, layer)["w"], want, atol={"float32": 1e-6, "float64": 1e-14}[dtype])
    assert average.state()["w"].dtype == dtype


def test_the_first_average_is_the_weights_to_the_bit():
    layer, average = make_layer("float32", w=np.random.default_rng(1).normal(size=50)), WeightAverage(0.999)
    average.update(layer)
    assert (worn(average, layer)["w"] == layer.parameters["w"]).all()


def test_after_it_was_worn_the_model_has_its_own_bits_and_new_versions():
    layer, average = make_layer(w=[0.1, 0.2], u=[0.3]), WeightAverage(0.5)
    average.update(layer)
    layer.set(w=np.array([1 / 3, 2 / 3]))
    average.update(layer)
    version = layer.version
    with average.swapped(layer):
        assert layer.parameters["w"][0] == pytest.approx((0.1 + 2 / 3) / 3)
        assert layer.version > version
        version = layer.version
    assert layer.parameters["w"].tolist() == [1 / 3, 2 / 3]
    assert layer.parameters["u"].tolist() == [0.3]
    assert layer.version > version


def test_an_interrupt_gives_the_model_its_weights_back():
    layer, average = make_layer(w=[1.0]), WeightAverage(0.5)
    average.update(layer)
    layer.set(w=np.array([2.0]))
    with pytest.raises(KeyboardInterrupt), average.swapped(layer):
        raise KeyboardInterrupt
    assert layer.parameters["w"].tolist() == [2]


def test_an_update_changes_nothing_of_the_model():
    layer, average = make_layer(w=[1.0, 2.0]), WeightAverage(0.5)
    version = layer.version
    average.update(layer)
    assert layer.version == version
    assert layer.parameters["w"].tolist() == [1, 2]


def test_before_the_first_update_the_model_wears_its_own_weights():
    assert worn(WeightAverage(), make_layer(w=[1.0, 2.0]))["w"].tolist() == [1, 2]


def test_going_on_from_a_saved_state_gives_the_same_bits():
    values = np.random.default_rng(2).normal(size=(6, 5))

    def run(pause):
        layer, average = make_layer(w=np.zeros(5)), WeightAverage(0.9)
        for index, value in enumerate(values):
            if index == pause:
                count, saved = average.count, {k: v.copy() for k, v in average.state().items()}
                average = WeightAverage(0.9)
                average.restore(count, saved)
            layer.set(w=value)
            average.update(layer)
        return worn(average, layer)["w"].tobytes()

    assert run(pause=None) == run(pause=3) == run(pause=0)


def test_a_restored_state_is_a_copy():
    saved, average = {"w": np.zeros(2)}, WeightAverage(0.5)
    average.restore(1, saved)
    average.update(make_layer(w=[1.0, 2.0]))
    assert saved["w"].tolist() == [0, 0]


@pytest.mark.parametrize("use", [lambda a, m: a.update(m), worn], ids=["update", "swapped"])
def test_another_model_is_refused_before_anything_changes(use):
    average = WeightAverage()
    average.update(make_layer(a=[1.0], w=[1.0, 2.0]))
    other = make_layer(a=[5.0], w=[1.0])
    with pytest.raises(ShapeError, match=r"`w` has shape \(1,\), expected .* = \(2,\); is it the model of the updates"):
        use(average, other)
    with pytest.raises(ParameterError, match="`w` was averaged but is no parameter, expected one of a; is it the"):
        use(average, make_layer(a=[5.0]))
    assert other.parameters["a"].tolist() == [5]
    assert average.count == 1


@pytest.mark.parametrize("decay", [1.0, -0.1, np.nan])
def test_a_decay_out_of_its_range_is_named(decay):
    with pytest.raises(
        ParameterError, match=f"`decay` is {decay}, expected a number from 0 to below 1; 0.999 is usual"
    ):
        WeightAverage(decay)
