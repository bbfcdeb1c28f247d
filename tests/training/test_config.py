"""The settings of a run: their ranges, and that they survive being written down."""

import json
import math

import numpy as np
import pytest

from unrolled.errors import CheckpointError, ParameterError
from unrolled.training.config import TrainConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "gru2"}, "`cell` is 'gru2', expected one of lstm, gru, rnn"),
        ({"cell": "gru", "reset": "never"}, "`reset` is 'never', expected one of after, before"),
        ({"reset": "before"}, "`reset` is 'before' for 'lstm', which has no reset gate; it is the GRU's"),
        *(
            ({name: 0}, f"`{name}` is 0, expected a whole number")
            for name in ("hidden", "layers", "embedding", "warmup")
        ),
        *(({name: -1}, f"`{name}` is -1, expected a whole number of at least 1") for name in ("batch", "window")),
        *(
            ({name: 0.0}, f"`{name}` is 0.0, expected a finite number above 0; .")
            for name in ("learning_rate", "epsilon", "clip", "minutes")
        ),
        *(
            ({name: value}, f"`{name}` is {value!r}, expected a whole number of at least 1; .")
            for name, value in (("hidden", "64"), ("layers", 1.5), ("batch", None), ("minimum_count", "2"))
        ),
        *(({name: "a"}, f"`{name}` is 'a', expected a .*; .") for name in ("seed", "clip", "dropout", "held_out")),
        ({"layer_norm": "no"}, "`layer_norm` is 'no', expected True or False; False leaves it out"),
        ({"learning_rate": math.nan}, "`learning_rate` is nan, expected a finite number above 0; 0.002 is usual"),
        ({"minutes": None, "epochs": -1}, "`epochs` is -1, expected a finite number above 0"),
        ({"minutes": None, "steps": 0}, "`steps` is 0, expected a whole number of at least 1"),
        ({"minutes": math.inf}, "`minutes` is inf, expected a finite number above 0"),
        ({"seed": -1}, "`seed` is -1, expected a whole number of at least 0"),
        ({"beta1": 1.0}, "`beta1` is 1.0, expected a number from 0 to below 1"),
        ({"beta2": -1.0}, "`beta2` is -1.0, expected a number from 0 to below 1"),
        ({"final_rate": 1.5}, "`final_rate` is 1.5, expected a number from 0 to 1"),
        ({"zoneout": 1.0}, "`zoneout` is 1.0, expected a number from 0 to below 1"),
        ({"recurrent_dropout": -0.1}, "`recurrent_dropout` is -0.1, expected a number from 0 to below 1"),
        ({"layer_norm": True, "cell": "rnn"}, "`layer_norm` is True for 'rnn', expected False"),
        ({"layer_norm": True, "cell": "gru", "reset": "before"}, "`layer_norm` is True for a GRU with reset 'before'"),
        ({"dropout": 1.0}, "`dropout` is 1.0, expected a number from 0 to below 1"),
        ({"optimizer": "lion"}, "`optimizer` is 'lion', expected one of sgd, rmsprop, adam, adamw"),
        ({"schedule": "linear"}, "`schedule` is 'linear', expected one of constant"),
        ({"weight_decay": 0.1}, "`weight_decay` is 0.1 for 'adam', which has none; choose 'adamw'"),
        ({"ema": 1.0}, "`ema` is 1.0, expected a number between 0 and 1"),
        ({"patience": 0}, "`patience` is 0, expected a whole number of at least 1"),
        ({"held_out": 0.0}, "`held_out` is 0.0, expected a number between 0 and 1"),
        ({"minimum_count": 0}, "`minimum_count` is 0, expected a whole number of at least 1"),
        ({"minutes": None}, "`minutes` is not set, expected exactly one of minutes, epochs and steps"),
        ({"epochs": 2}, "`minutes` and `epochs` are set, expected exactly one of"),
    ],
)
def test_a_setting_out_of_its_range_is_named(settings, message):
    with pytest.raises(ParameterError, match=message):
        TrainConfig(**settings)


def test_settings_come_back_from_json():
    config = TrainConfig(minutes=None, steps=7, learning_rate=1 / 3, seed=2**40)
    assert TrainConfig.from_record(json.loads(json.dumps(config.to_record()))) == config


def test_numbers_of_numpy_are_written_down_as_pythons_own():
    given = {"hidden": np.int64(32), "learning_rate": np.float32(0.5), "seed": np.uint8(3), "patience": np.int16(2)}
    record = TrainConfig(**given).to_record()
    assert json.loads(json.dumps(record)) == record
    assert {name: record[name] for name in given} == {"hidden": 32, "learning_rate": 0.5, "seed": 3, "patience": 2}


def test_settings_written_before_the_gru_had_two_forms_have_its_reset_after():
    record = TrainConfig(cell="gru").to_record()
    del record["reset"]
    assert TrainConfig.from_record(record) == TrainConfig(cell="gru", reset="after")


def test_settings_written_before_there_were_other_optimizers_mean_adam_and_a_cosine():
    record = TrainConfig().to_record()
    for name in (
        "optimizer",
        "schedule",
        "dropout",
        "recurrent_dropout",
        "zoneout",
        "layer_norm",
        "weight_decay",
        "ema",
        "patience",
    ):
        del record[name]
    assert TrainConfig.from_record(record) == TrainConfig(optimizer="adam", schedule="cosine")


@pytest.mark.parametrize("wrong", [{"depth": 3}, {"hidden": 0}])
def test_a_record_of_other_settings_is_an_error(wrong):
    with pytest.raises(
        CheckpointError, match=r"the saved settings cannot be used .*; were they saved by another version"
    ):
        TrainConfig.from_record(TrainConfig().to_record() | wrong)
