"""When a job's time is over, who says so, and what is left of a waiting process that went another way."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from check.sandbox.processes import ended, wait_for
from unrolled.check.sandbox import Call, Job, Sandbox, bubblewrap, process

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


def run_unwatched(sandbox, body, timeout, after=0.0):
    """A job during which the waiting process has no turn: until `after` seconds past the job's end."""
    waiting = sandbox._start()

    def hold():
        wait_for(lambda: waiting._job is not None)
        job = waiting._job
        os.kill(waiting._process.pid, signal.SIGSTOP)
        try:
            wait_for(lambda: ended(job))
            time.sleep(after)
        finally:
            os.kill(waiting._process.pid, signal.SIGCONT)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        return sandbox.run(Job(f"import time\ndef f(): {body}", [Call("f")], timeout=timeout))
    finally:
        thread.join()


@pytest.fixture
def patient(monkeypatch):
    """A sandbox whose parent does not lose patience with it."""
    monkeypatch.setattr(process, "GRACE", 60.0)
    with Sandbox("none") as one:
        yield one


def test_waiting_is_not_counted_as_time_of_its_own(either):
    reply = either.run(Job("import time\ndef f(): return time.sleep(1) or 7", [Call("f")], timeout=0.5))
    assert (reply.status, reply.values) == ("returned", [7]), reply.error


def test_waiting_without_end_is_ended_after_four_times_its_time_and_told_as_that(either):
    waiting, before = either._start(), time.monotonic()
    reply = either.run(Job("import time\ndef f(): time.sleep(99)", [Call("f")], timeout=0.5))
    assert (reply.status, reply.error) == ("timeout", "it ran longer than 2 s, most of it waiting")
    assert time.monotonic() - before >= 2
    assert either._start() is waiting  # it was the job alone that was ended


@linux
def test_a_job_that_ended_while_nobody_looked_is_not_called_late(patient):
    reply = run_unwatched(patient, "return time.sleep(0.3) or 7", timeout=0.2, after=1.0)
    assert (reply.status, reply.values) == ("returned", [7]), reply.error


@linux
def test_the_system_s_own_limit_of_processor_time_is_told_as_time_and_not_as_memory(patient):
    reply = run_unwatched(patient, "\n    while True: pass", timeout=0.2)
    assert (reply.status, reply.error) == ("timeout", "it used more processor time than it was given")


@pytest.mark.parametrize("mode", ["bubblewrap", "none"])
def test_a_caller_with_very_many_open_files_gets_the_same_result(mode, request):
    if mode == "bubblewrap":
        request.getfixturevalue("sandbox")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= before[1] < 2000:
        pytest.skip("the system allows fewer open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2000, before[1]))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    code = """
import os
import resource
def f():
    found = []
    for number in range(2000):
        try: os.fstat(number)
        except OSError: continue
        found.append(number)
    return found
"""
    try:
        with Sandbox(mode) as sandbox:
            reply = sandbox.run(Job(code, [Call("f")]))
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert (reply.status, reply.values) == ("returned", [[0, 1, 2, 3]]), reply.error


PARENT = """
from unrolled.check.sandbox import Call, Job, Sandbox
with Sandbox("none") as sandbox:
    sandbox.run(Job(""))
    print("started", flush=True)
    {then}
"""


@pytest.mark.parametrize("then", ["input()", "sandbox.run(Job('def f():\\n    while True: pass', [Call('f')]))"])
def test_a_parent_that_is_killed_leaves_no_folder_behind(tmp_path, then):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
    program = [sys.executable, "-c", PARENT.format(then=then)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout.readline() == b"started\n"
        assert [path.name[:6] for path in tmp_path.iterdir()] == ["check-"]
        time.sleep(0.2)  # until it is busy
        parent.kill()
    wait_for(lambda: not list(tmp_path.iterdir()))


def test_an_interrupt_while_it_starts_leaves_no_process_behind(monkeypatch):
    def interrupt(self, deadline):
        started.append(self._process)
        raise KeyboardInterrupt

    started = []
    monkeypatch.setattr(process.Zygote, "_hear", interrupt)
    with pytest.raises(KeyboardInterrupt), Sandbox("none"):
        pass
    assert [one.poll() for one in started] == [-signal.SIGKILL]


def test_a_system_without_proc_runs_ones_own_code(monkeypatch):
    def missing(path, *arguments, **named):
        if str(path).startswith("/proc/"):
            raise FileNotFoundError(path)
        return open(path, *arguments, **named)

    monkeypatch.setattr(bubblewrap, "open", missing, raising=False)
    with Sandbox("none") as sandbox:
        assert sandbox.run(Job("def f(): return 7", [Call("f")])).values == [7]
