"""What all models that train themselves do alike: files say what was fitted, and a history is that of its own fit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.waves import small, waves
from unrolled.models.pairs.encoder_decoder import EncoderDecoder
from unrolled.models.sequences.classifier import SequenceClassifier
from unrolled.training.fit import Callback


def test_parameters_set_after_fit_are_for_the_next_fit_and_not_for_the_files_of_this_one(tmp_path: Path):
    X, y = waves()
    model = small(epochs=2, pooling="last").fit(X, y)
    model.set_params(pooling="max", hidden_size=7)
    for step in range(2):  # what was loaded is saved alike
        model.save(tmp_path / str(step))
        back = SequenceClassifier.load(tmp_path / str(step))
        assert (back.pooling, back.hidden_size) == ("last", small().hidden_size)
        np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))
        model = back.set_params(pooling="mean")
    model.fit(X, y).save(tmp_path / "fitted again")
    assert SequenceClassifier.load(tmp_path / "fitted again").pooling == "mean"


def test_an_encoder_decoder_is_saved_as_it_was_fitted_too(tmp_path: Path):
    model = EncoderDecoder(hidden_size=4, embedding_size=2, epochs=1, random_state=0).fit(["ab", "b"], ["x", "yx"])
    model.set_params(attention=False, num_layers=2).save(tmp_path)
    back = EncoderDecoder.load(tmp_path)
    assert (back.attention, back.num_layers) == (True, 1)
    assert back.outputs(["ba"]) == model.outputs(["ba"])


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_a_fit_that_does_not_end_leaves_no_history_of_the_one_before(error: type[BaseException]):
    class Broken(Callback):
        def reported(self, report: Any) -> None:
            raise error

    model = small(epochs=1).fit(*waves())
    assert len(model.history_) == 1
    with pytest.raises(error):
        model.fit(*waves(), callbacks=[Broken()])
    assert not hasattr(model, "history_")
