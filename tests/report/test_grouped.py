# SPDX-License-Identifier: MIT
"""A finding stands for a kind, a program, a place and a cause; the verdict names them first."""

import os
import re

import pytest

import first_screens
import harness
import machine
from harness import Recording, memshim, record
from reaping import reaped
from story import kernel_rows

pytestmark = machine.needs("root", "call stacks")  # in an IPC namespace of its own; places are lines


def findings(kind, *options):
    report = harness.json.loads(memshim("report", "--json", *options).stdout)
    return [f for f in report["findings"] if f["kind"] == kind]


def test_500_leaks_are_one_finding(compile_c):
    first_screens.leaks(compile_c)
    leak, = findings("leaked-segment")
    assert (leak["count"], leak["bytes"]) == (500, 125 * 4096 * (1 + 2 + 3 + 4))
    assert leak["ids"] == [s["shmid"] for s in Recording("memshim.data").report()["segments"]][:16]
    assert leak["pid"] is not None and leak["shmid"] is None, "one process, several segments"
    assert (leak["where"], leak["command"]) == ("new_buffer  seg500.c:4", "memshim reap")
    assert leak["headline"] == "500 segments leaked, 4.9M"
    text = memshim("report").stdout.splitlines()
    assert text[0] == "Verdict   1 error, 1 note"
    assert re.fullmatch(r"  ✗ 500 segments leaked, 4\.9M  seg500  new_buffer  seg500\.c:4", text[1])
    assert text[2] == "  next: memshim reap"
    done = memshim("reap", "--force").stdout
    assert len(reaped(done)) == 20 and "and 480 more; --top=N" in done, "one command for all"
    assert done.startswith("REMOVED  500 segments, 4.9M\n") and done.endswith("\n500 removed, 0 kept\n") and not kernel_rows()


LEAKS = r"""
#include <sys/shm.h>
#include <unistd.h>
#include <sys/wait.h>
static int one(void) { return shmget(IPC_PRIVATE, 4096, 0600); }
static int other(void) { return shmget(IPC_PRIVATE, 8192, 0600); }
int main(void)
{
    for (int i = 0; i < 3; i++) {
        if (fork() == 0)
            _exit(one() < 0);
        wait(0);
    }
    return other() < 0;
}
"""


def test_two_places_are_two_findings(compile_c):
    record(compile_c("leaks", LEAKS, "-g", "-O0"), options=("-q",))
    found = findings("leaked-segment")
    assert [(f["count"], f["where"]) for f in found] == [(3, "one  leaks.c:5"), (1, "other  leaks.c:6")]
    assert [f["pid"] is None for f in found] == [True, False], "three processes, one process"
    only, = findings("leaked-segment", "-m", found[0]["ids"][1])
    assert (only["count"], only["shmid"]) == (1, found[0]["ids"][1])


def test_two_causes_are_two_findings(compile_c):
    first_screens.failing(compile_c)
    found = findings("failed-call")
    assert [(f["headline"], f["count"], f["where"]) for f in found] == [
        ("shmget(0x6d656d72, 0) = EINVAL, 3 times", 3, "open_table  fail.c:4"),
        ("shmget(0x6d656d71, 1M) = EINVAL", 1, "open_table  fail.c:4"),
        ("shmat(%d) = EINVAL" % Recording("memshim.data").report()["segments"][0]["shmid"], 1, "attach  fail.c:5")]
    assert "SHMMIN" in found[0]["text"] and "has 64K" in found[1]["text"] and "was removed" in found[2]["text"]
    verdict = memshim("report").stdout.split("\n\n")[0]
    assert "size of 0; the least size (SHMMIN) is 1" in verdict
    assert verdict.endswith("next: memshim events -Z -k --exe=fail")
    assert memshim(*verdict.split("next: memshim ")[1].split()).stdout.count("EINVAL") == 5


WORKERS = r"""
#include <unistd.h>
#include <sys/wait.h>
int main(void)
{
    for (int i = 0; i < 40; i++) {
        if (fork() == 0) {
            for (int k = 0; k < 3; k++)
                sbrk(1L << 60);
            _exit(0);
        }
        wait(0);
    }
    return 0;
}
"""


def test_workers_of_one_program_are_one_finding(compile_c):
    record(compile_c("workers", WORKERS, "-g", "-O0"), options=("-q",))
    found, = findings("failed-call")
    pids = [p["pid"] for p in Recording("memshim.data").report()["processes"]]
    assert (found["count"], found["pid"]) == (120, None)
    assert found["ids"] == pids[1:17]


def test_summary_of_record_ends_with_the_verdict(compile_c):
    program = compile_c("leaks", LEAKS, "-g", "-O0")
    lines = record(program).result.stderr.splitlines()
    at = lines.index("memshim: 2 findings; see 'memshim report'")
    assert lines[at + 1:] == ["memshim:   ✗ 3 segments leaked, 12K  leaks  one  leaks.c:5",
                              "memshim:   ✗ 1 segment leaked, 8K    leaks  other  leaks.c:6",
                              "memshim:   next: memshim reap"]


def test_routine_notes_are_shown_on_request(compile_c):
    program = compile_c("holds", """
        #include <sys/shm.h>
        int main(void) {
            int id = shmget(IPC_PRIVATE, 4096, 0600);
            shmat(id, 0, 0);
            return shmctl(id, IPC_RMID, 0);
        }""")
    record(program, options=("-q",))
    assert [f["routine"] for f in findings("attach-without-detach")] == [True]
    plain, all_notes = memshim("report").stdout, memshim("report", "--notes").stdout
    assert "attach-without-detach" not in plain and "FINDINGS  none; --notes shows 1 more\n" in plain
    assert plain.startswith("Verdict   nothing wrong was found\n")
    assert "attach-without-detach" in all_notes and "FINDINGS  1 note\n" in all_notes


@pytest.mark.parametrize("locale,mark", [("C.UTF-8", "✗"), ("C", "x")])
def test_marks_fit_the_locale(compile_c, locale, mark):
    record(compile_c("leaks", LEAKS, "-g", "-O0"), options=("-q",))
    assert memshim("report", env={"LC_ALL": locale}).stdout.split("\n")[1].startswith(f"  {mark} ")


def test_top_lists_and_expands_them(compile_c):
    first_screens.leaks(compile_c)
    screen = memshim("top", "--once", "--view=findings", os.path.abspath("memshim.data"), env={"COLUMNS": "100"}).stdout
    assert re.search(r"error +leaked-segment +500 segments leaked, 4\.9M  seg500  new_buffer  seg500\.c:4", screen)
