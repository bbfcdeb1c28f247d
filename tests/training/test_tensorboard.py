"""TensorBoard's event files: what a run wrote can be read back, and a missing extra is named."""

import struct
import sys

import pytest

from training.test_fit import Log, Validation, interrupt
from training.toy import ToyBatches, ToyModel
from unrolled.errors import MissingExtraError
from unrolled.training.fit import FitSettings, fit
from unrolled.training.tensorboard import TensorBoard


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match=r"tensorboardX is not installed, .*'unrolled\[tensorboard\]'"):
        TensorBoard("runs")


def events(folder):
    """(tag, step, value) of every scalar in a folder's event files; each record is length, crc, event, crc."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.glob("events.*")):
        raw, place = path.read_bytes(), 0
        while place < len(raw):
            (length,) = struct.unpack_from("<Q", raw, place)
            event = Event.FromString(raw[place + 12 : place + 12 + length])
            found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
            place += 16 + length
    return found


@pytest.mark.extras
def test_each_row_of_the_history_is_a_point_of_each_curve(tmp_path):
    model = ToyModel()
    history = fit(
        model, ToyBatches(), FitSettings(epochs=3), validate=Validation(model), callbacks=[TensorBoard(tmp_path)]
    )
    found = events(tmp_path)
    for tag, column in (
        ("loss/train", "train_loss"),
        ("loss/validation", "val_loss"),
        ("learning_rate", "learning_rate"),
        ("sequences_per_second", "sequences_per_second"),
    ):
        points = [(step, value) for name, step, value in found if name == tag]
        assert [step for step, _ in points] == [4, 8, 12]
        assert [value for _, value in points] == pytest.approx([row[column] for row in history.rows], rel=1e-6)


@pytest.mark.extras
def test_a_resumed_run_goes_on_where_it_was_saved(tmp_path):
    def run(*callbacks, resume=False):
        told = [TensorBoard(tmp_path / "events"), *callbacks]
        fit(ToyModel(), ToyBatches(), FitSettings(epochs=3), folder=tmp_path / "run", resume=resume, callbacks=told)

    with pytest.raises(KeyboardInterrupt):
        run(Log(6, interrupt))
    run(resume=True)
    steps = [step for tag, step, _ in events(tmp_path / "events") if tag == "loss/train"]
    assert sorted(steps) == [4, 8, 12]
