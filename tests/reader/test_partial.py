# SPDX-License-Identifier: MIT
"""Output with missing data says so: an overwritten log, cut call stacks, refused calls."""

import json
import re

import pytest

import harness
import machine
from harness import Recording, memshim, record, run

MOVES = 10000
SMALLEST_LOG = "8K"

MANY_MOVES = """
    #include <unistd.h>
    __attribute__((noinline)) static void harmless(void) { sbrk(4096); sbrk(-4096); __asm__(""); }
    __attribute__((noinline)) static void culprit(void) { sbrk(1 << 20); __asm__(""); }
    int main(void) { culprit(); for (int i = 0; i < %d / 2; i++) harmless(); return 0; }
""" % MOVES

DEEP = """
    #include <unistd.h>
    __attribute__((noinline)) void leaf(void) { sbrk(65536); __asm__(""); }
    __attribute__((noinline)) void rec(int d) { if (d) rec(d - 1); else leaf(); __asm__(""); }
    __attribute__((noinline)) void parse(void) { for (int i = 0; i < 50; i++) rec(20); __asm__(""); }
    __attribute__((noinline)) void render(void) { for (int i = 0; i < 50; i++) rec(DEPTH); __asm__(""); }
    __attribute__((noinline)) void flat(void) { sbrk(65536); __asm__(""); }
    int main(void) { flat(); parse(); render(); return 0; }
"""

REFUSED = """
    #include <sys/resource.h>
    #include <sys/shm.h>
    #include <unistd.h>
    __attribute__((noinline)) void greedy(void) { sbrk(1L << 40); __asm__(""); }
    __attribute__((noinline)) void huge(void) { shmget(IPC_PRIVATE, 1UL << 60, 0600); __asm__(""); }
    int main(void) { for (int i = 0; i < 1361; i++) greedy(); huge(); shmdt((void *)1); return 0; }
"""

ATTACHES = """
    #include <sys/shm.h>
    int main(void) {
        int id = shmget(IPC_PRIVATE, 4096, 0600);
        return shmat(id, 0, 0) == (void *)-1 || shmctl(id, IPC_RMID, 0) != 0;
    }
"""

needs_stacks = machine.needs("call stacks")


@pytest.fixture
def by_hand(compile_c, own_world):
    """A session without a recorder whose log was overwritten many times."""
    program = compile_c("moves", MANY_MOVES, "-g")
    segment = own_world / "s.seg"
    done = run(program, env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_SESSION": str(segment),
                             "MEMSHIM_LOG_SIZE": SMALLEST_LOG})
    assert done.returncode == 0, done
    return str(segment)


def totals(path):
    coverage = json.loads(memshim("report", "--json", path).stdout)["coverage"]
    return coverage["events"], coverage["events_total"], coverage["log_complete"]


def test_call_sites_of_a_part_of_the_log_say_so(by_hand):
    shown, total, complete = totals(by_hand)
    assert not complete and shown < MOVES / 10 and MOVES < total < MOVES + 100
    part = f"the newest {shown} of {total:,} events"
    text = memshim("report", by_hand).stdout
    assert re.search(rf"^CALL SITES  \d+, of {part}$", text, re.MULTILINE), text
    assert "Coverage  in part: " in text and "full" not in text.split("PROCESSES")[0]
    assert "MEMSHIM_LOG_SIZE" in text and "--log-size" not in text


def test_flame_graph_and_folded_stacks_of_a_part_say_so(by_hand, tmp_path):
    shown, total, _ = totals(by_hand)
    note = f"of the newest {shown} of {total:,} events only; MEMSHIM_LOG_SIZE gives the log more room"
    folded = memshim("export", "--format=folded", by_hand)
    assert note in folded.stderr and note not in folded.stdout and folded.returncode == 0
    memshim("report", f"--flame={tmp_path}/f.svg", by_hand)
    assert note in (tmp_path / "f.svg").read_text()


def test_history_of_a_part_says_so(by_hand, compile_c):
    attach = compile_c("attach", ATTACHES)
    assert run(attach, env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_SESSION": by_hand}).returncode == 0
    segments = json.loads(memshim("report", "--json", by_hand).stdout)["segments"]
    text = memshim("report", "-m", str(segments[-1]["shmid"]), by_hand).stdout
    assert re.search(r"HISTORY of segment \d+, of the newest [\d,]+ of [\d,]+ events", text), text


def test_errors_that_the_log_lacks_are_counted(compile_c):
    """The counters of a process are exact when its log has wrapped: so the table says how many errors it cannot name."""
    program = compile_c("refused", "#include <sys/shm.h>\nint main(void) { for (int i = 0; i < 5000; i++) shmget(0x77, 1, 0); return 0; }")
    harness.run(program, env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_LOG_SIZE": "8K"})
    text = Recording("default").report_text()
    named, more = re.search(r"(?m)^ *5,000 +5,000 +shmget +ENOENT ([\d,]+) and ([\d,]+) more$", text).groups()
    assert int(named.replace(",", "")) + int(more.replace(",", "")) == 5000


def test_whole_log_is_not_called_a_part(compile_c, tmp_path):
    recording = record(compile_c("moves", MANY_MOVES, "-g"))
    shown, total, complete = totals(recording.path)
    assert complete and shown == total
    assert not re.search("newest|in part", recording.report_text())
    folded = memshim("export", "--format=folded", recording.path)
    assert folded.stderr == "" and "... cut here" not in folded.stdout


def folded_roots(path):
    """The frames right above the program, with their bytes: {name: bytes}."""
    roots = {}
    for line in memshim("export", "--format=folded", path).stdout.splitlines():
        stack, value = line.rsplit(" ", 1)
        name = stack.split(";")[1]
        roots[name] = roots.get(name, 0) + int(value)
    return roots


@needs_stacks
def test_cut_stacks_are_no_roots(compile_c, tmp_path):
    program = compile_c("deep", DEEP.replace("DEPTH", "30"), "-g")
    recording = record(program)
    roots = folded_roots(recording.path)
    assert set(roots) == {"... cut here", "_start"}
    assert roots["... cut here"] == 100 * 65536
    coverage = recording.report()["coverage"]
    assert coverage["cut_bytes"] == 100 * 65536 and coverage["stack_depth"] == 16
    enough = coverage["deepest_stack"]
    note = f'% is of call stacks cut at 16 frames ("... cut here"); record -k {enough} takes the deepest'
    assert note in memshim("export", "--format=folded", recording.path).stderr
    memshim("report", f"--flame={tmp_path}/f.svg", recording.path)
    picture = (tmp_path / "f.svg").read_text()
    assert note.replace('"', "&quot;") in picture or note in picture
    assert "<title>... cut here: " in picture
    assert {s["cut"] for s in recording.report()["sites"] if s["stack"][0]["function"] == "leaf"} == {True}
    assert {s["cut"] for s in recording.report()["sites"] if s["stack"][0]["function"] == "flat"} == {False}
    assert f"... cut here; record -k {enough} takes the deepest" in recording.events_text("-k")
    assert [e["stack_cut"] for e in recording.calls() if "stack_cut" in e] == [True] * 100


@needs_stacks
def test_depth_that_is_advised_is_enough(compile_c):
    program = compile_c("deep", DEEP.replace("DEPTH", "30"), "-g")
    enough = record(program).report()["coverage"]["deepest_stack"]
    assert 31 < enough < 45
    whole = record(program, options=("-k", enough))
    assert set(folded_roots(whole.path)) == {"_start"}
    assert whole.report()["coverage"]["cut_stacks"] == 0
    assert record(program, options=("-k", enough - 1)).report()["coverage"]["cut_stacks"] > 0


@needs_stacks
def test_deeper_than_any_depth_advises_the_most(compile_c):
    recording = record(compile_c("deep", DEEP.replace("DEPTH", "300"), "-g"))
    assert recording.report()["coverage"]["deepest_stack"] is None
    assert "record -k 64 takes the most" in recording.events_text("-k")


@needs_stacks
def test_by_hand_the_depth_is_a_setting(compile_c, own_world):
    program, segment = compile_c("deep", DEEP.replace("DEPTH", "30"), "-g"), str(own_world / "s.seg")
    run(program, env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_SESSION": segment})
    notes = memshim("export", "--format=folded", segment).stderr
    assert re.search(r"; MEMSHIM_STACK_DEPTH=\d+ takes the deepest", notes), notes


@needs_stacks
def test_refused_calls_asked_for_memory_too(compile_c, tmp_path):
    recording = record(compile_c("refused", REFUSED, "-g"))
    memshim("report", f"--flame={tmp_path}/f.svg", recording.path)
    picture = (tmp_path / "f.svg").read_text()
    assert "No call stack asked for memory" not in picture
    assert "Who asked for memory and was refused: 1,362 calls" in picture
    assert "<title>greedy (refused): 1,361, 99.93%" in picture
    assert "<title>huge (refused): 1, 0.07%" in picture
    assert "1,362 calls asked for memory and were refused" in picture
    assert "1,362 calls asked for memory and were refused" in memshim(
        "export", "--format=folded", recording.path).stderr
