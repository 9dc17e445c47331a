# SPDX-License-Identifier: MIT
"""A run without the shim beside one with it, and questions to the reports of such runs."""

import harness
import machine
from harness import record

CYCLE = {"brk": 1, "sbrk": 2, "shmget": 1, "shmat": 1, "shmdt": 2, "shmctl": 2}
CYCLE_CALLS = sum(CYCLE.values())
needs_root = machine.needs("root")


def status_of(result):
    """The status as in a shell."""
    return result.returncode if result.returncode >= 0 else 128 - result.returncode


def unharmed(*command, options=("-q", "-w"), compare_stderr=True, **rest):
    """Runs a command without and with memshim, and asserts equal results."""
    plain = harness.run(*command, **rest)
    recording = record(*command, options=options, check=False, **rest)
    with_shim = recording.result
    assert status_of(with_shim) == status_of(plain), (with_shim, plain)
    assert with_shim.stdout == plain.stdout
    if compare_stderr:
        assert with_shim.stderr == plain.stderr
    return recording


def made(report, **wanted):
    """How many calls the processes made with these fields."""
    return sum(calls["ok"] + calls["failed"] for p in report["processes"]
               if all(p[k] == v for k, v in wanted.items()) for calls in p["calls"].values())


def moved_by(recording):
    """pid, bytes: the direct moves of the break, in order."""
    return [(e["pid"], e["break"]["delta"]) for e in recording.calls() if e.get("origin") == "direct"]


def check_sums(report):
    """For each process, the first break plus all moves is the last break."""
    for process in report["processes"]:
        moved = process["break"]
        assert (int(moved["current"], 16) - int(moved["initial"], 16)
                == moved["grown_bytes"] - moved["shrunk_bytes"] + moved["before_load_bytes"]), process


def nothing_lost(report, *but):
    lost = {k: v for k, v in harness.lost(report["coverage"]).items() if k not in but}
    assert not any(lost.values()), lost
