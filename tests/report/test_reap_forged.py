# SPDX-License-Identifier: MIT
"""
`reap` with wrong files: rows that a process of the session may have written, and whole recordings of an attacker.
Only segments on which the kernel and the recorder agree are removed.
"""

import os
import struct

import pytest

import damage
import harness
import machine
from harness import Lines, memshim, record, run
from reaping import LEAK, kept, reaped
from story import kernel_rows


pytestmark = machine.needs("root")  # without an IPC namespace, all processes share the table


# ---- what the recorder verified ----


def damaged(change, *command):
    """A recording of a leak, with changed rows."""
    record(*(command or LEAK), options=("-q", "--no-compress"), output="sound.data")
    recording = damage.Recording("sound.data")
    change(recording)
    recording.write("memshim.data")


def identities(recording):
    return list(recording.records("identities", damage.IDENTITY))


@pytest.mark.parametrize("field,value,words", [
    ("instance", 77, "the recorder could not verify which process created it"),
    ("pid", 1, "the kernel names another process as its creator than the recorder verified"),
    ("effective_uid", 65534, "user 0 created it, and the recorder verified a process of user 65534")])
def test_creator_that_was_not_verified(field, value, words):
    def change(recording):
        for row in identities(recording):
            row[field] = value
            row["flags"] |= 1  # it has ended
    damaged(change)
    kept("memshim.data", words=words)


def test_end_that_was_not_verified():
    """The slot has an end of the creator that the recorder did not verify."""
    with Lines("perl", "-e", "$| = 1; print qq(up\\n); <STDIN>") as lines:
        lines.wait_for("up")
        start = int(open(f"/proc/{lines.process.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()[19])

        def change(recording):
            for row in identities(recording):
                row["pid"], row["start_time"], row["flags"] = lines.process.pid, start, 0
        damaged(change)
        kept("memshim.data", words="its creator, still runs")
        lines.end()


@pytest.mark.parametrize("what", ["size", "time"])
def test_another_segment_than_the_session_saw(what):
    def change(recording):
        if what == "time":  # the session began an hour earlier
            at = damage.AFTER_REGIONS + 4 + 4 + 8 + 8
            for instant in (at, at + 24):
                ns, = struct.unpack_from("=Q", recording.data, instant + 16)
                struct.pack_into("=Q", recording.data, instant + 16, ns - 3600 * 10**9)
            return
        for event in recording.events():
            if event["u1"] == 4096:
                event["u1"] = 8192
        for entry in recording.records("ledger", damage.ENTRY):
            entry["size"] = 8192
    damaged(change)
    kept("memshim.data", words="the kernel's segment may be another")


OBJECT = {"kind": (0, "I"), "id": (4, "i"), "state": (8, "I"), "key": (12, "I"), "mode": (16, "I"), "creator_pid": (20, "i"),
          "last_pid": (24, "i"), "owner_uid": (28, "I"), "creator_uid": (36, "I"), "size": (48, "Q"), "changed": (80, "Q")}
FORGED_ENTRY = {**damage.ENTRY, "key": (12, "I"), "flags": (24, "I"), "seen": (32, "Q"), "maker_pid": (104, "I"), "family": (112, "I")}


def forge(recording, instance, everything=False):
    """
    Writes what a process of the session can write: an ended image of this pid created every segment of the machine.
    `everything`: also the recorder's rows, as in an attacker's own file.
    """
    clock = max(e["clock"] for e in recording.events())
    for row in kernel_rows().values():
        key = row["key"] & 0xFFFFFFFF
        at, = recording.append("processes", damage.PROCESS_BYTES, 1)
        process = damage.Record(recording.data, at, {**damage.PROCESS, "family": (116, "I"), "start_clock": (40, "Q")})
        process["instance"], process["pid"], process["state"], process["family"] = instance, row["cpid"], 2, instance
        process["comm"], process["start_clock"] = b"innocent", clock
        at, = recording.append("ledger", 128, 1)
        entry = damage.Record(recording.data, at, FORGED_ENTRY)
        entry["claim"], entry["creator"], entry["size"], entry["key"] = row["shmid"] << 32 | 1, instance, row["size"], key
        entry["flags"], entry["seen"], entry["maker_pid"], entry["family"] = 0o3600, clock, row["cpid"], instance
        at, = recording.append("objects", 128, 1)
        left = damage.Record(recording.data, at, OBJECT)
        left["id"], left["state"], left["key"], left["mode"] = row["shmid"], 1, key, row["perms"]
        left["creator_pid"], left["size"], left["changed"] = row["cpid"], row["size"], row["ctime"]
        left["owner_uid"], left["creator_uid"], left["last_pid"] = row["uid"], row["cuid"], row["lpid"]
        if everything:
            at, = recording.append("identities", 96, 1)
            identity = damage.Record(recording.data, at, damage.IDENTITY)
            identity["instance"], identity["pid"], identity["proof"], identity["flags"] = instance, row["cpid"], 1, 3
            identity["effective_uid"], identity["known_clock"], identity["end_clock"] = row["cuid"], clock, clock
        instance += 1


def victim():
    """A segment of another user that no process has attached now."""
    assert run("ipcmk", "-M", "4096").returncode == 0
    return kernel_rows()


def test_forged_rows_of_a_member():
    """A worker writes into root's session: the recorder did not verify its claims."""
    before = victim()
    damaged(lambda recording: forge(recording, 40), "true")
    assert "innocent" in kept("memshim.data", words="the recorder could not verify which process created it")
    assert kernel_rows() == before


def test_forged_rows_of_a_verified_image():
    """The forged claim uses an image that the recorder verified, with another pid."""
    before = victim()
    damaged(lambda recording: forge(recording, identities(recording)[0]["instance"]), "true")
    kept("memshim.data", words="the kernel names another process as its creator")
    assert kernel_rows() == before


@pytest.mark.parametrize("how", ["named", "found", "by id"])
def test_forged_recording_of_another_user(how):
    """A forged recording removes nothing, whatever it contains and wherever root finds it."""
    before = victim()
    damaged(lambda recording: forge(recording, 40, everything=True), "true")
    os.chown("memshim.data", 65534, 65534)
    shmid, = before
    done = memshim("reap", "--force", *{"named": ["memshim.data"], "found": [], "by id": ["-m", shmid, "memshim.data"]}[how])
    assert not reaped(done.stdout) and "belongs to " in done.stdout + done.stderr, done
    assert kernel_rows() == before
