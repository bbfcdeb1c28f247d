"""The tagger: what it learns at each step, that padding and masked steps teach nothing, and what it refuses."""

import pickle

import numpy as np
import pytest

from helpers import rng, tolerance
from unrolled.data.music import next_frames, piano_roll
from unrolled.data.sequences import SequenceBatches, Sequences
from unrolled.errors import CheckpointError, DataError, ParameterError, ShapeError
from unrolled.losses import binary_cross_entropy_with_logits, softmax_cross_entropy
from unrolled.models import load
from unrolled.models.sequences.network import SequenceNetwork
from unrolled.models.sequences.step_targets import UNLABELLED, StepLoss
from unrolled.models.sequences.tagger import SequenceTagger
from unrolled.storage import read_unit
from unrolled.training.fit import Callback

SMALL = {"hidden_size": 8, "epochs": 3, "batch_size": 4, "random_state": 0}


def parity(count, seed, longest=9):
    """Bits, and at each step whether there was an odd number of them so far."""
    draw = rng(seed)
    X = [draw.integers(0, 2, (draw.integers(1, longest + 1), 1)).astype(float) for _ in range(count)]
    return X, [np.array(["even", "odd"])[x[:, 0].cumsum().astype(int) % 2] for x in X]


def several(count, seed):
    """Three labels a step: whether each of three features was positive one step before."""
    draw = rng(seed)
    X = [draw.normal(size=(draw.integers(2, 9), 3)) for _ in range(count)]
    return X, [np.concatenate([np.zeros((1, 3)), x[:-1] > 0]).astype(int) for x in X]


@pytest.fixture(scope="module")
def tagger():
    how = {"hidden_size": 12, "epochs": 40, "batch_size": 16, "learning_rate": 0.02, "random_state": 0}
    return SequenceTagger(**how, validation_fraction=0.2).fit(*parity(150, 0))


@pytest.fixture(scope="module")
def many():
    how = {"hidden_size": 24, "epochs": 80, "batch_size": 16, "learning_rate": 0.02, "random_state": 0}
    return SequenceTagger(targets="multilabel", **how).fit(*several(400, 0))


def test_it_learns_a_class_for_each_step_of_sequences_of_any_length(tagger):
    X, y = parity(60, 1)
    assert tagger.score(X, y) >= 0.95
    assert tagger.classes_.tolist() == ["even", "odd"]
    answers = tagger.predict(X)
    assert [len(each) for each in answers] == [len(each) for each in y]
    right = np.concatenate(answers) == np.concatenate(y)
    assert tagger.score(X, y) == pytest.approx(right.mean())
    assert tagger.history_.rows[-1]["val_accuracy"] >= 0.95


def test_it_learns_several_labels_for_each_step(many):
    X, y = several(60, 1)
    assert many.score(X, y) >= 0.93
    answers = many.predict(X)
    assert answers[0].shape == y[0].shape
    a, b = np.concatenate(answers) > 0, np.concatenate(y) > 0
    assert many.score(X, y) == pytest.approx((a & b).sum() / (a | b).sum())
    p = np.concatenate(many.predict_proba(X))
    assert ((p > 0.5) == a).all()
    want = -np.where(b, np.log(p), np.log1p(-p)).sum(axis=1).mean()
    assert many.evaluate(X, y)["loss"] == pytest.approx(want, rel=1e-5)  # float32


def test_probabilities_are_those_of_the_loss(tagger):
    X, y = parity(20, 3)
    p = tagger.predict_proba(X)
    np.testing.assert_allclose(np.concatenate(p).sum(axis=1), 1, rtol=1e-6)
    own = [each[np.arange(len(each)), (labels == "odd").astype(int)] for each, labels in zip(p, y, strict=True)]
    assert tagger.evaluate(X, y)["loss"] == pytest.approx(-np.log(np.concatenate(own)).mean(), rel=1e-5)


def test_the_next_frame_of_music_is_predicted():
    draw = rng(0)
    rolls = []
    for _ in range(20):  # scales: each note is followed by the one above
        first = draw.integers(40, 60)
        rolls.append(piano_roll([[int(first) + t] for t in range(draw.integers(4, 12))]))
    X, y = next_frames(rolls)
    how = {"hidden_size": 32, "epochs": 400, "learning_rate": 0.02, "standardize": False, "random_state": 0}
    model = SequenceTagger(targets="multilabel", **how).fit(X, y)
    assert model.evaluate(X, y)["loss"] < 1  # nats per frame; 88 independent coins would be 61
    assert model.score(X, y) > 0.9


def test_answers_do_not_depend_on_who_is_asked_beside(tagger):
    X, _ = parity(30, 5)
    together = tagger.predict_proba(X)
    for x, p in zip(X, together, strict=True):
        np.testing.assert_allclose(tagger.predict_proba([x])[0], p, **tolerance("reordered", "float32"))


def test_arrays_are_answered_with_arrays_and_padding_with_nothing(tagger):
    draw = rng(2)
    X = draw.integers(0, 2, (5, 6, 1)).astype(float)
    assert tagger.predict(X).shape == (5, 6)
    assert tagger.predict_proba(X).shape == (5, 6, 2)
    np.testing.assert_array_equal(tagger.predict(X[..., 0]), tagger.predict(list(X)))
    lengths = [6, 1, 3, 2, 5]
    parts = [x[:length] for x, length in zip(X, lengths, strict=True)]
    for a, b in zip(tagger.predict(X, lengths=lengths), tagger.predict(parts), strict=True):
        np.testing.assert_array_equal(a, b)
    y = np.where(draw.integers(0, 2, (5, 6)), "odd", "even")
    cut = [labels[:length] for labels, length in zip(y, lengths, strict=True)]
    assert tagger.evaluate(X, y, lengths=lengths) == tagger.evaluate(parts, cut)


def weights(model):
    return {name: array.tobytes() for name, array in model.network_.parameters.items()}


def test_padded_arrays_teach_what_lists_teach():
    X, y = parity(12, 0)
    lengths = [len(x) for x in X]
    padded, labels = np.full((12, 9, 1), 7.0), np.full((12, 9), "nonsense")
    for n, (x, own) in enumerate(zip(X, y, strict=True)):
        padded[n, : len(x)], labels[n, : len(x)] = x, own
    one = SequenceTagger(**SMALL).fit(X, y)
    other = SequenceTagger(**SMALL).fit(padded, labels, lengths=lengths)
    assert weights(one) == weights(other)


@pytest.mark.parametrize("many", [False, True])
def test_a_masked_step_teaches_nothing_and_is_not_scored(many):
    X, y = several(12, 0) if many else parity(12, 0)
    targets = "multilabel" if many else "classes"
    draw = rng(9)
    mask = [draw.integers(0, 2, len(x)).astype(bool) for x in X]
    mask[3][:] = False  # a whole sequence
    spoiled = []
    for labels, known in zip(y, mask, strict=True):
        other = labels.astype(object)
        other[~known] = None
        spoiled.append(other.astype(float) if many else other)  # None becomes NaN
    one = SequenceTagger(targets=targets, **SMALL).fit(X, y, mask=mask)
    other = SequenceTagger(targets=targets, **SMALL).fit(X, spoiled, mask=mask)
    assert weights(one) == weights(other) != weights(SequenceTagger(targets=targets, **SMALL).fit(X, y))
    assert one.evaluate(X, y, mask=mask) == one.evaluate(X, spoiled, mask=mask) != one.evaluate(X, y)
    p = np.concatenate([each[known] for each, known in zip(one.predict(X), mask, strict=True)])
    right = np.concatenate([each[known] for each, known in zip(y, mask, strict=True)])
    if not many:
        assert one.score(X, y, mask=mask) == pytest.approx((p == right).mean())
    both = SequenceTagger(targets=targets, **SMALL).fit(X, y, validation_data=(X, spoiled, None, mask))
    assert both.history_.rows[-1]["val_loss"] == pytest.approx(both.evaluate(X, y, mask=mask)["loss"])


@pytest.mark.parametrize("many", [False, True])
def test_the_gradients_of_the_loss_are_those_of_the_network(many):
    draw = rng(0)
    lengths = [4, 1, 3]
    x = Sequences.of([draw.normal(size=(n, 2)) for n in lengths])
    targets = draw.integers(0, 2, (8, 3)).astype(float) if many else draw.integers(0, 3, 8)
    targets[5] = np.nan if many else UNLABELLED
    loss = StepLoss(many=many)
    network = SequenceNetwork(2, 3, loss, hidden_size=3, pooling=None, dtype="float64", seed=0)
    with network.edit() as own:
        for array in own.values():
            array += 0.3 * draw.normal(size=array.shape)
    batch = SequenceBatches(x, Sequences(targets, x.lengths), weights=np.array([1.0, 2.0, 0.5])).next()
    _, gradients, _ = network.loss_and_gradients(batch, None)
    for name, gradient in gradients.items():
        want = np.empty_like(gradient)
        for index in np.ndindex(gradient.shape):
            ends = []
            for change in (1e-5, -2e-5):
                with network.edit() as own:
                    own[name][index] += change
                ends.append(network.loss_and_gradients(batch, None)[0])
            with network.edit() as own:
                own[name][index] += 1e-5
            want[index] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(gradient, want, **tolerance("central differences"), err_msg=name)


def test_the_loss_is_per_step_and_sums_the_labels_of_one():
    y = rng(0).normal(size=(5, 2, 3))
    codes = rng(1).integers(0, 3, (5, 2))
    assert StepLoss(many=False)(y, codes, None)[0] == pytest.approx(softmax_cross_entropy(y, codes)[0])
    labels = rng(2).integers(0, 2, (5, 2, 3)).astype(float)
    assert StepLoss(many=True)(y, labels, None)[0] == pytest.approx(3 * binary_cross_entropy_with_logits(y, labels)[0])
    weights = np.array([[1, 1], [1, 1], [1, 0], [1, 0], [0, 0]], float)  # padding, which may hold anything
    steps = weights > 0
    for many, targets in ((False, np.where(steps, codes, 9)), (True, np.where(steps[..., None], labels, 9))):
        padded, dy = StepLoss(many=many)(y, targets, weights)
        alone, dy_alone = StepLoss(many=many)(y[steps], targets[steps], None)
        assert padded == pytest.approx(alone, rel=1e-12)
        np.testing.assert_allclose(dy[steps], dy_alone, **tolerance("reordered"))
        assert not dy[~steps].any()
    for many, nothing in ((False, np.full((5, 2), UNLABELLED)), (True, np.full((5, 2, 3), np.nan))):
        loss, dy = StepLoss(many=many)(y, nothing, None)
        assert loss == 0
        assert not dy.any()
        assert dy.shape == y.shape


def test_a_sequence_counts_as_its_weight_over_the_whole_data_and_not_within_its_batch():
    y, codes = rng(0).normal(size=(5, 1, 3)), rng(1).integers(0, 3, (5, 1))
    for step_loss, targets in ((StepLoss(many=False), codes), (StepLoss(many=True), np.eye(3)[codes])):
        weights = np.array([[3.0]] * 4 + [[0.0]])  # a sequence of weight 3 and 4 steps
        own, own_dy = step_loss(y[:4], targets[:4], None)
        heavy, heavy_dy = step_loss(y, targets, weights)
        assert heavy == pytest.approx(3 * own, rel=1e-12)
        np.testing.assert_allclose(heavy_dy[:4], 3 * own_dy, **tolerance("reordered"))
    X, labels = [[0.0, 1.0], [0.0, 1.0]], [["a", "b"], ["b", "a"]]
    how = SMALL | {"batch_size": 1, "epochs": 60, "learning_rate": 0.02}
    for weights in ([100, 1], [1, 100]):
        model = SequenceTagger(**how).fit(X, labels, sample_weight=weights)
        assert model.predict([[0.0, 1.0]])[0].tolist() == labels[np.argmax(weights)]


def test_the_network_has_what_was_asked_for():
    X, y = parity(20, seed=1)
    recurrent = (
        SequenceTagger(layer_norm=True, zoneout=0.1, recurrent_dropout=0.2, epochs=1).fit(X, y).network_.recurrent
    )
    assert "gain_hh_l0" in recurrent.parameters
    assert recurrent.random_state is not None  # it draws masks


def test_the_seed_repeats_the_run_bit_for_bit():
    data = parity(20, 0)
    one, same, other = (
        SequenceTagger(**SMALL | {"random_state": seed, "dropout": 0.3}).fit(*data) for seed in (1, 1, 2)
    )
    assert weights(one) == weights(same) != weights(other)


class Stop(Callback):
    def step(self, report):
        if report.step == 7:
            raise KeyboardInterrupt


def test_a_run_that_was_interrupted_goes_on_and_ends_with_the_same_bits(tmp_path):
    data = parity(20, 0)
    with pytest.raises(KeyboardInterrupt):
        SequenceTagger(**SMALL).fit(*data, checkpoint=tmp_path, callbacks=[Stop()])
    resumed = SequenceTagger(**SMALL).fit(*data, checkpoint=tmp_path)
    assert weights(resumed) == weights(SequenceTagger(**SMALL).fit(*data))


def test_a_saved_model_comes_back_with_the_same_bits(tmp_path, tagger, many):
    for model, (X, _) in ((tagger, parity(10, 1)), (many, several(10, 1))):
        model.save(tmp_path / model.targets)
        for again in (
            load(tmp_path / model.targets),
            SequenceTagger.load(tmp_path / model.targets),
            pickle.loads(pickle.dumps(model)),
        ):
            assert repr(again) == repr(model)
            for a, b in zip(again.predict_proba(X), model.predict_proba(X), strict=True):
                assert a.tobytes() == b.tobytes()
            assert again.classes_.tolist() == model.classes_.tolist()
    config = read_unit(tmp_path / "classes").documents["config"]
    assert config["kind"] == "sequence_tagger"
    assert "pooling" not in config["params"]


def test_labels_that_cannot_be_saved_are_named(tmp_path):
    X, y = parity(10, 0)
    odd = np.array([np.datetime64("2020-01-01"), np.datetime64("2020-01-02")])
    model = SequenceTagger(**SMALL)
    with pytest.raises(
        ParameterError, match=r"`y` holds the label datetime.date\(2020, 1, 1\), expected text or numbers"
    ):
        model.fit(X, [odd[(labels == "odd").astype(int)] for labels in y]).save(tmp_path)


X3 = [np.ones((2, 1)), np.ones((3, 1)), np.ones((1, 1))]


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (None, ParameterError, "`y` is None, expected labels for each step of each sequence"),
        ([[0, 1]], ShapeError, "`y` has 1 sequences, expected 3, one for each of `X`; was one cut?"),
        ([[0, 1], [0, 1], [1]], ShapeError, r"`y\[1\]` has 2 labels, expected 3, one for each step of its sequence"),
        (
            [0, 1, 0],
            ShapeError,
            r"`y\[0\]` has shape \(\), expected \(T,\), a label for each step; targets='multilabel'",
        ),
        ([[0, 1], [0, 1, None], [1]], DataError, r"`y\[1\]` holds None, expected labels; leave such steps out with a"),
        ([[0, 1], [0, 1, np.nan], [1]], DataError, r"`y\[1\]` holds nan, expected labels; leave such steps out with"),
        ([[1, 1], [1, 1, 1], [1]], ParameterError, "`y` holds 1, expected at least two classes; what is to be told"),
        (
            [[[0], [1, 2]], [0, 1, 1], [1]],
            ShapeError,
            "`y` has steps of unequal numbers of labels, expected K for each",
        ),
    ],
)
def test_labels_that_do_not_fit_the_steps_are_named(y, error, message):
    with pytest.raises(error, match=message):
        SequenceTagger(**SMALL).fit(X3, y)


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (
            [[0, 1], [0, 1, 1], [1]],
            ShapeError,
            r"`y\[0\]` has shape \(2,\), expected \(T, K\), .*; targets='classes' ta",
        ),
        ([[[0], [2]], [[0]] * 3, [[1]]], ParameterError, r"`y\[0\]` holds 2, expected 0 and 1 for each label; leave"),
        ([[[0], [1]], [[np.nan]] * 3, [[1]]], ParameterError, r"`y\[1\]` holds nan, expected 0 and 1 for each label"),
        ([[[0], [1]], [[0, 1]] * 3, [[1]]], ParameterError, r"`y\[1\]` has 2 labels a step, expected 1, as the others"),
    ],
)
def test_several_labels_that_do_not_fit_are_named(y, error, message):
    with pytest.raises(error, match=message):
        SequenceTagger(targets="multilabel", **SMALL).fit(X3, y)


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([["a", 1], ["a", "b", "a"], ["b"]], ParameterError, r"`y\[0\]` holds 'a' and 1, expected labels of one kind"),
        (
            [[0, 1], ["a", "b", "a"], [1]],
            ParameterError,
            "`y` holds 0 and 'a', expected labels of one kind, all text or",
        ),
        ([[0, None], [0, 1, 0], [1]], DataError, r"`y\[0\]` holds None, expected labels; leave such steps out"),
        ([[0, {}], [0, 1, 0], [1]], ParameterError, r"`y\[0\]` holds labels like 0, expected text or numbers"),
        (3, ShapeError, "`y` is 3, expected labels for each step of each sequence; is it a list"),
    ],
)
def test_labels_of_steps_of_unlike_kinds_are_named(y, error, message):
    with pytest.raises(error, match=message):
        SequenceTagger(**SMALL).fit(X3, y)


def test_a_number_as_text_is_no_label_of_that_number(many):
    model = SequenceTagger(**SMALL).fit(X3, [[0, 1], [0, 1, 0], [1]])
    with pytest.raises(ParameterError, match=r"`y\[0\]` holds the label '1', expected one of those of `fit`: 0, 1"):
        model.score(X3[:1], [["1", "0"]])
    X, y = several(2, 1)
    with pytest.raises(ParameterError, match=r"`y\[0\]` has dtype <U\d+, expected 0 and 1 .*; are they text"):
        many.score(X, [labels.astype(str) for labels in y])


def test_parameters_set_after_fit_do_not_change_what_it_says():
    X, y = several(20, 0)
    model = SequenceTagger(targets="multilabel", **SMALL).fit(X, y)
    before, scores = model.predict_proba(X), model.evaluate(X, y)
    model.set_params(targets="classes", dtype="float64", nan="mask")
    for one, other in zip(model.predict_proba(X), before, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, other)
    assert model.evaluate(X, y) == scores


def test_numbers_with_a_fraction_are_no_classes_of_steps():
    for wrong in ([[0.5, 1.0]], [np.array([0.5, 1], object)]):
        with pytest.raises(
            ParameterError, match=r"Unknown label type: `y\[0\]` holds 0.5, expected class labels; name"
        ):
            SequenceTagger(epochs=1).fit(np.zeros((1, 2)), wrong)
    with pytest.raises(ParameterError, match=r"Unknown label type: `y\[0\]` holds inf, expected class labels"):
        SequenceTagger(epochs=1).fit(np.zeros((1, 2)), [[np.inf, 1.0]])
    assert SequenceTagger(epochs=1).fit(np.zeros((1, 2)), [[1.0, 2.0]]).classes_.tolist() == [1.0, 2.0]


def test_masks_and_validation_that_do_not_fit_are_named():
    y = [[0, 1], [0, 1, 1], [1]]
    with pytest.raises(
        ShapeError, match=r"`mask\[1\]` has shape \(2,\) and dtype bool, expected \(3,\) and bool: True"
    ):
        SequenceTagger(**SMALL).fit(X3, y, mask=[[True] * 2] * 2 + [[True]])
    with pytest.raises(ShapeError, match=r"`mask\[0\]` has shape \(2,\) and dtype int64, expected \(2,\) and bool"):
        SequenceTagger(**SMALL).fit(X3, y, mask=[[1, 0], [1, 0, 1], [1]])
    with pytest.raises(ParameterError, match="`y` holds no label at all, expected at least two classes"):
        SequenceTagger(**SMALL).fit(X3, y, mask=[[False] * 2, [False] * 3, [False]])
    with pytest.raises(ParameterError, match="`validation_data` has 1 entries, expected"):
        SequenceTagger(**SMALL).fit(X3, y, validation_data=(X3,))
    with pytest.raises(ShapeError, match=r"`validation_data\[0\]` has 1 labels, expected 2, one for each step"):
        SequenceTagger(**SMALL).fit(X3, y, validation_data=(X3[:1], [[1]]))
    with pytest.raises(ParameterError, match=r"`targets` is 'tags', expected 'classes' or 'multilabel'"):
        SequenceTagger(targets="tags").fit(X3, y)


def test_later_labels_and_sequences_that_do_not_fit_are_named(tagger, tmp_path):
    with pytest.raises(
        ParameterError, match=r"`y\[0\]` holds the label 'none', expected one of those of `fit`: 'even'"
    ):
        tagger.score([[1.0, 0.0]], [["odd", "none"]])
    with pytest.raises(ShapeError, match=r"`y\[0\]` has 1 labels, expected 2, one for each step of its sequence"):
        tagger.score([[1.0, 0.0]], [["odd"]])
    with pytest.raises(ShapeError, match="X has 2 features, but SequenceTagger is expecting 1 features"):
        tagger.predict([np.ones((3, 2))])
    with pytest.raises(DataError, match="`X` holds NaN in sequence 0, step 1"):
        tagger.predict([[1.0, np.nan]])
    with pytest.raises(Exception, match="This SequenceTagger is not fitted yet"):
        SequenceTagger().predict([[1.0]])
    with pytest.raises(CheckpointError, match="does not exist, expected a run folder"):
        SequenceTagger.load(tmp_path / "none")


def test_a_part_without_a_labelled_step_is_refused_and_not_scored_as_nothing_lost(tagger, many):
    for model, (X, y) in ((tagger, parity(8, 1)), (many, several(8, 1))):
        none, half = [[np.full(len(x), label) for x in X] for label in (False, True)]
        half[4:] = none[4:]
        with pytest.raises(ParameterError, match="`y` has no labelled step, expected at least one; does the `mask`"):
            model.score(X, y, mask=none)
        fresh = SequenceTagger(**SMALL, targets=model.targets)
        with pytest.raises(ParameterError, match="`validation_data` has no labelled step"):
            fresh.fit(X, y, validation_data=(X, y, None, none))
        with pytest.raises(ParameterError, match="the part of `y` to learn from has no labelled step"):
            fresh.fit(X, y, mask=half, sample_weight=[0.0] * 4 + [1.0] * 4)
    only = [np.full(len(x), row == 0) for row, x in enumerate(X)]
    with pytest.raises(ParameterError, match="the part of `y` that `validation_fraction` holds out has no labelled"):
        SequenceTagger(**SMALL, targets="multilabel", validation_fraction=0.2).fit(X, y, mask=only)


@pytest.mark.extras
def test_scikit_learn_searches_its_parameters():
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV, cross_val_score

    X, y = parity(30, 0)
    search = GridSearchCV(SequenceTagger(**SMALL), {"hidden_size": [2, 8], "epochs": [1, 60]}, cv=2)
    search.set_params(estimator__learning_rate=0.03)
    search.fit(X, y)
    assert search.best_params_ == {"hidden_size": 8, "epochs": 60}
    found = cross_val_score(clone(search.best_estimator_), X, y, cv=3)
    assert ((found > 0) & (found <= 1)).all()
    lists = [labels.tolist() for labels in y]
    np.testing.assert_array_equal(cross_val_score(clone(search.best_estimator_), X, lists, cv=3), found)


def test_what_a_masked_array_hides_is_no_label_and_the_kind_of_the_others_stays():
    X, y = np.zeros((2, 3)), np.array([[7, 1, 1], [0, 1, 0]])
    hidden = np.ma.masked_array(y, np.array([[True, False, False], [False, False, False]]))
    model = SequenceTagger(epochs=1, random_state=0).fit(X, hidden)
    assert model.classes_.tolist() == [0, 1]
    assert model.classes_.dtype.kind == "i"
    labelled = SequenceTagger(epochs=1, random_state=0).fit(X, y, mask=~hidden.mask)
    np.testing.assert_array_equal(model.predict_proba(X), labelled.predict_proba(X))
    assert model.evaluate(X, hidden) == labelled.evaluate(X, y, mask=~hidden.mask)
    both = SequenceTagger(epochs=1, random_state=0).fit(X, hidden, mask=y == y)
    np.testing.assert_array_equal(both.predict_proba(X), model.predict_proba(X))
    many = np.ma.masked_array(np.where(hidden.mask[..., None], 9, [[[0, 1]]]), np.stack([hidden.mask] * 2, axis=-1))
    model = SequenceTagger(targets="multilabel", epochs=1, random_state=0)
    one, other = (model.fit(X, each, mask=mask).predict(X) for each, mask in ((many, None), (many.data, ~hidden.mask)))
    np.testing.assert_array_equal(one, other)
    with pytest.raises(ShapeError, match=r"`mask\[0\]` has shape \(3,\) and dtype float64, expected \(3,\) and bool"):
        model.fit(X, many, mask=np.ma.masked_array(y == y, hidden.mask))
