# SPDX-License-Identifier: MIT
"""Findings about breaks and segments: each has a program that causes it. A similar correct program does not."""

import pytest

import harness
from harness import Recording, memshim, record
from story import recorded

HEAD = """
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static void *kept[4000];
static int use(void *p) { memset(p, 1, 64); return p != 0; }
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
__attribute__((noinline)) void by_itself(void) { if (sbrk(8192) == (void *)-1) abort(); }
__attribute__((noinline)) void take(int count, size_t size) { for (int i = 0; i < count; i++) use(kept[i] = malloc(size)); }
__attribute__((noinline)) void give_back(int count) { while (count-- > 0) free(kept[count]); }
int main(int argc, char **argv)
{
    double began = now(), taken;
"""

# kind: (what it does, the function on its call stack, what a correct program does)
STORIES = {
    "mixed-break-users": ("take(20, 9000); by_itself(); take(20, 90000);", "by_itself", "take(20, 9000); take(20, 90000);"),
    "break-thrash": ("for (int i = 0; i < 40; i++) { take(20, 60000); give_back(20); }", "give_back",
                     "mallopt(M_TRIM_THRESHOLD, 1 << 30); for (int i = 0; i < 40; i++) { take(20, 60000); give_back(20); }"),
    "segment-never-attached": (
        "if (shmctl(shmget(IPC_PRIVATE, 4096, 0600), IPC_RMID, 0)) return 1;", "main",
        "int id = shmget(IPC_PRIVATE, 4096, 0600); shmdt(shmat(id, 0, 0)); if (shmctl(id, IPC_RMID, 0)) return 1;"),
    "attach-without-detach": (
        "int id = shmget(IPC_PRIVATE, 4096, 0600); shmat(id, 0, 0); if (shmctl(id, IPC_RMID, 0)) return 1;", None,
        "int id = shmget(IPC_PRIVATE, 4096, 0600); void *at = shmat(id, 0, 0); if (fork() == 0) _exit(0); wait(0);"
        "shmdt(at); if (shmctl(id, IPC_RMID, 0)) return 1;"),
    "repeated-attach": (
        "int id = shmget(IPC_PRIVATE, 4096, 0600); void *at[3]; for (int i = 0; i < 3; i++) at[i] = shmat(id, 0, 0);"
        "for (int i = 0; i < 3; i++) shmdt(at[i]); if (shmctl(id, IPC_RMID, 0)) return 1;", "main",
        "int id = shmget(IPC_PRIVATE, 4096, 0600); for (int i = 0; i < 3; i++) shmdt(shmat(id, 0, 0));"
        "void *at = shmat(id, 0, 0); if (fork() == 0) _exit(0); wait(0); shmdt(at);"
        "if (shmctl(id, IPC_RMID, 0)) return 1;"),
}


def found(program, kind):
    recording = record(program, options=("-q", "--error-exitcode=9"))
    return [f for f in recording.report()["findings"] if f["kind"] == kind]


@pytest.mark.parametrize("kind", STORIES)
def test_story(kind, compile_c):
    """
    The finding is a note, because a correct program may do this. It names the process and the place, and does not
    change the exit status.
    """
    unsound, function, sound = STORIES[kind]
    end = "return argc == 0 || taken < 0 || began < 0 || argv == 0; }"
    program = compile_c("unsound", HEAD + "taken = 0;" + unsound + end, "-g", "-O0")
    finding, = found(program, kind)
    assert finding["severity"] == "note" and finding["advice"]
    assert "unsound" in finding["text"] and finding["pid"]
    if function:
        assert function in [f["function"] for f in finding["stack"]]
    assert found(compile_c("sound", HEAD + "taken = 0;" + sound + end, "-g", "-O0"), kind) == []


def test_repeated_attach_says_how_often(compile_c):
    """The finding counts the most attachments at one time. Copies by fork do not count."""
    program = compile_c("again", HEAD + """
        int id = shmget(IPC_PRIVATE, 4096, 0600);
        taken = 0;
        shmat(id, 0, 0); shmdt(shmat(id, 0, 0)); shmat(id, 0, 0); shmat(id, 0, SHM_RDONLY);
        if (fork() == 0) _exit(0);
        wait(0);
        return shmctl(id, IPC_RMID, 0) || argc == 0 || taken < 0 || began < 0 || argv == 0; }""", "-O0")
    finding, = found(program, "repeated-attach")
    assert finding["text"].endswith(f"had segment {finding['shmid']} attached 3 times at once")


def test_singular_and_plural(compile_c):
    """Singular and plural agree with the number."""
    program = compile_c("once", HEAD + "taken = 0; by_itself(); take(1, 9000);"
                        "return argc == 0 || taken < 0 || began < 0 || argv == 0; }", "-O0")
    finding, = found(program, "mixed-break-users")
    assert finding["text"].endswith("malloc moved the break 1 time and the program itself 1 time")
    one, two = (record(program, options=("-q",), env={"MEMSHIM_STACK_DEPTH": "x", **more}).report()["findings"]
                for more in ({}, {"MEMSHIM_PATCH": "x"}))
    assert "1 MEMSHIM_ setting had a wrong value, and the shim ignored it" in [f["text"] for f in one]
    assert "2 MEMSHIM_ settings had a wrong value, and the shim ignored them" in [f["text"] for f in two]


WALL = HEAD + """
    uintptr_t at = ((uintptr_t)sbrk(0) + 3 * 4096 - 1) & ~4095ul;
    char byte;
    taken = began;
    if (mmap((void *)at, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)at)
        return 2;
    if (sbrk(1 << 20) != (void *)-1 || argc == 0 || argv == 0 || taken < 0)
        return 3;
    puts("refused"); fflush(stdout);
    return read(0, &byte, 1);
}
"""


def test_break_blocked_by_a_mapping(compile_c):
    """A mapping that is no attachment blocks the break, too. The distance is shown, live and afterwards."""
    with recorded(compile_c("walled", WALL, "-g", "-O0")) as lines:
        lines.wait_for("refused")
        of_kind = lambda: [f for f in Recording("memshim.data").report()["findings"] if f["kind"] == "break-blocked"]
        harness.wait_until(lambda: any(f["severity"] == "warning" for f in of_kind()), "the recorder has looked")
        headroom = lambda: Recording("memshim.data").report()["processes"][0]["break"]["headroom_bytes"]
        harness.wait_until(lambda: headroom() is not None, "it was read while nothing moved")
        assert headroom() <= 3 * 4096
        assert lines.end()[0] == 0
    finding, = of_kind()
    assert "memory without a file, 8K above the break, blocked a move of the break" in finding["text"] or "12K above" in finding["text"]
    assert "main" in [f["function"] for f in finding["stack"]]


def test_findings_have_texts_and_manual():
    """Each finding has kind, severity, text and advice, is in the manual, and the most severe comes first."""
    record("perl", "-e", "shmget(0, 4096, 01666) // die; shmget(1, 0, 0); shmctl(99, 0, 0); fork || exit; wait", options=("-q",))
    report = Recording("memshim.data").report()
    order = ["error", "warning", "note"]
    weights = [order.index(f["severity"]) for f in report["findings"]]
    assert weights == sorted(weights) and len(weights) >= 4
    assert all(f["text"] and f["advice"] and f["text"][-1] not in ".\n" for f in report["findings"])
    page = memshim("report").stdout
    for finding in report["findings"]:
        assert finding["kind"] in page and finding["advice"].split()[0] in page
