# SPDX-License-Identifier: MIT
"""
Findings about heaps: one that grows all the time, one that costs time, one that holds free memory, and memory that the
break does not explain. Made-up sessions say when each is found, and when a sound program is left alone.
"""

import re

import pytest

import harness
from harness import Lines, Recording, memshim
from story import recorded
from story_model import Story

MIB = 1 << 20
FIND = ("heap-growing", "break-thrash", "heap-pinned", "past-the-break")


def growing(seconds=90, break_at=lambda part: int(part * 64 * MIB), steps=400, cpu_ms=0, back=0, **usage):
    """A process whose break follows `break_at`, a function of the part of its life. `back`: bytes up and down each step."""
    top = break_at(1)
    story = Story().process(1, end=seconds * 1000, current=top, peak=max(top, max(break_at(i / steps) for i in range(steps + 1)) + back))
    if cpu_ms is not None:
        story.tell("usage", 1, seconds * 1000, 0, usage.get("anonymous", 0), usage.get("faults", 0), cpu_ms, usage.get("waited_ms", 0))
    before = 0
    for step in range(1, steps + 1):
        at_ms, after = int(step * seconds * 1000 / steps), break_at(step / steps)
        if after != before:
            story.move(1, at_ms, 7, before, after)
        if back:
            story.move(1, at_ms, 8, after, after + back).move(1, at_ms, 9, after + back, after)
        before = after
    return story


def kinds(story):
    return [name for name, *_ in story.conclusions().findings if name in FIND]


def test_a_heap_that_grows_all_the_time():
    """The finding has the rate, the time, and the place with its share of the growth."""
    story = growing().tell("module", 1, "/bin/story").tell("frame", 7, 0, 1, 4096)
    (severity, stack, text), = story.conclusions().of("heap-growing")
    assert severity == "warning" and stack == 7
    assert "the heap grows by 718K/s: it took 64M in 1 min 30 s" in text and "100 % of the growth is from one place" in text


@pytest.mark.parametrize("shape", ["no CPU time yet", "idle process", "linear", "noisy"])
def test_growth_that_is_found(shape):
    noisy = lambda part: int(part * 64 * MIB) // MIB * MIB
    story = {"no CPU time yet": lambda: growing(seconds=4),
             "idle process": lambda: growing(seconds=4, cpu_ms=300, waited_ms=100),
             "linear": lambda: growing(cpu_ms=1000),
             "noisy": lambda: growing(break_at=noisy, back=0)}[shape]()
    assert kinds(story) == ["heap-growing"]


SOUND = {
    "fills a cache and stops": lambda: growing(break_at=lambda part: int(min(part * 2, 1) * 64 * MIB)),
    "fills a cache more and more slowly": lambda: growing(break_at=lambda part: int((1 - (1 - part) ** 4) * 64 * MIB)),
    "loads its data at the start": lambda: growing(break_at=lambda part: 64 * MIB if part > 0.05 else 0),
    "builds its data at the end": lambda: growing(break_at=lambda part: 64 * MIB if part > 0.9 else 0),
    "two steps": lambda: growing(break_at=lambda part: 32 * MIB * (part > 0.3) + 32 * MIB * (part > 0.7)),
    "grows a little": lambda: growing(break_at=lambda part: int(part * 2 * MIB)),
    "gives back what it takes": lambda: growing(break_at=lambda part: int(part * 16 * MIB), back=MIB),
    "grows and shrinks": lambda: growing(break_at=lambda part: int((1 - abs(part * 4 % 2 - 1)) * 64 * MIB)),
    "computes for half a minute": lambda: growing(seconds=30, cpu_ms=29000),
    "computes on a machine under load": lambda: growing(seconds=14, cpu_ms=3000, waited_ms=9000),
    "nothing is known of how busy it was": lambda: growing(seconds=30, cpu_ms=None),
    "runs for a second": lambda: growing(seconds=1, cpu_ms=10),
}


@pytest.mark.parametrize("what", SOUND)
def test_growth_of_a_sound_program(what):
    assert "heap-growing" not in kinds(SOUND[what]())


def test_a_busy_program_that_grows_for_long_is_found():
    assert kinds(growing(seconds=90, cpu_ms=89000)) == ["heap-growing"]


def thrash(rounds, size, seconds, cpu_ms=0, faults=0, malloc=True):
    story = Story().process(1, end=seconds * 1000, peak=size)
    story.tell("usage", 1, 0, 0, 0, faults, cpu_ms, 0)
    for turn in range(rounds):
        at_ms = int(turn * seconds * 1000 / rounds)
        story.move(1, at_ms, 7, 0, size, malloc).move(1, at_ms, 8, size, 0, malloc)
    return story


def test_thrash_by_its_cost():
    """A slowdown is a warning; the advice is one that the user of a script can follow."""
    (severity, stack, text), = thrash(20000, 256 << 10, 2, cpu_ms=2000, faults=1200000).conclusions().of("break-thrash")
    assert severity == "warning" and stack == 8
    assert "the break moved 40,000 times (20000/s), and 4.9G were given back and taken again" in text
    assert "MALLOC_TRIM_THRESHOLD_=1048576 MALLOC_MMAP_THRESHOLD_=1048576" in text and "GLIBC_TUNABLES=glibc.malloc." in text
    assert "at least 43 % of its CPU time" in text


def test_thrash_that_costs_little_is_a_note():
    (severity, _, _), = thrash(400, 1 << 20, 2, cpu_ms=2000, faults=100000).conclusions().of("break-thrash")
    assert severity == "note"


def test_direct_moves_thrash_too():
    """The advice for the program's own calls is another one than for malloc's."""
    (_, _, text), = thrash(20000, 64 << 10, 2, cpu_ms=900, faults=300000, malloc=False).conclusions().of("break-thrash")
    assert "MALLOC_" not in text and "use it again" in text


@pytest.mark.parametrize("story", [
    pytest.param(lambda: thrash(17, 2 * MIB, 10, cpu_ms=50, faults=9000), id="a quiet server"),
    pytest.param(lambda: thrash(3600, 1 * MIB, 3600, cpu_ms=4000, faults=900000), id="a quiet server for an hour"),
    pytest.param(lambda: thrash(10, 64 * MIB, 1, cpu_ms=500, faults=160000), id="few rounds"),
    pytest.param(lambda: thrash(300, 128 << 10, 30, cpu_ms=20000, faults=9600), id="a busy program that shrinks now and then"),
])
def test_no_thrash(story):
    assert "break-thrash" not in kinds(story())


def held(anonymous=100 * MIB, *heap):
    return Story().process(1, current=100 * MIB, peak=100 * MIB).moves(1, (7, 0, 100 * MIB)).tell(
        "usage", 1, 0, anonymous, anonymous, 0, 0, 0, *heap)


def test_pinned_is_what_was_seen_free_and_resident():
    (severity, stack, text), = held(100 * MIB, 90 * MIB, 100 * MIB).conclusions().of("heap-pinned")
    assert severity == "note" and stack == 7 and "90M of the heap's 100M were free and still resident" in text


@pytest.mark.parametrize("heap", [(), (0, 100 * MIB), (20 * MIB, 100 * MIB), (40 * MIB, 400 * MIB)], ids=[
    "not sampled", "in use, or trimmed", "little", "a small part"])
def test_not_pinned(heap):
    assert kinds(held(100 * MIB, *heap)) == []


def test_memory_past_the_break():
    (severity, _, text), = held(500 * MIB).conclusions().of("past-the-break")
    assert severity == "note" and "it had 500M of anonymous memory, and the break explains 100M of it" in text
    assert "MALLOC_ARENA_MAX=1" in text


@pytest.mark.parametrize("anonymous", [0, 100 * MIB, 120 * MIB, 180 * MIB])
def test_memory_that_the_break_explains(anonymous):
    assert kinds(held(anonymous)) == []


# ---- real programs ----

HEAD = """
    #include <malloc.h>
    #include <pthread.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <unistd.h>
    static char *p[100000];
    static void fill(void) { for (int i = 0; i < 100000; i++) memset(p[i] = malloc(1024), 1, 1024); }
    static void drop(void) { for (int i = 0; i < 99999; i++) free(p[i]); }
    static void wait_for_line(void) { char byte; puts("ready"); fflush(stdout); if (read(0, &byte, 1) < 0) abort(); }
"""
PINNED = {
    "freed": ("fill(); drop();", True),
    "trimmed": ("fill(); drop(); malloc_trim(0);", False),
    "in use": ("fill();", False),
}


@pytest.mark.parametrize("what", PINNED)
def test_the_recorder_looks_into_the_heap(what, compile_c):
    """Freed memory that stays resident is found; what malloc_trim gave back, or what is in use, is not."""
    body, found = PINNED[what]
    program = compile_c("holder", HEAD + "int main(void) {" + body + "wait_for_line(); return 0; }", "-O1")
    usage = lambda: (Recording("memshim.data").report()["processes"] or [{"usage": None}])[0]["usage"] or {}
    with recorded(program) as lines:
        lines.wait_for("ready")
        harness.wait_until(lambda: usage().get("heap_free_bytes") is not None, "the recorder walked over the heap")
        assert lines.end()[0] == 0
    of_kind = [f for f in Recording("memshim.data").report()["findings"] if f["kind"] == "heap-pinned"]
    assert bool(of_kind) == found
    assert (usage()["heap_free_bytes"] > 90 * MIB) == found
    assert usage()["resident_peak_bytes"] >= 95 * MIB and usage()["faults"] > 20000


@pytest.mark.parametrize("stop", [0, 1, 3])
def test_a_walk_over_a_large_heap_can_be_stopped(stop):
    """The recorder reads the log meanwhile: the walk asks it for every 64 KiB, and stops when it is told to."""
    whole, asked, size = harness.run(harness.BUILD / "tests" / "units" / "heap_walk", str(stop)).stdout.split()
    assert int(size) > 6 * MIB
    assert (whole, int(asked)) == ("part", stop) if stop else whole == "whole" and int(asked) > int(size) // 131072


def test_wait_tells_the_peak_of_command(compile_c):
    """
    It grows and ends after the first sample: wait4(2) knows its peak, its faults and its time. The shell forks the
    recorder: execve(2) from the test would leave the peak of Python in the recorder's own.
    """
    program = compile_c("short", HEAD + "int main(void) { wait_for_line(); fill(); return 0; }", "-O1")
    usage = lambda: (Recording("memshim.data").report()["processes"] or [{"usage": None}])[0]["usage"]
    with Lines("sh", "-c", '"$@"; exit $?', "sh", harness.MEMSHIM, "record", "-q", "--sample=3600000", program) as lines:
        lines.wait_for("ready")
        harness.wait_until(usage, "the recorder has verified and sampled it")
        assert lines.end()[0] == 0
    text = Recording("memshim.data").report_text()
    assert re.search(r"(?m)^Memory +short: \d+(\.\d)?M resident; the break is up to \d+", text)
    assert usage()["resident_peak_bytes"] >= 95 * MIB and usage()["faults"] > 20000 and usage()["cpu_ns"] > 0


def test_memory_of_threads_is_past_the_break(compile_c):
    program = compile_c("threads", HEAD + """
        static void *work(void *x) { for (int i = 0; i < 60000; i++) memset(malloc(1024), 1, 1024); return x; }
        int main(void) { pthread_t t; pthread_create(&t, 0, work, 0); pthread_join(t, 0); wait_for_line(); return 0; }
    """, "-O1", "-pthread")
    seen = lambda: [f["text"] for f in Recording("memshim.data").report()["findings"] if f["kind"] == "past-the-break"]
    with recorded(program) as lines:
        lines.wait_for("ready")
        harness.wait_until(seen, "the recorder sampled it")
        assert lines.end()[0] == 0
    assert "of anonymous memory, and the break explains" in seen()[0]
    assert "past-the-break" in memshim("report").stdout
