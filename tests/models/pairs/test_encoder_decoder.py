"""The encoder-decoder: what it learns, how it answers, that seeds and checkpoints repeat it, and what it refuses."""

import datetime

import numpy as np
import pytest

from helpers import rng
from unrolled.data.pairs import PairBatches
from unrolled.errors import CheckpointError, DataError, ParameterError
from unrolled.models import load
from unrolled.models.pairs import answers
from unrolled.models.pairs.encoder_decoder import EncoderDecoder
from unrolled.models.pairs.network import EncoderDecoderNetwork
from unrolled.models.pairs.scheduled_sampling import ScheduledSampling
from unrolled.storage import Unit, read_unit, write_unit
from unrolled.training.fit import Callback

FORMS = ("{:%d %B %Y}", "{:%B %d, %Y}", "{:%d.%m.%Y}", "{:%a %d %b %Y}")
SMALL = {"hidden_size": 8, "embedding_size": 4, "epochs": 3, "batch_size": 8, "random_state": 0}


def dates(count, seed):
    draw = rng(seed)
    days = [datetime.date(1950, 1, 1) + datetime.timedelta(days=int(day)) for day in draw.integers(0, 36000, count)]
    written = [FORMS[index % len(FORMS)].format(day).lower() for index, day in enumerate(days)]
    return written, [day.isoformat() for day in days]


def words(count, seed, letters="abcde", longest=6):
    draw = rng(seed)
    return ["".join(draw.choice(list(letters), draw.integers(1, longest + 1))) for _ in range(count)]


def turned(sources):
    return [source[::-1] for source in sources]


@pytest.fixture(scope="module")
def reverser():
    sources = words(600, 0)
    model = EncoderDecoder(
        hidden_size=24, embedding_size=8, epochs=20, batch_size=32, learning_rate=1e-2, random_state=0
    )
    return model.fit(sources, turned(sources), validation_data=(words(50, 2), turned(words(50, 2))))


def test_it_learns_to_reverse_words_that_it_has_not_seen(reverser):
    seen = set(words(600, 0))
    sources = [word for word in words(300, 1) if word not in seen]
    assert len(sources) > 80
    assert reverser.score(sources, turned(sources)) >= 0.9
    assert reverser.score(sources, turned(sources), beam=4) >= 0.9
    assert reverser.score(sources, sources) < 0.3  # few of them read the same from behind
    assert reverser.history_.rows[-1]["val_exact_match"] >= 0.9


def test_it_learns_to_render_dates_of_many_forms():
    sources, targets = dates(1000, 0)
    model = EncoderDecoder(
        hidden_size=32, embedding_size=16, epochs=16, batch_size=32, learning_rate=1e-2, random_state=0
    ).fit(sources, targets)
    assert model.score(*dates(200, 1)) >= 0.95
    assert model.predict(["04 july 1976", "july 04, 1976"]) == ["1976-07-04"] * 2


def test_without_attention_one_state_must_carry_the_source():
    sources = sorted(set(words(200, 0, "ab", 4)))
    how = {"hidden_size": 32, "embedding_size": 8, "epochs": 80, "batch_size": 8, "learning_rate": 1e-2}
    for cell in ("lstm", "gru"):
        model = EncoderDecoder(cell=cell, attention=False, bidirectional=False, random_state=0, **how)
        assert model.fit(sources, turned(sources)).score(sources, turned(sources)) >= 0.95


def test_words_are_answered_with_words_and_strings_with_strings():
    sources = [["good", "day"], ["good", "night"], ["day"], ["night"]]
    targets = ["gd", "gn", "d", "n"]
    how = {"hidden_size": 16, "embedding_size": 8, "epochs": 60, "batch_size": 4, "learning_rate": 2e-2}
    there = EncoderDecoder(random_state=0, **how).fit(sources, targets)
    assert there.predict(sources) == targets
    back = EncoderDecoder(random_state=0, **how).fit(targets, sources)
    assert back.predict(targets) == sources
    assert back.score(targets, [tuple(source) for source in sources]) == 1


def test_an_empty_target_is_learned():
    model = EncoderDecoder(hidden_size=16, epochs=60, learning_rate=2e-2, random_state=0)
    assert model.fit(["a", "b", "ab"], ["", "B", "B"]).predict(["a", "b"]) == ["", "B"]


def test_outputs_come_with_their_probability_the_best_score_first(reverser):
    sources = ["abc", "e", "dacba"]
    for found, greedy in zip(reverser.outputs(sources, beam=3), reverser.predict(sources), strict=True):
        assert len(found) == 3
        assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
        assert greedy == found[0].output  # as it is sure of these
    for source, found in zip(sources, reverser.outputs(sources, beam=3, length_penalty=0.5), strict=True):
        for answer in found:
            length = len(answer.output) + 1
            tokens = reverser.source_symbols_.encode(source), reverser.target_symbols_.encode(answer.output)
            want = -reverser.network_.loss(PairBatches([tokens[0]], [tokens[1]]).next()) * length
            assert answer.log_probability == pytest.approx(want, abs=1e-4)  # float32, a sum of ten terms
            assert answer.score == pytest.approx(want / length**0.5, abs=1e-4)


@pytest.mark.parametrize("rows", [1, 7, 512])
def test_validation_is_over_all_tokens_and_all_pairs_however_they_are_batched(monkeypatch, reverser, rows):
    monkeypatch.setattr(answers, "ROWS", rows)
    sources = words(30, 9)
    targets = [*turned(sources[:20]), *sources[20:]]  # some of them wrong
    pairs = [
        ([symbols.encode(each) for each in side])
        for symbols, side in ((reverser.source_symbols_, sources), (reverser.target_symbols_, targets))
    ]
    found = answers.validation(reverser.network_, PairBatches(*pairs), 20)
    assert found["exact_match"] == pytest.approx(reverser.score(sources, targets))
    each = [reverser.network_.loss(PairBatches([a], [b]).next()) * (len(b) + 1) for a, b in zip(*pairs, strict=True)]
    assert found["loss"] == pytest.approx(sum(each) / sum(len(target) + 1 for target in targets), rel=1e-5)  # float32


def test_answers_do_not_depend_on_who_is_asked_beside(reverser):
    sources = [*words(40, 7), "abcdeabcde"]
    together = reverser.predict(sources, beam=2)
    assert together == [reverser.predict([source], beam=2)[0] for source in sources]
    assert reverser.predict([]) == []


def test_an_answer_is_no_longer_than_allowed(reverser):
    assert all(len(answer) <= 2 for answer in reverser.predict(words(20, 3), max_length=2))
    with reverser.network_.edit() as own:
        kept = own["dense.bias"].copy()
        own["dense.bias"][2] = -100  # never an end
    try:
        assert len(reverser.predict(["ab"])[0]) == 2 * 6
    finally:
        with reverser.network_.edit() as own:
            own["dense.bias"][...] = kept


# every option of the layers
VARIED = {
    "cell": "lstm",
    "recurrent_dropout": 0.2,
    "zoneout": (0.1, 0.2),
    "layer_norm": True,
    "layer_options": {"peepholes": True, "forget_bias": 2.0},
}


def weights(model):
    return {name: array.tobytes() for name, array in model.network_.parameters.items()}


@pytest.mark.parametrize("how", [{}, {"dropout": 0.3, "teacher_forcing": 0.3, "num_layers": 2}, VARIED])
def test_the_seed_repeats_the_run_bit_for_bit(how):
    sources = words(40, 0)
    one, same, other = (
        EncoderDecoder(**SMALL | how | {"random_state": seed}).fit(sources, turned(sources)) for seed in (1, 1, 2)
    )
    assert weights(one) == weights(same)
    assert weights(one) != weights(other)
    plain = EncoderDecoder(**SMALL | {"random_state": 1}).fit(sources, turned(sources))
    assert (weights(plain) == weights(one)) == (how == {})


class Stop(Callback):
    def step(self, report):
        if report.step == 8:
            raise KeyboardInterrupt


@pytest.mark.parametrize(("seed", "options"), [(3, {}), (None, {}), (3, VARIED), (3, {"cell": "rnn", "zoneout": 0.2})])
def test_a_run_that_was_interrupted_goes_on_and_ends_with_the_same_bits(tmp_path, seed, options):
    sources = words(40, 0)
    how = SMALL | {"dropout": 0.3, "teacher_forcing": 0.3, "num_layers": 2, "random_state": seed} | options
    stopped = EncoderDecoder(**how)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(sources, turned(sources), checkpoint=tmp_path, callbacks=[Stop()])
    resumed = EncoderDecoder(**how).fit(sources, turned(sources), checkpoint=tmp_path)
    whole = EncoderDecoder(**how | {"random_state": resumed.seed_}).fit(sources, turned(sources))
    assert weights(resumed) == weights(whole) != weights(stopped)
    assert EncoderDecoder.load(tmp_path).predict(sources) == whole.predict(sources)


def test_a_run_goes_on_with_its_own_validation_part_only(tmp_path):
    def go_on(*held):
        given = {"validation_data": held} if held else {}
        EncoderDecoder(**SMALL).fit(["ab", "ba"], ["ba", "ab"], checkpoint=tmp_path, **given)

    for _ in range(2):
        go_on(["a", "b"], ["b", ""])
    for other in ((["a", "b"], ["b", "a"]), (["a", "a"], ["b", ""]), (["a"], ["b"]), ()):
        with pytest.raises(CheckpointError, match="belongs to a run with other data to validate on, expected those"):
            go_on(*other)


def test_the_teacher_lets_go_on_a_straight_line():
    seen = []

    class Watch(Callback):
        def start(self, session):
            self.model = session.model
            loss_and_gradients = session.model.loss_and_gradients

            def watched(batch, state):
                seen.append(session.model.teacher_forcing)
                return loss_and_gradients(batch, state)

            session.model.loss_and_gradients = watched

    sources = words(40, 0)
    EncoderDecoder(**SMALL | {"teacher_forcing": 0.25}).fit(sources, turned(sources), callbacks=[Watch()])
    np.testing.assert_allclose(seen, 1 - 0.75 * np.arange(15) / 15)
    network = EncoderDecoderNetwork(4, 4, seed=0)
    ScheduledSampling(network, 0.5).start(type("Session", (), {"step": 5, "total_steps": 10}))
    assert network.teacher_forcing == 0.75  # a run that goes on
    sampling = ScheduledSampling(network, 0.5)
    for total, expected in ((12, 0.75), (6, 0.5)):  # a budget in minutes counts its steps anew
        sampling.step(type("Report", (), {"step": 6, "total_steps": total}))
        assert network.teacher_forcing == expected
    sampling.step(type("Report", (), {"step": 7, "total_steps": 14}))
    assert network.teacher_forcing == 0.5  # and never lets the teacher come back


def test_the_teacher_lets_go_within_a_budget_in_minutes_once_its_steps_are_known():
    seen = []

    class Watch(Callback):
        def start(self, session):
            self.model = session.model

        def step(self, report):
            seen.append((report.step, report.total_steps, self.model.teacher_forcing))

    sources = words(40, 0)
    EncoderDecoder(**SMALL | {"teacher_forcing": 0.25, "minutes": 0.02}).fit(
        sources, turned(sources), callbacks=[Watch()]
    )
    measured = [forcing for _, total, forcing in seen if total is None]
    assert measured
    assert all(1 - 1e-9 < forcing < 1 for forcing in measured)  # the target's tokens, on the way of those to come
    later = [(step, total, forcing) for step, total, forcing in seen if total is not None]
    assert len(later) > 1
    lines = [1 - 0.75 * step / total for step, total, _ in later]  # the total is counted anew after each step
    np.testing.assert_allclose([forcing for _, _, forcing in later], np.minimum.accumulate(lines))


def test_the_best_weights_are_kept_with_patience():
    sources = words(40, 0)
    how = SMALL | {"epochs": 40, "learning_rate": 0.03, "validation_fraction": 0.3, "patience": 2}
    for monitor in ("loss", "exact_match"):
        model = EncoderDecoder(**how, monitor=monitor).fit(sources, turned(sources))
        found = [row[f"val_{monitor}"] for row in model.history_.rows if row[f"val_{monitor}"] is not None]
        best = min(found) if monitor == "loss" else max(found)
        held = model.history_.best
        assert held[f"val_{monitor}"] == best


def test_a_saved_model_comes_back_with_the_same_bits(tmp_path, reverser):
    reverser.save(tmp_path)
    again = EncoderDecoder.load(tmp_path)
    assert load(tmp_path).predict(["abc"]) == again.predict(["abc"])
    assert repr(again) == repr(reverser)
    assert weights(again) == weights(reverser)
    assert again.outputs(["abc"]) == reverser.outputs(["abc"])
    lists = EncoderDecoder(**SMALL | {"epochs": np.int64(2), "random_state": np.int64(0)}).fit([["ab", "c"]], [["d"]])
    lists.save(tmp_path / "lists")
    assert EncoderDecoder.load(tmp_path / "lists").predict([["c"]]) == lists.predict([["c"]])


def test_a_saved_model_has_the_options_of_its_layers(tmp_path):
    sources = words(40, 0)
    model = EncoderDecoder(**SMALL | VARIED).fit(sources, turned(sources))
    own = model.network_.decoder.options
    assert (own.recurrent_dropout, own.zoneout, own.layer_norm, own.peepholes) == (0.2, (0.1, 0.2), True, True)
    model.save(tmp_path / "model")
    for again in (EncoderDecoder.load(tmp_path / "model"), load(tmp_path / "model")):
        assert again.network_.decoder.options == own
        assert weights(again) == weights(model)
        assert again.outputs(sources) == model.outputs(sources)


def test_a_model_without_options_is_saved_as_before_there_were_any(tmp_path):
    EncoderDecoder(**SMALL).fit(["a"], ["b"]).save(tmp_path)
    saved = read_unit(tmp_path).documents["config"]["params"]
    assert not saved.keys() & VARIED.keys() - {"cell"}
    assert EncoderDecoder.load(tmp_path).get_params() == EncoderDecoder(**SMALL).get_params()


def test_what_is_no_saved_model_is_named(tmp_path, reverser):
    write_unit(tmp_path / "other", Unit({"kind": "oracle"}, {}, {"weights": {}}))
    with pytest.raises(
        CheckpointError, match=r"holds a model of kind 'oracle', expected 'encoder_decoder'; unrolled.load"
    ):
        EncoderDecoder.load(tmp_path / "other")
    reverser.save(tmp_path / "model")
    unit = read_unit(tmp_path / "model", ("weights",))
    config = {name: value for name, value in unit.documents["config"].items() if name != "longest"}
    with pytest.raises(
        CheckpointError, match=r"the saved model cannot be built \('longest'\); was it saved by another"
    ):
        EncoderDecoder.from_unit(unit._replace(documents={"config": config}))


def test_a_model_that_was_not_fitted_says_so(tmp_path):
    for use in (lambda model: model.predict(["a"]), lambda model: model.save(tmp_path)):
        with pytest.raises(ParameterError, match=r"This EncoderDecoder is not fitted yet"):
            use(EncoderDecoder())
    failed = EncoderDecoder(**SMALL | {"optimizer": "sgdx"})
    with pytest.raises(ParameterError, match="`optimizer` is 'sgdx', expected one of"):
        failed.fit(["a"], ["b"])
    with pytest.raises(ParameterError, match="not fitted yet"):
        failed.predict(["a"])
    fitted = EncoderDecoder(**SMALL).fit(["a"], ["b"])
    with pytest.raises(ParameterError, match="`targets` has 2 sequences"):
        fitted.fit(["c"], ["d", "e"])
    assert fitted.source_symbols_.symbols == ["a"]  # what is refused changes nothing
    assert fitted.predict(["a"]) == EncoderDecoder(**SMALL).fit(["a"], ["b"]).predict(["a"])


@pytest.mark.parametrize(
    ("sources", "targets", "error", "message"),
    [
        (["ab"], ["a", "b"], ParameterError, "`targets` has 2 sequences, expected 1, one for each source; was one cut"),
        ([], [], DataError, "`sources` has no sequences, expected at least one; nothing can be learned from it"),
        (
            [1, 2],
            [3, 4],
            DataError,
            "`sources` holds 2 sequences that are neither all strings nor all lists of strings",
        ),
        (None, ["a"], ParameterError, "`sources` is a NoneType, expected a list of strings or of lists of words; list"),
        (["a"], (a for a in "b"), ParameterError, r"`targets` is a generator, expected .*; list\(\) makes one of"),
        (["ab", ["ab"]], ["a", "b"], DataError, "`sources` holds 2 sequences that are neither"),
        (["ab", ""], ["a", "b"], DataError, r"`sources\[1\]` is empty, expected at least one symbol; leave it out"),
        (["ab"], [""], DataError, "`targets` holds only empty sequences, expected at least one symbol"),
        ("ab", ["a", "b"], ParameterError, "`sources` is one string, expected a list of them; put it in brackets"),
    ],
)
def test_pairs_that_cannot_be_learned_from_are_named(sources, targets, error, message):
    with pytest.raises(error, match=message):
        EncoderDecoder(**SMALL).fit(sources, targets)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            {"teacher_forcing": 1.5},
            "`teacher_forcing` is 1.5, expected a number from 0 to 1; 1 always feeds the target",
        ),
        (
            {"teacher_forcing": "x"},
            "`teacher_forcing` is 'x', expected a number from 0 to 1; 1 always feeds the target",
        ),
        ({"verbose": "x"}, "`verbose` is 'x', expected a finite number; 0 shows nothing"),
        ({"batch_size": "x"}, "`batch_size` is 'x', expected a whole number of at least 1"),
        *(
            ({name: "x"}, f"`{name}` is 'x', expected True or False; is it meant for another parameter")
            for name in ("attention", "bidirectional", "layer_norm")
        ),
        ({"monitor": "accuracy"}, "`monitor` is 'accuracy', expected one of loss, exact_match"),
        ({"patience": 3}, "`patience` is 3 with nothing to validate on, expected a `validation_fraction` above 0"),
        ({"validation_fraction": 1.0}, "`validation_fraction` is 1.0, expected a number from 0 to below 1"),
        ({"random_state": -1}, "`random_state` is -1, expected a whole number of at least 0, a RandomState or None"),
        ({"cell": "gru2"}, "`cell` is 'gru2', expected one of lstm, gru, rnn"),
        ({"recurrent_dropout": 1}, "`recurrent_dropout` is 1, expected a number from 0 to below 1"),
        ({"zoneout": 1}, "`zoneout` is 1, expected a number from 0 to below 1"),
        ({"cell": "rnn", "layer_norm": True}, "`layer_norm` is True for 'rnn', expected False"),
        ({"layer_options": {"merge": "sum"}}, "`layer_options` has 'merge', expected none of proj_size, merge"),
    ],
)
def test_parameters_out_of_their_range_are_named(how, message):
    with pytest.raises(ParameterError, match=message):
        EncoderDecoder(**SMALL | how).fit(words(10, 0), words(10, 0))


def test_what_cannot_be_answered_is_named(reverser):
    with pytest.raises(DataError, match=r"`sources\[1\]` holds 'z', expected only the 5 symbols that were trained on"):
        reverser.predict(["ab", "az"])
    with pytest.raises(DataError, match=r"`sources\[0\]` is empty, expected at least one symbol"):
        reverser.predict([""])
    with pytest.raises(DataError, match=r"`validation_data\[1\]\[0\]` holds '!', expected only the"):
        EncoderDecoder(**SMALL).fit(["ab"], ["ab"], validation_data=(["a"], ["!"]))
    with pytest.raises(ParameterError, match="`beam` is 0, expected a whole number of at least 1; 1 is greedy"):
        reverser.predict(["a"], beam=0)
    with pytest.raises(ParameterError, match="`max_length` is 0, expected a whole number of at least 1; None allows"):
        reverser.predict(["a"], max_length=0)
    for name, wrong in (("beam", 2.5), ("beam", "2"), ("max_length", 2.5), ("length_penalty", "x")):
        with pytest.raises(ParameterError, match=f"`{name}` is {wrong!r}, expected a .*number of at least ."):
            reverser.predict(["a"], **{name: wrong})
    for wrong in (None, (a for a in "b")):
        with pytest.raises(ParameterError, match=r"`sources` is a .*, expected a list of strings or of lists of words"):
            reverser.predict(wrong)
        with pytest.raises(ParameterError, match=r"`targets` is a .*, expected a list of strings or of lists of words"):
            reverser.score(["a"], wrong)
    with pytest.raises(DataError, match=r"`sources\[0\]` is 1, expected a string or a list of words"):
        reverser.predict([1])
    for wrong in ((["a"],), ["a"] * 3, 0.2):
        with pytest.raises(ParameterError, match=r"`validation_data` .*, expected \(sources, targets\); "):
            EncoderDecoder(**SMALL).fit(["ab"], ["ab"], validation_data=wrong)
    with pytest.raises(ParameterError, match="`callbacks` is <built-in function print>, expected a list of objects"):
        EncoderDecoder(**SMALL).fit(["ab"], ["ab"], callbacks=print)
    with pytest.raises(ParameterError, match="`length_penalty` is -1, expected a finite number of at least 0"):
        reverser.predict(["a"], length_penalty=-1)
    with pytest.raises(ParameterError, match="`sources` is one string, expected a list of them"):
        reverser.predict("ab")
    with pytest.raises(ParameterError, match="`targets` has 2 sequences, expected 1, one for each source"):
        reverser.score(["a"], ["a", "b"])
    with pytest.raises(DataError, match="`sources` has no sequences, expected at least one; there is nothing"):
        reverser.score([], [])


@pytest.mark.extras
@pytest.mark.filterwarnings("ignore:.*does not inherit from `sklearn.base.BaseEstimator`:UserWarning")
def test_scikit_learn_searches_its_parameters():
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV

    sources = words(60, 0)
    model = EncoderDecoder(**SMALL)
    search = GridSearchCV(model, {"embedding_size": [2, 4], "epochs": [1, 2]}, cv=2, n_jobs=2)
    search.fit(sources, turned(sources))
    assert set(search.best_params_) == {"embedding_size", "epochs"}
    assert clone(search.best_estimator_).get_params() == search.best_estimator_.get_params()
    assert len(search.predict(sources[:3])) == 3
