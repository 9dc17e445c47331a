# SPDX-License-Identifier: MIT
"""
Many processes, images and threads in one session: each one, and each of its calls, exactly once. tests/targets/many.c
gives each a move of the break that no other makes. MEMSHIM_PROCESSES: how many short processes. MEMSHIM_TORTURE: how
many rounds.
"""

import collections
import os

import harness

ROUNDS = int(os.environ.get("MEMSHIM_TORTURE", "20"))
PROCESSES = int(os.environ.get("MEMSHIM_PROCESSES", "10000"))


def rows(recording, *columns, calls="sbrk"):
    """The columns of the events, by the fastest command."""
    done = harness.memshim("events", "--csv", "--no-headings", "--columns=" + ",".join(columns),
                           "--call=" + calls, recording.path)
    assert done.returncode == 0, done.stderr
    return [line.split(",") for line in done.stdout.splitlines()]


def movers(recording):
    """For each process of many.c: number -> (pid, image), each exactly once."""
    found = {}
    for pid, image, origin, delta in rows(recording, "pid", "image", "origin", "break_delta"):
        if origin == "malloc":
            continue
        number = int(delta) // 16 - 1
        assert number not in found, (number, found[number], pid)
        found[number] = (int(pid), int(image))
    return found


def many(how, count, **options):
    return harness.record(harness.target("many"), how, count, options=("-q",), **options)


def lives(report, recording):
    """Counts each kind of lifecycle event, and checks that the processes agree."""
    counted = collections.Counter(
        call for call, in rows(recording, "call", calls=",".join(harness.LIVES)))
    processes = report["processes"]
    assert counted["exit"] + counted["exec"] == len(processes)
    assert counted["start"] + counted["fork"] == len(processes)
    assert all(p["state"] in ("exited", "gone", "exec") for p in processes)
    return counted


def check_short(how, counted_as):
    recording = many(how, PROCESSES // 2)
    report = recording.report()
    harness.complete(report)
    found = movers(recording)
    assert sorted(found) == list(range(PROCESSES // 2))
    assert lives(report, recording)[counted_as] == PROCESSES // 2 + (counted_as == "start")
    per_process = collections.Counter((p["pid"], p["image"]) for p in report["processes"])
    # On a busy machine, pids are reused: each process has its own move.
    assert all(per_process[who] == times for who, times in collections.Counter(found.values()).items())
    assert len(report["processes"]) == PROCESSES // 2 + 1
    assert sum(p["calls"]["sbrk"]["ok"] for p in report["processes"]
               if (p["pid"], p["image"]) in set(found.values())) == PROCESSES // 2


def test_short_children():
    check_short("fork", "fork")


def test_short_programs():
    check_short("exec", "start")


def test_chain():
    """A child of a child of a child ..."""
    recording = many("chain", 60)
    report = recording.report()
    harness.complete(report)
    found = movers(recording)
    assert sorted(found) == list(range(60))
    parent = {p["pid"]: p["ppid"] for p in report["processes"]}
    for number in range(1, 60):
        assert parent[found[number][0]] == found[number - 1][0]
    assert lives(report, recording) == {"start": 1, "fork": 59, "exit": 60}


def test_images():
    """One process executes one program after the other."""
    recording = many("image", 150)
    report = recording.report()
    harness.complete(report)
    pid = report["session"]["command_pid"]
    assert movers(recording) == {number: (pid, number) for number in range(150)}
    states = [p["state"] for p in sorted(report["processes"], key=lambda p: p["image"])]
    assert states == ["exec"] * 149 + ["exited"]
    assert lives(report, recording) == {"start": 150, "exec": 149, "exit": 1}


def test_forks_amid_malloc():
    """Other threads may hold any lock while a process forks: no child hangs."""
    recording = many("storm", 500, timeout=60)
    report = recording.report()
    lost = harness.lost(report["coverage"])
    # The child does not have the stack that another thread was storing at the fork.
    lost.pop("stacks_busy")
    assert not any(lost.values()), lost
    assert sorted(movers(recording)) == list(range(500))
    assert lives(report, recording) == {"start": 1, "fork": 500, "exit": 501}
    parent, = [p for p in report["processes"] if not p["forked"]]
    assert parent["break"]["by_origin"]["malloc"]["moves"] > 500
    moved = parent["break"]["grown_bytes"] - parent["break"]["shrunk_bytes"]
    assert moved == int(parent["break"]["current"], 16) - int(parent["break"]["initial"], 16)


def test_threads_that_attach():
    recording = harness.record(harness.target("threads"), 16, 1600, options=("-q",))
    assert recording.result.stdout == "25600 attached, 0 failed\n"
    report = recording.report()
    harness.complete(report)
    process, = report["processes"]
    assert process["calls"]["shmat"] == {"ok": 25600, "failed": 0}
    assert process["calls"]["shmdt"] == {"ok": 25600, "failed": 0}
    assert process["attached"]["now"] == 0
    assert 1 <= process["attached"]["peak"] <= 16
    segment, = report["segments"]
    assert (segment["attaches"], segment["detaches"]) == (25600, 25600)
    assert segment["state"] == "destroyed"
    end, = recording.events("--call=exit")
    assert end.get("attachments", 0) == 0, "none was left over"
    each = collections.Counter(map(tuple, rows(recording, "tid", "call", calls="shmat,shmdt")))
    assert len(each) == 32 and set(each.values()) == {1600}


def test_counters_of_many_threads():
    """Threads make calls as fast as possible: only the counters can show a lost one."""
    env = {"LD_PRELOAD": harness.SHIM, "MEMSHIM_STACK_DEPTH": "0", "MEMSHIM_LOG_SIZE": "8K"}
    assert harness.run(harness.target("threads"), 16, 16000, env=env).stdout == "256000 attached, 0 failed\n"
    process, = harness.Recording(os.path.join(os.environ["MEMSHIM_DIR"], "default.seg")).report()["processes"]
    assert process["calls"]["shmat"] == process["calls"]["shmdt"] == {"ok": 256000, "failed": 0}
    assert process["attached"]["now"] == 0


def test_torture():
    """24 threads in each of three processes fork, attach and move the break at once: every call is counted."""
    recording = harness.record(harness.target("torture"), ROUNDS, options=("-q", "-k", "4"), timeout=600)
    assert recording.result.stdout == "wrong: 0\n"
    report = recording.report()
    lost = {k: v for k, v in harness.lost(report["coverage"]).items() if v and k not in ("stacks_busy", "overwritten")}
    assert not lost and report["coverage"]["in_flight"] == 0
    children = 3 * 4 * ROUNDS
    assert len(report["processes"]) == 1 + 3 + children
    cycles, with_break = 3 * 20 * ROUNDS + children, 3 * ROUNDS
    made = {call: sum(p["calls"][call]["ok"] for p in report["processes"]) for call in harness.CALLS}
    assert {k: made[k] for k in ("shmget", "shmat", "shmdt", "brk")} == {
        "shmget": cycles, "shmat": cycles, "shmdt": cycles, "brk": with_break}
    assert sum(p["calls"]["shmdt"]["failed"] for p in report["processes"]) == cycles
    assert all(p["attached"]["now"] == 0 for p in report["processes"] if not p["forked"])
    events = report["coverage"]["events"] + report["coverage"]["lost"]["overwritten"]
    assert events == sum(sum(c.values()) for p in report["processes"] for c in p["calls"].values()) + 2 * len(report["processes"])


def test_one_key_at_the_same_instant(compile_c):
    """Two processes learn of the segment at once, 30,000 times: the ledger always has one entry."""
    text = """
    #include <sched.h>
    #include <stdatomic.h>
    #include <sys/mman.h>
    #include <sys/shm.h>
    #include <sys/wait.h>
    #include <unistd.h>
    static void meet(_Atomic int *arrived, int wanted)
    {
        atomic_fetch_add(arrived, 1);
        for (int spins = 0; atomic_load(arrived) < wanted; spins++)
            if (spins % 1000 == 999)
                sched_yield();
    }
    int main(void)
    {
        _Atomic int *arrived = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        pid_t child = fork();
        for (int i = 0, met = 0; i < 30000; i++) {
            int id;
            meet(arrived, met += 2);
            id = shmget(0x6d650077, 4096, IPC_CREAT | 0600);
            meet(arrived, met += 2);
            if (child && shmctl(id, IPC_RMID, 0) != 0)
                return 1;
        }
        return child ? wait(0) != child : 0;
    }
    """
    recording = harness.record(compile_c("same", text), options=("-q",))
    assert recording.result.returncode == 0
    report = recording.report()
    assert {s["state"] for s in report["segments"]} == {"destroyed"}
    assert sum(p["calls"]["shmget"]["ok"] for p in report["processes"]) == 60000
