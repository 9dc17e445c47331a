# SPDX-License-Identifier: MIT
"""The history of one segment: changes of owner and mode, reused ids, and `report -m`, which lists them in order."""

import os
import re

import pytest

import harness
import machine
from harness import Lines, Recording, memshim, target
from reaping import reaped
from story import IPC_CREAT, KEY, NEW, SHM_RDONLY, Teller, agree, kernel_rows, recorded

needs_root = machine.needs("root")


def segments():
    report = Recording("memshim.data").report()
    agree(report)
    return report["segments"]


# ---- IPC_SET ----


@needs_root
def test_changes():
    """Each change has a process, a time and its values. The last one is known after the segment is gone."""
    with recorded() as lines:
        program = Teller(lines)
        shmid = program.get(KEY, 4096, NEW & ~0o777 | 0o600)
        program.tell("set", 0o666)
        program.tell("set", 0o7640, 65534, 33)
        segment, = segments()
        row = kernel_rows()[shmid]
        assert (segment["mode"], segment["owner_uid"]) == (f"{row['perms']:04o}", row["uid"]) == ("0640", 65534)
        program.tell("uid", 65534)
        program.tell("set", 0o400)
        program.tell("rm")
        lines.end()
    segment, = segments()
    assert [(c["mode"], c["owner_uid"], c["owner_gid"]) for c in segment["changes"]] == [
        ("0666", 0, 0), ("0640", 65534, 33), ("0400", 65534, 33)]
    assert (segment["mode"], segment["owner_uid"], segment["state"]) == ("0400", 65534, "destroyed")
    times = [c["ns"] for c in segment["changes"]]
    assert segment["created_ns"] < times[0] < times[1] < times[2] < segment["removed"]["ns"]
    assert {(c["pid"], c["exe"]) for c in segment["changes"]} == {(segment["creator"]["pid"], target("ledger"))}
    assert all(any(f["function"] == "set_mode" for f in c["stack"]) for c in segment["changes"])
    events = [e["args"] for e in Recording("memshim.data").events("--call=shmctl") if e["args"]["cmd"] == "IPC_SET"]
    assert [(a["mode"], a["uid"], a["gid"]) for a in events] == [("0666", 0, 0), ("0640", 65534, 33), ("0400", 65534, 33)]
    assert "mode 0640 uid 65534 gid 33" in Recording("memshim.data").events_text("--call=shmctl")


def test_what_was_not_set():
    """A refused IPC_SET changes nothing; nor does one with a bad buffer."""
    script = ("import ctypes; c = ctypes.CDLL('libc.so.6', use_errno=True); i = c.shmget(0, 4096, 0o1600);"
              "c.shmctl.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p];"
              "[c.shmctl(i, 1, bad) for bad in (None, 8, (1 << 64) - 8)]; c.shmctl(i, 0, None)")
    recording = harness.record("/usr/bin/python3", "-c", script, options=("-q",))
    segment, = [s for s in recording.report()["segments"] if s["key"] == "0x00000000"]
    assert (segment["changes"], segment["mode"]) == ([], "0600")
    sets = [e for e in recording.events("--call=shmctl") if e["args"]["cmd"] == "IPC_SET"]
    assert [e["errno"] for e in sets] == ["EFAULT"] * 3
    assert not any("mode" in e["args"] for e in sets)


@pytest.mark.parametrize("made,then,found", [(0o666, 0o600, False), (0o600, 0o666, True)])
def test_mode_of_the_moment(made, then, found):
    """The finding about a world-writable segment uses the last mode."""
    with recorded() as lines:
        program = Teller(lines)
        program.get(KEY, 4096, NEW & ~0o777 | made)
        program.tell("set", then)
        program.tell("rm")
        lines.end()
    texts = [f["text"] for f in Recording("memshim.data").report()["findings"] if f["kind"] == "world-writable-segment"]
    assert bool(texts) == found and all("mode 0666" in t for t in texts)


# ---- ids that come back ----


def next_id(shmid):
    with open("/proc/sys/kernel/shm_next_id", "w", encoding="ascii") as wish:
        wish.write(str(shmid))


@needs_root
@pytest.mark.parametrize("flags", [NEW, IPC_CREAT | 0o600], ids=["exclusive", "made or found"])
def test_reused_id_has_its_own_history(flags):
    """A new segment with a reused id has its own creator and its own holders."""
    if not os.path.exists("/proc/sys/kernel/shm_next_id"):
        pytest.fail("this kernel gives no id on demand")
    with recorded() as lines:
        program = Teller(lines)
        shmid = program.get(KEY, 4096, flags)
        program.tell("at")
        program.tell("dt")
        program.tell("rm")
        program.tell("fork")
        next_id(shmid)
        assert program.get(KEY, 12288, flags) == shmid
        program.tell("at", 0, SHM_RDONLY)
        program.tell("at", 0, SHM_RDONLY)
        first, second = segments()
        lines.end()
    first, second = segments()
    assert first["shmid"] == second["shmid"] == shmid
    assert (first["size"], first["state"], first["attaches"], first["detaches"]) == (4096, "destroyed", 1, 1)
    assert (second["size"], second["state"], second["attaches"], second["leaked"]) == (12288, "present", 2, True)
    assert first["creator"]["pid"] != second["creator"]["pid"]
    sizes = [a["size"] for a in Recording("memshim.data").report()["attachments"]]
    assert sorted(sizes) == [4096, 12288, 12288]
    assert reaped(memshim("reap", "--force").stdout) == [f"segment {shmid}"]


@needs_root
def test_reused_id_by_an_unfollowed_process():
    """
    A process outside the session creates a segment with the id of a leaked one: the leaked one is reported as
    removed, and reap keeps the new one.
    """
    with recorded() as lines:
        program = Teller(lines)
        shmid = program.get()
        lines.end()
    assert harness.run("ipcrm", "-m", shmid).returncode == 0
    next_id(shmid)
    assert harness.run("perl", "-e", f"exit(shmget({KEY:#x}, 4096, 01600) != {shmid})").returncode == 0
    segment, = Recording("memshim.data").report()["segments"]
    assert (segment["state"], segment["leaked"], segment["now"]["state"]) == ("present", True, "removed")
    memshim("reap", "--force")
    assert shmid in kernel_rows()


def test_size_that_is_known_later():
    """The size becomes known after the attach: the attached bytes return to zero."""
    assert harness.run("perl", "-e", f"shmget({KEY:#x}, 8192, 01600) // die").returncode == 0
    shmid, = [shmid for shmid, row in kernel_rows().items() if row["key"] == KEY]
    with Lines(target("ledger"), env={"LD_PRELOAD": harness.SHIM}) as lines:
        program = Teller(lines)
        program.tell("use", shmid)
        program.tell("at")
        assert program.get(KEY, 8192, 0o600) == shmid
        program.tell("dt")
        program.tell("rm")
        program.get(KEY + 1, 4096)
        program.tell("at")
        attached = Recording("default").report()["processes"][0]["attached"]
        assert (attached["now"], attached["now_bytes"], attached["peak"]) == (1, 4096, 1)
        assert 4096 <= attached["peak_bytes"] <= 8192
        program.tell("rm")
        lines.end()
    assert [s["size"] for s in Recording("default").report()["segments"]] == [8192, 4096]


# ---- report -m ----


def test_history():
    with recorded() as lines:
        program = Teller(lines)
        shmid = program.get(KEY, 65536)
        first = program.tell("at")
        second = program.tell("at", 0, SHM_RDONLY)
        program.tell("set", 0o640)
        program.tell("fork")
        program.tell("dt", second)
        program.tell("rm")
        program.tell_last("exec", target("calls"))
        lines.wait_for("wrong: 0")
        lines.end()
    for option in (f"-m{shmid}", f"-M{KEY:#x}"):
        text = memshim("report", option, "--color=never").stdout
        history = text.split(f"HISTORY of segment {shmid}\n")[1].split("\n\n")[0].splitlines()[1:]
        told = [re.match(r" +\d+\.\d{6}  ledger \((\d+)\) +(\d+)  (.*)", line).groups() for line in history]
        parent, child = dict.fromkeys(pid for pid, _, _ in told)
        has = f"inherited it by fork at {first:#x}", f"inherited it by fork at {second:#x}, read-only"
        assert [(p, n) for p, n, _ in told[4:6]] == [(child, "3"), (child, "4")]
        assert {what for _, _, what in told[4:6]} == set(has)
        assert told[:4] + told[6:9] == [
            (parent, "0", "created it: 64K, mode 0600"),
            (parent, "1", f"attached it at {first:#x}"),
            (parent, "2", f"attached it at {second:#x}, read-only"),
            (parent, "2", "changed it: mode 0640, owner 0, group 0") if harness.IS_ROOT else told[3],
            (child, "3", f"detached it at {second:#x}, read-only"),
            (child, "3", "removed it by IPC_RMID"),
            (child, "2", f"executed another program while it was attached at {first:#x}")]
        assert [(p, n) for p, n, _ in told[9:]] == [(parent, "1"), (parent, "0")]
        assert all(what.startswith("exited while it was attached at") for _, _, what in told[9:])
        assert "cycle_step" not in text, "call sites of other segments are of no interest here"


def test_findings_of_one_segment():
    with recorded() as lines:
        program = Teller(lines)
        one = program.get()
        two = program.get(KEY + 1)
        lines.end()
    report = harness.json.loads(memshim("report", "--json", f"-m{two}").stdout)
    assert {f["shmid"] for f in report["findings"]} == {two}
    report = harness.json.loads(memshim("report", "--json", f"-M{KEY:#x}").stdout)
    assert {f["shmid"] for f in report["findings"]} == {one}
    assert {tuple(f["ids"]) for f in report["findings"]} == {(one,)}
    assert harness.json.loads(memshim("report", "--json", "--exe=perl").stdout)["findings"] == []
    found = harness.json.loads(memshim("report", "--json", "--exe=ledger").stdout)["findings"]
    assert [(f["kind"], f["count"], f["ids"]) for f in found] == [
        ("leaked-segment", 2, [one, two]), ("segment-never-attached", 2, [one, two])]
