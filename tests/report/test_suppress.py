# SPDX-License-Identifier: MIT
"""`--suppress` hides known findings, counts them, and hides nothing else."""

import os

import pytest

import harness
from harness import Recording, memshim, record

PROGRAM = r"""
#include <sys/shm.h>
__attribute__((noinline)) int old_leak(void) { return shmget(IPC_PRIVATE, 4096, 0600); }
__attribute__((noinline)) int new_leak(void) { return shmget(IPC_PRIVATE, 8192, 0600); }
__attribute__((noinline)) int probe(long at) { return shmdt((void *)at) == 0 ? 9 : 0; }
__attribute__((noinline)) int mistake(long at) { return shmdt((void *)at) == 0 ? 9 : 0; }
int main(int argc, char **argv)
{
    int ret = old_leak() < 0;
    if (argc > 1)
        ret |= new_leak() < 0;
    if (argc > 2)
        ret |= probe(4096) | probe(8192);
    if (argc > 3)
        ret |= mistake(4096);
    return ret;
}
"""


@pytest.fixture
def program(compile_c):
    return compile_c("leaker", PROGRAM, "-g", "-O0")


def rules(*lines, name="known"):
    with open(name, "w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
    return f"--suppress={name}"


def found(*options):
    """(kinds above notes, number of suppressed findings)"""
    report = harness.json.loads(memshim("report", "--json", *options).stdout)
    return [f["kind"] for f in report["findings"] if f["severity"] != "note"], report["suppressed"]


NOTES = "segment-never-attached:*"


@pytest.mark.parametrize("pattern,left", [
    ("leaked-segment:leaker", 0), ("leaked-segment:leak*", 0), ("leaked-segment : */leaker", 0), ("*:leaker", 0),
    ("leaked-segment:old_leak", 1), ("leaked-segment:*_leak", 0), ("*:*", 0), ("leaked-segment:leak", 2),
    ("failed-call:leaker", 2), ("leaked-segment:/leaker", 2), ("leaked-segment:*/old_leak", 2)])
def test_patterns(program, pattern, left):
    """A rule matches a program by name or path, or a function on the call stack."""
    record(program, "1", options=("-q",))
    kinds, count = found(rules("# a remark", "", "  ", NOTES, pattern))
    assert kinds == ["leaked-segment"] * left
    assert count == 2 + 2 - left, "two notes are suppressed as well"


def test_report_prints_the_number_of_suppressed_findings(program):
    record(program, "1", options=("-q",))
    text = memshim("report", rules("leaked-segment:old_leak")).stdout
    assert "FINDINGS  1 error, 2 notes; 1 suppressed\n" in text
    assert text.count("leaked-segment") == 1
    text = memshim("report", rules("*:*")).stdout
    assert "FINDINGS  none; 3 suppressed\n" in text or "FINDINGS  none; 4 suppressed\n" in text
    assert memshim("report").stdout.count("suppressed") == 0
    assert found() == (["leaked-segment"] * 2, 0)


def test_of_two_files(program):
    record(program, "1", options=("-q",))
    assert found(rules(NOTES), rules("*:old_leak", name="more"), rules("*:new_leak", name="most")) == ([], 4)


@pytest.mark.parametrize("arguments,left", [(("1", "2"), []), (("1", "2", "3"), ["failed-call"])])
def test_a_function_hides_its_own_failures_only(program, arguments, left):
    """Failures of several places are several findings: a rule hides those that are known."""
    record(program, *arguments, options=("-q",))
    assert found(rules("leaked-segment:*", "failed-call:probe"))[0] == left
    assert found(rules("leaked-segment:*", "failed-call:probe", "failed-call:mistake"))[0] == []
    assert found(rules("leaked-segment:*", "failed-call:leaker"))[0] == []


def test_exit_code(program):
    """Known findings do not change the exit status; new ones do."""
    known = rules("leaked-segment:old_leak")
    assert memshim("record", "-q", "--error-exitcode=9", known, "--", program).returncode == 0
    assert memshim("record", "-q", "--error-exitcode=9", known, "--", program, "1").returncode == 9
    assert memshim("record", "-q", "--error-exitcode=9", "--", program).returncode == 9
    done = memshim("record", known, "--", program)
    assert "memshim: no findings but notes, 1 suppressed; see" in done.stderr
    done = memshim("record", known, "--", program, "1")
    assert "memshim: 1 finding, 1 suppressed; see" in done.stderr


def test_without_stacks(program):
    """Without stacks, rules by function hide nothing; rules by program still do."""
    record(program, options=("-q", "-k", "0"))
    assert found(rules("leaked-segment:old_leak"))[0] == ["leaked-segment"]
    assert found(rules("leaked-segment:leaker"))[0] == []


WRONG = {
    "leaked-segment": "known:2: 'leaked-segment' is not kind:pattern",
    "leaked-segmnt:x": "known:2: 'leaked-segmnt' is no kind of finding",
    ":x": "known:2: '' is no kind of finding",
    "leaked-segment: ": "known:2: 'leaked-segment' has no pattern",
    "leaked-segment:" + "x" * 1100: "known:2: the line is too long",
    "\x1b[31m:x": "known:2: '?[31m' is no kind of finding",
}


@pytest.mark.parametrize("line", WRONG, ids=range(len(WRONG)))
def test_wrong_lines(line, program):
    """A wrong line is reported with file and number, and COMMAND does not start."""
    record(program, options=("-q",))
    os.remove("memshim.data")
    option = rules("# known", line)
    done = memshim("record", option, "--", "touch", "ran")
    assert (done.returncode, done.stderr.count("\n")) == (125, 1) and WRONG[line] in done.stderr
    assert not os.path.exists("ran") and not os.path.exists("memshim.data")
    done = memshim("report", option)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1) and WRONG[line] in done.stderr


@pytest.mark.parametrize("name,why", [("nowhere", "No such file"), (".", "Is a directory"), ("/dev/zero", "is not a regular file")])
def test_no_such_file(name, why):
    for command in (("report",), ("record", "true")):
        done = memshim(command[0], f"--suppress={name}", *command[1:])
        assert done.returncode == (125 if command[1:] else 1)
        assert done.stderr.startswith(f"memshim: {name}") and why in done.stderr


def test_lost_events_match_only_a_star(compile_c):
    """Lost events have no program: only * matches them."""
    flood = compile_c("flood", """
        #include <unistd.h>
        int main(void) { for (int i = 0; i < 60000; i++) { sbrk(4096); sbrk(-4096); } return 0; }""")
    options = ("-q", "--error-exitcode=9", "--log-size=8K", "-k", "0")
    assert memshim("record", *options, "--", flood).returncode == 9, "a loss is a finding"
    assert Recording("memshim.data").report()["coverage"]["lost"]["overwritten"]
    assert found(rules("lost-events:flood"))[0] == ["lost-events"]
    assert found(rules("lost-events:*"))[0] == []
