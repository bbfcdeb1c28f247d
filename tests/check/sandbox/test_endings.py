"""When a job's time is over, who says so, and what is left of a waiting process that went another way."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from unrolled.check.sandbox import Call, Job, Sandbox, process

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def ended(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


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
