# SPDX-License-Identifier: MIT
"""
Operations on semaphore sets and queues at difficult moments: in a signal handler, in a thread that is cancelled, during a
fork. tests/targets/torture_ipc.c knows how many were successful.
"""

import os
import re
import signal

import pytest

import harness
from beside import unharmed
from harness import Lines, Recording, target


def torture(*words, **options):
    """Runs it under memshim. Returns the recording, and how many of its operations were successful, and interrupted."""
    recording = harness.record(target("torture_ipc"), *words, **options)
    ok, interrupted, wrong = map(int, re.findall(r"\d+", recording.result.stdout))
    assert wrong == 0
    return recording, ok, interrupted


def counted(report, outcome):
    return sum(p["calls"][call][outcome] for p in report["processes"] for call in ("semop", "semtimedop", "msgsnd", "msgrcv"))


def test_handler_that_operates():
    """Signals at 5 kHz interrupt operations, also those that wait: each is counted, none is an event."""
    recording, ok, interrupted = torture("interrupted", 1000)
    report = recording.report()
    harness.complete(report)
    assert (counted(report, "ok"), counted(report, "failed")) == (ok, interrupted) and ok > 4000 and interrupted > 500
    assert not [e for e in recording.calls("--call=semop,semtimedop,msgsnd,msgrcv")]


def test_forks_amid_waits():
    """A child does not inherit the waits of its parent's threads, and its operations are its own."""
    recording, ok, _ = torture("forked", 20)
    report = recording.report()
    harness.complete(report)
    assert len(report["processes"]) == 21 and counted(report, "ok") == ok == 80 and not waiting(recording)
    for child in (p for p in report["processes"] if p["forked"]):
        assert {call: n["ok"] for call, n in child["calls"].items() if n["ok"]} == {"semop": 1, "msgsnd": 1}


WAITS = {"semop": {"semnum": 1, "op": -1}, "semtimedop": {"semnum": 1, "op": -1}, "msgsnd": {"call": "msgsnd"},
         "msgrcv": {"call": "msgrcv"}}


def waiting(recording):
    """The calls that wait, of all objects."""
    report = recording.report()
    return [wait for thing in report["semaphores"] + report["queues"] for wait in thing["waiting"]]


@pytest.mark.parametrize("call", WAITS)
def test_killed_while_it_waits(call):
    """The call is visible while it waits, and is what the process died in."""
    recording = Recording("memshim.data")
    with Lines(harness.MEMSHIM, "record", "-q", "--", target("torture_ipc"), "wait", call) as lines:
        lines.wait_for("waits")
        harness.wait_until(lambda: waiting(recording), "it is seen waiting", lines.process)
        pid = recording.report()["processes"][0]["pid"]
        os.kill(pid, signal.SIGKILL)
        assert lines.end()[0] == 128 + signal.SIGKILL
    wait, = waiting(recording)
    assert {"pid": pid, "tid": pid, **WAITS[call]}.items() <= wait.items()
    process, = recording.report()["processes"]
    assert process["calls"][call]["ok"] == 0 or call == "msgsnd", "messages that filled the queue"


def test_threads():
    recording, ok, _ = torture("threads", 500)
    report = recording.report()
    harness.complete(report)
    assert (counted(report, "ok"), counted(report, "failed")) == (ok, 0) == (16 * 4 * 500, 0)


def test_cancelled_threads():
    """msgsnd and msgrcv are cancellation points: the results, the clean-up and the queue are those without the shim."""
    recording = unharmed(target("torture_ipc"), "cancelled", 40, timeout=60)
    assert recording.result.returncode == 0
    report = recording.report()
    harness.complete(report)  # no call is in flight: a cancelled one has ended
    assert not waiting(recording)
    process, = report["processes"]
    assert process["calls"]["msgsnd"]["ok"] == process["calls"]["msgrcv"]["ok"] > 40
    # In each round one of each finds the queue empty, or full. Half of those that are cancelled waited for sure.
    assert all(40 + 20 <= process["calls"][call]["failed"] <= 40 + 40 for call in ("msgsnd", "msgrcv"))


@pytest.mark.parametrize("how", ["sets", "kept"])
def test_10000_sets(how):
    """One after the other, and all at once: each has its rows."""
    recording, ok, _ = torture(how, 10000)
    report = recording.report()
    harness.complete(report)
    process, = report["processes"]
    assert {call: process["calls"][call]["ok"] for call in ("semget", "semctl", "semop")} == {
        "semget": 10001, "semctl": 10001, "semop": ok} and ok == 10000
