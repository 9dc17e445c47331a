# SPDX-License-Identifier: MIT
"""Expectations: `record --expect` and `report --expect` judge a session; what is not known never holds."""

import json
import re

import pytest

import harness
from harness import memshim, record, target
from refusals import FAILED, USAGE, refused

PROGRAM = r"""
#include <stdlib.h>
#include <sys/shm.h>
#include <unistd.h>
__attribute__((noinline)) int old_leak(void) { return shmget(IPC_PRIVATE, 4096, 0600); }
__attribute__((noinline)) int new_leak(void) { return shmget(IPC_PRIVATE, 8192, 0600); }
__attribute__((noinline)) int probe(long at) { return shmdt((void *)at) == 0 ? 9 : 0; }
int main(int argc, char **argv)
{
    int ret = old_leak() < 0 || new_leak() < 0 || sbrk(1 << 20) == (void *)-1 || sbrk(-4096) == (void *)-1;
    void *at = shmat(shmget(IPC_PRIVATE, 65536, 0600), NULL, 0);
    probe(4096);
    return ret || at == (void *)-1 || shmdt(at) ? 9 : argc > 1 ? atoi(argv[1]) : 0;
}
"""


@pytest.fixture
def program(compile_c):
    return compile_c("expects", PROGRAM, "-g", "-O0")


def judged(*options):
    """The status, and what was found for each expectation that failed."""
    done = memshim("report", *options)
    lines = re.findall(r"^memshim: expected (.*): found (.*)$", done.stderr, re.M)
    assert len(lines) == done.stderr.count("\n"), done.stderr
    return done.returncode, lines


def known(*lines):
    with open("known", "w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
    return "--suppress=known"


def test_each_quantity_is_that_of_the_report(program):
    recording = record(program, options=("-q",))
    report = recording.report()
    processes, segments = report["processes"], report["segments"]
    breaks = [p["break"] for p in processes]
    wanted = {
        "leaked": sum(s["leaked"] for s in segments), "objects": len(segments),
        "failed": sum(c["failed"] for p in processes for c in p["calls"].values()),
        "moves": sum(b["moves"] for b in breaks), "grown": sum(b["grown_bytes"] for b in breaks),
        "net": sum(b["net_bytes"] for b in breaks), "peak": max(b["peak_bytes"] for b in breaks),
        "attached": max(p["attached"]["peak_bytes"] for p in processes), "processes": len(processes), "lost": 0,
        "finding:leaked-segment": 3, "finding:leaked-queue": 0,
    }
    assert wanted["leaked"] == 3 and wanted["failed"] == 1 and wanted["attached"] == 65536 and wanted["grown"] >= 1 << 20
    for name, value in wanted.items():
        holding = (f"{name}={value}", f"{name} <= {value}", f"{name}>={value}", f"{name}!={value + 1}", f"{name}<{value + 1}",
                   f"{name}>{value - 1}")
        assert judged(*(f"--expect={e}" for e in holding)) == (0, [])
        failing = (f"{name}={value + 1}", f"{name}!={value}", f"{name}<{value}", f"{name}>{value}", f"{name}<={value - 1}",
                   f"{name}>={value + 1}")
        status, lines = judged(*(f"--expect={e}" for e in failing))
        assert status == 1 and [line[0] for line in lines] == list(failing)
        assert {str(value) in found.replace(",", "") for _, found in lines} == {True}, lines


def test_values_have_units(program):
    record(program, options=("-q",))
    assert judged("--expect=attached=64K", "--expect=grown>=1M", "--expect=grown<1.5M", "--expect=grown<1G") == (0, [])
    assert judged("--expect=attached<64K") == (1, [("attached<64K", "64K (65536 bytes)")])


@pytest.mark.parametrize("status, options, wanted", [
    (0, ("--expect=leaked=0",), 1), (0, ("--expect=leaked=3",), 0), (0, ("--expect=leaked=3", "--expect=failed=0"), 1),
    (0, ("--expect=leaked=0", "--error-exitcode=9"), 9), (7, ("--expect=leaked=0", "--error-exitcode=9"), 7)])
def test_record_exits_with_its_own_status_only_when_command_succeeded(program, status, options, wanted):
    done = memshim("record", "-q", *options, "--", program, status)
    assert done.returncode == wanted
    assert done.stderr.count("memshim: expected ") == ("--expect=leaked=0" in options) + ("--expect=failed=0" in options)


def test_suppressions_hold(program):
    suppress = known("leaked-segment:old_leak", "failed-call:probe")
    record(program, options=("-q",))
    assert judged(suppress, "--expect=leaked=2", "--expect=failed=0", "--expect=finding:failed-call=0") == (0, [])
    assert judged("--expect=leaked=2", "--expect=failed=0")[0] == 1
    done = memshim("record", "-q", known("leaked-segment:*"), "--expect=leaked=0", "--", program)
    assert (done.returncode, done.stderr) == (0, "")


def test_missing_data_makes_no_expectation_hold(compile_c):
    """A static child may have leaked anything: 'leaked=0' is not known. Its suppression accepts that."""
    alone = compile_c("alone", """#include <unistd.h>
                                  int main(void) { char c; return write(1, "runs\\n", 5) != 5 || read(0, &c, 1) != 0; }""", "-static")
    with harness.Lines(harness.MEMSHIM, "record", "-q", "sh", "-c", f"{alone}; exit 0") as lines:
        lines.wait_for("runs")
        harness.wait_until(lambda: harness.Recording("memshim.data").report()["coverage"]["not_followed"], "the recorder has seen it")
        assert lines.end()[0] == 0
    status, lines = judged("--expect=leaked=0", "--expect=moves>0", "--expect=lost=0")
    assert (status, lines) == (1, [("leaked=0", "0, but a process ran without the shim")])
    assert judged("--expect=leaked=0", known("not-followed:*/alone")) == (0, [])


def test_what_is_lost_makes_no_bound_hold():
    """The peak of the attachments is made from the log; the counters of the break are exact without it."""
    done = harness.run(target("calls"), "2000", env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_LOG_SIZE": "8K", "MEMSHIM_SESSION": "small"})
    assert done.returncode == 0
    status, lines = judged("--expect=attached<1G", "--expect=grown<1G", "--expect=moves>=1", "small")
    assert status == 1 and [line[0] for line in lines] == ["attached<1G"] and "incomplete" in lines[0][1]


@pytest.mark.parametrize("text", ["leaked", "leaked==0", "leaked=x", "leaked=", "nonsense=0", "finding:nonsense=0", "=0", "leaked=0x",
                                  "finding:=0", "leaked=5%", "leaked=0 0", "leaked=1e3", "leaked=--1", "leaked=9999999999999G"])
def test_wrong_expressions_are_refused(text):
    record("true")
    refused(memshim("report", f"--expect={text}"), USAGE, "--expect", text)
    refused(memshim("record", f"--expect={text}", "true"), FAILED, "--expect")


def test_stacks_have_numbers_and_one_table(program):
    recording = record(program, options=("-q",))
    report = recording.report()
    table = {s["id"]: s["frames"] for s in report["stacks"]}
    assert len(table) == len(report["stacks"])
    slim = recording.events("--no-stacks")
    full = recording.events()
    assert len(slim) == len(full) and any("stack_id" in e for e in slim)
    for short, whole in zip(slim, full):
        assert {**whole, "stack": None, "stack_cut": None} == {**short, "stack": None, "stack_cut": None}
        assert "stack" not in short and "stack_cut" not in short and ("stack" in whole) == ("stack_id" in short)
        if "stack" not in whole:
            continue
        assert [{**f, "pc": None} for f in whole["stack"]] == [{**f, "pc": None} for f in table[short["stack_id"]]]
    assert {s["stack_id"] for s in report["sites"]} <= table.keys()
    assert {f["stack_id"] for f in report["findings"] if f["stack_id"]} <= table.keys()
    assert all(f["pc"] is None for frames in table.values() for f in frames if f["module"])
    assert "main" in json.dumps(report["stacks"])
