# SPDX-License-Identifier: MIT
"""A command that takes longer than a second says on a terminal how far it is, and nowhere else."""

import os
import pty
import re
import subprocess

import pytest

import harness
import machine
from harness import MEMSHIM, record, run, target

pytestmark = machine.needs("root")

SLOW = ("strace", "-f", "-o", "trace", "-e", "trace=pread64")


def slowed():
    """A command that makes each reading of a file so slow that all of them take some seconds."""
    assert run(*SLOW, MEMSHIM, "report", "memshim.data").returncode == 0
    with open("trace", encoding="ascii") as trace:
        count = sum("pread64" in line for line in trace)
    return (*SLOW, "-e", f"inject=pread64:delay_enter={4000000 // count}")


def on_terminal(*argv):
    """What it writes to standard error, a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        try:
            while piece := os.read(ours, 4096):
                written += piece
        except OSError:  # the terminal's other end is closed
            pass
        os.close(ours)
        assert process.wait(harness.TIMEOUT_S) == 0
    return written.decode()


@pytest.fixture(name="recording", autouse=True)
def fixture_recording():
    record("sh", "-c", f"for i in 1 2 3 4 5 6 7 8; do {target('calls')} 40; done", options=("-q", "--sample=0"))


@pytest.mark.parametrize("command", [("report",), ("export", "--format=folded"), ("graph",), ("reap",)])
def test_progress_on_a_terminal(command):
    """A line that is drawn again and again, and removed at the end."""
    seen = on_terminal(*slowed(), MEMSHIM, *command, "memshim.data")
    steps = [int(part) for part in re.findall(r"\rmemshim: (?:reading|looking up names of functions), (\d+) %\x1b\[K", seen)]
    assert steps and max(steps) <= 100 and seen.endswith("\r\x1b[K"), seen


def test_no_progress_elsewhere():
    done = run(*slowed(), MEMSHIM, "report", "memshim.data")
    assert (done.returncode, done.stderr) == (0, "")


def test_no_progress_of_what_is_quick():
    assert on_terminal(MEMSHIM, "report", "memshim.data") == ""


def test_no_progress_where_lines_are_printed():
    """`events` prints as it reads."""
    assert on_terminal(*slowed(), MEMSHIM, "events", "memshim.data") == ""
