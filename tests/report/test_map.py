# SPDX-License-Identifier: MIT
"""`memshim map` agrees with the kernel about the address space of any process; for an ended session it shows what is recorded."""

import glob
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

import harness
import machine
from harness import Lines, memshim, target
from mapped import ABSENT, PAGE, USAGE, Mapped, ints, of_kind, read_map, refused


# ---- the kernel's word -------------------------------------------------------------------------


def kernel_maps(pid):
    """/proc/PID/smaps, mapping by mapping."""
    found = []
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as smaps:
        for line in smaps:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+) *(.*)", line)
            if head:
                found.append({"start": int(head[1], 16), "end": int(head[2], 16), "perm": head[3],
                              "inode": int(head[4]), "name": head[5] or None})
            else:
                name, value = line.split(":", 1)
                found[-1][name] = int(value.split()[0]) if value.split()[0].isdigit() else value
    return found


# ---- one process -------------------------------------------------------------------------------


QUIET = {
    "bash": ("bash", "-c", "x=$(seq 20000); echo ready; read -r line"),
    "python3": ("python3", "-c", "import ctypes, json, ssl; print('ready', flush=True); input()"),
    "mapped": (target("mapped"),),
}


def read_both(pid):
    """What memshim and the kernel show, while nothing changes."""
    found = {}

    def is_still():
        before = kernel_maps(pid)
        found.update(seen=read_map("-p", pid), told=kernel_maps(pid))
        return before == found["told"]

    harness.wait_until(is_still, f"process {pid} is still")
    return found["seen"], found["told"]


def equals_the_kernel(pid):
    """Every mapping is a zone, with its pages. The only other zone is the free range above the break."""
    seen, told = read_both(pid)
    zones = [z for z in seen["zones"] if z["kind"] != "unused"]
    assert seen["pid"] == pid and seen["live"] and seen["page_size"] == PAGE
    assert seen["exe"] == os.readlink(f"/proc/{pid}/exe")
    assert [(*ints(z), z["perm"], z["name"]) for z in zones] == [(m["start"], m["end"], m["perm"], m["name"]) for m in told]
    for zone, mapping in zip(zones, told):
        page = mapping["KernelPageSize"] * 1024
        assert zone["page_size"] == page
        assert zone["bytes"] == mapping["Size"] * 1024 == zone["pages"] * page
        assert zone["resident_pages"] * page == mapping["Rss"] * 1024, zone
        assert zone["swapped_pages"] * page == mapping["Swap"] * 1024, zone
    attached = [m for m in told if (m["name"] or "").startswith("/SYSV")]
    assert [z["shmid"] for z in of_kind(seen, "attachment")] == [m["inode"] for m in attached]
    heap = [m for m in told if m["name"] == "[heap]"]
    assert int(seen["break"]["current"], 16) == heap[-1]["end"]
    assert int(seen["break"]["initial"], 16) == heap[0]["start"]
    unused, = of_kind(seen, "unused")
    above = min(m["start"] for m in told if m["start"] >= heap[-1]["end"])
    assert ints(unused) == (heap[-1]["end"], above)
    assert seen["break"]["headroom_bytes"] == above - heap[-1]["end"] == unused["bytes"]
    assert unused["resident_pages"] == 0
    return seen


@pytest.mark.parametrize("program", QUIET)
def test_equals_the_kernel(program):
    with Lines(*QUIET[program]) as running:
        running.wait_for("mapped" if program == "mapped" else "ready")
        equals_the_kernel(running.process.pid)
        running.end()


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as listed:
        return [int(child) for child in listed.read().split()]


@machine.needs("root")
def test_equals_the_kernel_of_postgresql():
    """The database's main process and all its helpers share one segment."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    assert found, "postgresql: not installed: run scripts/check"
    folder = tempfile.mkdtemp(prefix="memshim-pg-", dir="/tmp")
    shutil.chown(folder, "postgres")
    user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
    try:
        done = harness.run(*user, os.path.dirname(found[-1]) + "/initdb", "-A", "trust", "--no-sync", "-D", f"{folder}/data",
                           cwd=folder)
        assert done.returncode == 0, done.stderr
        with Lines(*user, found[-1], "-D", f"{folder}/data", "-k", folder, "-c", "listen_addresses=",
                   "-c", "shared_memory_type=sysv",
                   "-c", "shared_buffers=8MB", "-c", "autovacuum=off", cwd=folder, stderr=subprocess.STDOUT) as running:
            running.wait_for("ready to accept connections")
            pid = running.process.pid
            shared = of_kind(equals_the_kernel(pid), "attachment")
            helpers = children(pid)
            assert len(helpers) >= 4
            assert {h["pid"] for z in shared for h in z["holders"]} <= set(helpers)
            for zone in shared:
                assert zone["nattch"] == len(zone["holders"]) + 1
            for helper in helpers:
                equals_the_kernel(helper)
            running.process.send_signal(signal.SIGINT)
            running.end()
    finally:
        shutil.rmtree(folder)


def test_kinds():
    with Mapped() as mapped:
        kinds = {(z["name"], z["perm"]): z["kind"] for z in read_map("-p", mapped.pid)["zones"]}
        exe, libc = target("mapped"), next(n for n, _ in kinds if n and "/libc.so" in n)
        assert kinds[exe, "r-xp"] == "text"
        assert kinds[exe, "r--p"] == "rodata"
        assert kinds[exe, "rw-p"] == "data"
        assert {kinds[libc, p] for _, p in kinds if (libc, p) in kinds} == {"library"}
        assert kinds["[heap]", "rw-p"] == "heap"
        assert kinds["[stack]", "rw-p"] == "stack"
        assert kinds["[vdso]", "r-xp"] == "kernel"
        zones = read_map("-p", mapped.pid)["zones"]
        data = max(i for i, z in enumerate(zones) if z["kind"] == "data")
        assert zones[data + 1]["kind"] == "bss" and zones[data + 1]["start"] == zones[data]["end"]


def test_attachments():
    with Mapped() as mapped:
        pid = mapped.pid
        seen = read_map("-p", pid)
        near, shared = of_kind(seen, "attachment")
        assert (shared["shmid"], shared["key"], shared["size"]) == (mapped.shared, "0x6d656d02", 16 * PAGE)
        assert (shared["mode"], shared["readonly"], shared["nattch"]) == ("0640", False, 2)
        assert (shared["pages"], shared["resident_pages"], shared["creator_pid"]) == (16, 4, pid)
        assert (near["shmid"], near["key"], near["size"], near["bytes"]) == (mapped.near, "0x00000000", 100, PAGE)
        assert (near["mode"], near["readonly"], near["marked"]) == ("0600", True, False)
        for zone in near, shared:
            assert zone["holders"] == [{"pid": mapped.child, "comm": "mapped", "address": zone["start"],
                                        "readonly": zone["readonly"]}]
        assert all(z["shmid"] is None and z["holders"] == [] for z in seen["zones"] if z["kind"] != "attachment")
        mapped.tell("touch")
        mapped.tell("attach")
        shared = [z for z in of_kind(read_map("-p", mapped.child), "attachment") if z["shmid"] == mapped.shared]
        assert [h["pid"] for h in shared[0]["holders"]] == [pid, pid]
        after = [z for z in of_kind(read_map("-p", pid), "attachment") if z["shmid"] == mapped.shared]
        assert sorted(z["resident_pages"] for z in after) == [0, 16]


def test_headroom_below_an_attachment():
    with Mapped() as mapped:
        pid = mapped.pid
        for moves in range(3):
            seen = read_map("-p", pid)
            break_now = mapped.top + moves * PAGE
            assert int(seen["break"]["current"], 16) == break_now
            assert seen["break"]["headroom_bytes"] == mapped.near_at - break_now == (3 - moves) * PAGE
            unused, = of_kind(seen, "unused")
            assert ints(unused) == (break_now, mapped.near_at)
            mapped.tell("grow")


@machine.needs("root")
def test_another_ipc_namespace():
    """Ids of another namespace's table, and their holders, are not shown as this one's."""
    with Mapped() as ours, Mapped("unshare", "-i") as theirs:
        assert (ours.shared, ours.near) == (theirs.shared, theirs.near)
        for mapped, mode in (ours, "0640"), (theirs, None):
            shared = of_kind(read_map("-p", mapped.pid), "attachment")[-1]
            assert (shared["key"], shared["mode"]) == ("0x6d656d02", mode)
            assert [h["pid"] for h in shared["holders"]] == [mapped.child]


def test_of_an_ordinary_user(user):
    """An ordinary user may read its own processes, and not another user's."""
    done = user("sh", "-c", f"exec {harness.MEMSHIM} map --json -p $$")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["zones"]
    if harness.IS_ROOT:
        with Lines("cat") as running:
            done = user(harness.MEMSHIM, "map", "-p", running.process.pid)
            refused(done, ABSENT, f"process {running.process.pid}", "Permission denied")


# ---- sessions ----------------------------------------------------------------------------------


def test_recording():
    """The break and the attachments just before the end, with the other holders."""
    with Mapped(harness.MEMSHIM, "record", "-q", "-w", "-o", "memshim.data", "--") as mapped:
        pid = mapped.pid
        mapped.tell("grow")
        mapped.tell("shrink")
        live = read_map()
        assert live["live"] and live["pid"] == pid
        assert int(live["break"]["peak"], 16) == mapped.top + PAGE
        assert int(live["break"]["current"], 16) == mapped.top
        assert live == {**read_map("-p", pid)}
        assert mapped.end()[0] == 0
    last = read_map()
    told = harness.Recording("memshim.data").process(pid=pid)["break"]
    assert (last["pid"], last["live"], last["page_size"]) == (pid, False, PAGE)
    for name in "initial", "current", "peak":
        assert last["break"][name] == live["break"][name] == told[name]
    assert last["break"]["headroom_bytes"] is None
    assert last["break"]["headroom_at_most_bytes"] == 3 * PAGE
    same = ("start", "end", "bytes", "pages", "perm", "shmid", "key", "size", "readonly")
    assert [z["kind"] for z in last["zones"]] == ["heap", "attachment", "attachment"]
    for before, after in zip(of_kind(live, "heap") + of_kind(live, "attachment"), last["zones"]):
        assert [before[k] for k in same] == [after[k] for k in same]
        assert after["resident_pages"] is None and after["swapped_pages"] is None
    child = read_map("memshim.data", f"--pid={mapped.child}")
    assert child["pid"] == mapped.child
    for zone in of_kind(child, "attachment"):
        assert [h["pid"] for h in zone["holders"]] == [pid]
    refused(memshim("map", "memshim.data", "--pid=1"), ABSENT, "memshim.data", "process 1 is not in it")
    refused(memshim("map", "memshim.data", "--watch"), ABSENT, "memshim.data", "ended")
    picture = memshim("map").stdout
    assert "as it last was" in picture and "program break" in picture and "not recorded" in picture


def test_by_hand_which_process():
    """Without a recorder there is no COMMAND: a single process is shown; of several, the user must choose one."""
    env = {"LD_PRELOAD": harness.SHIM}
    assert harness.run(target("calls"), "1", env=env).returncode == 0
    assert read_map("default")["comm"] == "calls"
    assert harness.run(target("calls"), "1", env=env).returncode == 0
    refused(memshim("map", "default"), USAGE, "--pid=PID")


# ---- what cannot be ----------------------------------------------------------------------------


def test_no_such_process():
    with Lines("true") as ended:
        pid = ended.process.pid
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        refused(memshim("map", "-p", pid), ABSENT, f"process {pid}", "it has ended")
    refused(memshim("map", "-p", pid), ABSENT, f"process {pid}", "no such process")
    refused(memshim("map", "--watch", "-p", pid), ABSENT, "no such process")


def test_no_such_file(tmp_path):
    refused(memshim("map"), ABSENT, "no FILE given")
    refused(memshim("map", "nowhere"), ABSENT, "nowhere")
    (tmp_path / "torn").write_bytes(b"memshim" * 100)
    refused(memshim("map", "torn"), ABSENT, "torn")


@pytest.mark.parametrize("argv", [("-d1", "-p1"), ("-n1", "-p1"), ("-p1", "--pid=1"), ("-p1", "file"), ("-p", "x"),
                                  ("--watch", "-d0", "-p1")], ids=" ".join)
def test_wrong_usage(argv):
    refused(memshim("map", *argv), USAGE)
