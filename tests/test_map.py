# SPDX-License-Identifier: MIT
"""
`memshim map`: what it says of an address space is what the kernel says, of any process and of a
session that is over; and the picture says it to people, on a screen of any size.
"""

import codecs
import fcntl
import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

import pytest

import harness
from harness import Lines, memshim, record, target

PAGE = os.sysconf("SC_PAGESIZE")
BOX = "┌├└╞"
ABSENT, USAGE = 1, 2


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


def read_map(*argv):
    done = memshim("map", "--json", *argv)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


def of_kind(seen, kind):
    return [z for z in seen["zones"] if z["kind"] == kind]


def ints(zone):
    return int(zone["start"], 16), int(zone["end"], 16)


class Mapped(Lines):
    """The target `mapped`, and what it says of itself."""

    def __init__(self, *before, **options):
        super().__init__(*before, target("mapped"), **options)

    def __enter__(self):
        super().__enter__()
        words = self.wait_for("mapped").split()
        self.child, self.shared, self.near = (int(w) for w in words[1:4])
        self.top, self.near_at = (int(w, 16) for w in words[4:6])
        return self

    @property
    def pid(self):
        with open(f"/proc/{self.child}/stat", encoding="ascii") as stat:
            return int(stat.read().rsplit(")", 1)[1].split()[1])

    def tell(self, order):
        self.say(order)
        self.wait_for("done")


# ---- one process -------------------------------------------------------------------------------


QUIET = {
    "bash": ("bash", "-c", "x=$(seq 20000); echo ready; read -r line"),
    "python3": ("python3", "-c", "import ctypes, json, ssl; print('ready', flush=True); input()"),
    "mapped": (target("mapped"),),
}


def read_both(pid):
    """What memshim and the kernel say, of a moment when nothing changes."""
    found = {}

    def is_still():
        before = kernel_maps(pid)
        found.update(seen=read_map("-p", pid), told=kernel_maps(pid))
        return before == found["told"]

    harness.wait_until(is_still, f"process {pid} is still")
    return found["seen"], found["told"]


def equals_the_kernel(pid):
    """Every mapping is a zone, with its pages; the only other zone is the room above the break."""
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


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as listed:
        return [int(child) for child in listed.read().split()]


@pytest.mark.skipif(not harness.IS_ROOT, reason="a database does not run as root: another user is needed")
def test_equals_the_kernel_of_postgresql():
    """The database's own process and all its helpers share one segment."""
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
                   "-c", "shared_memory_type=sysv", "-c", "shared_buffers=8MB", cwd=folder, stderr=subprocess.STDOUT) as running:
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


@pytest.mark.skipif(not harness.IS_ROOT, reason="IPC namespaces are root's")
def test_another_ipc_namespace():
    """Ids of another table are not taken for ours, nor its holders."""
    with Mapped() as ours, Mapped("unshare", "-i") as theirs:
        assert (ours.shared, ours.near) == (theirs.shared, theirs.near)
        for mapped, mode in (ours, "0640"), (theirs, None):
            shared = of_kind(read_map("-p", mapped.pid), "attachment")[-1]
            assert (shared["key"], shared["mode"]) == ("0x6d656d02", mode)
            assert [h["pid"] for h in shared["holders"]] == [mapped.child]


def test_of_an_ordinary_user(user):
    """One's own process; not another user's."""
    done = user("sh", "-c", f"exec {harness.MEMSHIM} map --json -p $$")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["zones"]
    if harness.IS_ROOT:
        with Lines("cat") as running:
            done = user(harness.MEMSHIM, "map", "-p", running.process.pid)
            refused(done, ABSENT, f"process {running.process.pid}", "Permission denied")


# ---- sessions ----------------------------------------------------------------------------------


def test_recording():
    """The break and the attachments as they were just before the end; who held them too."""
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
    """Without a recorder there is no COMMAND: one process is meant, of several one is chosen."""
    env = {"LD_PRELOAD": harness.SHIM}
    assert harness.run(target("calls"), "1", env=env).returncode == 0
    assert read_map("default")["comm"] == "calls"
    assert harness.run(target("calls"), "1", env=env).returncode == 0
    refused(memshim("map", "default"), USAGE, "--pid=PID")


# ---- what cannot be ----------------------------------------------------------------------------


def refused(done, status, *words):
    assert done.returncode == status, (done.returncode, done.stderr)
    assert done.stdout == ""
    assert re.fullmatch(r"memshim: [^\n]*\n", done.stderr), done.stderr
    for word in words:
        assert word in done.stderr


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


# ---- the picture -------------------------------------------------------------------------------


def draw(*argv, **env):
    done = memshim("map", *argv, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def boxes(picture):
    """The lines between two edges, from the top down, with the addresses of both."""
    found, edge, inside = [], None, []
    for line in picture.splitlines():
        address = re.match(rf" *(0x[0-9a-f]+).?[{BOX}+]", line)
        if address:
            if edge:
                found.append((int(address[1], 16), int(edge, 16), inside))
            edge, inside = address[1], []
        elif edge:
            inside.append(line)
    return found


def test_picture():
    with Mapped() as mapped:
        pid = mapped.pid
        picture = draw("-p", pid)
        assert all(len(line) <= 80 for line in picture.splitlines()), picture
        edges = [int(a, 16) for a in re.findall(rf"(?m)^ *(0x[0-9a-f]+).?[{BOX}]", picture)]
        assert edges == sorted(edges, reverse=True)
        assert f"{mapped.top:#x} ╞" in picture and " program break " in picture
        assert "12K of room for the heap" in picture
        assert f"12K of room above it, up to attachment {mapped.near}\n" in picture
        order = ["stack", "libc.so.6", f"│ attachment {mapped.near}", "room for the heap", "program break", "│ heap", "│ data", "│ text"]
        assert sorted(order, key=picture.index) == order, picture
        for words in ("key 0x6d656d02, mode 0640", "private, mode 0600, read-only", f"shared with {mapped.child} mapped"):
            assert words in " ".join(re.findall("│ (.*?) *│", picture))
        heap = next(line for line in picture.splitlines() if "│ heap" in line)
        assert heap.split()[-4:] == ["80K", "20", "10", "0"] and "████░░░░" in heap


def test_picture_in_ascii_and_in_colour():
    with Mapped() as mapped:
        plain = draw("-p", mapped.pid, LC_ALL="C")
        assert plain.isascii() and "+=" in plain and "##" in plain
        coloured = draw("-p", mapped.pid, "--color=always")
        assert "\33[" in coloured
        assert re.sub("\33\\[\\d*m", "", coloured) == draw("-p", mapped.pid)
        wide = draw("-p", mapped.pid, COLUMNS="120")
        assert max(map(len, wide.splitlines())) > 100


def test_every_mapping():
    with Mapped() as mapped:
        told = kernel_maps(mapped.pid)
        counted = [line for line in draw("-a", "-p", mapped.pid).splitlines() if re.search(r"│.*[█░].*│ +\S+ +\d+ +\d+ +\d+$", line)]
        assert len(counted) == len(told)


def test_to_scale():
    with Lines("python3", "-c", "b = bytearray(100 << 20); print('ready', flush=True); input()") as running:
        running.wait_for("ready")
        picture = draw("--scale", "-p", running.process.pid)
        unit = int(re.search(r"a line is (\d+)M", picture)[1]) << 20
        heights = 0
        for start, end, inside in boxes(picture):
            if all("╎" in line for line in inside):
                assert len(inside) == min(max((end - start) // unit, 1), 5)
            else:
                assert len(inside) == max((end - start) // unit, 1), inside
                heights += len(inside)
        assert heights > 20


# ---- again and again ---------------------------------------------------------------------------


class Screen:
    """memshim on a terminal of its own, whose output is looked for, for a bounded time."""

    def __init__(self, *argv, lines=60):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", lines, 80, 0, 0))
        self.process = subprocess.Popen([harness.MEMSHIM, *map(str, argv)], stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
                                        env={**os.environ, "TERM": "xterm"})
        os.close(slave)
        self.seen = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def read(self):
        """False at the end."""
        ready, _, _ = select.select([self.master], [], [], harness.PATIENCE_S)
        assert ready, self.seen
        try:
            self.seen += self.decoder.decode(os.read(self.master, 65536))
        except OSError:
            return False
        return True

    def wait_for(self, pattern):
        end = time.monotonic() + harness.PATIENCE_S
        while not re.search(pattern, self.seen, re.DOTALL):
            assert self.read(), f"it ended before {pattern}: {self.seen}"
            assert time.monotonic() < end, f"waited in vain for {pattern}: {self.seen}"
        self.seen = self.seen[re.search(pattern, self.seen, re.DOTALL).end():]

    def end(self):
        while self.read():
            pass
        return self.process.wait(harness.TIMEOUT_S)

    def frames(self):
        return [f.replace("\33[K", "").replace("\r", "") for f in self.seen.split("\33[H")[1:]]


def test_watch_marks_what_moves():
    with Mapped() as mapped, Screen("map", "--watch", "-d", "0.02", "-p", mapped.pid) as screen:
        screen.wait_for("program break.*text  mapped.*addresses only")
        mapped.tell("grow")
        screen.wait_for(r"moved \+4K.*\*╎ +8K of room.*\*╞.*\*│ heap[^\n]*84K")
        mapped.tell("attach")
        screen.wait_for(rf"\+│ attachment {mapped.shared}")
        mapped.tell("detach")
        screen.wait_for(rf"gone +attachment {mapped.shared}\b")
        mapped.tell("shrink")
        screen.wait_for("moved -4K")
        pid = mapped.pid
        mapped.end()
        screen.wait_for(f"process {pid} has ended")
        assert screen.end() == 0


def test_watch_ends_at_control_c():
    with Mapped() as mapped, Screen("map", "--watch", "-p", mapped.pid) as screen:
        screen.wait_for("addresses only")
        os.write(screen.master, b"\x03")
        assert screen.end() == 0


@pytest.mark.parametrize("lines", [10, 24, 36])
def test_watch_on_a_low_screen(lines):
    """Never more than fits, and the break stays on it as long as it can."""
    with Mapped() as mapped, Screen("map", "--watch", "-d", "0.01", "-n", "3", "-p", mapped.pid, lines=lines) as screen:
        assert screen.end() == 0
        frames = screen.frames()
        assert len(frames) == 3
        for frame in frames:
            assert frame.count("\n") < lines, frame
            assert "mapped, process" in frame
            assert lines == 10 or ("text  mapped" in frame and "program break" in frame), frame


def test_watch_elsewhere():
    """Not on a terminal: one after the other, without a word to a screen."""
    with Mapped() as mapped:
        pictures = draw("--watch", "-d", "0.01", "-n", "3", "-p", mapped.pid)
        assert "\33" not in pictures and pictures.count("program break") == 3
        done = memshim("map", "--watch", "-d", "0.01", "-n", "3", "--json", "-p", mapped.pid)
        assert [json.loads(line)["pid"] for line in done.stdout.splitlines()] == [mapped.pid] * 3
        with Lines(harness.MEMSHIM, "map", "--watch", "-d", "100", "-p", mapped.pid) as watching:
            watching.wait_for("addresses only")
            watching.process.send_signal(signal.SIGTERM)
            assert watching.end()[0] == 0
