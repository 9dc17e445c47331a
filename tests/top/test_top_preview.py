# SPDX-License-Identifier: MIT
"""The lower half of the live screen tells about the row at the cursor; what has ended stands last."""

import pytest

import harness
from harness import record, target
from story import recorded
from test_top import rows_below, started, top


def lower_half(text):
    """The lines below the line that ends the list; none if there is no such line."""
    lines = text.split("\n")
    begin = [i for i, line in enumerate(lines) if line[:2] in ("──", "--")]
    return lines[begin[0] + 1:-1] if begin else []


@pytest.mark.parametrize("columns,lines", [(80, 24), (200, 60)])
def test_lower_half_follows_the_cursor(columns, lines):
    record("sh", "-c", f"{target('calls')} 1; {target('calls')} 2; true", options=("-q",))
    with top("memshim.data", columns=columns, lines=lines) as screen:
        pids = [row[0] for row in rows_below(screen.wait_for("PROGRAM", "moves"), "PROGRAM")]
        for pid in pids:
            harness.wait_until(lambda pid=pid: lower_half(screen.text())[0].startswith(f"Process {pid} "), "the row's page")
            below = "\n".join(lower_half(screen.text()))
            assert "at start 0x" in below and "time" in below
            screen.type("Down")
        screen.type("Enter")
        screen.wait_for("Attachments", "Esc Back")
        assert lower_half(screen.text()) == []


def test_finding_and_its_advice():
    record("perl", "-e", "shmget(7, 0, 01600)", options=("-q",))
    with top("memshim.data", "--view=findings") as screen:
        screen.wait_for("SEVERITY", "failed-call", "EINVAL")
        below = lower_half(screen.text())
        assert below[0] == "failed-call" and "shmget failed 1 time with EINVAL" in " ".join(below)


@pytest.mark.parametrize("columns,lines,count", [(80, 24, 12), (60, 15, 8)])
def test_list_that_needs_the_lines(columns, lines, count):
    """A list that needs more than half of the lines has all of them, until the screen is high."""
    record("sh", "-c", f"{target('calls')} 1; " * count + "true", options=("-q",))
    with top("memshim.data", columns=columns, lines=lines) as screen:
        assert lower_half(screen.wait_for("PROGRAM", "sh")) == []
        screen.resize(80, 50)
        screen.wait_for("Process ")
        assert lower_half(screen.text())


def test_running_before_ended():
    """The list is sorted by NET, and the process that runs has the least."""
    with recorded("sh", "-c", f"{target('calls')} 3 >&2; exec {target('ledger')}") as lines, started(lines) as teller:
        with top("memshim.data") as screen:
            screen.wait_for("NET▼", "running", "exit ")
            rows = rows_below(screen.text(), "PROGRAM")
            assert [row[-1] == "running" for row in rows] == [True] + [False] * (len(rows) - 1)
            screen.type("R")
            screen.wait_for("NET▲")
            assert rows_below(screen.text(), "PROGRAM")[0][-1] == "running"
        teller.tell("break", 0)


def test_foot_names_the_position_and_the_keys():
    record("sh", "-c", f"{target('calls')} 1; " * 30 + "true", options=("-q",))
    with top("memshim.data") as screen:
        assert screen.wait_for("PROGRAM", "1-18/").split("\n")[-1].endswith(" 1-18/31")
        screen.type("G")
        screen.wait_for("14-31/31")
        for key, words in (("2", "x Remove"), ("4", "End Follow"), ("3", "< > Sort")):
            screen.type(key)
            screen.wait_for(words, "q Quit")
