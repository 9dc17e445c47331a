# SPDX-License-Identifier: MIT
"""
SIGKILL at any instant, of the target or of the recorder: the log has all calls except at most the one in flight. The
targets count returned calls in a page of their own (tests/targets/page.h). MEMSHIM_KILLS: how often each is killed.
"""

import collections
import contextlib
import ctypes
import mmap
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

import harness
from harness import PATIENCE_S, wait_until

KILLS = int(os.environ.get("MEMSHIM_KILLS", "40"))
WORKERS = 2
PAGE_BYTES = 65536
PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture(autouse=True)
def segments_of_the_dead():
    """Removes what killed targets left; for root, the IPC namespace ends with it."""
    began = int(time.time())
    yield
    if harness.IS_ROOT:
        return
    with open("/proc/sysvipc/shm", encoding="ascii") as table:
        rows = [dict(zip(head, line.split())) for head in [next(table).split()] for line in table]
    for row in rows:
        if (int(row["cuid"]) == os.getuid() and int(row["ctime"]) >= began and row["nattch"] == "0"
                and not os.path.exists(f"/proc/{row['cpid']}")):
            harness.libc.shmctl(int(row["shmid"]), 0, None)


class Page:
    """struct page of tests/targets/page.h."""

    def __init__(self, path):
        with open(path, "w+b") as file:
            file.truncate(PAGE_BYTES)
            self.words = memoryview(mmap.mmap(file.fileno(), PAGE_BYTES)).cast("Q")

    pid = property(lambda self: self.words[0])
    wrong = property(lambda self: self.words[3])

    def allow(self, calls):
        self.words[1] = calls

    def stop(self):
        self.words[2] = 1

    def finished(self):
        """tid -> calls that have returned; of several threads, where a tid was used again."""
        counted = collections.Counter()
        for tid, count in zip(self.words[4::2], self.words[5::2]):
            counted[tid] += count
        del counted[0]
        return counted

    def uses(self):
        """tid -> how many threads had it."""
        return collections.Counter(tid for tid in self.words[4::2] if tid)

    def total(self):
        return sum(self.finished().values())


def count_calls(recording, key="tid"):
    """The calls of each thread, without those that malloc made for libc itself."""
    done = harness.memshim("events", "--csv", "--no-headings", f"--columns={key},origin",
                           "--call=" + ",".join(harness.CALLS), recording.path)
    assert done.returncode == 0, done.stderr
    rows = (line.split(",") for line in done.stdout.splitlines())
    return collections.Counter(
        int(value) if value.isdigit() else value for value, origin in rows if origin != "malloc")


def check_all_there(finished, counted, uses=None):
    """Every call that returned is logged, and at most the one in flight besides, for each thread that had the tid."""
    for tid, count in finished.items():
        assert count <= counted[tid] <= count + (uses[tid] if uses else 1), (tid, count, counted[tid])
    assert set(counted) <= set(finished), set(counted) - set(finished)


def check_consistent(recording, finished):
    """The counters, the log and the target's page agree. Returns the report and its process."""
    report = recording.report()
    lost = harness.lost(report["coverage"])
    torn = lost.pop("torn")
    process, = report["processes"]
    counted = count_calls(recording)
    done = sum(c["ok"] + c["failed"] for c in process["calls"].values())
    done -= process["break"]["by_origin"]["malloc"]["moves"]
    check_all_there(finished, counted)
    assert not any(lost.values()), lost
    assert torn <= WORKERS
    assert sum(finished.values()) <= done <= sum(finished.values()) + WORKERS
    assert report["coverage"]["in_flight"] <= WORKERS
    return report, process


def remove_sessions():
    """Removes what killed recorders leave in memory, which would fill it."""
    for name in os.listdir(os.environ["MEMSHIM_DIR"]):
        os.unlink(os.path.join(os.environ["MEMSHIM_DIR"], name))


@contextlib.contextmanager
def workers(page, *wrapper):
    """The recorder of a running `workers`; ends what is left of both."""
    command = (harness.MEMSHIM, "record", "-q", "--", *wrapper, harness.target("workers"), "page",
               str(WORKERS))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as recorder:
        try:
            yield recorder
        finally:
            page.stop()
            recorder.stdout.close()
            with contextlib.suppress(ProcessLookupError):
                recorder.kill()


@contextlib.contextmanager
def adopting():
    """Orphans become this process's children, so that it can read their exit status."""
    harness.libc.prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)
    try:
        yield
    finally:
        harness.libc.prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(0), 0, 0, 0)


def test_target_killed():
    """At a random call among a few thousand."""
    for _ in range(KILLS):
        page = Page("page")
        instant = random.randrange(1, 3000)
        page.allow(1 << 62)
        with workers(page) as recorder:
            wait_until(lambda: page.total() >= instant, "it made calls", recorder, 0.001)
            os.kill(page.pid, signal.SIGKILL)
            assert recorder.wait(PATIENCE_S) == 128 + signal.SIGKILL
        report, process = check_consistent(harness.Recording("memshim.data"), page.finished())
        assert page.wrong == 0
        assert (process["state"], process["signal"]) == ("killed", signal.SIGKILL)
        assert report["session"]["exit"] == {"status": None, "signal": signal.SIGKILL}
        assert report["session"]["state"] == "ended"


@pytest.mark.parametrize("how", ["fork", "exec"])
def test_children_killed(how):
    """Many in one session, some before they have registered."""
    page = Page("page")
    count = min(5 * KILLS, 1000)
    recording = harness.record(harness.target("slain"), "page", str(count),
                               *(["exec"] if how == "exec" else []), options=("-q", "-w"))
    finished = page.finished()
    report = recording.report()
    check_all_there(finished, count_calls(recording, "pid"), page.uses())
    assert page.wrong == 0
    assert sum(page.uses().values()) > count / 4, "most of them got to making calls"
    children = [p for p in report["processes"] if p["pid"] != report["session"]["command_pid"]]
    last = {p["pid"]: p for p in children}
    assert set(finished) <= set(last)
    for pid, process in last.items():
        # Its parent waits for it at once: before Linux 6.16 its end may be lost.
        # So may the end of one that died between its first event and its name.
        if process["state"] != "gone" or (harness.ENDS_ARE_KEPT and process["exe"]):
            assert (process["state"], process["signal"]) == ("killed", signal.SIGKILL), process
    lost = harness.lost(report["coverage"])
    # A child claimed them and died before it published them; the ring may have overwritten that.
    assert lost.pop("torn") + lost.pop("overwritten") < count / 10
    assert not any(lost.values()), lost


def test_users_of_sets_and_queues_killed():
    """Each call that returned is counted, and at most one more; what they left in the kernel is in the report."""
    page = Page("page")
    count = min(5 * KILLS, 1000)
    report = harness.record(harness.target("slain"), "page", str(count), "objects", options=("-q", "-w")).report()
    finished = page.finished()
    counted = collections.Counter()
    for process in report["processes"]:
        counted[process["pid"]] += sum(call["ok"] + call["failed"] for call in process["calls"].values())
    assert page.wrong == 0 and any(finished.values())
    for pid, calls in finished.items():
        assert calls <= counted[pid] <= calls + 1, (pid, calls, counted[pid])
    for table, kind, key, steps in (("sem", "semaphores", "semid", range(1, 6)), ("msg", "queues", "msqid", range(4, 7))):
        with open(f"/proc/sysvipc/{table}", encoding="ascii") as rows:
            there = {int(row.split()[1]) for row in list(rows)[1:]}
        creators = {o["creator"]["pid"]: o for o in report[kind] if o["state"] == "present" and o["creator"]}
        for pid, calls in finished.items():
            if calls % 8 in steps:  # its object was created, and its removal had not begun
                assert creators[pid][key] in there and creators[pid]["leaked"], creators[pid]


def test_recorder_killed():
    """The target runs on; the recorder's file and the live segment together are complete."""
    for _ in range(KILLS):
        page = Page("page")
        instant = random.randrange(1, 8000)
        page.allow(1 << 62)
        with adopting(), workers(page) as recorder:
            wait_until(lambda: page.total() >= instant, "it made calls", recorder, 0.001)
            recorder.kill()
            recorder.wait(PATIENCE_S)
            page.allow(0)  # or they pass the number that they get next
            page.allow(max(page.finished().values()) + 500)
            # All of them: one may not have started when the recorder was killed.
            wait_until(lambda: list(page.finished().values()) == [page.words[1]] * WORKERS, "it went on")
            recording = harness.Recording("memshim.data")
            report, process = check_consistent(recording, page.finished())
            assert process["state"] == "running"
            assert report["session"]["state"] == "live", "its processes run"
            assert count_calls(recording) == page.finished()
            page.stop()
            _, status = os.waitpid(page.pid, 0)
            assert recorder.stdout.read() == "wrong results: 0\n"
            assert status == 0
        report, process = check_consistent(recording, page.finished())
        assert process["state"] in ("exited", "gone"), process["state"]
        assert report["session"]["state"] == "abandoned"
        assert report["coverage"]["in_flight"] == 0
        os.unlink("memshim.data")
        remove_sessions()


def test_recorder_killed_before_or_while_it_starts_command():
    """An existing recording can be read, or is refused in one line."""
    for _ in range(KILLS):
        with subprocess.Popen((harness.MEMSHIM, "record", "-q", "true")) as recorder:
            end = time.monotonic() + random.random() * 0.01
            wait_until(lambda: time.monotonic() >= end, "the instant came")
            recorder.kill()
        for command in ("report", "events"):
            done = harness.memshim(command, "memshim.data")
            assert done.returncode in (0, 1), done
            assert len(done.stderr.splitlines()) == done.returncode, done.stderr
        # The next one may be killed before it replaces this one, whose segment is removed here.
        pathlib.Path("memshim.data").unlink(missing_ok=True)
        remove_sessions()


@pytest.mark.parametrize("dead", ["target", "recorder"])
def test_call_in_flight(dead):
    """A call that did not return is no event, and is shown as in flight."""
    command = (harness.MEMSHIM, "record", "-q", "--", harness.target("held"))
    with adopting(), harness.Lines(*command) as lines:
        target = int(lines.wait_for("held").split()[1])
        recording = harness.Recording("memshim.data")
        try:
            if dead == "recorder":
                lines.process.kill()
                lines.process.wait(PATIENCE_S)
            assert recording.report()["coverage"]["in_flight"] == 0, "it may still return"
        finally:
            os.kill(target, signal.SIGKILL)
        if dead == "recorder":
            os.waitpid(target, 0)
        else:
            lines.process.wait(PATIENCE_S)
    report = recording.report()
    assert report["coverage"]["in_flight"] == 1
    assert "in flight" in recording.report_text()
    assert count_calls(recording, "call") == {
        "shmget": 1, "shmat": 1, "shmdt": 2, "shmctl": 2, "sbrk": 2, "brk": 1}
    process, = report["processes"]
    assert process["calls"]["shmget"] == {"ok": 1, "failed": 0}
