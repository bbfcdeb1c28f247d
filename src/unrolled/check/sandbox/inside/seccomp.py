"""A filter of system calls for x86-64 and aarch64 Linux, put over one process and never taken off again.

It lists what computing needs; all else fails with EPERM: processes and threads, programs, the network, signals to
others, tracing, mounting, changed limits. Which files there are to open is not its business.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from functools import cache
from typing import Final, NamedTuple

__all__ = ["install", "libc", "prepare", "supported"]

# Name: numbers on x86-64 and aarch64; None where the machine has no such call.
COMPUTING: Final[dict[str, tuple[int | None, int | None]]] = {
    "read": (0, 63),
    "write": (1, 64),
    "stat": (4, None),
    "close": (3, 57),
    "fstat": (5, 80),
    "lstat": (6, None),
    "poll": (7, None),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "readv": (19, 65),
    "writev": (20, 66),
    "access": (21, None),
    "select": (23, None),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "mincore": (27, 232),
    "madvise": (28, 233),
    "dup": (32, 23),
    "dup2": (33, None),
    "pause": (34, None),
    "nanosleep": (35, 101),
    "getitimer": (36, 102),
    "alarm": (37, None),
    "setitimer": (38, 103),
    "getpid": (39, 172),
    "exit": (60, 93),
    "uname": (63, 160),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "getdents": (78, None),
    "getcwd": (79, 17),
    "chdir": (80, 49),
    "readlink": (89, None),
    "umask": (95, 166),
    "gettimeofday": (96, 169),
    "getrlimit": (97, 163),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "times": (100, 153),
    "getuid": (102, 174),
    "getgid": (104, 176),
    "geteuid": (107, 175),
    "getegid": (108, 177),
    "getppid": (110, 173),
    "getpgrp": (111, None),
    "getgroups": (115, 158),
    "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137),
    "rt_sigsuspend": (130, 133),
    "sigaltstack": (131, 132),
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    "gettid": (186, 178),
    "time": (201, None),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "getdents64": (217, 61),
    "set_tid_address": (218, 96),
    "restart_syscall": (219, 128),
    "fadvise64": (221, 223),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "newfstatat": (262, 79),
    "readlinkat": (267, 78),
    "faccessat": (269, 48),
    "pselect6": (270, 72),
    "ppoll": (271, 73),
    "set_robust_list": (273, 99),
    "dup3": (292, 24),
    "getcpu": (309, 168),
    "getrandom": (318, 278),
    "statx": (332, 291),
    "rseq": (334, 293),
    "close_range": (436, 436),
    "faccessat2": (439, 439),
}

# Where the file system is the sandbox's own, its scratch folder can be written to.
WRITING: Final[dict[str, tuple[int | None, int | None]]] = {
    "ftruncate": (77, 46),
    "rename": (82, None),
    "mkdir": (83, None),
    "rmdir": (84, None),
    "unlink": (87, None),
    "symlink": (88, None),
    "mkdirat": (258, 34),
    "unlinkat": (263, 35),
    "renameat": (264, 38),
    "symlinkat": (266, 36),
    "renameat2": (316, 276),
}

# The C library takes an older way when the kernel seems not to know these.
UNKNOWN: Final[dict[str, tuple[int | None, int | None]]] = {"clone3": (435, 435), "openat2": (437, 437)}

OPEN: Final[dict[str, tuple[int | None, int | None]]] = {"open": (2, None), "openat": (257, 56)}
WRITE_FLAGS: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# duplicate, close-on-exec, flags; not F_SETOWN and its like, by which one process has another signalled
FCNTL: Final = (0, 1, 2, 3, 4, 1030)
IOCTL: Final = (0x5401, 0x5413, 0x541B, 0x5450, 0x5451)  # is it a terminal, how much is there to read, close-on-exec

ANYONE: Final = 0x7FFFFFF1  # in place of the process's number, until there is one

ALLOW: Final = 0x7FFF0000
KILL_PROCESS: Final = 0x80000000
ERRNO: Final = 0x00050000
EPERM: Final = 1
ENOSYS: Final = 38

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data; both machines are little-endian


class Machine(NamedTuple):
    column: int  # of the tables above
    architecture: int  # AUDIT_ARCH_...
    numbers_below: int  # above are those of x86-64's second table, x32


MACHINES: Final = {
    "x86_64": Machine(0, 0xC000003E, 0x40000000),
    "aarch64": Machine(1, 0xC00000B7, 0xFFFFFFFF),
}


def supported() -> bool:
    """Whether there are numbers for this machine."""
    return platform.system() == "Linux" and platform.machine() in MACHINES and struct.calcsize("P") == 8


def program(machine: Machine, pid: int, writing: bool) -> bytes:
    """The filter for process `pid`, as instructions of the kernel's small machine."""
    steps: list[tuple[int, int, int, int]] = []  # code, jump if true, jump if false, constant

    def add(code: int, constant: int, true: int = 0, false: int = 0) -> None:
        steps.append((code, true, false, constant))

    def calls(table: dict[str, tuple[int | None, int | None]], *rest: tuple[int, int, int, int]) -> None:
        """For every call of the table: the instructions of `rest`."""
        for numbers in table.values():
            number = numbers[machine.column]
            if number is not None:
                add(JUMP_EQUAL, number, 0, len(rest))
                steps.extend(rest)

    def argument(
        index: int, *rest: tuple[int, int, int, int], high: bool = False
    ) -> tuple[tuple[int, int, int, int], ...]:
        return ((LOAD, 0, 0, ARGUMENTS + 8 * index + 4 * high), *rest)

    def one_of(values: tuple[int, ...]) -> tuple[tuple[int, int, int, int], ...]:
        checks = [(JUMP_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
        return (*checks, refuse, allow)

    allow, refuse = (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, ERRNO | EPERM)
    add(LOAD, ARCHITECTURE)
    add(JUMP_EQUAL, machine.architecture, 1, 0)
    add(RETURN, KILL_PROCESS)
    add(LOAD, NUMBER)
    add(JUMP_AT_LEAST, machine.numbers_below, 0, 1)
    steps.append(refuse)
    calls(COMPUTING, allow)
    calls(UNKNOWN, (RETURN, 0, 0, ERRNO | ENOSYS))
    if writing:
        calls(OPEN, allow)
        calls(WRITING, allow)
    else:
        for name, index in (("open", 1), ("openat", 2)):
            calls({name: OPEN[name]}, *argument(index, (JUMP_ANY_BIT, 0, 1, WRITE_FLAGS), refuse, allow))
    calls({"fcntl": (72, 25)}, *argument(1, *one_of(FCNTL)))
    calls({"ioctl": (16, 29)}, *argument(1, *one_of(IOCTL)))
    calls({"tgkill": (234, 131)}, *argument(0, *one_of((pid,))))  # abort() signals its own process
    # prlimit64 reads limits when the address of new ones is 0, in both halves
    zero = (JUMP_EQUAL, 1, 0, 0)
    calls(
        {"prlimit64": (302, 261)},
        *argument(2, zero, refuse, *argument(2, zero, refuse, allow, high=True)),
    )
    steps.append(refuse)
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


@cache
def _prepared(writing: bool) -> bytes:
    machine = MACHINES.get(platform.machine()) if supported() else None
    if machine is None:
        raise OSError(f"no filter of system calls for {platform.system()} on {platform.machine()}")
    return program(machine, ANYONE, writing)


@cache
def libc() -> ctypes.CDLL:
    """The C library, with its error numbers kept."""
    return ctypes.CDLL(None, use_errno=True)


def prepare(*, writing: bool) -> None:
    """Does ahead what `install` needs, for all processes that are forked from this one."""
    if supported():
        _prepared(writing)
        libc()


def install(*, writing: bool) -> None:
    """Puts the filter over this process.

    Args:
        writing: whether files may be opened for writing, where the file system allows it.

    Raises:
        OSError: the kernel takes no such filter, or this machine's numbers are not known.
    """
    instructions = _prepared(writing).replace(struct.pack("<I", ANYONE), struct.pack("<I", os.getpid()))
    whole = _Program(len(instructions) // 8, instructions)
    no_new_privileges, filter_mode = (38, 1, 0, 0, 0), (22, 2, ctypes.byref(whole), 0, 0)
    for arguments in (no_new_privileges, filter_mode):
        if libc().prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "the kernel takes no filter of system calls")
