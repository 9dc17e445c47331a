# SPDX-License-Identifier: MIT
"""
The first screen of a report, 80 columns and 24 lines, names the cause, the place and the next command: for five ordinary
programs. Numbers differ from run to run and are masked; so are the places in programs of the system.
"""

import os
import re
import sys

import pytest

import first_screens
import harness
import machine
from harness import memshim

pytestmark = machine.needs("root", "call stacks")

SCREENS = harness.TOP / "tests" / "screens"
LINES = 24


def first_screen():
    done = memshim("report", "--color=never", env={"COLUMNS": "80"})
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()[:LINES]
    assert [line for line in lines if len(line) > 80] == [], "it fits the page"
    return lines


def masked(lines):
    """Without numbers, and without the blanks that align them."""
    text = "\n".join(lines)
    text = re.sub(r"began .* on .*", "began TIME", text)
    text = re.sub(r"\b[\d.,]+ (ns|us|ms|s)\b", "TIME", text)
    text = re.sub(r"\((\d+)\)", "(PID)", text)
    return [" ".join(re.sub(r"(?<![\w.])[+-]?\d[\d.,]*[KMG]?(?!\w)", "#", line).split()) for line in text.splitlines()]


def check(name, lines):
    path = SCREENS / f"first-{name}.txt"
    seen = "\n".join(masked(lines)) + "\n"
    if os.environ.get("RENEW_SCREENS"):
        path.write_text(seen, encoding="utf-8")
    assert seen == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["leaks", "failing"])
def test_own_programs(name, compile_c):
    first_screens.ALL[name](compile_c)
    check(name, first_screen())


def verdict(lines):
    """Its lines, without the numbers."""
    end = lines.index("")
    return masked(lines[:end])


def test_growing_python(compile_c):
    first_screens.growing(compile_c)
    lines = first_screen()
    head, cause, way = verdict(lines)
    if head == "Verdict # warning":
        assert re.match(r"! heap growing, \S+ \(# %\) grow\.py \S", cause), cause
    else:  # on a machine under load, the program waits for a processor, and is not known to pause
        assert re.match(r"· largest heap: # grow\.py \S", cause), cause
    assert way == f"next: memshim report --flame=heap.svg --exe={os.path.basename(os.path.realpath(sys.executable))}"
    assert "PROCESSES  1" in lines


def test_build_of_200_processes(compile_c):
    """The compiler's runs are one row, the linker's another; the largest is the first."""
    first_screens.build(compile_c)
    lines = first_screen()
    head, cause, way = verdict(lines)
    assert head == "Verdict nothing wrong was found" and "largest heap: #" in cause
    assert re.match("next: memshim report --flame=heap.svg --exe=", way)
    title = next(i for i, line in enumerate(lines) if line.startswith("PROGRAMS"))
    assert re.match(r"PROGRAMS  \d+, of \d{3} ended processes", lines[title])
    rows = [line.split() for line in lines[title + 2:lines.index("", title)]]
    runs, = [int(row[1]) for row in rows if row[0] == "cc1"]
    assert runs >= 65, "a wrapper of gcc may run the compiler twice"
    assert any("build.sh" in row for row in rows), "a shell has the name of its script"


def test_database_under_pgbench(compile_c):
    machine_has = harness.run("sh", "-c", "ls /usr/lib/postgresql/*/bin/pgbench")
    assert machine_has.returncode == 0, "postgresql: not installed: run scripts/check"
    first_screens.database(compile_c)
    lines = first_screen()
    head, cause, way = verdict(lines)
    assert head == "Verdict nothing wrong was found"
    assert re.match(r"· largest heap: # postgres \S", cause), cause
    assert way == "next: memshim report --flame=heap.svg --exe=postgres"
    assert "FINDINGS  none" in lines and any(line.startswith("PRO") for line in lines)
