# SPDX-License-Identifier: MIT
"""Correct programs that nearly do what a finding is about: no finding. Suppression rules hide only what they name."""

import csv
import json

import pytest

import harness
import machine
from harness import Recording, memshim, record, target
from test_findings import HEAD, found

CYCLES = "for (int i = 0; i < 40; i++) { take(20, 60000); give_back(20); }"
TUNED = "mallopt(M_MMAP_THRESHOLD, 1 << 24); mallopt(M_TRIM_THRESHOLD, 128 << 10); mallopt(M_TOP_PAD, 0);"
SOUND = {
    "fifteen trims": TUNED + "for (int i = 0; i < 5; i++) { take(3, 200000); give_back(3); }",
    "a great heap that moves a little at its top":
        TUNED + "for (int i = 0; i < 20; i++) use(malloc(15 << 20));" + CYCLES.replace("60000", "200000"),
}


@pytest.mark.parametrize("story", SOUND)
def test_no_thrash(compile_c, story):
    assert found(compile_c("sound", HEAD + "taken = 0;" + SOUND[story] + "return taken > began; }", "-g", "-O0"), "break-thrash") == []


def test_thrash_is_of_the_program_that_does_it(compile_c):
    """The finding names one program, and not a correct one in the same session."""
    bad = compile_c("thrashes", HEAD + "taken = 0;" + CYCLES + "return taken > began; }", "-g", "-O0")
    good = compile_c("sound", HEAD + "taken = 0; take(20, 60000); give_back(20); return taken > began; }", "-g", "-O0")
    record("sh", "-c", f"{good}; {bad}; {good}", options=("-q",))
    report = Recording("memshim.data").report()
    finding, = [f for f in report["findings"] if f["kind"] == "break-thrash"]
    assert {p["pid"]: p["comm"] for p in report["processes"] if p["state"] == "exited"}[finding["pid"]] == "thrashes"


@pytest.mark.parametrize("mode,open_to_all", [(0o600, False), (0o660, False), (0o664, False), (0o662, True)])
def test_open_to_a_group_is_not_open_to_all(mode, open_to_all):
    record("perl", "-e", f"$i = shmget(0, 4096, {0o1000 | mode}) // die; shmctl($i, 0, 0) // die", options=("-q",))
    kinds = {f["kind"] for f in Recording("memshim.data").report()["findings"]}
    assert ("world-writable-segment" in kinds) == open_to_all


def test_two_segments_are_not_one_twice(compile_c):
    """Two segments are attached once each, and a child has copies: no repeated attach."""
    code = """
    int one = shmget(IPC_PRIVATE, 4096, 0600), two = shmget(IPC_PRIVATE, 4096, 0600);
    void *first = shmat(one, 0, 0), *second = shmat(two, 0, 0);
    if (fork() == 0) _exit(0);
    wait(0);
    taken = shmdt(first) | shmdt(second) | shmctl(one, IPC_RMID, 0) | shmctl(two, IPC_RMID, 0);
    """
    assert found(compile_c("sound", HEAD + code + "return taken > began; }", "-g", "-O0"), "repeated-attach") == []


MOVES = """
#include <pthread.h>
#include <unistd.h>
static void *move(void *unused)
{
    for (int i = 0; i < 3000; i++)
        if (sbrk(16) == (void *)-1 || sbrk(-16) == (void *)-1)
            return &move;
    return unused;
}
int main(void)
{
    pthread_t thread[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&thread[i], 0, move, 0);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], 0);
    return 0;
}
"""


def test_moves_of_several_threads_are_not_unseen(compile_c):
    """Each thread logs its move after the call: another thread may have moved the break in between."""
    for _ in range(3):
        report = record(compile_c("moves", MOVES, "-pthread"), options=("-q",)).report()
        assert report["coverage"]["unseen_moves"] == 0
        assert "unseen-moves" not in {f["kind"] for f in report["findings"]}


# ---- suppressions ----

PLACES = 20


def failing_program(last):
    """A program that fails at many places, all of them below known() except the last."""
    body = "return shmdt((void *)4096) == 0 ? 9 : 0; "
    places = "".join(f"__attribute__((noinline)) int f{i}(void) {{ {body}}}\n" for i in range(PLACES))
    calls = " | ".join(f"f{i}()" for i in range(PLACES - 1))
    return f"""
    #include <sys/shm.h>
    {places}
    __attribute__((noinline)) int known(void) {{ int ret = {calls}; __asm__ volatile(""); return ret; }}
    __attribute__((noinline)) int other(void) {{ int ret = f{PLACES - 1}(); __asm__ volatile(""); return ret; }}
    int main(void) {{ return known() | {last}(); }}
    """


@machine.needs("call stacks")
@pytest.mark.parametrize("last,left", [("other", 1), ("known", 0)])
def test_a_rule_hides_only_the_places_below_its_function(compile_c, last, left):
    """Each place is a finding of its own."""
    record(compile_c("fails", failing_program(last), "-g", "-O0"), options=("-q",))
    with open("rules", "w", encoding="ascii") as file:
        file.write("failed-call:known\n")
    report = json.loads(memshim("report", "--json", "--suppress=rules").stdout)
    assert len([f for f in report["findings"] if f["kind"] == "failed-call"]) == left


def test_removed_by_other_is_suppressed_by_either_name():
    """A rule may name the program that created the segment, or the one that removed it."""
    record("sh", "-c", "perl -e 'shmget(0x6d656d33, 4096, 01600) // die'; ipcrm -M 0x6d656d33", options=("-q",))
    for rule, left in (("removed-by-other:ipcrm", 0), ("removed-by-other:perl", 0), ("removed-by-other:sh", 1)):
        with open("rules", "w", encoding="ascii") as file:
            file.write(rule + "\n")
        report = json.loads(memshim("report", "--json", "--suppress=rules").stdout)
        assert len([f for f in report["findings"] if f["kind"] == "removed-by-other"]) == left, rule


# ---- cells ----


@pytest.mark.parametrize("name", ['quote"d', "comma,", 'both",', "plain"])
def test_names_in_csv(name):
    """A name with only a quote is quoted, too."""
    harness.shutil.copy(target("calls"), name)
    record(f"./{name}", 1, options=("-q",))
    done = memshim("events", "--csv", "--columns=comm,call")
    rows = list(csv.reader(done.stdout.splitlines()))
    assert {row[0] for row in rows[1:]} == {name} and all(len(row) == 2 for row in rows)


@pytest.mark.parametrize("how,state,status", [("kill -9 $$", "gone", None), ("exit 3", "exited", 3)])
def test_status_by_hand(how, state, status):
    """Without a recorder, the exit status of a killed process is unknown."""
    harness.run("bash", "-c", how, env={"LD_PRELOAD": harness.SHIM})
    process, = Recording("default").report()["processes"]
    assert (process["state"], process["exit_status"], process["signal"]) == (state, status, None)


def test_zombie_by_hand():
    """A killed process whose parent has not waited does not run."""
    script = r"""
    pipe R, W; $p = fork;
    if (!$p) { syswrite W, "x"; sleep 600 }
    sysread R, $x, 1; kill 9, $p;
    do { open F, "/proc/$p/stat"; $_ = <F> } until /\) Z /;
    $| = 1; print "dead $p\n"; <STDIN>
    """
    with harness.Lines("perl", "-e", script, env={"LD_PRELOAD": harness.SHIM}) as lines:
        pid = int(lines.wait_for("dead").split()[1])
        report = Recording("default").report()
        assert [(p["state"], p["exit_status"]) for p in report["processes"] if p["pid"] == pid] == [("gone", None)]
        assert report["session"]["state"] == "live"
        lines.say()
        lines.end()
