"""Runs that draw random numbers and runs that draw none, which are not the same run."""

import numpy as np
import pytest

from training.toy import ToyBatches, ToyModel
from unrolled.errors import CheckpointError
from unrolled.training.fit import FitSettings, fit


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        (0.0, 0.5, "the saved run draws no random numbers, as for dropout, expected some, as this model; resume with"),
        (0.5, 0.0, "the saved run draws random numbers, as for dropout, expected none, as this model; resume with the"),
    ],
)
def test_a_run_is_not_gone_on_with_by_a_model_that_drops_where_it_did_not(tmp_path, first, then, message):
    fit(ToyModel(noise=first), ToyBatches(), FitSettings(epochs=1), folder=tmp_path)
    model = ToyModel(noise=then)
    with pytest.raises(CheckpointError, match=message):
        fit(model, ToyBatches(), FitSettings(epochs=1), folder=tmp_path, resume=True)
    np.testing.assert_array_equal(model.w, ToyModel().w)
