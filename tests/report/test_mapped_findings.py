# SPDX-License-Identifier: MIT
"""
Findings about memory past the break: mappings that grow, a large block taken again and again, arenas that threads hardly use,
stacks that add up. Made-up sessions say when each is found, and when a sound program is left alone.
"""

import pytest

import machine
from harness import record
from story_model import Story

KIB, MIB = 1 << 10, 1 << 20
FIND = ("mappings-growing", "mmap-thrash", "many-arenas", "thread-stacks")


def kinds(story):
    return [name for name, *_ in story.conclusions().findings if name in FIND]


def growing(seconds=90, steps=400, give_back=0, until=1.0, cpu_ms=100):
    """A process that maps 256K at each step, up to a part of its life, and gives back one of `give_back` of them."""
    story = Story().process(1, end=seconds * 1000).tell("usage", 1, seconds * 1000, 0, 0, 0, cpu_ms, 0)
    for step in range(1, steps + 1):
        at_ms = int(step * seconds * 1000 / steps)
        if step <= steps * until:
            story.tell("map", 1, at_ms, 7, step * MIB, 256 * KIB)
        if give_back and step % give_back == 0:
            story.tell("unmap", 1, at_ms, 8, step * MIB, 256 * KIB)
    return story


def test_mappings_that_grow_all_the_time():
    (severity, stack, text), = growing().conclusions().of("mappings-growing")
    assert severity == "warning" and stack == 7
    assert "it took 100M in 1 min 30 s and gave back 0; 100 % of what is left is from one place" in text


@pytest.mark.parametrize("shape", [{"until": 0.5}, {"give_back": 2}, {"seconds": 2}, {"seconds": 50, "cpu_ms": 49000}, {"steps": 4}],
                         ids=("stops", "gives back", "short", "computes", "little"))
def test_growth_of_sound_programs(shape):
    assert kinds(growing(**shape)) == []


def thrash(pairs=1000, size=MIB, faults=256000, cpu_ms=1000, malloc=True, next_size=lambda size, i: size):
    story = Story().process(1, end=10000).tell("usage", 1, 10000, 0, 0, faults, cpu_ms, 0)
    for i in range(pairs):
        story.tell("map", 1, i, 7, 0, next_size(size, i), *(["malloc"] if malloc else []))
        story.tell("unmap", 1, i, 8, 0, next_size(size, i))
    return story


def test_a_block_that_is_taken_again_and_again():
    (severity, stack, text), = thrash().conclusions().of("mmap-thrash")
    assert severity == "note" and stack == 7
    assert "again 999 times: 1M a block, 1000M in all, at least 180 ms" in text
    assert "MALLOC_MMAP_THRESHOLD_=2097152" in text
    (_, _, text), = thrash(size=64 * MIB, faults=0).conclusions().of("mmap-thrash")
    assert "malloc maps each block above 32M" in text


@pytest.mark.parametrize("shape", [{"pairs": 60}, {"malloc": False}, {"faults": 100}, {"cpu_ms": 10000},
                                   {"next_size": lambda size, i: size << i % 3 * 2}],
                         ids=("rarely", "not malloc", "untouched", "cheap", "other sizes"))
def test_blocks_of_sound_programs(shape):
    assert kinds(thrash(**shape)) == []


THREADS = """
#include <pthread.h>
#include <stdlib.h>
static pthread_barrier_t all;
static void *work(void *unused)
{
    void *volatile at = malloc(100);
    pthread_barrier_wait(&all); /* each has an arena of its own */
    free(at);
    return unused;
}
int main(int argc, char **argv)
{
    int count = atoi(argv[1]);
    pthread_t threads[count];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)atoi(argv[2]) << 20);
    pthread_barrier_init(&all, 0, count);
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], &attributes, work, 0))
            return 1;
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], 0);
    return argc != 3;
}
"""


@machine.needs("call stacks")
@pytest.mark.parametrize("count,stack_mib,found", [(10, 64, ["many-arenas", "thread-stacks"]), (4, 1, []), (10, 1, ["many-arenas"])])
def test_threads(compile_c, count, stack_mib, found):
    program = compile_c("threads", THREADS, "-pthread")
    recording = record(program, count, stack_mib, options=("-a",), env={"GLIBC_TUNABLES": "glibc.malloc.arena_max=32"})
    findings = {f["kind"]: f for f in recording.report()["findings"] if f["kind"] in FIND}
    assert sorted(findings) == found
    if "many-arenas" in found:
        assert "10 heaps of arenas use 132K each" in findings["many-arenas"]["text"]
    if "thread-stacks" in found:
        assert "up to 640M of address space, about 64M each" in findings["thread-stacks"]["text"]
    again = record(program, count, stack_mib, options=("-a",), env={"GLIBC_TUNABLES": "glibc.malloc.arena_max=1"}).report()
    assert not any(f["kind"] == "many-arenas" for f in again["findings"])
