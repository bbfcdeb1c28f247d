"""`--map`: read, refused with a remedy, and followed."""

import pytest

from unrolled.check.find import Found, Mapping, find_functions, read_mapping, read_source
from unrolled.errors import ParameterError


def test_functions_arguments_and_keys_are_read():
    assert read_mapping([]) == Mapping()
    told = read_mapping(["rcf = rnn_cell_forward , LSTM.step=lstm_cell_forward", "rcf.h=a_prev,LSTM.step.W1=Wf", ""])
    assert told.functions == {"rcf": "rnn_cell_forward", "LSTM.step": "lstm_cell_forward"}
    assert told.roles == {("rcf", "h"): "a_prev", ("LSTM.step", "W1"): "Wf"}
    assert told.role(("other", "rcf"), "h") == "a_prev"
    assert told.role(("rcf",), "W1") is None


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("rcf", r"`rcf` is not of the form NAME=FUNCTION.*for example rcf=rnn_cell_forward"),
        ("=softmax", "is not of the form"),
        ("rcf=", "is not of the form"),
        ("1x=softmax", "is not of the form"),
        ("f.=xt", "is not of the form"),
        ("rcf=rnn_cel_forward", "`rnn_cel_forward` is no function that is checked, expected `rnn_cell_forward`"),
        ("rcf=qqqq", "expected one of sigmoid, softmax"),
        ("rcf.h=a_pre", "`a_pre` is no role, expected `a_prev`, perhaps"),
        ("rcf.h=??", "expected a role such as xt"),
    ],
)
def test_a_wrong_entry_is_refused_with_what_was_expected(entry: str, message: str):
    with pytest.raises(ParameterError, match=message):
        read_mapping([entry])


@pytest.mark.parametrize("entries", ["f=softmax,f=sigmoid", "f.x=xt,f.x=a_prev"])
def test_entries_that_contradict_each_other_are_refused(entries: str):
    with pytest.raises(ParameterError, match=r"contradicts an earlier `(softmax|xt)`"):
        read_mapping([entries])
    assert read_mapping(["f=softmax,f=softmax"]).functions == {"f": "softmax"}


TEXT = """
import numpy as np
class Net:
    def go(self, u, v):
        return np.tanh(self.m1 @ u + self.m2 @ v)
def odd(p, q, r):
    s = np.tanh(r["one"] @ p + r["two"] @ q + r["three"])
    return s, r["four"] @ s, (s, q, p, r)
def back(g, k):
    s, q, p, r = k
    d = g * (1 - s ** 2)
    return {"first": r["one"].T @ d, "second": d.sum(1)}
"""


def find(*told: str) -> dict[str, Found]:
    return {found.name: found for found in find_functions(read_source("a.py", TEXT), read_mapping(told))[0]}


def test_told_roles_reach_arguments_parameters_cache_and_results():
    told = ["odd=rnn_cell_forward", "odd.p=a_prev,odd.q=xt", "odd.one=Waa,odd.two=Wax,odd.three=ba,odd.four=Wya"]
    found = find(*told, "odd.s=a_next")["rnn_cell_forward"]
    assert [argument.role for argument in found.arguments] == ["a_prev", "xt", "parameters"]
    assert found.weights == {"one": "Waa", "two": "Wax", "three": "ba", "four": "Wya"}
    assert found.cache == ("a_next", "xt", "a_prev", "parameters")
    assert found.returns == ("a_next", "yt_pred", "cache")


def test_the_courses_name_of_a_function_will_do_for_its_roles():
    found = find("back=rnn_cell_backward", "rnn_cell_backward.first=dxt,back.second=dba")["rnn_cell_backward"]
    assert found.returns == {"first": "dxt", "second": "dba"}


def test_told_roles_reach_attributes():
    found = find("Net.go=rnn_cell_forward", "Net.go.m1=Wax,go.m2=Waa,Net.go.u=xt")["rnn_cell_forward"]
    assert found.attributes == {"m1": "Wax", "m2": "Waa"}
    assert [argument.role for argument in found.arguments] == ["xt", "a_prev"]
