# SPDX-License-Identifier: MIT
"""The drawing of processes and segments: equal boxes are one; others are never joined."""

import json
import re

import pytest

import harness
import machine
from harness import memshim, record

pytestmark = machine.needs("root")

# Eight segments that a parent and its child hold alike; both only read another one; each has one of its own, and one has gone.
SHARED = """
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    int alone, read_only, gone;
    for (int i = 1; i <= 8; i++)
        if (shmat(shmget(IPC_PRIVATE, 4096 * i, IPC_CREAT | 0600), 0, 0) == (void *)-1)
            return 1;
    gone = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    shmat(gone, 0, 0);
    shmat(shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600), 0, SHM_RDONLY);
    if (!fork()) {
        alone = shmget(0x77, 4096, IPC_CREAT | 0600);
        shmat(alone, 0, 0);
        _exit(0);
    }
    wait(0);
    shmctl(gone, IPC_RMID, 0);
    read_only = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    return shmat(read_only, 0, SHM_RDONLY) == (void *)-1;
}
"""


@pytest.fixture(name="shared")
def fixture_shared(compile_c):
    recording = record(compile_c("shared", SHARED))
    parent, child = (p["pid"] for p in recording.report()["processes"])
    return recording, parent, child


def titles(drawn):
    return re.findall(r"│ (\S+ segments, \S+|shmid \d+, \S+) +│", drawn)


@pytest.mark.parametrize("columns", ["80", "120"])
def test_segments_with_equal_holders_are_one_box(shared, columns):
    _, parent, child = shared
    drawn = memshim("graph", env={"COLUMNS": columns}).stdout
    first, *others = titles(drawn)
    assert first == "8 segments, 144K" and len(others) == 4 and all(other.startswith("shmid") for other in others)
    row = drawn.splitlines()[1]
    assert re.search(rf"shared {parent} 144K ┄┄┄▷ │ 8 segments, 144K +│ ◁┄┄┄ \S* {child} 144K by fork", row)
    assert max(map(len, drawn.splitlines())) <= int(columns)


def test_each_segment_has_a_box_when_asked_for(shared):
    boxes = titles(memshim("graph", "--ungroup").stdout)
    assert len(boxes) == 12 and all(box.startswith("shmid") for box in boxes)


def test_ids_of_a_box(shared):
    """As many as fit; the mark says that there are more."""
    recording, *_ = shared
    ids = [str(s["shmid"]) for s in recording.report()["segments"]]
    line, = [line for line in memshim("graph").stdout.splitlines() if re.search(r"│ shmid [\d, ]+(, …)? *│$", line)]
    words = line.split("│")[1].strip().removeprefix("shmid ").split(", ")
    assert words == ids[:8] or (words[-1] == "…" and words[:-1] == ids[:len(words) - 1] != [])


def test_other_formats(shared):
    """dot and mermaid have the same boxes; JSON has each segment."""
    dot, mermaid = (memshim("graph", f"--format={name}").stdout for name in ("dot", "mermaid"))
    assert dot.count("shape=box") == mermaid.count("[(") == 5
    assert dot.count("8 segments\\n") == mermaid.count("8 segments<br/>") == 1
    nodes = set(re.findall(r"^  ([ps]\d+) \[", dot, re.M))
    assert set(re.findall(r"(\w+) -> (\w+)", dot)) == {(a, b) for a, b in re.findall(r"(\w+) -\.->\|.*\| (\w+)", mermaid)}
    assert {end for edge in re.findall(r"(\w+) -> (\w+)", dot) for end in edge} == nodes
    graph = json.loads(memshim("graph", "--json").stdout)
    assert len(graph["segments"]) == 12 and len(graph["edges"]) == 8 * 2 + 2 * 2 + 1 + 1


def test_long_names_keep_their_ends_in_a_box(compile_c):
    recording = record(compile_c("a-long-name-of-a-program-that-shares", SHARED))
    parent, child = (p["pid"] for p in recording.report()["processes"])
    drawn = memshim("graph", env={"COLUMNS": "80"}).stdout
    assert re.search(rf"a-l\S*…\S*es {parent} 144K ", drawn) and re.search(rf"a-\S*…\S*s {child} 144K", drawn)
    assert re.search(rf"by a-\S*…\S*s {parent} ", drawn)
    plain = memshim("graph", env={"COLUMNS": "80", "LC_ALL": "C"}).stdout
    assert re.search(rf"a-\S*\.\.\.\S*s {parent} 144K ", plain)
