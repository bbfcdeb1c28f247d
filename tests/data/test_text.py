"""Files, vocabularies and streams: what is read, what is unknown, and that each character is met in its place."""

import json

import numpy as np
import pytest

from unrolled.data.text import UNKNOWN, Streams, Vocabulary, split_held_out
from unrolled.errors import CheckpointError, DataError, ParameterError


@pytest.mark.parametrize(("length", "held"), [(10, 1), (100, 10), (14, 1), (16, 2)])
def test_the_end_of_the_text_is_held_out(length, held):
    text = "".join(chr(65 + i) for i in range(length))
    training, held_out = split_held_out(text, 0.1)
    assert training + held_out == text
    assert len(held_out) == held


def test_encoding_is_undone_by_decoding():
    text = "zebra äöü \U0001f600\n"
    vocabulary = Vocabulary.of(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert vocabulary.encode(text).min() == 1
    assert vocabulary.encode(text).dtype == np.int32
    assert len(vocabulary) == len(set(text)) + 1


def test_rare_and_unseen_characters_become_the_one_unknown_symbol():
    vocabulary = Vocabulary.of("aaabbc", minimum_count=2)
    assert vocabulary.characters == "ab"
    # below, between and above the known code points, and far outside of them
    assert vocabulary.encode("a\0b`c\U0010ffff\ud800").tolist() == [1, 0, 2, 0, 0, 0, 0]
    assert vocabulary.decode(np.array([0, 2])) == UNKNOWN + "b"


def test_missing_characters_are_listed_once_in_order():
    assert Vocabulary("ab").missing("xaybx") == "xy"
    assert Vocabulary("ab").missing("abba") == ""


def test_characters_need_not_be_sorted():
    assert Vocabulary("ba").encode("abc").tolist() == [2, 1, 0]


@pytest.mark.parametrize("characters", ["", "aba"])
def test_a_vocabulary_without_or_with_repeated_characters_is_an_error(characters):
    with pytest.raises(ParameterError, match=r"`characters` holds . characters, . of them different"):
        Vocabulary(characters)


def test_a_count_that_no_character_reaches_is_an_error():
    with pytest.raises(DataError, match="no character of the text occurs 3 times; lower the minimum count"):
        Vocabulary.of("aabb", minimum_count=3)


def tokens(count):
    return np.arange(count, dtype=np.int32)


def test_streams_are_contiguous_from_window_to_window():
    streams = Streams(tokens(1000), streams=4, window=7, seed=0)
    batches = [streams.next() for _ in range(streams.windows)]
    inputs = np.concatenate([b.inputs for b in batches])
    assert inputs.shape == (streams.windows * 7, 4)
    assert (np.diff(inputs, axis=0) == 1).all()
    assert all((b.targets == b.inputs + 1).all() for b in batches)
    assert [b.first for b in batches] == [True] + [False] * (streams.windows - 1)
    # each stream stays in its own stretch of 249 characters
    assert (inputs.min(0) >= np.arange(4) * 249).all()
    assert (inputs.max(0) < np.arange(1, 5) * 249).all()


def test_a_new_epoch_begins_anew_and_elsewhere_in_the_slack():
    streams = Streams(tokens(1000), streams=4, window=50, seed=0)
    starts = set()
    for _ in range(40):
        batch = streams.next()
        assert batch.first
        starts.add(int(batch.inputs[0, 0]))
        for _ in range(streams.windows - 1):
            assert not streams.next().first
    # 249 characters in 4 windows of 50 leave 49 of slack
    assert min(starts) >= 0
    assert max(starts) <= 49
    assert len(starts) > 20


def test_all_characters_are_met_in_a_text_of_the_exact_length():
    streams = Streams(tokens(2 * 3 * 5 + 1), streams=2, window=5, seed=0)
    assert streams.windows == 3
    targets = np.concatenate([streams.next().targets for _ in range(3)])
    assert sorted(targets.ravel()) == list(range(1, 31))


def test_going_on_from_a_position_meets_the_same_batches():
    kept = Streams(tokens(500), streams=3, window=9, seed=5)
    for stop in range(2 * kept.windows + 2):
        one = Streams(tokens(500), streams=3, window=9, seed=5)
        for _ in range(stop):
            one.next()
        other = Streams(tokens(500), streams=3, window=9, seed=99)
        other.go_to(json.loads(json.dumps(one.position)))
        for _ in range(kept.windows + 3):
            a, b = one.next(), other.next()
            assert (a.inputs == b.inputs).all()
            assert a.first == b.first


def test_a_short_text_gets_fewer_streams():
    assert Streams(tokens(31), streams=64, window=10, seed=0).streams == 3
    assert Streams(tokens(11), streams=64, window=10, seed=0).streams == 1


def test_a_text_shorter_than_one_window_is_an_error():
    with pytest.raises(DataError, match=r"has 10 characters, expected at least 11: one window of 10 .* smaller window"):
        Streams(tokens(10), streams=1, window=10, seed=0)


def test_a_position_of_other_streams_is_an_error():
    position = Streams(tokens(100), streams=2, window=5, seed=0).position
    with pytest.raises(CheckpointError, match="belongs to 2 streams of 49 characters, expected 2 of 50; was the text"):
        Streams(tokens(102), streams=2, window=5, seed=0).go_to(position)
