"""Sequences and their batches: nothing lost, little padding, the same again from any place."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from helpers import rng
from unrolled.data.sequences import SequenceBatches, Sequences
from unrolled.errors import CheckpointError, DataError, ParameterError, ShapeError


def ragged(count: int = 100, seed: int = 0, features: int = 2) -> list[np.ndarray]:
    draw = rng(seed)
    return [draw.normal(size=(int(n), features)) for n in draw.integers(1, 60, count)]


def test_a_list_an_array_and_a_padded_array_are_the_same_sequences():
    parts = [part[:7] for part in ragged(6)]
    lengths = [len(part) for part in parts]
    padded = np.full((6, 7, 2), np.nan)
    for row, part in zip(padded, parts, strict=True):
        row[: len(part)] = part
    one, other = Sequences.of(parts), Sequences.of(padded, lengths)
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(one.lengths, other.lengths)
    for index, part in enumerate(parts):
        np.testing.assert_array_equal(one[index], part)


def test_two_axes_are_samples_by_time():
    X = rng(0).normal(size=(3, 5))
    x, lengths = Sequences.of(X).padded(np.arange(3))
    assert lengths is None
    np.testing.assert_array_equal(x, X.T[:, :, None])
    np.testing.assert_array_equal(Sequences.of(list(X)).values, Sequences.of(X).values)


def test_padding_is_zero_and_each_sequence_whole():
    parts = ragged(5)
    x, lengths = Sequences.of(parts).padded(np.array([4, 1, 0]))
    assert lengths is not None
    for n, row in enumerate((4, 1, 0)):
        np.testing.assert_array_equal(x[: lengths[n], n], parts[row])
        assert not x[lengths[n] :, n].any()


def test_some_sequences_are_taken_in_the_order_asked_for():
    parts = ragged(5)
    taken = Sequences.of(parts).take(np.array([3, 0]))
    np.testing.assert_array_equal(taken.values, np.concatenate([parts[3], parts[0]]))
    assert taken.lengths.tolist() == [len(parts[3]), len(parts[0])]


def test_an_epoch_holds_every_sequence_once_with_its_own_target_and_weight():
    parts = ragged()
    batches = SequenceBatches(Sequences.of(parts), np.arange(100), weights=np.arange(100) / 7, batch_size=16, seed=1)
    for _ in range(2):
        seen = []
        for _ in range(batches.steps_per_epoch):
            batch = batches.next()
            lengths = np.full(len(batch.targets), len(batch.x)) if batch.lengths is None else batch.lengths
            for n, row in enumerate(batch.targets):
                np.testing.assert_array_equal(batch.x[: lengths[n], n], parts[row])
                assert batch.weights is not None
                assert batch.weights[n] == row / 7
            seen += batch.targets.tolist()
        assert sorted(seen) == list(range(100))


def test_little_of_a_batch_is_padding():
    sequences = Sequences.of(ragged(1000))
    batches = SequenceBatches(sequences, np.zeros(1000), batch_size=32)
    held = sum(int(np.prod(batches.next().x.shape[:2])) for _ in range(batches.steps_per_epoch))
    assert held < 1.1 * len(sequences.values)  # without sorting about 2


def test_sizes_differ_by_one_at_most():
    batches = SequenceBatches(Sequences.of(np.zeros((33, 4, 1))), np.zeros(33), batch_size=32)
    assert [len(batches.next().targets) for _ in range(2)] == [17, 16]
    assert batches.batch_items == 16.5


def test_sequences_of_equal_length_are_mixed_anew_each_epoch():
    batches = SequenceBatches(Sequences.of(np.zeros((64, 4, 1))), np.arange(64), batch_size=8)
    first, second = ([frozenset(batches.next().targets.tolist()) for _ in range(8)] for _ in range(2))
    assert set(first) != set(second)


def test_long_batches_do_not_always_come_last():
    batches = SequenceBatches(Sequences.of(ragged()), np.zeros(100), batch_size=10)
    steps = [len(batches.next().x) for _ in range(10)]
    assert sorted(steps) != steps


def test_the_seed_alone_says_the_order():
    def order(seed: int) -> list[list[int]]:
        batches = SequenceBatches(Sequences.of(ragged()), np.arange(100), batch_size=16, seed=seed)
        return [batches.next().targets.tolist() for _ in range(20)]

    assert order(3) == order(3) != order(4)


@pytest.mark.parametrize("steps", [0, 3, 7, 9])
def test_going_on_from_a_saved_place_gives_the_same_batches(steps: int):
    def fresh(seed: int) -> SequenceBatches:
        return SequenceBatches(Sequences.of(ragged()), np.arange(100), batch_size=16, seed=seed)

    batches = fresh(0)
    for _ in range(steps):
        batches.next()
    place = json.loads(json.dumps(batches.position))
    coming = [batches.next().targets.tolist() for _ in range(16)]
    other = fresh(5)
    other.go_to(place)
    assert [other.next().targets.tolist() for _ in range(16)] == coming


def test_looking_at_all_in_order_leaves_the_place_as_it_was():
    batches = SequenceBatches(Sequences.of(ragged()), np.arange(100), batch_size=16)
    before = batches.position
    rows = np.concatenate([rows for rows, batch in batches.in_order(32) if np.array_equal(batch.targets, rows)])
    assert sorted(rows.tolist()) == list(range(100))
    assert batches.position == before


def test_targets_of_each_step_come_with_no_weight_in_padding():
    parts = ragged(20)
    sequences = Sequences.of(parts)
    targets = Sequences(np.arange(len(sequences.values)), sequences.lengths)
    batches = SequenceBatches(sequences, targets, weights=np.full(20, 2.0), batch_size=4)
    for rows, batch in batches.in_order(4):
        assert batch.weights is not None
        for n, row in enumerate(rows):
            steps = len(parts[row])
            np.testing.assert_array_equal(batch.targets[:steps, n], targets[row])
            assert (batch.weights[:steps, n] == 2).all()
            assert (batch.weights[steps:, n] == 0).all()


def test_a_place_in_other_data_is_refused():
    one = SequenceBatches(Sequences.of(ragged(100)), np.zeros(100), batch_size=16)
    other = SequenceBatches(Sequences.of(ragged(90)), np.zeros(90), batch_size=16)
    with pytest.raises(CheckpointError, match=r"belongs to 90 sequences in 6 batches, expected 100 in 7"):
        one.go_to(other.position)


@pytest.mark.parametrize("changed", ["sequences", "targets", "steps", "weights"])
def test_a_place_in_other_data_of_the_same_size_is_refused(changed: str):
    def batches(other: str) -> SequenceBatches:
        X, y = ragged(20), np.arange(20.0)
        X[3][0] += other == "sequences"
        y[5] += other == "targets"
        sequences = Sequences.of(X)
        steps = Sequences(np.arange(len(sequences.values)) % (3 if other == "steps" else 2), sequences.lengths)
        weights = np.full(20, 2.0 if other == "weights" else 1.0)
        return SequenceBatches(sequences, steps if changed == "steps" else y, weights=weights, batch_size=4)

    place = batches("").position
    batches("").go_to(place)
    with pytest.raises(CheckpointError, match="belongs to other data of the same size, expected the sequences, targ"):
        batches(changed).go_to(place)
    del place["data"]  # as earlier versions saved it
    batches(changed).go_to(place)


def test_a_place_belongs_to_what_the_run_is_validated_on():
    def batches(validation: str | None) -> SequenceBatches:
        return SequenceBatches(Sequences.of(np.zeros((2, 3))), np.zeros(2), validation=validation)

    for same, place in (("one", batches("one").position), (None, batches("one").position)):
        batches(same).go_to(place)
    batches("one").go_to(batches(None).position)  # an earlier version's, of which nothing is known
    with pytest.raises(CheckpointError, match="belongs to a run with other data to validate on, expected those"):
        batches("two").go_to(batches("one").position)


def test_ragged_feature_counts_are_named():
    with pytest.raises(ShapeError, match=r"`X\[1\]` has shape \(4, 3\), expected \(T, I\) = \(T, 2\)"):
        Sequences.of([np.zeros((5, 2)), np.zeros((4, 3))])


def test_a_sequence_whose_steps_are_ragged_or_that_has_no_steps_is_named():
    with pytest.raises(ShapeError, match=r"`X\[1\]` has steps of unequal numbers of features, expected \(T, I\)"):
        Sequences.of([[[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [3.0]]])
    with pytest.raises(ShapeError, match=r"`X\[0\]` has shape \(\), expected \(T, I\), .* one sequence alone is \[X\]"):
        Sequences.of([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"`X\[1\]` has shape \(2, 1, 1\), expected \(T, I\), or \(T,\) with one"):
        Sequences.of([np.zeros(3), np.zeros((2, 1, 1))])


def test_an_empty_sequence_is_named():
    with pytest.raises(DataError, match=r"`X\[1\]` is empty, expected at least one step"):
        Sequences.of([np.zeros((5, 2)), np.zeros((0, 2))])


def test_no_sequences_are_refused():
    with pytest.raises(DataError, match=r"`X` has no sequences, expected at least one; is the part empty"):
        Sequences.of([])
    with pytest.raises(DataError, match=r"`X` has no sequences \(shape=\(0, 4, 2\)\)"):
        Sequences.of(np.zeros((0, 4, 2)))


@pytest.mark.parametrize("shape", [(4, 0), (4, 3, 0), (4, 0, 3)])
def test_no_features_are_refused(shape: tuple[int, ...]):
    with pytest.raises(DataError, match=r"`X` has 0 feature\(s\)"):
        Sequences.of(np.zeros(shape))


@pytest.mark.parametrize("shape", [(4,), (4, 3, 2, 1)])
def test_a_wrong_number_of_axes_is_told_with_its_remedy(shape: tuple[int, ...]):
    with pytest.raises(ShapeError, match=r"`X` has shape .*, expected \(N, T, I\), or \(N, T\).*one sequence alone"):
        Sequences.of(np.zeros(shape))


@pytest.mark.parametrize(("lengths", "told"), [([3, 6, 5], r"`lengths\[1\]` is 6, .*cut"), ([3, 5, 0], r"is 0, .*out")])
def test_lengths_beyond_the_padding_or_of_nothing_are_refused(lengths: list[int], told: str):
    with pytest.raises(ParameterError, match=told):
        Sequences.of(np.zeros((3, 5, 2)), lengths)


def test_lengths_of_another_number_or_kind_are_refused():
    with pytest.raises(ShapeError, match=r"`lengths` has shape \(2,\), expected \(N,\) = \(3,\)"):
        Sequences.of(np.zeros((3, 5, 2)), [1, 2])
    with pytest.raises(ParameterError, match="`lengths` has dtype float64, expected integers"):
        Sequences.of(np.zeros((3, 5, 2)), [1.0, 2.0, 3.0])
    with pytest.raises(ParameterError, match="`lengths` is given with a list of 2 arrays"):
        Sequences.of([np.zeros((5, 2)), np.zeros((4, 2))], [5, 4])


def test_what_is_no_real_number_is_refused():
    with pytest.raises(ParameterError, match=r"`X\[0\]` has dtype <U1, expected real numbers"):
        Sequences.of([np.array([["a"]])])
    with pytest.raises(ParameterError, match="Complex data not supported"):
        Sequences.of(np.zeros((2, 3), complex))


def test_numbers_that_are_objects_are_taken_and_others_not():
    np.testing.assert_array_equal(Sequences.of(np.ones((2, 3), object)).values, np.ones((6, 1)))
    with pytest.raises(TypeError, match="argument must be a string or a real number"):
        Sequences.of(np.array([[1, 2], [3, {}]], object))


def test_a_row_of_arrays_of_unequal_length_is_as_a_list_of_them():
    parts = ragged(3)
    row = np.empty(3, object)
    row[:] = parts
    np.testing.assert_array_equal(Sequences.of(row).values, np.concatenate(parts))


def test_what_is_masked_is_missing_and_not_what_stands_behind_the_mask():
    X = np.arange(12).reshape(2, 3, 2)
    masked = np.ma.masked_equal(X, 7)
    for given in (masked, list(masked)):
        values = Sequences.of(given).values
        assert np.isnan(values[3, 1])
        assert np.isnan(values).sum() == 1
    np.testing.assert_array_equal(Sequences.of(np.ma.masked_equal(X, 99)).values, X.reshape(6, 2))


def test_what_is_no_array_is_refused_with_its_remedy():
    class Sparse:
        def toarray(self): ...

    for given, remedy in ((Sparse(), r"make the sparse matrix dense with \.toarray\(\)"), (None, "what is to be read")):
        kind = type(given).__name__
        with pytest.raises(ParameterError, match=rf"`X` is a {kind}, expected an array or a list of arrays; {remedy}"):
            Sequences.of(given)


def test_text_among_numbers_is_named_and_numbers_written_as_text_are_read():
    with pytest.raises(
        ParameterError, match=r"`X` holds text \(could not convert .*'a'\), expected real numbers; leave"
    ):
        Sequences.of(np.array([[1.0, "a"], [2.0, "b"]], object))
    assert Sequences.of(np.array([[1.0, "2.5"]], object)).values.tolist() == [[1.0], [2.5]]


def test_lengths_that_a_masked_array_hides_are_refused():
    with pytest.raises(ParameterError, match="`lengths` has dtype float64, expected integers"):
        Sequences.of(np.zeros((2, 3)), np.ma.masked_array([3, 2], [True, False]))


def test_targets_and_weights_may_be_lists():
    batch = SequenceBatches(Sequences.of(np.zeros((2, 3))), [1, 1], weights=[2.0, 2.0]).next()
    assert (batch.targets.tolist(), batch.weights.tolist()) == ([1, 1], [2.0, 2.0])


def test_targets_that_do_not_fit_are_refused():
    sequences = Sequences.of([np.zeros((5, 2)), np.zeros((4, 2))])
    with pytest.raises(ShapeError, match="`targets` has 3 entries, expected 2"):
        SequenceBatches(sequences, np.zeros(3))
    with pytest.raises(ShapeError, match="`weights` has 1 entries, expected 2"):
        SequenceBatches(sequences, np.zeros(2), weights=np.ones(1))
    with pytest.raises(ShapeError, match=r"`targets\[1\]` has 3 steps, expected 4"):
        SequenceBatches(sequences, Sequences(np.zeros(8), np.array([5, 3])))


@pytest.mark.parametrize("batch_size", [0, 2.5, "x", None])
def test_a_batch_size_that_is_no_whole_number_is_refused(batch_size: Any):
    with pytest.raises(ParameterError, match=f"`batch_size` is {batch_size!r}, expected a whole number of at least 1"):
        SequenceBatches(Sequences.of(np.zeros((3, 5, 2))), np.zeros(3), batch_size=batch_size)
