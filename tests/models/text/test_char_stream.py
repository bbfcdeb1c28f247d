"""Streams: a text in pieces is the text, forks do not touch each other, and a saved place is taken up with its bits."""

import itertools
from functools import partial

import numpy as np
import pytest

import unrolled.models.text.stream as module
from unrolled.data.text import Vocabulary
from unrolled.errors import CheckpointError, DataError, ParameterError
from unrolled.models import CharLM, load
from unrolled.models.text.sampling import Sampling
from unrolled.models.text.stream import CharStream
from unrolled.storage import Unit, write_unit

TEXT = "the quick brown fox\njumps over the lazy dog\n" * 3


def make(cell="lstm", layers=1, seed=0):
    return CharLM(Vocabulary.of(TEXT), cell=cell, hidden_size=12, num_layers=layers, embedding_size=5, seed=seed)


cells = pytest.mark.parametrize(("cell", "layers"), [("lstm", 1), ("lstm", 2), ("gru", 1), ("rnn", 1)])


@cells
@pytest.mark.parametrize("cuts", [[1], [0, 1, 2, 3], [7, 7, 60], [130]])
def test_a_text_in_pieces_is_scored_as_the_whole(cell, layers, cuts):
    model = make(cell, layers)
    whole, stream = model.score(TEXT), model.stream()
    bounds = [0, *cuts, len(TEXT)]
    pieces = [stream.read(TEXT[a:b]) for a, b in itertools.pairwise(bounds)]
    np.testing.assert_array_equal(np.concatenate([piece.positions for piece in pieces]), whole.positions)
    # float32, values near 3: products of another shape may sum in another order
    np.testing.assert_allclose(np.concatenate([piece.nats for piece in pieces]), whole.nats, atol=1e-5)
    assert stream.characters == len(TEXT)


@pytest.mark.parametrize("at_once", [1, 5, 131])
def test_a_long_piece_is_read_in_parts_that_go_on_from_each_other(monkeypatch, at_once):
    model = make()
    whole = model.score(TEXT)
    monkeypatch.setattr(module, "READ_AT_ONCE", at_once)
    np.testing.assert_allclose(model.score(TEXT).nats, whole.nats, atol=1e-5)


def test_what_comes_next_has_the_probability_that_it_is_scored_with():
    model = make()
    stream = model.stream()
    stream.read("the qu")
    p = stream.probabilities()
    assert p.shape == (len(model.vocabulary),)
    assert p.sum() == pytest.approx(1)
    for character in "i?":  # one that it knows, and one that it does not
        token = model.vocabulary.encode(character)[0]
        assert stream.fork().read(character).nats[0] == pytest.approx(-np.log(p[token]))
    best = stream.likeliest(3)
    assert [chance for _, chance in best] == sorted(p, reverse=True)[:3]
    assert all(p[model.vocabulary.encode(character)[0]] == chance for character, chance in best)


def test_forks_go_on_without_touching_each_other():
    stream = make().stream()
    stream.read("the ")
    before = stream.probabilities()
    fork = stream.fork()
    fork.read("lazy")
    assert (stream.probabilities() == before).all()
    assert (fork.probabilities() != before).any()
    assert (stream.characters, fork.characters) == (4, 8)
    np.testing.assert_allclose(stream.read("quick").nats, stream.model.score("the quick").nats[3:], atol=1e-5)


def test_a_stream_reads_what_it_writes():
    model = make()
    stream = model.stream()
    stream.read("the ")
    written = "".join(stream.write(9, Sampling(), seed=1))
    assert written == "".join(model.sample("the ", 9, seed=1))
    assert stream.characters == 13
    again = model.stream()
    again.read("the " + written)
    np.testing.assert_allclose(stream.probabilities(), again.probabilities(), atol=1e-6)


@cells
def test_continuations_are_those_of_one_stream_with_the_same_random_numbers(cell, layers):
    model = make(cell, layers)
    stream = model.stream()
    stream.read("the ")
    before = stream.probabilities()
    texts = stream.continuations(3, 8, Sampling(0.7), seed=5)
    assert len(set(texts)) > 1
    assert [len(text) for text in texts] == [8, 8, 8]
    assert texts == model.continuations("the ", 3, 8, temperature=0.7, seed=5)
    assert (stream.probabilities() == before).all()
    assert stream.continuations(1, 8, Sampling(), seed=3) == ["".join(model.sample("the ", 8, seed=3))]
    assert stream.continuations(2, 8, Sampling(0)) == ["".join(model.sample("the ", 8, temperature=0))] * 2


@cells
def test_a_saved_place_is_taken_up_with_the_same_bits(tmp_path, cell, layers):
    model = make(cell, layers)
    stream = model.stream()
    stream.read("the quick")
    stream.save(tmp_path / "place")
    model.save(tmp_path / "model")
    again = CharStream.load(load(tmp_path / "model"), tmp_path / "place")
    for _ in range(2):
        a, b = stream.read(" brown"), again.read(" brown")
        assert a.nats.tobytes() == b.nats.tobytes()
        assert (a.positions == b.positions).all()
    again.save(tmp_path / "place")  # a later place of the same model takes its room
    assert CharStream.load(model, tmp_path / "place").characters == 21


def test_a_place_of_other_weights_and_a_folder_without_a_stream_are_named(tmp_path):
    stream = make().stream()
    stream.read("the")
    stream.save(tmp_path / "place")
    with pytest.raises(
        CheckpointError, match="holds a stream that was read with other weights than this model's; load"
    ):
        CharStream.load(make(seed=1), tmp_path / "place")
    make().save(tmp_path / "model")
    with pytest.raises(CheckpointError, match=r"holds something else: weights, where state would be saved; save to a"):
        stream.save(tmp_path / "model")
    assert load(tmp_path / "model").settings == make().settings  # nothing was lost
    other = make(seed=1).stream()
    other.read("then")
    other.save(tmp_path / "place")
    assert CharStream.load(make(seed=1), tmp_path / "place").characters == 4  # one place takes another's
    write_unit(tmp_path / "other", Unit({"kind": "oracle"}, {}, {"state": {}}))
    with pytest.raises(CheckpointError, match="holds a 'oracle', expected a 'char_stream'; was it saved by CharStream"):
        CharStream.load(make(), tmp_path / "other")


def test_a_stream_that_has_read_nothing_says_so(tmp_path):
    stream = make().stream()
    for use in (
        stream.probabilities,
        stream.likeliest,
        lambda: stream.write(3, Sampling()),
        lambda: stream.continuations(2, 3, Sampling()),
        lambda: stream.save(tmp_path),
    ):
        with pytest.raises(DataError, match=r"nothing has been read yet, expected at least one character .* call read"):
            use()
    assert stream.read("").nats.size == 0
    assert stream.read("a").nats.size == 0
    assert stream.read("b").positions.tolist() == [1]


def test_wrong_wishes_are_named_at_once():
    stream = make().stream()
    stream.read("a")
    with pytest.raises(ParameterError, match="`length` is -1, expected a whole number of at least 0"):
        stream.write(-1, Sampling())
    with pytest.raises(ParameterError, match="`length` is -2, expected a whole number of at least 0"):
        stream.continuations(2, -2, Sampling())
    with pytest.raises(ParameterError, match="`count` is 0, expected a whole number of at least 1; how many"):
        stream.continuations(0, 2, Sampling())
    for write in (stream.write, partial(stream.continuations, 2)):
        with pytest.raises(ParameterError, match="`seed` is 'x', expected a whole number of at least 0"):
            write(2, Sampling(), "x")
