"""`fit` on a toy model: what an epoch is, who decides, what is left in the model, and who is told."""

import math
import signal
import threading
import time
from functools import partial

import numpy as np
import pytest

from training.toy import ToyBatches, ToyModel
from unrolled.errors import DivergenceError, ParameterError
from unrolled.layers import LSTM
from unrolled.training.fit import Callback, FitSettings, StopTraining, fit
from unrolled.training.loop import train


class Validation:
    """Returns the losses it was given, one after the other, and remembers the weights it saw."""

    def __init__(self, model, losses=None):
        self.model, self.losses, self.seen = model, losses, []

    def __call__(self):
        self.seen.append(float(self.model.w[0]))
        return {"loss": self.losses[len(self.seen) - 1] if self.losses else float(self.model.w[0])}


class Log(Callback):
    """Remembers what it was told, and does something at one step."""

    def __init__(self, at=None, what=None):
        self.at, self.what, self.told = at, what, []

    def start(self, session):
        self.told.append("start")

    def step(self, report):
        self.told.append(report.step)
        if report.step == self.at:
            self.what()

    def reported(self, report):
        self.told.append(f"reported {report.step}")

    def validated(self, report):
        self.told.append(f"validated {report.step}")

    def end(self, history):
        self.told.append(f"end {len(history)}")


def interrupt():
    signal.raise_signal(signal.SIGINT)


def stop():
    raise StopTraining


def test_a_model_is_trained_for_as_many_epochs_as_asked_and_each_is_a_row():
    model = ToyModel()
    history = fit(model, ToyBatches(), FitSettings(epochs=5, learning_rate=0.1))
    assert [row["step"] for row in history.rows] == [4, 8, 12, 16, 20]
    assert [row["epoch"] for row in history.rows] == [1, 2, 3, 4, 5]
    assert abs(model.w[0] - 1) < abs(4 - 1)


@pytest.mark.parametrize(("settings", "steps"), [({"epochs": 1.5}, 6), ({"epochs": None, "steps": 7}, 7)])
def test_a_part_of_an_epoch_at_the_end_is_a_row_as_well(settings, steps):
    history = fit(ToyModel(), ToyBatches(), FitSettings(**settings))
    assert [row["step"] for row in history.rows] == [4, steps]


def test_the_loss_of_a_row_is_the_mean_of_its_epoch():
    # w stays 4; the batches 0 1 2 0 | 1 2 0 1 give the losses 16 9 4 16 | 9 4 16 9
    history = fit(ToyModel(), ToyBatches(), FitSettings(epochs=2, learning_rate=1e-30))
    assert [row["train_loss"] for row in history.rows] == pytest.approx([45 / 4, 38 / 4])


def test_the_best_weights_are_put_back_after_patience_without_improvement():
    model = ToyModel()
    validation = Validation(model, [3.0, 1.0, 2.0, math.nan, 1.0, 0.0])
    history = fit(model, ToyBatches(), FitSettings(epochs=50, patience=3), validate=validation)
    assert len(history) == len(validation.seen) == 5
    assert history.best["epoch"] == 2
    assert float(model.w[0]) == validation.seen[1] != validation.seen[-1]


def test_with_patience_the_best_weights_are_kept_even_if_it_does_not_run_out():
    model = ToyModel()
    validation = Validation(model, [1.0, 2.0, 3.0])
    fit(model, ToyBatches(), FitSettings(epochs=3, patience=3), validate=validation)
    assert float(model.w[0]) == validation.seen[0] != validation.seen[-1]


def test_without_patience_the_last_weights_are_kept():
    model = ToyModel()
    validation = Validation(model, [1.0, 2.0, 3.0])
    fit(model, ToyBatches(), FitSettings(epochs=3), validate=validation, callbacks=[Callback()])
    assert float(model.w[0]) == validation.seen[-1]


def test_a_score_is_made_large():
    model = ToyModel()
    scores = iter([0.5, 0.9, 0.7, 0.8])
    settings = FitSettings(epochs=4, patience=9, monitor="accuracy")
    history = fit(model, ToyBatches(), settings, validate=lambda: {"loss": 1.0, "accuracy": next(scores)})
    assert history.best["val_accuracy"] == 0.9


def test_the_rate_falls_where_validation_stands_still():
    model = ToyModel()
    settings = FitSettings(
        epochs=4, schedule="reduce_on_plateau", schedule_options={"patience": 0, "factor": 0.5}, learning_rate=0.8
    )
    history = fit(model, ToyBatches(), settings, validate=Validation(model, [3.0, 2.0, 2.0, 1.0]))
    assert [row["learning_rate"] for row in history.rows] == [0.8, 0.8, 0.8, 0.4]


@pytest.mark.parametrize(
    ("settings", "name"), [({"patience": 3}, "patience"), ({"schedule": "reduce_on_plateau"}, "schedule")]
)
def test_what_needs_a_validation_is_refused_without_one(settings, name):
    with pytest.raises(
        ParameterError, match=rf"`{name}` is .* without `validate`, expected a function that returns 'loss'"
    ):
        fit(ToyModel(), ToyBatches(), FitSettings(**settings))


def test_a_monitored_metric_that_validation_does_not_return_is_named():
    with pytest.raises(ParameterError, match="`monitor` is 'accuracy', but validation returns loss; name one of those"):
        fit(ToyModel(), ToyBatches(), FitSettings(patience=3, monitor="accuracy"), validate=lambda: {"loss": 1.0})


def test_the_averaged_weights_are_what_is_validated_and_what_is_left():
    model = ToyModel()
    validation = Validation(model)
    fit(model, ToyBatches(), FitSettings(epochs=3, ema=0.9), validate=validation, callbacks=[Callback()])
    assert float(model.w[0]) == validation.seen[-1]
    raw = ToyModel()
    fit(raw, ToyBatches(), FitSettings(epochs=3))
    assert abs(raw.w[0] - model.w[0]) > 1e-3


def test_averaging_does_not_change_the_steps_that_are_averaged():
    weights = []
    for ema in (None, 0.9):
        model = ToyModel()
        seen = Log(12, lambda model=model: weights.append(float(model.w[0])))
        fit(model, ToyBatches(), FitSettings(epochs=4, ema=ema), validate=Validation(model), callbacks=[seen])
    assert weights[0] == weights[1]


def test_each_entry_of_the_gradients_is_clipped_before_their_norm():
    moved = {}
    for value, norm in ((None, None), (0.5, None), (None, 0.25), (0.5, 0.25)):
        model = ToyModel()
        settings = FitSettings(
            steps=1, optimizer="sgd", learning_rate=1.0, schedule="constant", clip=norm, clip_value=value
        )
        fit(model, ToyBatches(), settings)
        moved[value, norm] = 4 - float(model.w[0])
    assert list(moved.values()) == pytest.approx([8.0, 0.5, 0.25, 0.25])


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adamw"])
@pytest.mark.parametrize("schedule", ["constant", "step", "exponential", "cosine", "one_cycle"])
def test_any_optimizer_goes_with_any_schedule(optimizer, schedule):
    model = ToyModel()
    settings = FitSettings(epochs=30, optimizer=optimizer, schedule=schedule, learning_rate=0.1, final_rate=0.01)
    history = fit(model, ToyBatches(), settings)
    assert abs(model.w[0] - 1) < 1
    fallen = history.rows[-1]["learning_rate"] / 0.1
    assert fallen == 1 if schedule == "constant" else fallen < 0.05


def test_a_seeded_run_repeats_bit_for_bit():
    runs = []
    for _ in range(2):
        model = ToyModel(noise=1.0)
        history = fit(model, ToyBatches(), FitSettings(epochs=5, patience=2), validate=Validation(model))
        times = ("seconds", "sequences_per_second")
        runs.append(([{k: v for k, v in row.items() if k not in times} for row in history.rows], model.w.tobytes()))
    assert runs[0] == runs[1]


def test_callbacks_are_told_in_order():
    model, log = ToyModel(), Log()
    fit(model, ToyBatches(), FitSettings(epochs=2), validate=Validation(model), callbacks=[log])
    want = ["start", 1, 2, 3, 4, "reported 4", "validated 4", 5, 6, 7, 8, "reported 8", "validated 8", "end 2"]
    assert log.told == want


def test_a_callback_can_stop_the_run_between_epochs_and_in_one():
    class Enough(Callback):
        def validated(self, report):
            if report.epoch == 2:
                raise StopTraining

    model = ToyModel()
    validation = Validation(model)
    history = fit(model, ToyBatches(), FitSettings(epochs=9), validate=validation, callbacks=[Enough()])
    assert history.rows[-1]["epoch"] == 2
    model, log = ToyModel(), Log(6, stop)
    history = fit(model, ToyBatches(), FitSettings(epochs=9), validate=Validation(model), callbacks=[log])
    assert [row["step"] for row in history.rows] == [4, 6]
    assert log.told[-1] == "end 2"


def test_a_callback_may_stop_a_run_that_is_over_anyway():
    class Always(Callback):
        def validated(self, report):
            raise StopTraining

    model = ToyModel()
    assert len(fit(model, ToyBatches(), FitSettings(epochs=1), validate=Validation(model), callbacks=[Always()])) == 1
    model, log = ToyModel(), Log(3, stop)
    fit(model, ToyBatches(), FitSettings(epochs=1), validate=Validation(model), callbacks=[log, Always()])
    assert log.told[-3:] == ["reported 3", "validated 3", "end 1"]


def test_a_callback_that_was_started_is_ended_however_the_run_ends():
    log = Log()
    with pytest.raises(DivergenceError, match="diverged at step 6: the loss is nan"):
        fit(ToyModel(), ToyBatches(poison=6), FitSettings(epochs=9), callbacks=[log])
    assert log.told[-1] == "end 1"


def test_ctrl_c_ends_the_step_leaves_the_best_weights_and_is_passed_on():
    model = ToyModel()
    validation, log = Validation(model, [1.0, 2.0, 3.0]), Log(10, interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(model, ToyBatches(), FitSettings(epochs=9, patience=5), validate=validation, callbacks=[log])
    assert log.told[-2:] == [10, "end 2"]
    assert float(model.w[0]) == validation.seen[0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_ctrl_c_that_the_process_ignores_does_not_stop_it():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log = Log(3, interrupt)
    assert len(fit(ToyModel(), ToyBatches(), FitSettings(epochs=9), callbacks=[log])) == 9
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_an_error_of_a_callback_or_a_validation_leaves_the_best_weights_and_is_passed_on():
    model = ToyModel()
    validation, log = Validation(model, [1.0, 2.0]), Log(10, lambda: {}["lost"])
    with pytest.raises(KeyError, match="lost"):
        fit(model, ToyBatches(), FitSettings(epochs=9, patience=5), validate=validation, callbacks=[log])
    assert log.told[-2:] == [10, "end 2"]
    assert float(model.w[0]) == validation.seen[0] != validation.seen[1]
    model = ToyModel()
    validation = Validation(model, [1.0, 2.0])  # and has none for a third time
    with pytest.raises(IndexError):
        fit(model, ToyBatches(), FitSettings(epochs=9, patience=5), validate=validation)
    assert float(model.w[0]) == validation.seen[0]


def test_a_second_ctrl_c_does_not_wait():
    behind = []

    def twice():
        interrupt()
        interrupt()
        behind.append("a second one")

    log = Log(10, twice)
    with pytest.raises(KeyboardInterrupt):
        fit(ToyModel(), ToyBatches(), FitSettings(epochs=9), callbacks=[log])
    assert log.told[-1] == "end 2"
    assert behind == []


def test_it_runs_in_a_thread_where_no_signal_can_be_heard():
    model = ToyModel()
    thread = threading.Thread(target=fit, args=(model, ToyBatches(), FitSettings(epochs=2)))
    thread.start()
    thread.join()
    again = ToyModel()
    fit(again, ToyBatches(), FitSettings(epochs=2))
    assert model.w.tobytes() == again.w.tobytes() != np.array([4.0]).tobytes()


def test_a_budget_in_minutes_is_kept(monkeypatch):
    clock = {"now": 0.0}
    monkeypatch.setattr("unrolled.training.fit.train", partial(train, clock=lambda: clock["now"]))
    model = ToyModel()
    take = model.loss_and_gradients

    def slow(batch, state):
        clock["now"] += 0.5 if clock["now"] else 5.0  # the first step is slow, as first steps are
        return take(batch, state)

    model.loss_and_gradients = slow
    history = fit(model, ToyBatches(), FitSettings(minutes=2.0))
    assert 110 <= clock["now"] <= 121
    assert history.rows[-1]["learning_rate"] < 1e-6


def test_it_is_silent_unless_progress_is_asked_for(capsys):
    fit(ToyModel(), ToyBatches(), FitSettings(epochs=3))
    assert capsys.readouterr() == ("", "")
    model = ToyModel()
    fit(
        model,
        ToyBatches(),
        FitSettings(epochs=3, patience=9),
        validate=Validation(model, [2.0, 1.0, 3.0]),
        progress=True,
    )
    out, error = capsys.readouterr()
    assert error == ""
    first, last = out.splitlines()  # an epoch of no time is not worth a line
    assert first.startswith("step 4/12  epoch 1  train ")
    assert "  validation 2  " in first
    assert last == "done at epoch 3; best loss 1 at epoch 2"


def test_a_callback_that_never_decides_leaves_it_to_the_clock_when_to_validate():
    class Watching(Callback):
        decides = False

    def slow():
        time.sleep(0.02)
        return {"loss": 1.0}

    one_each, by_clock = Callback(), Watching()
    seen = []
    for callback in (one_each, by_clock):
        history = fit(ToyModel(), ToyBatches(), FitSettings(epochs=5), validate=slow, callbacks=[callback])
        seen.append(sum("val_loss" in row for row in history.rows))
    assert seen[0] == 5
    assert seen[1] < 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": LSTM(1, 2)}, "`model` is of .*LSTM.* has no `loss_and_gradients`, expected .*docs/training.md"),
        ({"batches": [1, 2]}, "`batches` is of .*list.* has no `steps_per_epoch`, expected .*, next"),
        ({"settings": {"epochs": 2}}, r"`settings` is \{'epochs': 2\}, expected a FitSettings; FitSettings\("),
        ({"validate": {"loss": 1.0}}, r"`validate` is \{'loss': 1.0\}, expected a function that returns metrics"),
        ({"validate": lambda: None}, r"`validate` returned None, expected numbers by name, .* is there a `return`"),
        ({"validate": lambda: 0.5}, "`validate` returned 0.5, expected numbers by name"),
        ({"validate": lambda: {"loss": "low"}}, r"`validate` returned \{'loss': 'low'\}, expected numbers by name"),
        ({"callbacks": print}, "`callbacks` is <built-in function print>, expected a list of objects"),
        ({"callbacks": [print]}, "`callbacks` holds <built-in function print>, expected .*; write the function as"),
        ({"callbacks": Log()}, r"`callbacks` is <.*Log object.*>, expected a list .*; write one as \[callback\]"),
        ({"callbacks": [Log]}, "`callbacks` holds <class .*Log'>, expected .*; make one of the class"),
    ],
)
def test_an_argument_of_another_kind_is_named_with_what_is_needed(arguments, message):
    usual = {"model": ToyModel(), "batches": ToyBatches(), "settings": FitSettings(epochs=1)}
    with pytest.raises(ParameterError, match=message):
        fit(**usual | arguments)
