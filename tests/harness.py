# SPDX-License-Identifier: MIT
"""
memshim for tests: `record` runs a command under `memshim record`, `Recording` reads it back through the program's own
JSON, as another tool would. Every path is a test's own: the folder of its files, and the folder of its live segments.
"""

import ctypes
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", TOP / "build")).resolve()
MEMSHIM = str(BUILD / "bin" / "memshim")
SHIM = str(BUILD / "lib" / "libmemshim.so")
TARGETS = BUILD / "tests"
SANITIZED = BUILD / "sanitized"  # by `make sanitizers`
SANITIZER_STATUS = 99  # of no single test
SANITIZER_OPTIONS = {"ASAN_OPTIONS": f"exitcode={SANITIZER_STATUS}:allocator_may_return_null=1:handle_abort=1",
                     "UBSAN_OPTIONS": f"exitcode={SANITIZER_STATUS}:print_stacktrace=1"}
TIMEOUT_S = 120
PATIENCE_S = 40

SHM_CALLS = ("brk", "sbrk", "shmget", "shmat", "shmdt", "shmctl")
CALLS = (*SHM_CALLS, "semget", "semctl", "msgget", "msgctl", "semop", "semtimedop", "msgsnd", "msgrcv")
MAPPING_CALLS = ("mmap", "munmap", "mremap", "mprotect", "madvise")  # with record -a
LIVES = ("start", "fork", "exec", "exit")
CLONE_NEWIPC = 0x08000000
IS_ROOT = os.geteuid() == 0
LINUX = tuple(map(int, re.findall(r"\d+", platform.release())[:2]))
ENDS_ARE_KEPT = LINUX >= (6, 16)  # of processes that connected to their recorder

libc = ctypes.CDLL(None, use_errno=True)
HAS_STACKS = hasattr(libc, "_dl_find_object")


def target(name):
    """The path of a C program of tests/targets."""
    return str(TARGETS / name)


def enter_ipc_namespace():
    """Moves this process, and all it starts later, into an IPC namespace of its own."""
    if libc.unshare(CLONE_NEWIPC) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWIPC)")


def run(*argv, env=None, **options):
    """Runs a command without standard input. The output is text, the status is not checked."""
    options.setdefault("timeout", TIMEOUT_S)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("errors", "surrogateescape")
    environment = {**os.environ, **(env or {})}
    return subprocess.run([str(a) for a in argv], env=environment, check=False, **options)


def memshim(*argv, **options):
    """Runs memshim itself."""
    return run(MEMSHIM, *argv, **options)


# Until a process executes, its memory counts as that of the process that forked it: fork from a small one, not from pytest.
MEASURE = """import os, sys
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(child, 0)
os.write(int(sys.argv[1]), f"{used.ru_utime + used.ru_stime} {used.ru_maxrss}".encode())
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
"""


def run_measured(program, *argv, **options):
    """As run; the result also has `seconds` of CPU time and the most `kibibytes` of the program and its children."""
    out, into = os.pipe()
    with os.fdopen(out, encoding="ascii") as figures:
        try:
            done = run(sys.executable, "-S", "-c", MEASURE, into, program, *argv, pass_fds=(into,), **options)
        finally:
            os.close(into)
        seconds, kibibytes = figures.read().split()
    done.seconds, done.kibibytes = float(seconds), int(kibibytes)
    return done


def need(*programs):
    """Fails, with a name, where a program that a test is about is not installed."""
    for program in programs:
        assert shutil.which(program), f"{program}: not installed: run scripts/check"


def pids():
    """All processes that /proc lists."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def wait_until(is_so, what, process=None, pause_max_s=0.05):
    """Checks again and again, at growing intervals, for a limited time, and only while `process` runs."""
    end, pause_s = time.monotonic() + PATIENCE_S, 0.0005
    while not is_so():
        assert time.monotonic() < end, f"waited in vain until {what}"
        assert process is None or process.poll() is None, f"it ended before {what}"
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, pause_max_s)


def foreign(path):
    """The option that makes a command read a file of another user."""
    return () if not os.path.exists(path) or os.stat(path).st_uid in (0, os.geteuid()) else ("--foreign",)


class Recording:
    """A recording or a live segment, read through `memshim report` and `memshim events`."""

    def __init__(self, path, result=None):
        self.path = str(path)
        self.result = result

    def _read(self, *argv):
        done = memshim(*argv, *foreign(self.path), self.path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def report(self):
        return json.loads(self._read("report", "--json"))

    def report_text(self, *options):
        return self._read("report", "--color=never", *options)

    def events(self, *options):
        return [json.loads(line) for line in self._read("events", "--json", *options).splitlines()]

    def calls(self, *options):
        """The events that are calls, in order."""
        return [e for e in self.events(*options) if e["call"] in CALLS]

    def events_text(self, *options):
        return self._read("events", "--color=never", *options)

    def process(self, **wanted):
        """The one process of the report with these fields."""
        found = [p for p in self.report()["processes"] if all(p[k] == v for k, v in wanted.items())]
        assert len(found) == 1, (wanted, found)
        return found[0]


def record(*command, options=(), output="memshim.data", check=True, before=(), **rest):
    """`memshim record`; `before` is what it runs under (strace, setpriv, ...)."""
    result = run(*before, MEMSHIM, "record", "-o", output, *options, "--", *command, **rest)
    if check:
        assert result.returncode == 0, (result.returncode, result.stderr)
    return Recording(output, result)


def lost(coverage):
    """The losses by cause. Before glibc 2.35 no call stack can be taken, which is a loss."""
    return {k: v for k, v in coverage["lost"].items() if k != "no_unwinder" or HAS_STACKS}


def complete(report, in_flight=0):
    """Asserts that a report claims to be complete, and is; `in_flight`: processes were killed in so many calls."""
    coverage = report["coverage"]
    assert coverage["level"] == "full", coverage
    assert not any(lost(coverage).values()), coverage
    assert coverage["in_flight"] == in_flight, coverage
    assert coverage["unseen_moves"] == 0, coverage


class Lines:
    """A running command. Waits for its lines, for a limited time: no test needs to sleep."""

    def __init__(self, *argv, env=None, patience=PATIENCE_S, **options):
        environment = {**os.environ, **(env or {})}
        self.process = subprocess.Popen(
            [str(a) for a in argv], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, **options)
        self.end_of_patience = threading.Timer(patience, self.process.kill)
        self.end_of_patience.daemon = True

    def __enter__(self):
        self.end_of_patience.start()
        return self

    def __exit__(self, *failure):
        self.end_of_patience.cancel()
        if self.process.poll() is None:
            self.process.kill()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(TIMEOUT_S)

    def wait_for(self, text):
        """Reads up to the line with this text, and returns that line."""
        for line in self.process.stdout:
            if text in line:
                return line.rstrip("\n")
        raise AssertionError(f"it ended before it said {text!r}")

    def say(self, text=""):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        rest = self.process.stdout.read()
        return self.process.wait(TIMEOUT_S), rest
