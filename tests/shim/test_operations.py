# SPDX-License-Identifier: MIT
"""semget, semctl, semop, semtimedop, msgget, msgctl, msgsnd, msgrcv: recorded as strace sees them, and nothing is changed."""

import os
import signal

import harness
from harness import Lines, Recording, target
from second_observer import watch


def test_both_observers():
    """Each call, with success and failure, as libc's function and by its number."""
    recording, compared = watch(target("operations"))
    assert compared == 37
    process, = recording.report()["processes"]
    assert process["calls"]["semop"] == {"ok": 3, "failed": 4}
    assert process["calls"]["semtimedop"] == {"ok": 1, "failed": 2}
    assert process["calls"]["msgsnd"] == {"ok": 2, "failed": 1} and process["calls"]["msgrcv"] == {"ok": 2, "failed": 1}
    assert process["exit_status"] == 0, "libc's results"


def test_arguments():
    harness.record(target("operations"))
    events = Recording("memshim.data").calls()
    get, = [e for e in events if e["call"] == "semget" and not e["errno"]]
    assert (get["args"]["nsems"], get["args"]["flags"], get["args"]["mode"]) == (3, ["IPC_CREAT"], "0600")
    assert get["ret"] == get["semid"] and get["key"] == "0x00000000" and get["stack"]
    changed, = [e["args"] for e in events if e["call"] == "semctl" and e["args"]["cmd"] == "IPC_SET"]
    assert (changed["mode"], changed["uid"], changed["semid"]) == ("0640", os.geteuid(), get["semid"])
    value, = [e["args"] for e in events if e["call"] == "semctl" and e["args"]["cmd"] == "SETVAL"]
    assert (value["semnum"], value["val"]) == (0, 2)
    refused, = [e for e in events if e["call"] == "semctl" and e["errno"]]
    assert refused["errno"] == "EINVAL" and not refused["kernel"], "libc makes no system call"
    failed = {e["errno"]: e["args"] for e in events if e["call"] == "semop"}
    assert failed.keys() == {"EFBIG", "EFAULT", "EINVAL"}, "EAGAIN is an answer"
    assert (failed["EFBIG"]["semnum"], failed["EFBIG"]["op"], failed["EFBIG"]["nsops"]) == (9, -1, 1)
    assert (failed["EFAULT"]["semnum"], failed["EFAULT"]["op"]) == (None, None), "memory that cannot be read"
    sent, = [e for e in events if e["call"] == "msgsnd"]
    assert (sent["errno"], sent["args"]["msgsz"]) == ("EINVAL", 1 << 24) and sent["msqid"] == sent["args"]["msqid"]


def test_libc_alone():
    """The program's output and status are those without the shim."""
    alone = harness.run(target("operations"))
    watched = harness.run(target("operations"), env={"LD_PRELOAD": harness.SHIM})
    assert (alone.returncode, alone.stdout) == (watched.returncode, watched.stdout) == (0, "")


def test_killed_while_it_waits():
    """The call has begun and has not ended."""
    with Lines(harness.MEMSHIM, "record", "-q", "--", target("operations"), "wait") as lines:
        lines.wait_for("waits")
        process, = Recording("memshim.data").report()["processes"]
        os.kill(process["pid"], signal.SIGKILL)
        assert lines.end()[0] == 128 + signal.SIGKILL
    process, = Recording("memshim.data").report()["processes"]
    assert process["signal"] == signal.SIGKILL
    assert process["calls"]["semop"] == {"ok": 0, "failed": 0}
