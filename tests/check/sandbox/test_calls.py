"""What an ordinary learner's code gives back, with bubblewrap and without."""

import socket
import time

import numpy as np
import pytest

from unrolled.check.sandbox import Call, Job, Opaque, Ref, Sandbox, SandboxError, bubblewrap
from unrolled.errors import ParameterError

RNG = np.random.default_rng(7)


def run(sandbox, code, *calls, **more):
    return sandbox.run(Job(code, calls, **more))


def test_values_of_every_kind_come_back_as_they_were(either):
    given = {
        "float": RNG.normal(size=(2, 3)),
        "single": RNG.normal(size=4).astype(np.float32),
        "int": np.arange(6).reshape(1, 2, 3),
        "bool": np.array([True, False]),
        "complex": np.array([1 + 2j]),
        "empty": np.zeros((0, 4)),
        "scalar": np.float64(0.1),
        "nested": [1, 2.5, 1j, "text", None, True, (float("inf"), {"k": [3]})],
        3: "a key that is a number",
    }
    reply = run(either, "def f(x): return x", Call("f", [given]))
    assert reply.status == "returned", reply.error
    (back,) = reply.values
    assert list(back) == list(given)
    assert back["nested"] == given["nested"]
    assert type(back["scalar"]) is np.float64
    assert back["scalar"] == 0.1
    for name in ("float", "single", "int", "bool", "complex", "empty"):
        assert back[name].dtype == given[name].dtype
        np.testing.assert_array_equal(back[name], given[name], strict=True)


def test_nan_stays_nan(either):
    reply = run(either, "import numpy as np\ndef f(): return float('nan'), np.array([np.nan, -np.inf])", Call("f"))
    number, array = reply.values[0]
    assert np.isnan(number)
    np.testing.assert_array_equal(array, [np.nan, -np.inf])


def test_one_object_in_several_places_arrives_as_one_and_comes_back_as_one(either):
    parameters = {"Wf": RNG.normal(size=(2, 2))}
    code = "def f(a, b): return a is b['p'], [b['p'], a]"
    same, (first, second) = run(either, code, Call("f", [parameters, {"p": parameters}])).values[0]
    assert same is True
    assert first is second


def test_an_argument_given_by_reference_is_the_very_object_that_was_returned(either):
    code = """
kept = None
def forward(x):
    global kept
    kept = {"cache": (x, x + 1)}
    return x, kept
def backward(cache, both):
    return cache is kept["cache"], both["in"][0] is cache
"""
    part = Ref(0, (1, "cache"))
    reply = run(either, code, Call("forward", [np.ones(2)]), Call("backward", [part], {"both": {"in": (part,)}}))
    assert reply.values[1] == (True, True)


def test_a_reference_to_what_is_not_there_is_named(either):
    reply = run(either, "def f(*x): return 1, 2", Call("f"), Call("f", [Ref(0, (5,))]))
    assert (reply.status, reply.error_call) == ("raised", 1)
    assert "what call 0 returned has no part [5]" in reply.error


def test_a_method_is_called_on_an_instance_with_the_attributes_given(either):
    code = """
class Net:
    def __init__(self): raise RuntimeError("not to be called")
    def step(self, x):
        self.h = self.W * x
        return self.h
"""
    calls = [Call("Net.step", [3.0], attributes={"W": 2.0}, instance="net"), Call("Net.step", [4.0], instance="net")]
    reply = run(either, code, *calls)
    assert reply.values == [6.0, 8.0], reply.error
    assert reply.instances == {"net": {"W": 2.0, "h": 8.0}}


def test_an_instance_can_be_made_by_its_class(either):
    code = "class Net:\n    def __init__(self, n): self.n = n\n    def size(self): return self.n"
    assert run(either, code, Call("Net.size", init=[5])).values == [5]


def test_a_function_is_replaced_beneath_the_one_that_calls_it(either):
    code = "def cell(x): return x + 1\ndef loop(x): return cell(cell(x))"
    replace = {"cell": "import numpy as np\ndef cell(x): return np.multiply(x, 10)"}
    assert run(either, code, Call("loop", [1])).values == [3]
    assert run(either, code, Call("loop", [1]), replace=replace).values == [100]


def test_the_course_s_modules_are_there(either):
    code = """
from rnn_utils import *
from rnn_utils import sigmoid, softmax, initialize_adam, update_parameters_with_adam
from public_tests import *
from public_tests import a_test_of_another_year
import public_tests
rnn_cell_forward_tests(None); lstm_backward_test(f := None); a_test_of_another_year(1, 2, k=3)
def f(x): return sigmoid(x), softmax(x)
def adam(p, g):
    v, s = initialize_adam(p)
    return update_parameters_with_adam(p, g, v, s, t=2)
"""
    x = RNG.normal(size=(3, 2))
    p, g = {"W1": np.ones((1, 2)), "b1": np.ones((1, 1))}, {"dW1": np.full((1, 2), 3.0), "db1": np.zeros((1, 1))}
    (s, soft), (parameters, v, _) = run(either, code, Call("f", [x]), Call("adam", [p, g])).values
    np.testing.assert_allclose(s, 1 / (1 + np.exp(-x)))
    np.testing.assert_allclose(soft, np.exp(x) / np.exp(x).sum(axis=0))
    np.testing.assert_allclose(v["dW1"], 0.3)
    step = 0.01 * (0.3 / (1 - 0.9**2)) / np.sqrt(0.009 / (1 - 0.999**2) + 1e-8)
    np.testing.assert_allclose(parameters["W1"], 1 - step)
    np.testing.assert_array_equal(parameters["b1"], 1)


def test_a_function_under_judgement_is_not_lent_by_the_course_s_module(either):
    code = "import rnn_utils\nfrom rnn_utils import sigmoid as theirs, softmax\ndef sigmoid(x): return theirs(x)"
    reply = run(either, code, Call("sigmoid", [0.0]), without=["sigmoid"])
    assert reply.status == "raised"
    assert "rnn_utils.sigmoid is not given where this very function is checked" in reply.error


def test_prints_warnings_assertions_and_random_numbers_are_ordinary(either):
    code = """
import sys, warnings
import numpy as np
print("hello", file=sys.stderr); print("é \\udc80")
def f(x):
    warnings.warn("take care")
    assert x.shape == (2,)
    np.random.seed(0)
    return np.log(x - x) + np.random.randn(2), len(input.__name__)
"""
    reply = run(either, code, Call("f", [np.ones(2)]))
    assert reply.status == "returned", reply.error
    assert reply.global_state.random == ("numpy.random",)


def test_an_error_comes_with_its_text_and_the_learner_s_own_line(either):
    code = "import numpy as np\n\ndef g(x):\n    return np.dot(x, x)\n\ndef f(x):\n    return g(x)\n"
    reply = run(either, code, Call("f", [np.ones((2, 3))]))
    assert (reply.status, reply.error_line, reply.error_call) == ("raised", 4, 0)
    assert reply.error.startswith("ValueError: shapes (2,3) and (2,3) not aligned")


def test_an_error_beneath_the_learner_s_code_is_placed_at_the_line_that_called(either):
    code = "def cell(x): pass\ndef loop(x):\n    return 1 + cell(x)"
    reply = run(either, code, Call("loop", [1]), replace={"cell": "def cell(x):\n\n\n\n    raise ValueError('shape')"})
    assert (reply.error, reply.error_line) == ("ValueError: shape", 3)


def test_an_error_while_the_code_is_defined_belongs_to_no_call(either):
    reply = run(either, "x = 1\ny = ft", Call("f"))
    assert (reply.status, reply.error, reply.error_line) == ("raised", "NameError: name 'ft' is not defined", 2)
    assert reply.error_call is None
    syntax = run(either, "x = 1\n\ndef f(:\n", Call("f"))
    assert (syntax.status, syntax.error_line) == ("raised", 3)


def test_what_earlier_calls_returned_is_kept_when_a_later_one_raises(either):
    reply = run(either, "def f(x): return 1 / x", Call("f", [2]), Call("f", [0]))
    assert (reply.status, reply.error_call, reply.values) == ("raised", 1, [0.5])


def test_a_name_that_is_not_there_is_told(either):
    assert "name 'f' is not defined once the code has run" in run(either, "", Call("f")).error


def test_arguments_that_were_changed_are_seen_after_the_call(either):
    reply = run(either, "def f(x, p):\n    x += 1\n    p['b'] = 0", Call("f", [np.zeros(2), {"W": 1}]))
    np.testing.assert_array_equal(reply.arguments[0][0], [1, 1])
    assert reply.arguments[0][1] == {"W": 1, "b": 0}
    assert reply.values == [None]


def test_a_result_that_a_later_call_overwrites_is_known_as_it_was_and_as_it_is(either):
    code = "import numpy as np\nbuffer = np.zeros(2)\ndef f(x):\n    buffer[:] = x\n    return buffer"
    reply = run(either, code, Call("f", [1.0]), Call("f", [2.0]))
    np.testing.assert_array_equal(reply.values, [[1, 1], [2, 2]])
    np.testing.assert_array_equal(reply.later, [[2, 2], [2, 2]])
    assert reply.global_state.reassigned == ("buffer",)
    assert (("value", 0), ("value", 1)) in reply.shared


def test_results_on_the_same_memory_are_paired(either):
    code = """
import numpy as np
def f(x, y):
    a = np.zeros((2, 3, 4))
    c = a
    return a, c, a[:, :, 0], x[1:], y.copy(), {"part": a[:, :, 1]}
"""
    reply = run(either, code, Call("f", [np.zeros(3), np.zeros(3)]))
    pairs = {frozenset(pair) for pair in reply.shared}
    a, c, first, second = ("value", 0, 0), ("value", 0, 1), ("value", 0, 2), ("value", 0, 5, "part")
    assert frozenset([a, c]) in pairs
    assert frozenset([a, first]) in pairs
    assert frozenset([a, second]) in pairs
    assert frozenset([("argument", 0, 0), ("value", 0, 3)]) in pairs
    assert frozenset([first, second]) not in pairs  # within the same bounds, without a common byte
    assert not any(("argument", 0, 1) in pair or ("value", 0, 4) in pair for pair in pairs)


def test_globals_read_and_bound_anew_are_named(either):
    code = """
import numpy as np
W, unread, count = np.ones(2), np.ones(2), 0
def helper(x): return x * W
def f(x):
    global count, new
    count, new = count + 1, 3
    return helper(x)
"""
    state = run(either, code, Call("f", [1.0])).global_state
    assert (state.read, state.reassigned, state.random) == (("W",), ("count", "new"), ())


def test_the_random_state_of_python_is_watched_too(either):
    assert run(either, "import random\ndef f(): random.random()", Call("f")).global_state.random == ("random",)


def test_what_cannot_be_sent_comes_as_its_type(either):
    code = """
import numpy as np
from collections import OrderedDict, namedtuple
Cache = namedtuple("Cache", "a b")
class Own: pass
def f():
    loop = [1]; loop.append(loop)
    return ((i for i in ()), Own(), np.array([None]), np.array(["a"]), {(1, 2): 3}, loop, Cache(1, 2),
            OrderedDict(x=1), np.matrix([[1.0, 2.0]]), np.longdouble(0.5), 2**70, len)
"""
    found = run(either, code, Call("f")).values[0]
    assert found[:4] == (
        Opaque("generator"),
        Opaque("Own"),
        Opaque("array of dtype object"),
        Opaque("array of dtype <U1"),
    )
    assert found[4] == {Opaque("tuple"): 3}
    assert found[5] == [1, Opaque("list that contains itself")]
    assert found[6:8] == ((1, 2), {"x": 1})
    assert type(found[8]) is np.ndarray
    assert found[9] == 0.5
    assert found[10:] == (Opaque("int beyond 64 bits"), Opaque("builtin_function_or_method"))


def test_local_arrays_are_recorded_with_the_line_that_made_or_changed_them(either):
    code = """
import numpy as np
def cell(x):
    inner = x * 2
    return inner
def loop(x):
    a = np.zeros(2)
    g = {"dW": np.ones(2)}
    for t in range(2):
        a[t] = cell(x)[t]
        g["dW"] += 1
    total = float(a.sum())
    return a, total
"""
    reply = run(either, code, Call("cell", [np.ones(2)]), Call("loop", [np.ones(2)]), trace="loop")
    told = [(r.line, r.name, np.asarray(r.value).tolist(), r.frame, r.function) for r in reply.records]
    assert told == [
        (7, "a", [0, 0], 0, "loop"),
        (8, "g['dW']", [1, 1], 0, "loop"),
        (4, "inner", [2, 2], 1, "cell"),
        (10, "a", [2, 0], 0, "loop"),
        (11, "g['dW']", [2, 2], 0, "loop"),
        (4, "inner", [2, 2], 2, "cell"),
        (10, "a", [2, 2], 0, "loop"),
        (11, "g['dW']", [3, 3], 0, "loop"),
        (12, "total", 4.0, 0, "loop"),
    ]
    assert not reply.records_cut


def test_the_last_assignment_before_an_error_is_recorded(either):
    code = "def f(x):\n    y = x + 1\n    z = y * 2\n    raise ValueError"
    reply = run(either, code, Call("f", [np.ones(1)]), trace="f")
    assert [(r.line, r.name) for r in reply.records] == [(2, "y"), (3, "z")]


def test_attributes_of_self_are_recorded(either):
    code = "class Net:\n    def f(self, x):\n        self.h = x + 1\n        return self.h"
    reply = run(either, code, Call("Net.f", [np.ones(1)], attributes={}), trace="Net.f")
    assert [(r.line, r.name) for r in reply.records] == [(3, "self.h")]


def test_records_are_bounded_and_their_end_is_told(either):
    code = "def f(x):\n    for i in range(10000):\n        x = x + 1\n    return x"
    reply = run(either, code, Call("f", [np.zeros(3)]), trace="f")
    assert reply.status == "returned"
    assert reply.records_cut
    assert 1000 <= len(reply.records) <= 4000
    np.testing.assert_array_equal(reply.values[0], 10000)


def test_a_job_ends_in_time_and_the_next_one_runs(either):
    code = "def f(x):\n    while x: pass\n    return x"
    waiting = either._start()
    reply = run(either, code, Call("f", [1]), timeout=0.5)
    assert reply.status == "timeout"
    assert reply.error in ("it ran longer than 0.5 s", "it ran longer than 2 s, most of it waiting")  # a busy machine
    assert run(either, code, Call("f", [0])).values == [0]
    assert either._start() is waiting  # it was the job alone that was ended


def test_a_job_that_ends_before_it_is_looked_at_is_not_waited_for(either, monkeypatch):
    def slowly(control, *arguments):
        send(control, *arguments)
        time.sleep(0.5)  # all that the waiting process says lies there by now

    send = socket.send_fds
    either._start()
    monkeypatch.setattr(socket, "send_fds", slowly)
    assert run(either, "def f(): return 1", Call("f"), timeout=3).values == [1]


def test_jobs_know_nothing_of_one_another(either):
    code = """
import sys
import numpy as np
def f(): np.kept = sys.kept = 1
def g(): return hasattr(np, "kept") or hasattr(sys, "kept")
"""
    assert run(either, code, Call("f"), Call("g")).values[1] is True
    assert run(either, code, Call("g")).values == [False]


def test_an_interrupted_run_leaves_nothing_behind(either, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    waiting = either._start()
    with monkeypatch.context() as patch:
        patch.setattr(type(waiting), "_collect", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(either, "def f():\n    while True: pass", Call("f"))
    assert waiting._process.poll() is not None
    assert run(either, "def f(): return 1", Call("f")).values == [1]


@pytest.mark.parametrize("name", ["timeout", "memory", "output"])
def test_a_limit_of_nothing_is_refused(name):
    with pytest.raises(ParameterError, match=f"`{name}` is 0, expected above 0; leave it out"):
        Sandbox("none", **{name: 0})


def test_a_value_that_cannot_be_sent_is_named():
    with (
        Sandbox("none") as sandbox,
        pytest.raises(ParameterError, match=r"`calls\[0\].args\[1\]\['W'\]` is of type set"),
    ):
        run(sandbox, "", Call("f", [1, {"W": {1}}]))


def test_a_trace_of_another_call_than_the_last_is_refused():
    with (
        Sandbox("none") as sandbox,
        pytest.raises(ParameterError, match="`trace` is 'g', expected the entry of the last"),
    ):
        run(sandbox, "", Call("g"), Call("f"), trace="g")


def test_too_large_a_job_is_refused():
    with Sandbox("none") as sandbox, pytest.raises(ParameterError, match="the job holds more than 16777216 bytes of"):
        run(sandbox, "", Call("f", [np.zeros(3 << 20)]))


def test_without_bubblewrap_the_sandbox_says_so_and_what_to_do(monkeypatch):
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda name: None)
    with pytest.raises(SandboxError, match=r"no program `bwrap`; install bubblewrap .* or use mode='none'"):
        Sandbox()


def test_a_bubblewrap_that_does_not_work_is_found_out_and_told(monkeypatch, tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = Sandbox.available()
    assert not found.bubblewrap
    assert (
        "cannot build a sandbox here: setting up uid map: Permission denied; allow it user namespaces" in found.reason
    )


@pytest.mark.parametrize(("failures", "works"), [(1, [True, True]), (2, [False, True]), (9, [False, False])])
def test_a_failure_of_bubblewrap_that_passes_is_not_kept_and_its_working_is(monkeypatch, tmp_path, failures, works):
    program = tmp_path / "bwrap"
    program.write_text(f"#!/bin/sh\necho >> {tmp_path}/log\n[ $(wc -l < {tmp_path}/log) -gt {failures} ]\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert [Sandbox.available().bubblewrap for _ in range(2)] == works
    tried = len((tmp_path / "log").read_text())
    assert tried == min(failures + 1, 4)
    assert [Sandbox.available().bubblewrap, len((tmp_path / "log").read_text()) == tried] == [works[1], works[1]]


def test_a_waiting_process_that_does_not_start_is_told_with_its_last_words(monkeypatch):
    monkeypatch.setattr("unrolled.check.sandbox.process.BOOT", "raise SystemExit('no NumPy here')")
    with pytest.raises(SandboxError, match="did not start: no NumPy here"), Sandbox("none"):
        pass


def test_a_waiting_process_that_died_between_two_jobs_is_replaced_unseen(either):
    waiting = either._start()
    waiting._process.kill()
    waiting._process.wait()
    assert run(either, "def f(): return 1", Call("f")).values == [1]
    assert either._start() is not waiting


def test_a_job_whose_sandbox_dies_twice_is_told_so_and_the_next_one_runs(either, monkeypatch):
    def dying(control, *arguments):
        either._zygote._process.kill()
        either._zygote._process.wait()
        died.append(either._zygote)
        send(control, *arguments)

    send, died = socket.send_fds, []
    with monkeypatch.context() as patch:
        patch.setattr(socket, "send_fds", dying)
        reply = run(either, "def f(): return 1", Call("f"))
    assert (reply.status, reply.error) == ("died", "the sandbox ended while it ran; the next job has a new one")
    assert len(set(died)) == 2
    assert run(either, "def f(): return 1", Call("f")).values == [1]
