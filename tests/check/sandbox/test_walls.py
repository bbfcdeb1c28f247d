"""The walls themselves: the filter of system calls as a program, and what of this machine is seen inside."""

import errno
import os
import platform
import struct
from pathlib import Path

import numpy as np
import pytest

import unrolled
from unrolled.check.sandbox import Call, Job, Sandbox, bubblewrap
from unrolled.check.sandbox.inside import seccomp

ALLOW, KILL = "allow", "kill"


def decide(program, architecture, number, arguments=()):
    """What the kernel would do with one call: the filter's program, run by hand."""
    values = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<iIQ6Q", number, architecture, 0, *values)
    steps = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    at = accumulator = 0
    while True:
        code, true, false, constant = steps[at]
        at += 1
        match code:
            case 0x20:
                accumulator = struct.unpack_from("<I", data, constant)[0]
            case 0x15:
                at += true if accumulator == constant else false
            case 0x35:
                at += true if accumulator >= constant else false
            case 0x45:
                at += true if accumulator & constant else false
            case 0x06:
                return {0x7FFF0000: ALLOW, 0x80000000: KILL}.get(constant, constant & 0xFFFF)


X86, ARM = seccomp.MACHINES["x86_64"], seccomp.MACHINES["aarch64"]
# name: x86-64, aarch64
FORBIDDEN = {
    "clone": (56, 220),
    "execve": (59, 221),
    "execveat": (322, 281),
    "kill": (62, 129),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "pidfd_send_signal": (424, 424),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "socket": (41, 198),
    "connect": (42, 203),
    "mount": (165, 40),
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "prctl": (157, 167),
    "seccomp": (317, 277),
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "memfd_create": (319, 279),
    "shmget": (29, 194),
    "setrlimit": (160, 164),
    "sched_setaffinity": (203, 122),
    "setpriority": (141, 140),
    "setsid": (112, 157),
    "keyctl": (250, 219),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "name_to_handle_at": (303, 264),
    "linkat": (265, 37),
}


@pytest.mark.parametrize("machine", [X86, ARM], ids=["x86_64", "aarch64"])
@pytest.mark.parametrize("name", FORBIDDEN)
def test_the_filter_forbids(name, machine):
    program = seccomp.program(machine, 7, writing=True)
    assert decide(program, machine.architecture, FORBIDDEN[name][machine.column]) == errno.EPERM


@pytest.mark.parametrize("machine", [X86, ARM], ids=["x86_64", "aarch64"])
def test_the_filter_lets_computing_pass(machine):
    program = seccomp.program(machine, 7, writing=False)
    for numbers in seccomp.COMPUTING.values():
        if numbers[machine.column] is not None:
            assert decide(program, machine.architecture, numbers[machine.column]) == ALLOW


@pytest.mark.parametrize("machine", [X86, ARM], ids=["x86_64", "aarch64"])
def test_newer_calls_are_unknown_so_that_the_c_library_takes_older_ones(machine):
    program = seccomp.program(machine, 7, writing=True)
    assert [decide(program, machine.architecture, number) for number in (435, 437)] == [errno.ENOSYS] * 2


@pytest.mark.parametrize("machine", [X86, ARM], ids=["x86_64", "aarch64"])
def test_arguments_decide_where_a_call_can_be_both(machine):
    def with_arguments(x86, arm, *arguments, writing=False):
        program = seccomp.program(machine, 7, writing)
        return decide(program, machine.architecture, (x86, arm)[machine.column], arguments)

    assert with_arguments(234, 131, 7, 7, 6) == ALLOW  # tgkill: abort
    assert with_arguments(234, 131, 1, 1, 9) == errno.EPERM
    assert with_arguments(302, 261, 0, 7, 0, 99) == ALLOW  # prlimit64: reading
    assert with_arguments(302, 261, 0, 7, 99, 0) == errno.EPERM
    assert with_arguments(302, 261, 0, 7, 1 << 40, 0) == errno.EPERM
    assert with_arguments(72, 25, 3, 2, 1) == ALLOW  # fcntl F_SETFD
    assert with_arguments(72, 25, 3, 8, 1) == errno.EPERM  # F_SETOWN
    assert with_arguments(16, 29, 0, 0x5401) == ALLOW  # ioctl TCGETS
    assert with_arguments(16, 29, 0, 0x5412) == errno.EPERM  # TIOCSTI
    assert with_arguments(257, 56, 0, 0, os.O_RDONLY) == ALLOW  # openat
    assert with_arguments(257, 56, 0, 0, os.O_WRONLY | os.O_CREAT) == errno.EPERM
    assert with_arguments(257, 56, 0, 0, os.O_RDWR) == errno.EPERM
    assert with_arguments(257, 56, 0, 0, os.O_RDWR, writing=True) == ALLOW


def test_another_architecture_s_calls_end_the_process():
    program = seccomp.program(X86, 7, writing=True)
    assert decide(program, 0x40000003, 1) == KILL  # 32-bit x86, where 1 is exit and 2 is fork
    assert decide(program, X86.architecture, 0x40000000 + 1) == errno.EPERM  # x32's write


def test_a_machine_without_numbers_has_no_filter(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not seccomp.supported()
    seccomp._prepared.cache_clear()
    with pytest.raises(OSError, match=r"no filter of system calls for .* on riscv64"):
        seccomp.install(writing=False)


def look(sandbox, body, *args):
    return sandbox.run(Job("import os\ndef f(*args):\n" + body, [Call("f", args)])).values[0]


def test_nothing_of_this_package_is_seen_but_what_runs_inside(sandbox):
    package = Path(unrolled.__file__).parent
    own = (str(path.relative_to(package)) for path in package.rglob("*.py") if path.name != "__init__.py")
    names = [name for name in own if "/" in name and not name.startswith("check/sandbox/inside/")]
    assert "steps/lstm.py" in names
    code = """
import os
def f(names):
    files = [os.path.join(folder, name) for folder, _, found in os.walk("/") for name in found]
    return len(files) > 1000, [one for one in files if one.endswith(tuple("/" + name for name in names))]
"""
    assert sandbox.run(Job(code, [Call("f", [names])])).values == [(True, [])]


def test_only_the_scratch_folder_can_be_written_to(sandbox):
    body = """
    written = []
    for folder, _, _ in os.walk("/"):
        try:
            open(os.path.join(folder, "mark"), "w").close()
            written.append(folder)
        except OSError: pass
    return written
"""
    assert look(sandbox, body) == ["/scratch"]


def test_no_other_process_no_host_name_and_no_rights_are_seen(sandbox):
    assert look(sandbox, "    return os.path.exists('/proc'), os.uname().nodename, os.getuid(), os.getppid() < 10") == (
        False,
        "sandbox",
        65534,
        True,
    )


def test_the_surroundings_are_the_sandbox_s_own(sandbox, monkeypatch):
    assert set(look(sandbox, "    return list(os.environ)")) == {
        *("HOME", "TMPDIR", "LC_ALL", "PWD", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
    }


def test_only_the_pipe_of_the_reply_is_open_besides_the_usual_three(sandbox):
    body = """
    found = []
    for number in range(100):
        try: os.fstat(number)
        except OSError: continue
        found.append(number)
    return found
"""
    assert look(sandbox, body) == [0, 1, 2, 3]


def test_all_limits_are_set_and_for_good(either):
    body = """
    import resource
    return {name: list(resource.getrlimit(getattr(resource, "RLIMIT_" + name))) for name in args}
"""
    expected = {"AS": 1 << 30, "CPU": 21, "FSIZE": 4 << 20, "NOFILE": 64, "CORE": 0, "MEMLOCK": 0, "NPROC": 0}
    hard = {**expected, "CPU": 22}  # a second later, so that the soft one is told
    assert look(either, body, *expected) == {name: [value, hard[name]] for name, value in expected.items()}


def test_without_bubblewrap_no_file_can_be_written_and_no_process_started(tmp_path):
    if not Sandbox.available().filter:
        pytest.skip("no filter of system calls on this machine")
    with Sandbox("none") as sandbox:
        place = str(tmp_path / "mark")
        reply = sandbox.run(Job("def f(p): open(p, 'w')", [Call("f", [place])]))
        assert (reply.status, os.path.exists(place)) == ("refused", False)
        assert sandbox.run(Job("import os\ndef f(): os.fork()", [Call("f")])).status == "refused"


def test_the_packages_are_numpy_and_scipy_alone():
    assert set(bubblewrap.packages()) <= {"numpy", "scipy"}
    assert bubblewrap.packages()["numpy"] == str(Path(np.__file__).parents[1])


def test_the_interpreter_is_the_program_and_not_a_link_of_a_virtual_environment():
    assert not os.path.islink(bubblewrap.interpreter())
    assert os.access(bubblewrap.interpreter(), os.X_OK)


def test_of_installed_packages_numpy_and_scipy_alone_are_seen(sandbox):
    body = """
    folders = [folder for folder, _, _ in os.walk("/") if folder.endswith("-packages")]
    return [name for folder in folders for name in os.listdir(folder)]
"""
    assert set(look(sandbox, body)) <= {"numpy", "numpy.libs", "scipy", "scipy.libs"}


@pytest.mark.parametrize("kind", ["net", "pid", "ipc", "uts", "user", "mnt"])
def test_the_sandbox_has_its_own(kind, sandbox, children):
    sandbox.run(Job(""))
    inside = children(sandbox._zygote._process.pid)
    assert inside
    own = os.readlink(f"/proc/self/ns/{kind}")
    assert all(os.readlink(f"/proc/{pid}/ns/{kind}") != own for pid in inside)
