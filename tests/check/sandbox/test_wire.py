"""Messages and replies: what was not written by the other side's encoder is refused, whatever it is."""

import json
import random
import re

import numpy as np
import pytest

from unrolled.check.sandbox.inside.encode import Encoder
from unrolled.check.sandbox.inside.wire import Decoder, Limits, Opaque, Ref, WireError
from unrolled.check.sandbox.process import Ending
from unrolled.check.sandbox.reply import read_reply

LIMITS = Limits(bytes=1 << 16, nodes=500)
TOKEN = bytes(range(16))


def message(arrays=(), data=b"", **header):
    text = json.dumps({"arrays": list(arrays), **header}).encode()
    return len(text).to_bytes(4, "little") + text + data


def sent(value, limits=LIMITS):
    encoder = Encoder(limits)
    node = encoder.value(value)
    decoder = Decoder(encoder.message({"value": node}), limits)
    return decoder.value(decoder.header["value"])


def test_what_is_sent_arrives():
    value = ({"a": [1, -2.5, 3j, "é", None, True, Ref(1, ("k", 2)), Opaque("set")]}, np.float32(0.5))
    assert sent(value) == value
    assert type(sent(value)[1]) is np.float32


def test_an_array_arrives_as_a_copy_that_can_be_written_to():
    given = np.arange(12.0).reshape(3, 4)[::2, ::-1]
    back = sent(given)
    np.testing.assert_array_equal(back, given)
    back += 1
    assert given[0, 0] == 3


def test_other_byte_orders_and_long_doubles_arrive_as_plain_numbers():
    np.testing.assert_array_equal(sent(np.arange(3, dtype=">i4")), np.arange(3, dtype="i4"), strict=True)
    np.testing.assert_array_equal(sent(np.ones(2, dtype=np.longdouble)), np.ones(2), strict=True)


def test_what_is_too_much_is_left_out_and_told():
    encoder = Encoder(LIMITS)
    encoder.value([np.zeros(1 << 14)])
    assert encoder.full
    encoder = Encoder(LIMITS)
    encoder.value([0] * 501)
    assert encoder.full


def test_a_header_beyond_the_limits_is_not_written():
    encoder = Encoder(LIMITS)
    with pytest.raises(WireError, match="a message would have a header of"):
        encoder.message({"value": [encoder.value("x" * 9999) for _ in range(9)]})


@pytest.mark.parametrize(
    ("forged", "words"),
    [
        (b"", "the header of a message is not JSON"),
        (b"\xff\xff\xff\x7f{}", "the header of a message has 2147483647 bytes"),
        (message()[:-1], "is not JSON"),
        ((20000).to_bytes(4, "little") + b"[" * 20000, "is not JSON: RecursionError"),
        ((20000).to_bytes(4, "little") + b"1" * 20000, "is not JSON: ValueError"),
        ((2).to_bytes(4, "little") + b"[]", "is not an object"),
        (message(arrays=[["<f8", [2]]], data=b"1234"), "ends before its arrays do"),
        (message(arrays=[["<f8", [0]]], data=b"1234"), "goes on after its arrays"),
        (message(arrays=[["|O", [1]]], data=bytes(8)), "an array of no known kind"),
        (message(arrays=[[["<f8"], [1]]], data=bytes(8)), "an array of no known kind"),
        (message(arrays=[["<M8[s]", [1]]], data=bytes(8)), "an array of no known kind"),
        (message(arrays=[["<f8", [-1, -1]]], data=bytes(8)), "an impossible shape"),
        (message(arrays=[["<f8", [True]]], data=bytes(8)), "an impossible shape"),
        (message(arrays=[["<f8", [1 << 60]]]), "an impossible shape"),
        (message(arrays=[["<f8", [0, *[1 << 16] * 5]]]), "an impossible shape"),
        (message(arrays=[["<f8", [1] * 17]], data=bytes(8)), "an array of no known kind"),
        (message(arrays={"a": 1}), "a message lacks a list"),
        (message(arrays=[["<f8"]]), "a message lacks a list of pairs"),
    ],
)
def test_a_forged_message_is_refused(forged, words):
    with pytest.raises(WireError, match=words):
        Decoder(forged, LIMITS)


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (["x", 1], "a node of no known kind"),
        (["i", "1"], "a node of no known kind"),
        (["i", 1 << 64], "a node of no known kind"),
        (["i", True], "a node of no known kind"),
        (["f", "nan"], "a node of no known kind"),
        (["s", "x" * 10001], "a node of no known kind"),
        ([["t"], []], "a node of no known kind"),
        (["c", 1, 2], "a node of no known kind"),
        (["r", 0, [[]]], "a node of no known kind"),
        ("text", "lacks a list"),
        ({}, "lacks a list"),
        (["o", 3], "a type of no known form"),
        (["o", "x" * 201], "a type of no known form"),
        (["a", 0], "an array that it does not hold"),
        (["a", -1], "an array that it does not hold"),
        (["=", 0], "a container that it does not hold"),
        (["l", [["=", 0]]], "a container that it does not hold"),  # itself, which would have no end
        (["d", [[["i", 1], None]]], "a key of no known kind"),
        (["d", [[None, None]]], "lacks a list"),
        (["d", [["a"]]], "lacks a list of pairs"),
        (["l", [None] * 501], "more than 500 values"),
    ],
)
def test_a_forged_value_is_refused(node, words):
    decoder = Decoder(message(), LIMITS)
    with pytest.raises(WireError, match=words):
        decoder.value(node)


def test_containers_that_stand_in_many_places_count_in_each():
    node = ["l", [None] * 10]
    for level in range(9):
        node = ["l", [node, *[["=", level]] * 9]]
    with pytest.raises(WireError, match="more than 500 values"):
        Decoder(message(), LIMITS).value(node)


def test_containers_within_containers_end_somewhere():
    node = None
    for _ in range(25):
        node = ["l", [node]]
    with pytest.raises(WireError, match="a node of no known kind"):
        Decoder(message(), LIMITS).value(node)


def test_text_that_would_not_encode_is_made_to():
    decoder = Decoder(message(value=["s", "\ud800"]), LIMITS)
    assert decoder.value(decoder.header["value"]) == "?"


def ended(*pieces, code=0, killed="", rest=b""):
    written = b"".join(TOKEN + kind + len(piece).to_bytes(4, "little") + piece for kind, piece in pieces)
    return read_reply(Ending(TOKEN, bytearray(written + rest), code, killed), LIMITS, 1, 2.0)


def full(**more):
    whole = {"status": "returned", "values": [["i", 1]], "later": [], "arguments": [], "instances": [], "shared": []}
    return message(**{**whole, "records": [], **more})


def test_a_whole_reply_is_read():
    record = [3, "y", ["f", 0.5], 0, "f"]
    reply = ended((b"R", full(records=[record], shared=[[["value", 0], ["argument", 0, "x"]]], line=4)))
    assert (reply.status, reply.values, reply.later, reply.error_line) == ("returned", [1], [1], 4)
    assert reply.shared == [(("value", 0), ("argument", 0, "x"))]
    assert (reply.records[0].name, reply.records[0].value) == ("y", 0.5)


@pytest.mark.parametrize(
    "forged",
    [
        full(status="correct"),
        full(status=["returned"]),
        full(error=1),
        full(values=None),
        full(values=[]),
        full(values=[["i", 1]] * 2),
        full(later=3),
        full(arguments=[["i", 1]]),
        full(instances=[["a", None]]),
        full(instances=[[1, ["d", []]]]),
        full(shared=[[1, 2]]),
        full(shared=[[[None], []]]),
        full(records=[[1, "y", None, 0, "f"]]),
        full(records=[["1", "y", ["f", 0.5], 0, "f"]]),
        full(records=[[1, "y"]]),
        full(global_state={"random": 1}),
        full(global_state={"random": [[]], "reassigned": [], "read": []}),
        message(status="returned"),
        b"",
    ],
)
def test_a_forged_reply_is_refused(forged):
    reply = ended((b"R", forged))
    assert (reply.status, reply.values) == ("refused", [])
    assert reply.error.startswith("its reply is not one that the sandbox writes: ")


@pytest.mark.parametrize(
    ("ending", "status", "words"),
    [
        ({}, "died", r"it ended its process \(exit status 0\) before it had returned"),
        ({"code": -11}, "died", r"it crashed its process \(SIGSEGV\)"),
        ({"code": -24}, "timeout", "it used more processor time than it was given"),
        ({"code": -9}, "memory", "the system ended it, most likely for its memory"),
        ({"code": -63}, "died", "signal 63"),
        ({"code": None}, "died", "the sandbox ended while it ran; the next job has a new one"),
        ({"killed": "timeout"}, "timeout", "it ran longer than 2 s$"),
        ({"killed": "wall"}, "timeout", "it ran longer than 8 s, most of it waiting"),
        ({"killed": "files"}, "output", "it made too many files"),
        ({"killed": "output"}, "output", "it sent more than its results may hold"),
        ({"rest": b"x"}, "refused", "it wrote into the sandbox's own pipe"),
    ],
)
def test_an_end_without_a_reply_is_told(ending, status, words):
    reply = ended(**ending)
    assert reply.status == status
    assert re.search(words, reply.error), reply.error


def test_a_process_whose_limits_could_not_be_set_was_not_run():
    reply = ended((b"N", b"the kernel takes no filter"), code=2)
    assert (reply.status, reply.error) == (
        "died",
        "it was not run, since a limit could not be set: the kernel takes no filter",
    )


def test_what_was_tried_is_told_before_what_came_of_it():
    reply = ended((b"A", b"to start a process"), (b"A", b"to open '\x1b[2J'"), killed="timeout")
    assert reply.status == "refused"
    assert reply.error == (
        "it tried to start a process and to open '\N{REPLACEMENT CHARACTER}[2J', which the sandbox forbids; "
        "then: it ran longer than 2 s"
    )


@pytest.mark.parametrize("seed", range(4))
def test_no_bytes_whatever_make_the_reader_raise(seed):
    draw = random.Random(seed)
    encoder = Encoder(LIMITS)
    nodes = [encoder.value({"a": (np.ones((2, 3)), [1, 2.5, "x"]), "b": np.arange(4)})]
    good = encoder.message(json.loads(full(values=nodes)[4:]))
    read = 0
    for _ in range(500):
        bad = bytearray(good)
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(bad))
            match draw.randrange(3):
                case 0:
                    bad[at] = draw.randrange(256)
                case 1:
                    del bad[at : at + draw.randint(1, 20)]
                case _:
                    bad[at:at] = draw.choice([b"[", b"]", b"9", b'"', b"null", b"-", bad[at : at + 12]])
        read += ended((b"R", bytes(bad))).status == "returned"
    assert 0 < read < 500  # some changes are harmless, such as one of a number; most are found
