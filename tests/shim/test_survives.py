# SPDX-License-Identifier: MIT
"""
Unusual things that a program does to itself: it runs unchanged, and its calls are logged. "Unharmed": output and exit
status are those of a run without the shim.
"""

import os

import pytest

import harness
from beside import CYCLE, CYCLE_CALLS, check_sums, made, moved_by, needs_root, nothing_lost, unharmed
from harness import target


def test_signal_handler_during_malloc():
    """Signals at 5 kHz while malloc moves the break: no deadlock, no lost count."""
    recording = unharmed(target("interrupted"), 1000, compare_stderr=False)
    in_handler, outside = (int(word.split()[1]) for word in recording.result.stderr.split(","))
    ran = in_handler + outside
    report = recording.report()
    process, = report["processes"]
    assert recording.result.stdout == "wrong 0\n" and in_handler >= 1000 and outside >= 1000
    nothing_lost(report, "stacks_busy")
    assert process["calls"]["shmat"] == process["calls"]["shmdt"] == {"ok": ran, "failed": 0}
    assert process["break"]["by_origin"]["malloc"]["moves"] > 1000
    check_sums(report)
    logged = [e["call"] for e in recording.calls("--call=shmat,shmdt")]
    assert logged.count("shmat") == logged.count("shmdt") == ran


def test_minimal_signal_stack():
    """A handler with 2 KiB of stack makes all the calls, with stacks recorded."""
    recording = unharmed(target("interrupted"), "small")
    assert recording.result.stdout == "wrong 0\n"
    harness.complete(recording.report())
    assert len([e for e in recording.calls() if e.get("origin") != "malloc"]) == 11 * CYCLE_CALLS + 2


# ---- address spaces ----


@pytest.mark.parametrize("how", ["vfork", "clone_vm"])
def test_child_in_its_parents_memory(how):
    """A child of vfork changes its parent's memory: one process, one table."""
    recording = unharmed(target("spaces"), how)
    report = recording.report()
    process, = report["processes"]
    harness.complete(report)
    assert process["calls"]["shmat"]["ok"] == 2 and process["calls"]["shmdt"]["ok"] == 1
    assert (process["pid"], 4096) in moved_by(recording)
    assert [e.get("attachments", 0) for e in recording.events("--call=exit")] == [1]
    assert [a["live"] for a in report["attachments"]].count(False) >= 1


def test_child_with_copies():
    recording = unharmed(target("spaces"), "fork")
    report = recording.report()
    harness.complete(report)
    child, = [p for p in report["processes"] if p["forked"]]
    assert child["attached"]["inherited"] == 2
    assert sorted(e.get("attachments", 0) for e in recording.events("--call=exit")) == [1, 2]


# Children that libc does not know. Several threads make their first calls at once.
COPIES = r"""
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static atomic_int here;
static void *move(void *unused)
{
    for (here++; here < 4;)
        ;
    sbrk(4096);
    return unused;
}
int main(void)
{
    void *volatile first = malloc(1); /* the heap is there before the children are */
    free(first);
    for (int i = 0; i < 150; i++) {
        pthread_t thread[4];
        pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (child == 0) {
            for (int t = 0; t < 4; t++)
                if (pthread_create(&thread[t], 0, move, 0))
                    _exit(1);
            for (int t = 0; t < 4; t++)
                pthread_join(thread[t], 0);
            _exit(0);
        }
        waitpid(child, 0, 0);
    }
    return 0;
}
"""


def test_threads_of_a_child_with_copies(compile_c):
    """Several threads of a child call at once: it registers once, and each call is logged."""
    report = harness.record(compile_c("copies", COPIES, "-pthread"), options=("-q", "-w")).report()
    harness.complete(report)
    children = [p for p in report["processes"] if p["forked"]]
    assert len(children) == len({p["pid"] for p in children}) == 150
    assert {p["calls"]["sbrk"]["ok"] for p in children} == {4}


@pytest.mark.parametrize("how", ["remap", "munmap"])
def test_attachment_gone_without_shmdt(how):
    """The tables have the attachments that the kernel has at the end."""
    recording = unharmed(target("spaces"), how)
    assert recording.result.stdout.endswith("attachments: 1\n")
    assert [e.get("attachments", 0) for e in recording.events("--call=exit")] == [1]
    report = recording.report()
    segment, = report["segments"]
    assert (segment["attaches"], segment["detaches"]) == (3, 0), "no shmdt did it"
    ended = [a["ended_by"] for a in report["attachments"]]
    assert ended == [{"remap": "remap", "munmap": "unseen"}[how]] * 2 + ["exit"]
    if how == "munmap":
        assert "munmap or another mapping removed the attachment" in recording.report_text()


def test_closing_all_descriptors():
    recording = unharmed(target("spaces"), "close")
    report = recording.report()
    harness.complete(report)
    assert made(report) >= 3


@needs_root
def test_chroot():
    recording = unharmed(target("spaces"), "chroot")
    report = recording.report()
    nothing_lost(report)
    child, = [p for p in report["processes"] if p["forked"]]
    assert child["calls"]["shmat"] == {"ok": 1, "failed": 0}
    assert child["attached"]["inherited"] == 1


def test_4000_segments():
    recording = unharmed(target("spaces"), "many")
    report = recording.report()
    harness.complete(report)
    process, = report["processes"]
    assert process["attached"]["peak"] == 4000
    assert process["calls"]["shmget"]["ok"] == 4001
    assert len(report["segments"]) == 4001


def test_full_log_without_a_reader():
    """A small log that no process empties: the counters are exact, and the loss is shown."""
    cycles = 112000  # of nine calls: a million
    done = harness.run(target("calls"), cycles, env={"LD_PRELOAD": harness.SHIM,
                                                     "MEMSHIM_LOG_SIZE": "64K"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\n", "")
    recording = harness.Recording(os.path.join(os.environ["MEMSHIM_DIR"], "default.seg"))
    report = recording.report()
    calls = {k: v["ok"] + v["failed"] for k, v in report["processes"][0]["calls"].items()}
    assert calls == {name: CYCLE.get(name, 0) * cycles for name in calls} and CYCLE.keys() <= calls.keys()
    lost = report["coverage"]["lost"]["overwritten"]
    assert lost + report["coverage"]["events"] == CYCLE_CALLS * cycles + 2  # start, exit
    assert "overwritten" in recording.report_text() and f"{lost:,} " in recording.report_text()
    assert "lost-events" in {f["kind"] for f in report["findings"]}


# ---- ends ----

ENDS = {
    "return": ("exited", 3, None), "_exit": ("exited", 4, None), "exit": ("exited", 5, None),
    "quick_exit": ("exited", 6, None), "abort": ("killed", None, 6), "sigsegv": ("killed", None, 11),
    "sigkill": ("killed", None, 9), "exec": ("exec", None, None), "failed_exec": ("exited", 8, None),
    "daemon": ("exited", 0, None), "thread_exit": ("exited", 0, None),
    "other_thread": ("exited", 10, None),
}


@pytest.mark.parametrize("how", ENDS)
def test_end(how):
    """The log is complete up to the end, and the end state is right."""
    recording = unharmed(target("ends"), how)
    report = recording.report()
    harness.complete(report)
    first, *others = sorted(report["processes"], key=lambda p: p["start_ns"])
    state, status, signal = ENDS[how]
    assert (first["state"], first["signal"]) == (state, signal)
    assert state == "exec" or first["exit_status"] == status
    assert made(report, comm="ends") - first["break"]["by_origin"]["malloc"]["moves"] == (
        CYCLE_CALLS * (2 if how in ("failed_exec", "daemon") else 1))
    assert all(p["state"] == "exited" for p in others)
    assert {p["exit_status"] for p in others} == {"daemon": {9}, "exec": {7}}.get(how, set())
    expected = {"exit": len(others) + (state != "exec"), "exec": int(state == "exec")}
    seen = [e["call"] for e in recording.events()]
    assert {k: seen.count(k) for k in expected} == expected


def test_no_call():
    """A process without a call has 0 calls: it is not "not followed"."""
    recording = unharmed(target("calls"), 0)
    report = recording.report()
    harness.complete(report)
    process, = report["processes"]
    assert made(report) == 0 and process["break"]["moves"] == 0
    assert process["exe"] == target("calls")
    assert [e["call"] for e in recording.events()] == ["start", "exit"]
    text = recording.report_text()
    assert "calls" in text and "not followed" not in text and "none: no process" not in text


@needs_root
def test_reused_pid_without_a_noted_end():
    """
    Without a recorder, the slot of a killed process still says running: the start time shows that the next one with
    its pid is another.
    """
    with open("words", "w", encoding="ascii") as file:
        file.write("break 4096\nkill\n")
    tick = "read a b </proc/uptime; while read c d </proc/uptime; [ $a = $c ]; do :; done"
    child = f"echo 99 >/proc/sys/kernel/ns_last_pid; LD_PRELOAD={harness.SHIM} {target('ledger')} <words"
    harness.run("unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", f"{child}; {tick}; {tick}; {child}; :")
    processes = harness.Recording(os.path.join(os.environ["MEMSHIM_DIR"], "default.seg")).report()["processes"]
    assert [(p["pid"], p["image"], p["break"]["by_origin"]["direct"]["grown_bytes"]) for p in processes] == [(100, 0, 4096)] * 2
    assert "exec" not in {p["state"] for p in processes}


@needs_root
@pytest.mark.parametrize("how", [(), ("exec",)], ids=["fork", "exec"])
def test_pid_used_twice(how):
    """Two processes with one pid, each with its own call, however soon the second follows."""
    command = ("unshare", "--pid", "--fork", "--mount-proc", target("recycled"), *how)
    recording = unharmed(*command)
    assert recording.result.stdout == "child 100, status 0\nchild 100, status 0\n"
    report = recording.report()
    harness.complete(report)
    ended = [p for p in report["processes"] if p["pid"] == 100 and p["state"] != "exec"]
    assert [p["break"]["grown_bytes"] for p in ended] == [16, 32]
    assert [p["image"] for p in ended] == [len(how)] * 2
    assert [m for m in moved_by(recording) if m[0] == 100] == [(100, 16), (100, 32)]
