"""Text files: read whole or in pieces, they are the same text, in the same batches, in no more memory than a piece."""

import hashlib
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import unrolled.data.text_file as module
from unrolled.data.text import Streams, Vocabulary, open_text, read_text, split_held_out
from unrolled.errors import DataError
from unrolled.models import CharLM

READERS = pytest.mark.parametrize("read", [read_text, open_text])
MESSY = "naïve\r\n\t\U0001f600 日本語 z\0" * 40


@READERS
def test_a_text_is_read_as_it_is(tmp_path, read):
    text = "a\r\nb\nc\tü\U0001f600"
    (tmp_path / "t.txt").write_bytes(text.encode())
    assert str(read(tmp_path / "t.txt")) == text


@READERS
@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (None, r"`.*t.txt` does not exist, expected a text file; check the path"),
        (b"", r"`.*t.txt` is empty, expected text in UTF-8; is it the right file"),
        (b"abc\xe9d", r"`.*t.txt` is not UTF-8: byte offset 3 holds 0xe9 .* iconv"),
        ("äö".encode() + b"\xff", r"not UTF-8: byte offset 4 holds 0xff"),
        (b"ab\xc3", r"not UTF-8: byte offset 2 holds 0xc3 \(unexpected end of data\)"),
    ],
)
def test_a_file_that_is_no_text_is_named_with_its_remedy(tmp_path, read, raw, message):
    path = tmp_path / "t.txt"
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(DataError, match=message):
        read(path)


@READERS
def test_a_folder_is_no_text(tmp_path, read):
    with pytest.raises(DataError, match="is a folder, expected a text file; name a file in it"):
        read(tmp_path)


@READERS
def test_a_file_that_cannot_be_read_is_named(tmp_path, read):
    (tmp_path / "t.txt").write_text("a")
    with pytest.raises(DataError, match=r"cannot be read .* check"):
        read(tmp_path / "t.txt" / "deeper")


@pytest.fixture(params=[1, 3, 7, 1 << 20])
def messy(request, tmp_path, monkeypatch):
    """A file of characters of one to four bytes, read in pieces that cut them anywhere."""
    monkeypatch.setattr(module, "PIECE", request.param)
    (tmp_path / "t.txt").write_bytes(MESSY.encode())
    return open_text(tmp_path / "t.txt")


def test_every_stretch_is_the_one_of_the_string(messy):
    assert len(messy) == len(MESSY)
    assert messy.sha256 == hashlib.sha256(MESSY.encode()).hexdigest()
    for stretch in (
        slice(0, 5),
        slice(3, 100),
        slice(17, 18),
        slice(-9, None),
        slice(50, 50),
        slice(60, 40),
        slice(None),
    ):
        assert str(messy[stretch]) == MESSY[stretch]
        assert len(messy[stretch]) == len(MESSY[stretch])
    assert str(messy[20:200][5:-7][1:]) == MESSY[20:200][5:-7][1:]


def test_a_stretch_is_read_from_the_piece_that_it_begins_in(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PIECE", 10)
    (tmp_path / "t.txt").write_bytes("ä".encode() * 500)
    text = open_text(tmp_path / "t.txt")
    read = []
    pieces = module._pieces
    monkeypatch.setattr(module, "_pieces", lambda path, start: (read.append(start), pieces(path, start))[1])
    assert str(text[497:499]) == "ää"
    assert read == [990]


def test_the_offset_of_a_wrong_byte_is_counted_over_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PIECE", 3)
    (tmp_path / "t.txt").write_bytes("äöüäöü".encode() + b"\xe4x")
    with pytest.raises(DataError, match="not UTF-8: byte offset 12 holds 0xe4"):
        open_text(tmp_path / "t.txt")


def test_a_vocabulary_and_its_tokens_are_those_of_the_string(messy):
    for minimum in (1, 41):
        vocabulary = Vocabulary.of(messy, minimum)
        assert vocabulary.characters == Vocabulary.of(MESSY, minimum).characters
        tokens = vocabulary.encode(messy)
        assert tokens.dtype == np.uint8
        assert not tokens.flags.writeable
        np.testing.assert_array_equal(tokens, vocabulary.encode(MESSY))
    assert vocabulary.encode(messy[3:3]).shape == (0,)


def test_a_large_vocabulary_takes_two_bytes_for_a_token(tmp_path):
    text = "".join(map(chr, range(300, 700)))
    (tmp_path / "t.txt").write_text(text, encoding="utf-8")
    tokens = Vocabulary.of(text).encode(open_text(tmp_path / "t.txt"))
    assert tokens.dtype == np.uint16
    np.testing.assert_array_equal(tokens, Vocabulary.of(text).encode(text))


def test_batches_and_evaluation_are_those_of_the_string_bit_for_bit(messy):
    (training, held_out), (training_, held_out_) = (split_held_out(text, 0.2) for text in (messy, MESSY))
    vocabulary = Vocabulary.of(training)
    one, other = (Streams(vocabulary.encode(text), 3, 11, seed=4) for text in (training, training_))
    for _ in range(2 * one.windows + 3):
        a, b = one.next(), other.next()
        assert a.inputs.dtype == b.inputs.dtype == np.int32
        assert a.inputs.tobytes() == b.inputs.tobytes()
        assert a.targets.tobytes() == b.targets.tobytes()
        assert a.first == b.first
    assert one.position == other.position
    model = CharLM(vocabulary, hidden_size=8, seed=0)
    for streams, limit in ((1, None), (4, None), (4, 5)):
        want = model.evaluate(held_out_, streams, limit)
        assert model.evaluate(held_out, streams, limit) == want
        assert model.evaluate(vocabulary.encode(held_out), streams, limit) == want


def test_tokens_leave_no_file_behind(tmp_path):
    (tmp_path / "t.txt").write_text(MESSY, encoding="utf-8")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    tokens = Vocabulary.of(MESSY).encode(open_text(tmp_path / "t.txt", scratch))
    if os.name != "nt":  # where an open file has no need of a name
        assert list(scratch.iterdir()) == []
    assert len(tokens) == len(MESSY)


def test_a_scratch_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "t.txt").write_text("some text")
    text = open_text(tmp_path / "t.txt", tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"t.txt` cannot be kept in .*nowhere \(No such .* name one with open_text\("):
        Vocabulary.of(text).encode(text)


def test_a_file_that_is_changed_in_use_is_named(tmp_path, monkeypatch):
    path = tmp_path / "t.txt"
    path.write_text("some text")
    text = open_text(path)
    path.write_text("some other text")
    with pytest.raises(DataError, match=r"was changed while it was in use: it is 15 bytes of .*, expected 9 bytes of"):
        str(text)
    monkeypatch.setattr(module, "PIECE", 4)
    text = open_text(path)
    pieces = text.pieces()
    assert next(pieces) == "some"
    path.write_text("some oth")
    assert next(pieces) == " oth"
    with pytest.raises(DataError, match="it has 8 characters now, expected at least 15; leave it alone"):
        next(pieces)


CAPPED = """
    import resource, sys
    import numpy as np
    from unrolled.data.text import Streams, Vocabulary, open_text, read_text, split_held_out
    from unrolled.models import CharLM

    path, way = sys.argv[1:]
    CharLM(Vocabulary("ab"), hidden_size=8, seed=0).evaluate("abab")  # all that is made once
    with open("/proc/self/status") as status:
        used = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmData:"))
    resource.setrlimit(resource.RLIMIT_DATA, (used + (40 << 20),) * 2)  # every page of its own, not those of files
    text = open_text(path) if way == "open" else read_text(path)
    training, held_out = split_held_out(text, 0.3)
    vocabulary = Vocabulary.of(training)
    batches = Streams(vocabulary.encode(training), 16, 32, seed=0)
    for _ in range(20):
        batch = batches.next()
    model = CharLM(vocabulary, hidden_size=8, seed=0)
    print(len(text), int(batch.inputs.sum()), model.evaluate(held_out, 16, 64).characters)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the cap is Linux's")
def test_a_text_larger_than_the_memory_is_trained_on(tmp_path):
    path = tmp_path / "large.txt"
    line = "the quick brown fox jumps over the lazy dog, naïvely\n"
    path.write_text(line * 1_000_000, encoding="utf-8")  # 54 MB, where 40 are allowed

    def run(way):
        code = [sys.executable, "-c", textwrap.dedent(CAPPED), str(path), way]
        return subprocess.run(code, capture_output=True, text=True, env=os.environ | {"UNROLLED_NUM_THREADS": "1"})

    opened, whole = run("open"), run("whole")
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.split()[0] == str(len(line) * 1_000_000)
    assert opened.stdout.split()[2] == str(16 * 64)
    assert "MemoryError" in whole.stderr  # the cap is one
