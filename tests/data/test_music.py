"""Piano rolls: the keys that sound, what is no piano roll, and chorales from music21 where it is installed."""

import json
import sys

import numpy as np
import pytest

from unrolled.data import music
from unrolled.data.music import music21_chorales, next_frames, padded_rolls, piano_roll, read_chorales, transposed
from unrolled.errors import DataError, MissingExtraError, ParameterError

PIECES = {"train": [[[60, 64, 67], []], [[21], [108], [60, 60]]], "valid": [[[62]]], "test": [[[50], [51]]]}


def write(tmp_path, content):
    path = tmp_path / "rolls.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_each_note_is_one_key_in_its_step_and_its_part(tmp_path):
    chorales = read_chorales(write(tmp_path, PIECES))
    assert [[roll.shape for roll in part] for part in chorales] == [[(2, 88), (3, 88)], [(1, 88)], [(2, 88)]]
    keys = [[np.flatnonzero(frame).tolist() for frame in roll] for part in chorales for roll in part]
    assert keys == [[[39, 43, 46], []], [[0], [87], [39]], [[41]], [[29], [30]]]
    assert {roll.dtype for part in chorales for roll in part} == {np.dtype("float32")}
    assert max(roll.max() for part in chorales for roll in part) == 1
    assert chorales.valid[0][0, 41] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"rolls.json` is no JSON: .* expected an object with the parts 'train', 'valid', 'test'"),
        ([[[60]]], r"rolls.json` has no part 'train', expected an object with 'train', 'valid', 'test'; is it piano"),
        ({"train": [], "test": []}, r"rolls.json` has no part 'valid', expected"),
        (PIECES | {"test": [[60]]}, r"rolls.json: test` holds something else than pieces, expected a list of pieces"),
        (PIECES | {"test": {"a": 1}}, r"rolls.json: test` holds something else than pieces"),
        (PIECES | {"valid": [[[60]], []]}, r"rolls.json: valid\[1\]` has no time steps, expected at least one; leave"),
        (PIECES | {"train": [[[60], [20]]]}, r"rolls.json: train\[0\]\[1\]` holds 20, expected .* from 21 to 108; a"),
        (PIECES | {"train": [[[109]]]}, r"train\[0\]\[0\]` holds 109, expected whole MIDI"),
        (PIECES | {"train": [[[60.5]]]}, r"train\[0\]\[0\]` holds 60.5, expected whole MIDI"),
        (PIECES | {"train": [[[True]]]}, r"train\[0\]\[0\]` holds True, expected whole MIDI"),
        (PIECES | {"train": [[["C4"]]]}, r"train\[0\]\[0\]` holds 'C4', expected whole MIDI"),
    ],
)
def test_what_is_no_piano_roll_is_named_with_its_place(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_chorales(write(tmp_path, content))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="does not exist, expected a text file; check the path"):
        read_chorales(tmp_path / "none.json")


def test_each_frame_but_the_first_is_predicted_from_the_one_before():
    rolls = [piano_roll([[60], [61], [62]]), piano_roll([[70], [71]])]
    x, y = next_frames(rolls)
    for roll, before, after in zip(rolls, x, y, strict=True):
        np.testing.assert_array_equal(before, roll[:-1])
        np.testing.assert_array_equal(after, roll[1:])
    with pytest.raises(DataError, match=r"`rolls\[1\]` has 1 frame, expected at least 2; nothing comes after"):
        next_frames([rolls[0], rolls[0][:1]])


def test_a_transposed_piece_has_every_note_as_far_away():
    frames = [[21 + 7, 60], [], [108 - 7]]
    for semitones in (-7, -1, 0, 3, 7):
        want = piano_roll([[note + semitones for note in frame] for frame in frames])
        np.testing.assert_array_equal(transposed(piano_roll(frames), semitones), want)
    for semitones in (-8, 8, 88, -200):
        with pytest.raises(DataError, match=f"`semitones` is {semitones}, which moves a note off the piano's 88 keys"):
            transposed(piano_roll(frames), semitones)


def test_rolls_side_by_side_are_silent_behind_their_ends():
    rolls = [piano_roll([[60], [61], [62]]), piano_roll([[70]]), piano_roll([[71], [72]])]
    x, lengths = padded_rolls(rolls)
    assert x.shape == (3, 3, 88)
    assert lengths.tolist() == [3, 1, 2]
    for n, roll in enumerate(rolls):
        np.testing.assert_array_equal(x[: len(roll), n], roll)
        assert not x[len(roll) :, n].any()


def test_without_music21_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "music21.corpus", None)
    with pytest.raises(
        MissingExtraError, match=r"music21 is not installed, .* pip install 'unrolled\[data\]', or read"
    ):
        music21_chorales()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"count": 4}, "`count` is 4, expected at least 5, so that each part has a chorale; leave it out for all"),
        ({"step": 0}, "`step` is 0, expected a positive number of quarter notes; 1 is usual"),
        ({"step": float("nan")}, "`step` is nan, expected a positive number of quarter notes"),
    ],
)
def test_a_wish_that_leaves_no_chorales_is_named(how, message):
    with pytest.raises(ParameterError, match=message):
        music21_chorales(**how)


class Note:
    def __init__(self, offset, length, *keys):
        self.offset, self.quarterLength = offset, length
        self.pitches = [type("Pitch", (), {"midi": key}) for key in keys]


def test_a_note_sounds_in_the_steps_whose_beginning_it_covers():
    notes = [Note(0.0, 1.5, 60), Note(1.5, 1.0, 62), Note(2.0, 0.5, 64, 67), Note(0.25, 0.5, 70)]
    score = type("Score", (), {"flatten": lambda self: type("Flat", (), {"notes": notes})})()
    keys = [np.flatnonzero(frame) + music.LOWEST for frame in music._sampled(score, 1.0, "a")]
    assert [frame.tolist() for frame in keys] == [[60], [60], [62, 64, 67]]
    halves = [np.flatnonzero(frame) + music.LOWEST for frame in music._sampled(score, 0.5, "a")]
    assert [frame.tolist() for frame in halves] == [[60], [60, 70], [60], [62], [62, 64, 67]]


@pytest.mark.extras
@pytest.mark.filterwarnings("default")  # those of music21 itself
def test_music21_brings_chorales_of_four_voices():
    chorales = music21_chorales(5, seed=1)
    assert [len(part) for part in chorales] == [3, 1, 1]
    for part in chorales:
        for roll in part:
            assert len(roll) > 8
            assert 2 < roll.sum(1).mean() <= 5  # now and then two voices meet, or a fifth joins in
    again = music21_chorales(5, seed=1)
    np.testing.assert_array_equal(again.test[0], chorales.test[0])
