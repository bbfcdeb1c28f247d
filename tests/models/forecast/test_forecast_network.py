"""The network under the forecaster: every gradient, what its members' mean is, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from helpers import rng
from unrolled.data.series import Windows
from unrolled.errors import ParameterError, WeightFormatError
from unrolled.models.forecast.network import RIDGE, ForecastNetwork

# central differences over four points in float64: truncation ~ eps^4 |f^(5)|, rounding ~ 1e-16 / eps; eps = 3e-5 leaves
# about 1e-11, and little more where the norm over a layer's few units is steep
EPS, TOLERANCE = 3e-5, 1e-8


def network(**settings: Any) -> ForecastNetwork:
    settings = {"hidden_size": 3, "dtype": "float64", "seed": 1} | settings
    model = ForecastNetwork(4, 4, 5, 2, **settings)
    draw = rng(7)
    model.set({name: array + draw.normal(0, 0.3, array.shape) for name, array in model.parameters.items()})
    return model


def batch() -> Any:
    draw = rng(3)
    values = draw.normal(size=12)
    values[[6, 9]] = np.nan
    covariates = {"past": [draw.normal(size=(12, 1))], "known": [draw.normal(size=(12, 2))]}
    windows = Windows([values], context=5, horizon=2, nan="mask", dtype="float64", **covariates)
    # the mask is the second input; without the first covariate there are four
    rows = windows.rows()
    given = windows.batch(rows)
    return given._replace(x=np.ascontiguousarray(given.x[..., [0, 1, 2, 4]]))


@pytest.mark.parametrize("loss", ["squared_error", "gaussian"])
@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "gru", "members": 2},
        {"cell": "lstm", "num_layers": 2, "lag_decay": 1.5},
        {"cell": "rnn", "linear": False},
        {"cell": "gru", "layer_norm": True, "layer_options": {"initial_state": "learned"}},
        {"cell": "lstm", "recurrent_dropout": 0.4, "zoneout": (0.2, 0.4), "layer_norm": True, "num_layers": 2},
        {"cell": "lstm", "zoneout": 0.3, "layer_options": {"peepholes": True, "proj_size": 2}},
    ],
)
def test_gradients_match_central_differences(settings: dict[str, Any], loss: Any):
    model, given = network(**settings, loss=loss), batch()
    masks = model.random_state  # the same ones each time
    _, gradients, _ = model.loss_and_gradients(given, None)
    assert gradients.keys() == model.parameters.keys()
    for name, gradient in gradients.items():
        for index in np.ndindex(gradient.shape):
            difference = 0.0
            for steps, share in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
                with model.edit() as own:
                    own[name][index] += steps * EPS
                model.random_state = masks
                difference += share * model.loss_and_gradients(given, None)[0]
                with model.edit() as own:
                    own[name][index] -= steps * EPS
            error = abs(difference / (12 * EPS) - gradient[index])
            assert error < TOLERANCE * max(1, abs(gradient[index])), (name, index)


def test_members_differ_and_their_forecasts_are_averaged():
    model, given = network(members=3, loss="gaussian"), batch()
    outputs = np.stack([member.outputs(given) for member in model.members])
    means, variances = outputs[..., :2], np.exp(outputs[..., 2:])
    assert not np.allclose(means[0], means[1])
    found = model.predict(given)
    np.testing.assert_allclose(found.mean, means.mean(axis=0), rtol=1e-12)
    mixture = (variances + means**2).mean(axis=0) - means.mean(axis=0) ** 2
    np.testing.assert_allclose(found.spread**2, mixture, rtol=1e-9)


def test_without_a_predicted_spread_it_is_one():
    assert (network(loss="squared_error").predict(batch()).spread == 1).all()


@pytest.mark.parametrize(("loss", "lag_decay"), [("squared_error", 0.0), ("gaussian", 0.0), ("squared_error", 2.0)])
def test_it_begins_as_the_least_squares_autoregression_of_what_is_not_missing(loss: Any, lag_decay: float):
    draw = rng(5)
    values, known = draw.normal(size=60).cumsum(), draw.normal(size=(60, 1))
    values[[20, 41]] = np.nan
    windows = Windows([values], context=3, horizon=2, nan="mask", known=[known], dtype="float64")
    settings: dict[str, Any] = {"hidden_size": 4, "members": 2, "loss": loss, "lag_decay": lag_decay}
    model = ForecastNetwork(3, 2, 3, 2, **settings, dtype="float64", seed=0)
    rows = windows.rows()
    model.begin_linear(windows.in_order(rows, 7))
    given = windows.batch(rows)
    found = model.predict(given)
    assert given.future is not None
    assert given.weights is not None
    u = np.concatenate([given.x[:, :, 0].T, given.future, np.ones((len(rows), 1))], axis=1)
    # the weights of older values are held back by the square of their age to that power
    penalty = np.sqrt(RIDGE) * np.eye(6)[:5] * np.array([3**lag_decay, 2**lag_decay, 1, 1, 1, 1])
    for j in range(2):
        there = given.weights[:, j] > 0
        stacked = np.concatenate([u[there], penalty])
        best = np.linalg.lstsq(stacked, np.concatenate([given.targets[there, j], np.zeros(5)]), rcond=None)[0]
        np.testing.assert_allclose(found.mean[:, j], u @ best, rtol=1e-9)
        if loss == "gaussian":
            left = (u @ best - given.targets[:, j])[there]
            np.testing.assert_allclose(found.spread[:, j], np.sqrt(np.mean(left**2)), rtol=1e-9)


def test_without_a_linear_path_it_begins_where_the_seed_says():
    model = network(linear=False)
    before = model.predict(batch()).mean
    model.begin_linear([batch()])
    np.testing.assert_array_equal(model.predict(batch()).mean, before)


def test_a_series_without_noise_begins_with_a_finite_spread():
    windows = Windows([np.arange(30.0)], context=3, relative="last")
    model = ForecastNetwork(1, 0, 3, 1, hidden_size=4, loss="gaussian", seed=0)
    model.begin_linear(windows.in_order(windows.rows()))
    assert 0 < model.predict(windows.batch(windows.rows())).spread.max() < 1


def test_the_same_seed_gives_the_same_weights_and_another_others():
    one, same, other = (ForecastNetwork(1, 0, 5, 2, hidden_size=3, members=2, seed=seed) for seed in (1, 1, 2))
    for name, array in one.parameters.items():
        np.testing.assert_array_equal(array, same.parameters[name])
    assert not np.array_equal(one.parameters["0.dense.weight"], one.parameters["1.dense.weight"])
    assert not np.array_equal(one.parameters["0.dense.weight"], other.parameters["0.dense.weight"])


@pytest.mark.parametrize("settings", [{"recurrent_dropout": 0.5}, {"zoneout": 0.5}])
def test_masks_are_drawn_anew_in_training_and_not_in_prediction_and_resume(settings: dict[str, Any]):
    model, given = network(**settings, members=2), batch()
    state = model.random_state
    first, second = (model.loss_and_gradients(given, None)[0] for _ in range(2))
    assert first != second
    model.random_state = state
    assert model.loss_and_gradients(given, None)[0] == first
    np.testing.assert_array_equal(model.predict(given).mean, model.predict(given).mean)
    assert network().random_state is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "tcn"}, "`cell` is 'tcn', expected one of lstm, gru, rnn"),
        ({"loss": "huber"}, "`loss` is 'huber', expected one of squared_error, absolute_error, gaussian"),
        ({"members": 0}, "`members` is 0, expected a whole number of at least 1"),
        ({"lag_decay": -1}, "`lag_decay` is -1, expected a number of at least 0; 1 is usual"),
        ({"zoneout": 1}, "`zoneout` is 1, expected a number from 0 to below 1"),
        ({"cell": "rnn", "layer_norm": True}, "`layer_norm` is True for 'rnn', expected False; the LSTM and the GRU"),
        ({"layer_options": 5}, "`layer_options` is 5, expected a dict of options by name, or None"),
        ({"layer_options": {"peepholes": True}}, "`layer_options` has 'peepholes', expected of 'gru' initial_state, "),
        ({"layer_options": {"merge": "sum"}}, "`layer_options` has 'merge', expected none of bidirectional, merge; a"),
    ],
)
def test_settings_out_of_range_are_named(settings: Any, message: str):
    with pytest.raises(ParameterError, match=message):
        ForecastNetwork(1, 0, 5, 2, **settings)


def test_weights_of_another_network_are_refused_and_nothing_is_changed():
    model = network(members=2)
    before = {name: array.copy() for name, array in model.parameters.items()}
    with pytest.raises(
        WeightFormatError, match=r"`1.dense.bias` is missing, expected the weights 0.recurrent.weight_ih_l0, "
    ):
        model.set(dict(network().parameters))
    with pytest.raises(WeightFormatError, match="the weights belong to a model of another size: `weight"):
        model.set(dict(network(members=2, hidden_size=4).parameters))
    for name, array in model.parameters.items():
        np.testing.assert_array_equal(array, before[name])
