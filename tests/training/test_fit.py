"""`fit` on a toy model: what an epoch is, who decides, what is kept, and that interrupted runs reach the same bits."""

import math

import numpy as np
import pytest

from training.toy import ToyBatches, ToyModel
from unrolled.errors import ParameterError
from unrolled.training.fit import Callback, FitSettings, StopTraining, fit


class Validation:
    """Returns the losses it was given, one after the other, and remembers the weights it saw."""

    def __init__(self, model, losses=None):
        self.model, self.losses, self.seen = model, losses, []

    def __call__(self):
        self.seen.append(float(self.model.w[0]))
        return {"loss": self.losses[len(self.seen) - 1] if self.losses else float(self.model.w[0])}


def test_a_model_is_trained_for_as_many_epochs_as_asked_and_each_is_a_row():
    model = ToyModel()
    history = fit(model, ToyBatches(), FitSettings(epochs=5, learning_rate=0.1))
    assert [row["step"] for row in history.rows] == [4, 8, 12, 16, 20]
    assert [row["epoch"] for row in history.rows] == [1, 2, 3, 4, 5]
    assert abs(model.w[0] - 1) < abs(4 - 1)


def test_the_best_weights_are_put_back_after_patience_without_improvement():
    model = ToyModel()
    validation = Validation(model, [3.0, 1.0, 2.0, math.nan, 1.0, 0.0])
    history = fit(model, ToyBatches(), FitSettings(epochs=50, patience=3), validate=validation)
    assert len(history) == len(validation.seen) == 5
    assert history.best["epoch"] == 2
    assert float(model.w[0]) == validation.seen[1]


def test_patience_without_validation_is_an_error():
    with pytest.raises(ParameterError, match="`patience` is 3 without `validate`, expected a function"):
        fit(ToyModel(), ToyBatches(), FitSettings(patience=3))


def test_the_averaged_weights_are_what_is_validated_and_what_is_left():
    model = ToyModel()
    validation = Validation(model)
    fit(model, ToyBatches(), FitSettings(epochs=3, ema=0.9), validate=validation, callbacks=[Callback()])
    assert float(model.w[0]) == validation.seen[-1]
    raw = ToyModel()
    fit(raw, ToyBatches(), FitSettings(epochs=3))
    assert abs(raw.w[0] - model.w[0]) > 1e-3


def test_a_callback_can_stop_the_run():
    class Enough(Callback):
        def validated(self, report):
            if report.epoch == 2:
                raise StopTraining

    model = ToyModel()
    history = fit(model, ToyBatches(), FitSettings(epochs=9), validate=Validation(model), callbacks=[Enough()])
    assert history.rows[-1]["epoch"] == 2
    assert np.isfinite(model.w[0])
