"""Submissions that try to get out, to stay, to cheat or to break: each is reported as what it is and harms nobody.

Each defines `f(x, path)`: x is three ones, path names a file of ours whose content is a secret. After each, an honest
submission in the same sandbox must get the right result.
"""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import pytest

from check.sandbox.processes import ended, wait_for
from unrolled.check.sandbox import Call, Job, Opaque
from unrolled.check.sandbox.process import WALL

SHORT, LONG = 1.0, 20.0  # seconds of processor time, for those that only time stops, and for the others
SLACK = 5.0  # a sandbox killed and built anew on a busy machine
SECRET = "the answer is forty-two"
ANY = object()


@dataclass(frozen=True)
class Hostile:
    name: str
    status: str
    words: str  # in the error
    body: str  # of f, or the whole code where it has a line "def f"
    value: object = ANY  # what f returns, where it does

    @property
    def timeout(self):
        return SHORT if "ran longer" in self.words else LONG

    @property
    def code(self):
        if "def f(" in self.body:
            return self.body
        return "def f(x, path):\n" + "".join(f"    {line}\n" for line in self.body.strip("\n").split("\n"))


SUBMISSIONS = [
    # reading
    Hostile("reads the parent's file", "refused", "to open '.*secret'", "return open(path).read()"),
    Hostile(
        "reads the passwords and hides the error",
        "refused",
        "to open '/etc/passwd'",
        "try: return open('/etc/passwd').read()\nexcept OSError: return None",
        None,
    ),
    Hostile(
        "reads through the operating system's own call",
        "refused",
        "to open '/etc/shadow'",
        "import os\nreturn os.read(os.open('/etc/shadow', os.O_RDONLY), 100)",
    ),
    Hostile(
        "reads the parent's memory", "refused", "to open '/proc/1/mem'", "return open('/proc/1/mem', 'rb').read(9)"
    ),
    Hostile(
        "reads the parent's surroundings", "refused", "/proc/self/environ", "return open('/proc/self/environ').read()"
    ),
    Hostile(
        "reads environment variables",
        "returned",
        "",
        "import os\nreturn [k for k in os.environ if 'UNROLLED' in k]",
        [],
    ),
    Hostile(
        "looks for the answers in every file",
        "returned",
        "",
        """
import os
found = []
for folder, folders, files in os.walk("/"):
    found += [os.path.join(folder, name) for name in files if name.startswith(("rnn", "lstm", "gru", "adam"))]
    found += [folder] if folder.endswith(("unrolled/steps", "unrolled/check", "dist-info")) else []
return found
""",
        [],
    ),
    Hostile(
        "looks for the answers in memory",
        "returned",
        "",
        """
import gc, sys
names = [name for name in sys.modules if "unrolled" in name]
functions = [o for o in gc.get_objects() if getattr(o, "__name__", "") in ("lstm_cell_backward", "rnn_cell_forward")]
return names, len(functions)
""",
        ([], 0),
    ),
    Hostile("imports this very package", "refused", "No module named 'unrolled'", "import unrolled.steps"),
    Hostile(
        "climbs out by a symbolic link",
        "refused",
        "to link a file",
        "import os\nos.symlink('/etc/passwd', 'innocent')\nreturn open('innocent').read()",
    ),
    Hostile(
        "overwrites NumPy", "refused", "Read-only file system", "import numpy\nopen(numpy.__file__, 'w').write('')"
    ),
    # network
    Hostile(
        "opens a connection",
        "refused",
        "to reach the network",
        "import socket\nsocket.create_connection(('127.0.0.1', 22), 1)",
    ),
    Hostile(
        "asks for a name", "refused", "to reach the network", "import socket\nsocket.getaddrinfo('example.org', 80)"
    ),
    Hostile(
        "fetches a page",
        "refused",
        "to reach the network",
        "import urllib.request\nurllib.request.urlopen('http://127.0.0.1/')",
    ),
    # processes
    Hostile("forks", "refused", "to start a process.*Operation not permitted", "import os\nos.fork()"),
    Hostile(
        "forks without end, hiding every error",
        "refused",
        "to start a process.*ran longer",
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    ),
    Hostile(
        "forks by the C library",
        "refused",
        "to call into the C library",
        "import ctypes\nreturn ctypes.CDLL(None).fork()",
        -1,
    ),
    Hostile(
        "leaves a daemon behind",
        "refused",
        "to start a process",
        """
import os, time
try:
    if os.fork() == 0:
        os.setsid()
        while True: time.sleep(1)
except OSError: pass
return x
""",
    ),
    Hostile("starts a program", "refused", "to start a", "import subprocess\nsubprocess.run(['/bin/ls'])"),
    Hostile(
        "becomes another program",
        "refused",
        "to start a program",
        "import os, sys\nos.execv(sys.executable, ['python', '-c', 'pass'])",
    ),
    Hostile("runs the shell", "refused", "to start a program", "import os\nreturn os.system('true') == 0", False),
    Hostile(
        "starts a thread",
        "refused",
        "to start a thread.*can't start new thread",
        "import threading\nthreading.Thread(target=print).start()",
    ),
    Hostile("kills its parent", "refused", "to signal a process", "import os\nos.kill(os.getppid(), 9)"),
    Hostile(
        "kills everyone",
        "refused",
        "to signal a process",
        "import os\nfor pid in range(1, 99):\n    try: os.kill(pid, 9)\n    except OSError: pass\nreturn 1",
        1,
    ),
    Hostile(
        "has its parent signalled by a pipe",
        "refused",
        "Operation not permitted",
        """
import fcntl, os
read = os.dup(3)
fcntl.fcntl(read, fcntl.F_SETOWN, os.getppid())
fcntl.fcntl(read, 10, 9)
fcntl.fcntl(read, fcntl.F_SETFL, os.O_ASYNC)
""",
    ),
    Hostile(
        "traces, mounts, unshares and reads others' memory by number",
        "refused",
        "to call into the C library",
        """
import ctypes, platform
numbers = (101, 165, 272, 310, 57, 56, 59, 41, 321, 425) if platform.machine() == "x86_64" else (
    117, 40, 97, 270, 220, 221, 198, 280, 425, 435)
libc = ctypes.CDLL(None, use_errno=True)
found = []
for number in numbers:
    libc.syscall(number, 0, 0, 0, 0, 0, 0)
    found.append(ctypes.get_errno())
return set(found) <= {1, 38}
""",
        True,
    ),
    # limits
    Hostile("runs without end", "timeout", "ran longer than [14] s", "while True: pass"),
    Hostile(
        "sleeps without end", "timeout", "ran longer than 4 s, most of it waiting", "import time\ntime.sleep(10**6)"
    ),
    Hostile(
        "runs without end, deaf to signals and errors",
        "timeout",
        "ran longer than [14] s",
        """
import signal
for number in (1, 2, 3, 10, 12, 14, 15, 24): signal.signal(number, signal.SIG_IGN)
while True:
    try:
        while True: pass
    except BaseException: pass
""",
    ),
    Hostile(
        "runs without end in C",
        "timeout",
        "ran longer than [14] s",
        "return sum(range(10**18))",
    ),
    Hostile("takes all memory by NumPy", "memory", "Unable to allocate", "import numpy as np\nreturn np.ones(10**10)"),
    Hostile("takes all memory by lists", "memory", "MemoryError", "a = [0]\nwhile True: a += a"),
    Hostile("takes all memory by text", "memory", "MemoryError", "a = 'x'\nwhile True: a += a"),
    Hostile(
        "raises its own limits",
        "refused",
        "to change its limits",
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    ),
    Hostile(
        "recurses without end",
        "died|raised",  # Python 3.11 crashes, later ones notice
        "crashed its process|RecursionError",
        """
import sys
sys.setrecursionlimit(10**9)
class A:
    def __getattr__(self, name): return getattr(self, name + "")
A().x
""",
    ),
    Hostile("prints without end", "output", "printed or wrote more", "while True: print('x' * 1000)"),
    Hostile(
        "prints without end, hiding every error",
        "timeout",
        "ran longer",
        "import os\nwhile True:\n    try: os.write(1, b'x' * 10**6)\n    except OSError: pass",
    ),
    Hostile("fills the disk with one file", "output", "printed or wrote more", "open('a', 'wb').write(bytes(10**7))"),
    Hostile(
        "fills the disk with many files",
        "output",
        "many files|printed or wrote more",
        "for i in range(10**7): open(str(i), 'wb').write(bytes(10**6))",
    ),
    Hostile(
        "makes files without end", "output", "too many files", "i = 0\nwhile True:\n    open(str(i), 'w')\n    i += 1"
    ),
    Hostile(
        "makes folders within folders without end",
        "output",
        "too many files",
        "import os\nwhile True:\n    os.mkdir('a')\n    os.chdir('a')",
    ),
    Hostile(
        "opens files without end", "raised", "Too many open files", "a = []\nwhile True: a.append(open('/dev/null'))"
    ),
    # ends
    Hostile("leaves politely", "raised", "SystemExit: 0", "import sys\nsys.exit(0)"),
    Hostile("leaves at once", "died", r"exit status 0\) before it had returned", "import os\nos._exit(0)"),
    Hostile("aborts", "died", "SIGABRT", "import os\nos.abort()"),
    Hostile("reads at address zero", "died", "SIGSEGV", "import ctypes\nctypes.string_at(0)"),
    Hostile("interrupts", "raised", "KeyboardInterrupt", "raise KeyboardInterrupt"),
    # replies
    Hostile(
        "writes into every open file",
        "refused",
        "wrote into the sandbox's own pipe",
        "import os\nfor n in range(64):\n    try: os.write(n, b'\\0' * 40)\n    except OSError: pass\nreturn x",
    ),
    Hostile(
        "floods the sandbox's pipe",
        "output",
        "more than its results may hold",
        "import os\nwhile True: os.write(3, b'R' * 65536)",
    ),
    Hostile(
        "forges a reply beside the true one",
        "refused",
        "wrote into the sandbox's own pipe",
        """
import gc
channel = [o for o in gc.get_objects() if type(o).__name__ == "Channel"][0]
channel.send(b"R", (60).to_bytes(4, "little") + b'{"status": "returned", "values": [["i", 1]], "arrays": []}   ')
return 2
""",
    ),
    Hostile(
        "forges a reply and leaves",
        "refused",
        "its reply is not one that the sandbox writes",
        """
import gc, os
channel = [o for o in gc.get_objects() if type(o).__name__ == "Channel"][0]
channel.send(b"R", (20).to_bytes(4, "little") + b'{"status": "correct"')
os._exit(0)
""",
    ),
    Hostile(
        "climbs the stack and breaks what it finds",
        "died",
        "before it had returned",
        """
import sys
frame = sys._getframe()
while frame:
    if "Encoder" in frame.f_globals: frame.f_globals.clear()
    frame = frame.f_back
return x
""",
    ),
    # patches: all of them in their own process only, where nothing is compared
    Hostile(
        "patches NumPy's comparisons",
        "returned",
        "",
        """
import numpy as np
for name in ("allclose", "array_equal", "isclose", "asarray", "array", "shares_memory"):
    setattr(np, name, lambda *a, **k: True)
    setattr(np.testing, "assert_" + name, lambda *a, **k: None)
return x + 1
""",
        [2.0, 2.0, 2.0],
    ),
    Hostile(
        "patches builtins, json, os and sys",
        "returned",
        "",
        """
import builtins, json, os, sys, struct
for name in ("len", "isinstance", "type", "print", "repr", "list", "dict", "id", "issubclass", "getattr", "open"):
    setattr(builtins, name, lambda *a, **k: 1)
json.dumps = json.loads = os.write = os.read = os._exit = sys.exit = sys.settrace = struct.pack = lambda *a, **k: b""
sys.stdout = sys.stderr = sys.modules["json"] = sys.modules["numpy"] = None
return x + 2
""",
        [3.0, 3.0, 3.0],
    ),
    Hostile(
        "profiles what runs after it",
        "raised",
        "RuntimeError: mine",
        """
import sys
def profile(frame, *a):
    if frame.f_code.co_filename != "<submission>": raise RuntimeError("mine")
sys.setprofile(profile)
return x
""",
    ),
    Hostile(
        "traces and collects what runs after it",
        "returned",
        "",
        """
import atexit, gc, os, sys, threading
def trace(frame, *a):
    if frame.f_code.co_filename != "<submission>": raise RuntimeError
threading.settrace(trace); sys.settrace(trace)
gc.callbacks.append(trace); atexit.register(os.write, 3, b"late"); sys.excepthook = sys.unraisablehook = trace
return x + 3
""",
        [4.0, 4.0, 4.0],
    ),
    Hostile(
        "sets a clock to strike after it has returned",
        "returned",
        "",
        """
import os, signal
signal.signal(signal.SIGALRM, lambda *a: os._exit(1))
signal.setitimer(0, 0.5, 0.001)
return 5
""",
        5,
    ),
    Hostile("clears all modules", "returned", "", "import sys\nsys.modules.clear()\nsys.path[:] = []\nreturn 6", 6),
    # objects
    Hostile(
        "returns an object with code for pickle",
        "returned",
        "",
        "class P:\n    def __reduce__(self): import os; return os._exit, (3,)\ndef f(x, path): return [P()]",
        [Opaque("P")],
    ),
    Hostile(
        "returns objects that compare, convert and vanish as they like",
        "returned",
        "",
        """
class P:
    def __array__(self, *a, **k): raise SystemExit
    def __eq__(self, other): return True
    def __hash__(self): return hash("a")
    def __del__(self): raise SystemExit
    def __len__(self): return -1
    def __getattr__(self, name): raise SystemExit
    __class__ = dict
def f(x, path): return {P(): 1}, [P(), P()]
""",
        ({Opaque("P"): 1}, [Opaque("P"), Opaque("P")]),
    ),
    Hostile(
        "returns containers and arrays whose methods lie",
        "returned",
        "",
        """
import numpy as np
class D(dict):
    def items(self): raise SystemExit
class L(list):
    def __iter__(self): return iter([42])
    def __len__(self): return 10**9
class A(np.ndarray):
    shape = (10**9,); dtype = "f8"; nbytes = 0; size = 0
    def __array_finalize__(self, other): pass
    def tobytes(self): return b"lies"
    def __array_ufunc__(self, *a, **k): return NotImplemented
def f(x, path): return D(a=1), L([1, 2]), np.ndarray.view(np.array([1.0, 2.0]), A)
""",
        ({"a": 1}, [1, 2], [1.0, 2.0]),
    ),
    Hostile(
        "returns more than there is memory",
        "output",
        "more than its results may hold",
        "import numpy as np\nreturn np.broadcast_to(np.float64(1), (10**6, 10**6))",
    ),
    Hostile(
        "returns a list that holds itself",
        "returned",
        "",
        "a = []\na.append(a)\nreturn a",
        [Opaque("list that contains itself")],
    ),
    Hostile(
        "returns a few lists that are billions when written out",
        "output",
        "more than its results may hold",
        "a = [1] * 10\nfor _ in range(20): a = [a] * 10\nreturn a",
    ),
    Hostile(
        "returns lists within lists without end",
        "output",
        "more than",
        "a = []\nfor _ in range(10**6): a = [a]\nreturn a",
    ),
    Hostile("returns a very long text", "returned", "", "return 'x' * 10**7", Opaque("str of 10000000 characters")),
    Hostile("returns a very long list", "output", "more than its results may hold", "return [0] * 10**6"),
    Hostile("returns a generator without end", "returned", "", "while True: yield 1", Opaque("generator")),
    Hostile(
        "raises an error that is itself a trap",
        "raised",
        "^Trap$",
        "class Trap(Exception):\n    def __str__(self): raise SystemExit\ndef f(x, path): raise Trap",
    ),
    Hostile(
        "raises an error that steers the terminal",
        "raised",
        r"ValueError: .\[2Jcorrect$",
        "raise ValueError('\\x1b[2Jcorrect')",
    ),
]


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    path = tmp_path_factory.mktemp("parent") / "secret"
    path.write_text(SECRET)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNROLLED_SECRET", SECRET)
        yield path


def test_there_are_at_least_forty():
    assert len({one.name for one in SUBMISSIONS}) == len(SUBMISSIONS) >= 40


@pytest.mark.parametrize("hostile", SUBMISSIONS, ids=lambda hostile: hostile.name.replace(" ", "-"))
def test_a_submission_that(hostile, sandbox, secret):
    before = time.monotonic()
    reply = sandbox.run(Job(hostile.code, [Call("f", [np.ones(3), str(secret)])], timeout=hostile.timeout))
    assert time.monotonic() - before < WALL * hostile.timeout + SLACK
    assert re.fullmatch(hostile.status, reply.status), reply.error
    assert re.search(hostile.words, reply.error, re.DOTALL), reply.error
    assert SECRET not in repr(reply)
    if hostile.value is not ANY:
        assert plain(reply.values) == [hostile.value]
    honest = sandbox.run(
        Job("import numpy as np\ndef g(x): return np.dot(x, x), len(str(x))", [Call("g", [np.ones(3)])])
    )
    assert (honest.status, honest.values) == ("returned", [(3.0, 10)]), honest.error


def plain(value):
    if isinstance(value, np.ndarray):
        return value.tolist()
    return type(value)(map(plain, value)) if isinstance(value, list | tuple) else value


def test_what_one_job_writes_the_next_does_not_find(sandbox):
    code = """
import os
def f():
    open("note", "w").write("what the reference cell returned")
    return os.listdir(".")
def g(): return os.listdir(".")
"""
    assert sandbox.run(Job(code, [Call("f")])).values == [["note"]]
    assert sandbox.run(Job(code, [Call("g")])).values == [[]]


PARENT = """
from unrolled.check.sandbox import Call, Job, Sandbox
with Sandbox({mode!r}, timeout=600) as sandbox:
    sandbox.run(Job(""))
    print("started", flush=True)
    sandbox.run(Job("def f():\\n    while True: pass", [Call("f")]))
"""


@pytest.mark.parametrize("mode", ["bubblewrap", "none"])
def test_nothing_outlives_a_parent_that_is_killed(mode, request, children):
    if mode == "bubblewrap":
        request.getfixturevalue("sandbox")
    program = [sys.executable, "-c", PARENT.format(mode=mode)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(program, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout.readline() == b"started\n"
        # bwrap, its first process, the waiting one and the job; or the last two
        wait_for(lambda: len(children(parent.pid)) == (4 if mode == "bubblewrap" else 2))
        beneath = children(parent.pid)
        parent.kill()
    wait_for(lambda: all(map(ended, beneath)))
