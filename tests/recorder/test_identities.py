# SPDX-License-Identifier: MIT
"""Which process each image is: verified by the recorder, in its own part of the recording."""

import os
import signal
import struct

import damage
import harness
from damage import IDENTITY, PROCESS
from harness import Lines, Recording, record, wait_until

CHILD, PEER_PIDFD, PEER_CRED, START_TIME = 1, 2, 3, 4
ENDED, BY_KERNEL, REPLACED = 1, 2, 4
UNKNOWN = (1 << 32) - 1


def identities(path="memshim.data"):
    """By instance: the last row counts."""
    rows = damage.Recording(path).records("identities", IDENTITY)
    return {row["instance"]: {name: row[name] for name in IDENTITY} for row in rows}


def of_pid(path="memshim.data"):
    return {(row["pid"], row["instance"]): row for row in identities(path).values()}


def is_known(pid):
    """True once the row is there; the recorder may be in the middle of a chunk."""
    try:
        return any(row["pid"] == pid and row["flags"] == 0 for row in identities().values())
    except (AssertionError, struct.error):
        return False


def test_each_image_has_one():
    record("sh", "-c", "sleep 0.1; (exit 3); kill -9 $$", options=("-q", "--no-compress"), check=False)
    found, slots = identities(), list(damage.Recording("memshim.data").records("processes", PROCESS))
    report = {(p["pid"], p["image"]): p for p in Recording("memshim.data").report()["processes"]}
    assert sorted(found) == sorted({slot["instance"] for slot in slots}), found
    for slot in slots:
        row, process = found[slot["instance"]], report[slot["pid"], slot["image"]]
        assert row["pid"] == slot["pid"] and row["effective_uid"] == os.geteuid(), row
        # After its parent has waited, the process is not in /proc.
        assert (row["real_uid"], row["start_time"]) in ((os.getuid(), slot["start_time"]), (UNKNOWN, 0)), row
        assert row["end_clock"] > row["known_clock"] > 0, row
        assert row["flags"] & ENDED
        assert row["proof"] in (PEER_PIDFD, PEER_CRED, CHILD)
        if process["state"] == "exec":
            assert row["flags"] & REPLACED
            continue
        assert row["flags"] == ENDED | BY_KERNEL
        assert (row["exit_status"], row["exit_signal"]) == ((-1, 9) if process["signal"] else (process["exit_status"], 0))


def test_one_that_goes_on():
    """While the session lives, the row exists and has no end."""
    script = "sleep 100 >/dev/null 2>&1 & echo $!; read x"
    with Lines(harness.MEMSHIM, "record", "-q", "--no-compress", "sh", "-c", script, preexec_fn=os.setpgrp) as lines:
        pid = int(lines.wait_for(""))
        wait_until(lambda: is_known(pid), "it is known")
        assert lines.end()[0] in (0, 1)
    last = [row for (p, _), row in sorted(of_pid().items()) if p == pid][-1]
    assert last["flags"] == 0 and last["start_time"] and last["end_clock"] == 0
    assert last["real_uid"] == os.getuid()
    os.kill(pid, signal.SIGKILL)


def test_of_another_user():
    """A process that dropped its rights before execve has the dropped rights in its row."""
    if not harness.IS_ROOT:
        return
    record("perl", "-MPOSIX", "-e", "if (!fork) { POSIX::setuid(65534); POSIX::_exit(fork // 9 ? 0 : 1) } wait",
           options=("-w", "--no-compress"))
    uids = {row["effective_uid"] for row in identities().values()}
    assert uids == {0, 65534}
