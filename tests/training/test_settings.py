"""The settings of `fit`: their ranges, and names that exist."""

import math
import re

import numpy as np
import pytest

from unrolled.errors import ParameterError
from unrolled.training.early_stopping import EarlyStopping, sense_of
from unrolled.training.settings import COUNTS, MEASURES, OPTIONAL, FitSettings


def test_one_of_three_says_how_long_and_100_epochs_where_none_does():
    assert FitSettings().epochs == 100
    for name in ("epochs", "steps", "minutes"):
        settings = FitSettings(**{name: 7})
        assert [getattr(settings, each) for each in ("epochs", "steps", "minutes")].count(None) == 2
        assert getattr(settings, name) == 7


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 2, "steps": 3}, "`epochs` and `steps` are set, expected one of .* leave the others out"),
        ({"epochs": 0}, "`epochs` is 0, expected a finite number above 0"),
        ({"learning_rate": math.nan}, "`learning_rate` is nan, expected a finite number above 0"),
        ({"clip": -1.0}, "`clip` is -1.0, expected a finite number above 0"),
        ({"clip_value": 0.0}, "`clip_value` is 0.0, expected a finite number above 0"),
        ({"warmup": -1}, "`warmup` is -1, expected a whole number of at least 0"),
        ({"warmup": 1.5}, "`warmup` is 1.5, expected a whole number of at least 0"),
        ({"weight_decay": -1.0}, "`weight_decay` is -1.0, expected a finite number of at least 0"),
        ({"final_rate": 2.0}, "`final_rate` is 2.0, expected a number from 0 to 1; it is a part of the peak"),
        ({"ema": 1.0}, "`ema` is 1.0, expected a number between 0 and 1"),
        ({"patience": 0}, "`patience` is 0, expected a whole number of at least 1"),
        ({"patience": 1.5}, "`patience` is 1.5, expected a whole number of at least 1"),
        ({"optimizer": "adagrad"}, "`optimizer` is 'adagrad', expected one of sgd, rmsprop, adam, adamw"),
        ({"optimizer_options": {"nesterov": True}}, "`nesterov` is no setting of 'adam', expected one of"),
        ({"weight_decay": 0.1}, "`weight_decay` is 0.1 for 'adam', which has none; choose 'adamw'"),
        ({"schedule": "linear"}, "`schedule` is 'linear', expected one of constant, step, .*, reduce_on_plateau"),
        ({"schedule_options": {"every": 3}}, "`every` is no option of the schedule 'cosine', expected none, as it has"),
        (
            {"schedule": "step", "schedule_options": {"gamma": 3}},
            "`gamma` is no option .*, expected one of factor, every",
        ),
        (
            {"schedule": "step", "schedule_options": {"every": -1}},
            "`every` is -1, expected a whole number of at least 1",
        ),
        ({"schedule": "one_cycle", "schedule_options": {"divisor": 0.5}}, "`divisor` is 0.5, expected a finite number"),
        ({"schedule": "exponential"}, "`final_rate` is 0 for 'exponential', expected a positive part of the peak"),
        (
            {"schedule": "one_cycle", "epochs": None, "minutes": 1},
            "`warmup` is 0 for 'one_cycle' with a budget in minutes, expected the number of steps of its rise",
        ),
        (
            {"schedule": "reduce_on_plateau", "schedule_options": {"factor": 2.0}},
            "`factor` is 2.0, expected a number between 0 and 1",
        ),
        ({"monitor": "regret"}, "`monitor` is 'regret', expected one of loss, .* write 'max regret' or 'min regret'"),
    ],
)
def test_a_setting_out_of_its_range_is_named(settings, message):
    with pytest.raises(ParameterError, match=message):
        FitSettings(**settings)


@pytest.mark.parametrize("name", [*COUNTS, *MEASURES])
def test_a_number_that_came_as_text_or_is_none_is_named_with_its_remedy(name):
    others = {"epochs": None} if name in ("steps", "minutes") else {}
    for value in ("2", math.nan, True, [1], *([] if name in OPTIONAL else [None])):
        expected = f"`{name}` is {value!r}, expected a "
        with pytest.raises(ParameterError, match=rf"^{re.escape(expected)}.*number.*; .+"):
            FitSettings(**others | {name: value})


@pytest.mark.parametrize("name", COUNTS)
def test_what_is_counted_is_whole(name):
    with pytest.raises(ParameterError, match=f"`{name}` is 2.5, expected a whole number of at least"):
        FitSettings(**{name: 2.5})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"monitor": 3}, "`monitor` is 3, expected the name of a metric; 'loss' is usual"),
        ({"optimizer": ["adam"]}, r"`optimizer` is \['adam'\], expected one of sgd, .*; check the spelling"),
        ({"schedule": None}, "`schedule` is None, expected one of constant, .*; check the spelling"),
        (
            {"optimizer_options": "beta1"},
            "`optimizer_options` is 'beta1', expected a dict of options by name; an empty",
        ),
        ({"schedule_options": [1]}, r"`schedule_options` is \[1\], expected a dict of options by name; an empty"),
        (
            {"optimizer_options": {"learning_rate": 1}},
            "`optimizer_options` holds `learning_rate`, which is an argument of its own; give learning_rate=1",
        ),
        (
            {"optimizer_options": {"beta1": "0.9"}},
            "`beta1` is '0.9', expected a number from 0 to below 1",
        ),
        (
            {"optimizer": "rmsprop", "optimizer_options": {"centered": None}},
            "`optimizer_options` is {'centered': None}, expected a number for each; is one of them text or None",
        ),
        (
            {"schedule": "step", "schedule_options": {"every": "3"}},
            "`every` is '3', expected a whole number of at least 1; after how many steps does the rate fall",
        ),
    ],
)
def test_a_setting_of_another_kind_is_named_with_its_remedy(settings, message):
    with pytest.raises(ParameterError, match=message):
        FitSettings(**settings)


def test_numbers_of_numpy_become_pythons_own():
    settings = FitSettings(epochs=np.int64(3), learning_rate=np.float32(0.5), warmup=np.uint8(2), patience=np.int16(1))
    numbers = (settings.epochs, settings.learning_rate, settings.warmup, settings.patience)
    assert numbers == (3, 0.5, 2, 1)
    assert [type(number) for number in numbers] == [float, float, int, int]
    assert type(FitSettings(epochs=2).epochs) is int  # and is shown as it came


def test_weight_decay_and_options_reach_the_optimizer():
    settings = FitSettings(optimizer="adamw", weight_decay=0.125, optimizer_options={"beta2": 0.5})
    optimizer = settings.create_optimizer()
    assert (optimizer.weight_decay, optimizer.beta2) == (0.125, 0.5)
    assert FitSettings(optimizer="adamw").create_optimizer().weight_decay == 0


def test_a_plateau_of_a_score_is_one_of_large_values():
    plateau = FitSettings(schedule="reduce_on_plateau", monitor="accuracy").create_plateau()
    assert plateau.mode == "max"


@pytest.mark.parametrize(
    ("monitor", "values", "best"),
    [
        ("loss", [3.0, 2.0, 2.0, math.nan, math.inf], (2.0, 2)),
        ("accuracy", [0.1, 0.3, 0.3, math.nan, -math.inf], (0.3, 2)),
        ("max regret", [1.0, 5.0, 4.0, math.nan, -math.inf], (5.0, 2)),
        ("loss", [math.nan, -1.0, 2.0, 2.0, 2.0], (-1.0, 2)),
        ("loss", [math.inf, 7.0, 7.0, 8.0, 9.0], (7.0, 2)),
    ],
)
def test_only_a_value_that_is_truly_better_counts(monitor, values, best):
    stopping = EarlyStopping(3, sense_of(monitor))
    name = stopping.sense.name
    answers = [stopping.update(step, {name: value}, {}) for step, value in enumerate(values, start=1)]
    assert (stopping.best, stopping.best_step) == best
    assert answers == [False, False, False, False, True]
