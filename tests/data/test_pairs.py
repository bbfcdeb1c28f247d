"""Pairs: symbols and their tokens, and batches in which each target is fed one step behind."""

import json

import numpy as np
import pytest

from helpers import rng
from unrolled.data.pairs import END, START, PairBatches, Symbols
from unrolled.errors import CheckpointError, DataError, ParameterError


def test_symbols_are_characters_of_strings_and_words_of_lists():
    characters = Symbols.of(["day", "dab", ""])
    assert characters.symbols == ["a", "b", "d", "y"]
    assert characters.encode("bad").tolist() == [4, 3, 5]
    assert characters.encode("").shape == (0,)
    assert len(characters) == 7
    assert characters.decode(np.array([START, 4, 3, 5, END, 0], np.int32)) == "bad"
    words = Symbols.of([["to", "be"], ("or", "to"), []])
    assert words.symbols == ["be", "or", "to"]
    assert words.decode(words.encode(["or", "to"])) == ["or", "to"]
    again = Symbols(words.symbols, joined=words.joined)
    assert again.encode(["be"]).tolist() == words.encode(["be"]).tolist()


@pytest.mark.parametrize("sequences", [["ab", ["cd"]], [[1, 2]], [["ab", 3]], [1, 2], [None]])
def test_sequences_of_neither_kind_are_named(sequences):
    with pytest.raises(DataError, match=r"lists; `X\[1\]` is None"):
        Symbols.of(["a", None], "X")  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match=r"`X` holds . sequences that are neither all strings nor all lists of strings"):
        Symbols.of(sequences, "X")


def test_no_sequences_and_what_is_none_are_named():
    with pytest.raises(DataError, match="`X` has no sequences, expected at least one; nothing can be learned from it"):
        Symbols.of([], "X")
    for wrong in (3, None, [["a"]]):
        with pytest.raises(DataError, match=r"`X\[0\]` is .*, expected a string or a list of words; leave it out"):
            Symbols.of(["ab"]).encode(wrong, "X[0]")


def test_other_symbols_are_named():
    with pytest.raises(DataError, match="`sequences` holds only empty sequences, expected at least one symbol; is it"):
        Symbols.of(["", ""])
    with pytest.raises(DataError, match=r"`X\[3\]` holds 'z', expected only the 2 symbols that were trained on; leave"):
        Symbols.of(["ab"]).encode("az", "X[3]")
    for symbols in ([], ["a", "a"]):
        with pytest.raises(ParameterError, match=r"`symbols` holds . symbols, . of them different; expected at least"):
            Symbols(symbols, joined=True)


def pairs(N=20, seed=0):
    draw = rng(seed)
    sources = [draw.integers(3, 9, n).astype(np.int32) for n in draw.integers(1, 12, N)]
    targets = [draw.integers(3, 9, n).astype(np.int32) for n in draw.integers(0, 7, N)]
    return sources, targets


def test_every_pair_comes_once_in_an_epoch_whole_and_fed_one_step_behind():
    sources, targets = pairs()
    batches = PairBatches(sources, targets, batch_size=6, seed=1)
    assert batches.steps_per_epoch == 4
    assert batches.batch_items == 5
    for _ in range(2):
        met = []
        for _ in range(batches.steps_per_epoch):
            batch = batches.next()
            assert batch.first
            T, N = batch.targets.shape
            lengths = np.full(N, len(batch.sources)) if batch.lengths is None else batch.lengths
            weights = np.ones((T, N)) if batch.weights is None else batch.weights
            for n in range(N):
                steps = int(weights[:, n].sum())
                assert (weights[:steps, n] == 1).all()
                written = batch.targets[:steps, n]
                assert written[-1] == END
                assert batch.inputs[:steps, n].tolist() == [START, *written[:-1]]
                met.append((batch.sources[: lengths[n], n].tolist(), written[:-1].tolist()))
        assert sorted(met) == sorted((a.tolist(), b.tolist()) for a, b in zip(sources, targets, strict=True))


def test_in_order_gives_each_pair_with_its_row():
    sources, targets = pairs()
    batches = PairBatches(sources, targets)
    rows = []
    for some, batch in batches.in_order(7):
        for n, row in enumerate(some):
            assert batch.sources[: len(sources[row]), n].tolist() == sources[row].tolist()
            assert batch.targets[: len(targets[row]) + 1, n].tolist() == [*targets[row], END]
        rows += some.tolist()
    assert sorted(rows) == list(range(20))


def test_going_on_from_a_position_meets_the_same_batches():
    for stop in range(9):
        one, other = (PairBatches(*pairs(), batch_size=6, seed=seed) for seed in (1, 2))
        for _ in range(stop):
            one.next()
        other.go_to(json.loads(json.dumps(one.position)))
        for _ in range(6):
            assert (one.next().sources == other.next().sources).all()
    with pytest.raises(CheckpointError, match="belongs to 20 sequences in 4 batches, expected 20 in 2"):
        PairBatches(*pairs(), batch_size=10).go_to(one.position)


def test_a_position_among_other_pairs_of_the_same_number_is_refused():
    sources, targets = pairs()
    place = PairBatches(sources, targets, batch_size=6).position
    for others in ((sources, targets[::-1]), ([source + 1 for source in sources], targets)):
        with pytest.raises(CheckpointError, match="belongs to other data of the same size"):
            PairBatches(*others, batch_size=6).go_to(place)


def test_pairs_that_cannot_be_learned_from_are_named():
    sources, targets = pairs()
    with pytest.raises(
        ParameterError, match="`targets` has 19 sequences, expected 20, one for each source; was one cut"
    ):
        PairBatches(sources, targets[1:])
    with pytest.raises(DataError, match="`sources` has no sequences, expected at least one pair; nothing can"):
        PairBatches([], [])
    with pytest.raises(DataError, match=r"`sources\[2\]` is empty, expected at least one symbol; leave it out"):
        PairBatches([*sources[:2], sources[0][:0]], targets[:3])
    with pytest.raises(ParameterError, match="`batch_size` is 0, expected a whole number of at least 1"):
        PairBatches(sources, targets, batch_size=0)
