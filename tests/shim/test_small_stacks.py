# SPDX-License-Identifier: MIT
"""
The stack use of a hook, call stacks included: a signal handler calls it on a painted signal stack. What is still
painted was not used.
"""

import re

import pytest

import harness
import machine
from harness import record, run, target

USED_MOST = 768
LEFT_LEAST = 256
MEASURED = 33 * 2  # calls, each in a child of fork and in one that libc does not know of
COUNTED = 3 * 2  # of them, that are no events

needs_stacks = machine.needs("call stacks")


def check(output):
    rows = re.findall(r"^(\S+) used (\d+) left (\d+)$", output, re.MULTILINE)
    assert len(rows) == MEASURED, output
    assert not [row for row in rows if int(row[1]) > USED_MOST or int(row[2]) < LEFT_LEAST], output
    return {name: int(used) for name, used, _ in rows}


@needs_stacks
@pytest.mark.parametrize("extra", [1024, 4096, 65536])
@pytest.mark.parametrize("depth", [1, 16, 64])
def test_hook_fits_a_small_signal_stack(extra, depth):
    """Under the recorder; a child of a bare clone registers in the hook, too."""
    recording = record(target("painted"), extra, options=("-a", "-k", depth))
    check(recording.result.stdout)
    harness.complete(recording.report())
    taken = [event for event in recording.events() if event.get("stack")]
    assert len(taken) >= MEASURED - COUNTED
    functions = {frame["function"] for event in taken for frame in event["stack"]}
    assert {"handler", "main"} <= functions or depth < 16, functions


@needs_stacks
def test_hook_fits_a_small_signal_stack_without_recorder():
    """Without a recorder, a child reads its namespaces itself."""
    done = run(target("painted"), 1024, env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_ANONYMOUS": "1"})
    assert done.returncode == 0, done
    check(done.stdout)


def test_hook_without_stacks_takes_less():
    """Except those of operations: they find out whether the arguments can be read, and may be cancelled."""
    used = check(record(target("painted"), 1024, options=("-a", "-k", 0)).result.stdout)
    others = {name: u for name, u in used.items() if not re.search("copy|semop|msgsnd|msgrcv", name)}
    assert len(others) == 27 and max(others.values()) <= USED_MOST // 2
