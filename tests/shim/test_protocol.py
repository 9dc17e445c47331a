# SPDX-License-Identifier: MIT
"""
How an event gets from a hook to a reader: all executions of a few writers, killed anywhere, and a reader, over the
code of preload/segment/publish.h. Then the same code with one memory order weakened at a time: each must be detected.
"""

import re

import pytest

import harness
from harness import run

PROTOCOL = str(harness.BUILD / "tests" / "units" / "protocol")
WEAKENED = ("W2", "W4", "R1", "R3", "early head", "early published")


def test_as_it_is():
    """The unchanged code is right, and every answer of the reader occurs."""
    done = run(PROTOCOL)
    assert done.returncode == 0, done.stdout
    numbers = re.fullmatch(r"(\d+) executions: (\d+) whole, (\d+) unpublished, (\d+) overwritten\n", done.stdout)
    assert all(int(n) > 100000 for n in numbers.groups())


@pytest.mark.parametrize("step", WEAKENED)
def test_weakened(step):
    done = run(PROTOCOL, step)
    assert done.returncode == 1 and done.stdout.startswith("violated: "), done.stdout


@pytest.mark.parametrize("sanitizer", ["none", "thread"])
def test_with_threads(sanitizer, compile_c):
    """Real threads, and ThreadSanitizer finds no race."""
    sanitize = () if sanitizer == "none" else (f"-fsanitize={sanitizer}", "-g", "-Wno-tsan")
    flags = ("-pthread", "-D_GNU_SOURCE", f"-I{harness.TOP}", *sanitize)
    done = run(compile_c("exchange", (harness.TOP / "tests/units/exchange.c").read_text(encoding="utf-8"), *flags))
    assert (done.returncode, done.stdout, done.stderr) == (0, "read; 0 wrong\n", "")
