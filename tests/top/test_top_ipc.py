# SPDX-License-Identifier: MIT
"""Semaphore sets and queues on the live screen: the list, who waits, who operated last."""

import os
import signal

import pytest

import harness
from harness import Lines, Recording, target
from test_top import rows_below, top


def waiting(recording, kind):
    return recording.report()[kind][0]["waiting"]


def page_of(screen, *filters):
    """The page of the only row with this text."""
    screen.type("/", *filters, "Enter")
    screen.wait_for("Filter: " + "".join(filters), "Esc removes it")
    screen.type("Enter")


@pytest.mark.parametrize("columns,lines,term", [(80, 24, None), (60, 15, None), (200, 60, None), (80, 24, "vt100")])
def test_waits_of_a_set_and_a_queue(columns, lines, term):
    with Lines(harness.MEMSHIM, "record", "-q", "--", target("operations"), "wait") as program:
        program.wait_for("waits")
        recording = Recording("memshim.data")
        harness.wait_until(lambda: waiting(recording, "semaphores") and waiting(recording, "queues"), "they wait")
        report = recording.report()
        pid, tid = report["processes"][0]["pid"], waiting(recording, "queues")[0]["tid"]
        semid, msqid = report["semaphores"][0]["semid"], report["queues"][0]["msqid"]
        with top("--view=ipc", "memshim.data", columns=columns, lines=lines, term=term) as screen:
            rows = rows_below(screen.wait_for("KIND", "set", "queue"), "KIND")
            assert [(row[0], row[1], row[4], row[-2]) for row in rows] == [
                ("set", str(semid), "1", "operations"), ("queue", str(msqid), "1", "operations")]
            page_of(screen, *"set")
            text = " ".join(screen.wait_for(f"Semaphore set {semid}", "Created by operations").split())
            assert f"operations ({pid}) waits in semop for semaphore 2 (-1) of set {semid}, for" in text
            screen.type("Escape", "Escape")
            screen.wait_for("KIND")
            page_of(screen, *"queue")
            text = " ".join(screen.wait_for(f"Message queue {msqid}", "Created by operations").split())
            assert f"operations ({pid}), thread {tid} waits in msgrcv on queue {msqid}, for" in text
        os.kill(pid, signal.SIGKILL)
        program.end()


def test_who_operated_last():
    """Each philosopher took a fork: the kernel names the last one of each semaphore, as the page does."""
    with Lines(harness.MEMSHIM, "record", "-q", "--", target("philosophers"), 2) as program:
        program.wait_for("stuck")
        report = Recording("memshim.data").report()
        semid = report["semaphores"][0]["semid"]
        with top("--view=ipc", "memshim.data") as screen:
            screen.wait_for("set", str(semid))
            screen.type("Enter")
            text = screen.wait_for("Operated last, by the kernel", "Used by")
            last = harness.libc.semctl(semid, 0, 11)  # GETPID
            assert f"semaphore 0    {last:7}  philosophers" in text and str(last) in text.split("Used by")[1]
        for process in report["processes"]:
            if process["state"] == "running":
                os.kill(process["pid"], signal.SIGKILL)
        program.end()


def test_one_set_or_queue(compile_c):
    """--semid and --msqid begin with the list of the IPC table, and show only that object."""
    harness.record(compile_c("one", """
        #include <sys/msg.h>
        #include <sys/sem.h>
        int main(void) { return semget(IPC_PRIVATE, 1, 0600) < 0 || semget(IPC_PRIVATE, 2, 0600) < 0 || msgget(IPC_PRIVATE, 0600) < 0; }
    """), options=("-q",))
    report = Recording("memshim.data").report()
    for option, kind, of in (("semid", "set", "semaphores"), ("msqid", "queue", "queues")):
        wanted = report[of][-1][option]
        shown = harness.memshim("top", "--once", f"--{option}={wanted}", "memshim.data").stdout
        assert [row[:2] for row in rows_below(shown, "KIND")] == [[kind, str(wanted)]]
        assert harness.memshim("top", "--once", f"--{option}=1234567", "memshim.data").returncode == 1
