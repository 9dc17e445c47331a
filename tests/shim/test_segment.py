# SPDX-License-Identifier: MIT
"""The segment's file: where it cannot be created, what may be in its place, and what happens to it while programs log."""

import json
import os
import pathlib
import re
import stat
import struct

import pytest

import damage
import harness
import machine
from beside import CYCLE_CALLS, made, needs_root
from harness import MEMSHIM, Lines, Recording, memshim, target, wait_until
from refusals import FAILED
from reaping import reaped
from story import Teller, kernel_rows, recorded

PRELOAD = {"LD_PRELOAD": harness.SHIM}
VERSION_AT, ORDER_AT, WORD_AT = 8, 16, 20  # in struct segment_header
BOOT_ID_AT = damage.AFTER_REGIONS + 24 + 2 * 24 + 3 * 8 + 4 * 4 + 4 * 4


def folder():
    return pathlib.Path(os.environ["MEMSHIM_DIR"])


def by_hand(cycles=1, runner=harness.run, **env):
    """A program that should join: it must run unchanged."""
    settings = [f"{name}={value}" for name, value in {**PRELOAD, **env}.items()]
    done = runner("env", *settings, target("calls"), cycles, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\n", "")


# ---- where it cannot be made ----


@needs_root
@pytest.mark.parametrize("options,word", [("size=64k", "no room"), ("nr_inodes=1", "no room"), ("ro", "Read-only"),
                                          ("mode=777", "write to it")])
def test_no_place_for_it(options, word):
    """The message comes before anything runs, and no file is left; without a recorder the program runs alone."""
    os.mkdir("small", 0o700)
    script = (f"mount -t tmpfs -o mode=700,{options} none small; export MEMSHIM_DIR=$PWD/small; {MEMSHIM} record echo ran;"
              f"echo $? $(ls -A small) >&2; LD_PRELOAD={harness.SHIM} {target('calls')} 1; ls -A small >&2")
    done = harness.run("unshare", "--mount", "sh", "-c", script)
    line, rest = done.stderr.split("\n", 1)
    assert line.startswith("memshim: ") and word in line and "small" in line
    assert (done.stdout, rest) == ("wrong: 0\n", f"{FAILED}\n")
    assert os.listdir() == ["small"]


@needs_root
@pytest.mark.parametrize("hidden", ["-o ro none /dev/shm", "-o nr_inodes=1 none /dev/shm", "-o size=1m none /dev/shm",
                                    "none /dev/shm; mkdir -m 700 /dev/shm/memshim-$(id -u); mount -o remount,ro /dev/shm",
                                    "none /dev; mknod -m 666 /dev/null c 1 3"])
def test_next_folder(hidden):
    """Without MEMSHIM_DIR: /dev/shm, else the user's run-time folder if it is in memory; else none."""
    os.mkdir("run", 0o700)
    script = (f"mount -t tmpfs {hidden}; mount -t tmpfs -o mode=700,size=64m none run; export XDG_RUNTIME_DIR=$PWD/run;"
              f"{MEMSHIM} record -q sh -c 'echo $MEMSHIM_SESSION'; find run -type f")
    done = harness.run("env", "-u", "MEMSHIM_DIR", "unshare", "--mount", "sh", "-c", script)
    session, = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "") and session.startswith(f"{os.getcwd()}/run/memshim/record-")


@needs_root
def test_no_folder_at_all():
    """The message has the first folder's reason, and what to do."""
    os.mkdir("run", 0o700)
    script = ("for at in /dev/shm run; do mount -t tmpfs -o size=1m none $at; done;"
              f"XDG_RUNTIME_DIR=$PWD/run TMPDIR=/proc exec {MEMSHIM} record -q echo ran")
    done = harness.run("env", "-u", "MEMSHIM_DIR", "unshare", "--mount", "sh", "-c", script)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (FAILED, "", 1)
    assert done.stderr.startswith("memshim: /dev/shm/memshim-") and "no room" in done.stderr and "MEMSHIM_DIR" in done.stderr


def test_no_room_by_a_limit():
    """A limit is the cause, and the message does not blame the folder."""
    done = harness.run("bash", "-c", f"ulimit -f 100; exec {MEMSHIM} record -q echo ran")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (FAILED, "", 1)
    assert "ulimit -f" in done.stderr and "MEMSHIM_DIR" not in done.stderr


@needs_root
def test_memory_full_afterwards():
    """All of it is reserved: logging works in a full file system."""
    os.mkdir("small", 0o700)
    script = (f"mount -t tmpfs -o mode=700,size=12m none small; export MEMSHIM_DIR=$PWD/small MEMSHIM_LOG_SIZE=2M;"
              f"export LD_PRELOAD={harness.SHIM};"
              f"{target('calls')} 1; unset LD_PRELOAD; cat /dev/zero >small/rest 2>/dev/null; df --output=avail small | tail -n 1;"
              f"LD_PRELOAD={harness.SHIM} {target('calls')} 20000; unset LD_PRELOAD; {MEMSHIM} report --json")
    done = harness.run("unshare", "--mount", "sh", "-c", script)
    first, available, second, report = done.stdout.splitlines()
    assert (first, available.strip(), second) == ("wrong: 0", "0", "wrong: 0"), done
    assert made(json.loads(report)) >= 20001 * CYCLE_CALLS


@needs_root
@pytest.mark.parametrize("size,most", [("64m", 16), ("512m", 128)])
def test_a_quarter_of_what_is_free(size, most):
    """In a small file system the log is smaller, so that others have space."""
    os.mkdir("small", 0o700)
    script = (f"mount -t tmpfs -o mode=700,size={size} none small; export MEMSHIM_DIR=$PWD/small MEMSHIM_LOG_SIZE=1G;"
              f"LD_PRELOAD={harness.SHIM} {target('calls')} 5; stat -c %s small/default.seg; {MEMSHIM} report --json")
    first, size_bytes, report = harness.run("unshare", "--mount", "sh", "-c", script).stdout.splitlines()
    assert first == "wrong: 0" and (most << 20) / 3 < int(size_bytes) <= most << 20
    harness.complete(json.loads(report))


# ---- other files in its place ----


def stand_in(kind):
    """Something at default.seg that must not be followed. Returns what it leads to: a valid segment."""
    precious, at = folder() / "precious.seg", folder() / "default.seg"
    by_hand(MEMSHIM_SESSION="precious")
    if kind == "symlink":
        at.symlink_to(precious)
    elif kind == "dangling":
        at.symlink_to(pathlib.Path("nothing").absolute())
    elif kind == "hard link":
        os.link(precious, at)
    elif kind == "fifo":
        os.mkfifo(at)
    elif kind == "folder":
        at.mkdir()
    elif kind == "device":
        os.mknod(at, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    return precious


@pytest.mark.parametrize("kind", ["symlink", "dangling", "hard link", "fifo", "folder", pytest.param("device", marks=needs_root)])
def test_file_that_is_no_segment_is_refused(kind):
    """It is refused at once, and not changed; readers say so."""
    precious = stand_in(kind)
    content = precious.read_bytes()
    before = os.lstat(folder() / "default.seg")
    by_hand()
    by_hand(MEMSHIM_SESSION=str(folder() / "default.seg"))
    after = os.lstat(folder() / "default.seg")
    for field in ("st_ino", "st_mode", "st_size", "st_mtime_ns"):
        assert getattr(after, field) == getattr(before, field), field
    assert precious.read_bytes() == content
    assert not os.path.exists("nothing")
    assert memshim("report", "default", timeout=20).returncode == ("link" not in kind)


@needs_root
def test_segment_of_another_user_is_refused(user):
    """A valid segment of another user, open to all: that user could write to it at any time."""
    by_hand(runner=user)
    theirs = folder() / "default.seg"
    os.chown(theirs, 1, 1)
    os.chmod(theirs, 0o666)
    before = theirs.read_bytes()
    by_hand(runner=user, MEMSHIM_SESSION=str(theirs))
    assert theirs.read_bytes() == before


@pytest.mark.parametrize("where,value", [(VERSION_AT, 9999), (ORDER_AT, 0x04030201), (WORD_AT, 4)],
                         ids=["version", "byte order", "word size"])
def test_another_format(where, value):
    """A segment of another version is never written to, and the message names both versions."""
    by_hand()
    path = folder() / "default.seg"
    data = bytearray(path.read_bytes())
    ours, = struct.unpack_from("<I", data, where)
    struct.pack_into("<I", data, where, value)
    path.write_bytes(data)
    by_hand(5)
    assert path.read_bytes() == data
    done = memshim("report", "default")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    for number in (ours, value):
        assert str(number) in done.stderr or f"{number:08x}" in done.stderr or f"{number * 8}-bit" in done.stderr


REGIONS_AT, REGIONS = 48, 11  # in struct segment_header: offset, record_bytes, count of each


def odd_regions(data):
    """(where, value): tables outside the file, on each other or on the header, and counts that overflow."""
    end = 4096
    for i in range(REGIONS):
        at = REGIONS_AT + 24 * i
        offset, record_bytes, count = struct.unpack_from("<QQQ", data, at)
        before, end = end, offset + record_bytes * count
        yield from ((at, value) for value in (0, offset + 1, before - 64, len(data), len(data) + 64, 1 << 63, (1 << 64) - 64))
        yield from ((at + 8, value) for value in (0, record_bytes * 2, record_bytes - 1, (1 << 64) - 1))
        yield from ((at + 16, value) for value in (count * 1000, (1 << 64) // record_bytes + 1, (1 << 64) - 1))


def test_tables_that_do_not_fit():
    """Readers refuse it in one line; programs do not change it."""
    by_hand(MEMSHIM_LOG_SIZE="8K")
    path = folder() / "default.seg"
    sound = path.read_bytes()
    cases = list(odd_regions(sound))
    assert len(cases) == 14 * REGIONS
    for where, value in cases:
        with open(path, "r+b") as file:
            file.seek(where)
            file.write(struct.pack("<Q", value))
        done = memshim("report", "default", timeout=20)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), (where, value, done)
        assert "damaged" in done.stderr, (where, value, done)
        by_hand()
        with open(path, "r+b") as file:
            file.seek(where)
            assert file.read(8) == struct.pack("<Q", value)
            file.seek(where)
            file.write(sound[where:where + 8])
    assert path.read_bytes() == sound


# ---- what becomes of it ----


@pytest.mark.parametrize("how", ["deleted", "renamed"])
def test_its_name_goes(how):
    """The file is deleted: logging continues, and the session is found by the process."""
    with Lines("sh", "-c", f"{target('calls')} 1; read line; {target('calls')} 0; exec {target('calls')} 2 wait", env=PRELOAD) as lines:
        lines.wait_for("wrong: 0")
        path = folder() / "default.seg"
        path.rename(folder() / "elsewhere") if how == "renamed" else path.unlink()
        done = memshim("report", "default")
        assert done.returncode == 1 and "default" in done.stderr
        report = json.loads(memshim("report", "--json", "-p", lines.process.pid).stdout)
        assert made(report, comm="calls") == CYCLE_CALLS
        lines.say()
        lines.wait_for("wrong: 0")
        lines.wait_for("wrong: 0")
        report = Recording("default").report()
        assert made(report, comm="calls") == 2 * CYCLE_CALLS, "a later process created it again"
        assert lines.end()[0] == 0


def test_recorders_segment_is_deleted():
    """The recording is complete for the processes that had joined; later ones are named as not followed."""
    script = f"{target('calls')} 1; read line; {target('calls')} 3 wait; exit 4"
    with Lines(MEMSHIM, "record", "-q", "sh", "-c", script) as lines:
        lines.wait_for("wrong: 0")
        segment, = folder().glob("*.seg")
        segment.unlink()
        lines.say()
        lines.wait_for("wrong: 0")
        wait_until(lambda: Recording("memshim.data").report()["coverage"]["not_followed"], "it is missed", lines.process)
        assert lines.end() == (4, "")
    report = Recording("memshim.data").report()
    assert made(report, comm="calls") == CYCLE_CALLS
    missed, = report["coverage"]["not_followed"]
    assert missed["exe"] == target("calls") and "segment" in missed["why"]
    assert report["session"]["exit"]["status"] == 4


def test_its_name_is_gone_while_it_is_recorded():
    """The recorder has the file open, and a reader uses that."""
    with Lines(MEMSHIM, "record", "-q", target("calls"), "1", "wait") as lines:
        lines.wait_for("wrong: 0")
        before = Recording("memshim.data").report()
        segment, = folder().glob("*.seg")
        segment.unlink()
        report = Recording("memshim.data").report()
        for part in ("pid", "exe", "cmdline", "state", "calls", "attached"):
            assert report["processes"][0][part] == before["processes"][0][part]
        assert report["findings"] == before["findings"]
        assert report["coverage"]["level"] == "full" and report["processes"][0]["state"] == "running"
        assert lines.end() == (0, "")


def test_its_name_and_its_recorder_are_gone():
    """What is left is shown as what it is."""
    with Lines(MEMSHIM, "record", "-q", target("calls"), "1", "wait") as lines:
        lines.wait_for("wrong: 0")
        wait_until(lambda: b"CHNK" in pathlib.Path("memshim.data").read_bytes(), "something is drained", lines.process)
        segment, = folder().glob("*.seg")
        segment.unlink()
        lines.process.kill()
        lines.process.wait()
        done = memshim("report", "memshim.data")
        assert (done.returncode, done.stderr.count("\n")) == (0, 1) and "segment's file is gone" in done.stderr
        assert "Coverage" in done.stdout and "in part: the session's segment is gone" in done.stdout
        assert not {f["kind"] for f in Recording("memshim.data").report()["findings"]} & {"calls-only"}


def test_no_leak_where_the_creator_may_run():
    """The creator may run, as here: its segment is not offered for removal."""
    with recorded() as lines:
        program = Teller(lines)
        shmid = program.get()
        wait_until(lambda: Recording("memshim.data").report()["segments"], "it is seen", lines.process)
        wait_until(lambda: b"CHNK" in pathlib.Path("memshim.data").read_bytes(), "something is drained", lines.process)
        segment, = folder().glob("*.seg")
        segment.unlink()
        lines.process.kill()
        lines.process.wait()
        done = memshim("reap", "--force", "memshim.data")
        assert done.returncode == 0 and not reaped(done.stdout), done.stdout
        assert shmid in kernel_rows()
        assert not [s for s in Recording("memshim.data").report()["segments"] if s["leaked"]]
        harness.libc.shmctl(shmid, 0, None)


# ---- how it is mapped ----


def read_mappings():
    """(address, KiB in huge pages) of the segment, in the program and in its recorder."""
    done = memshim("record", "-q", "sh", "-c", "cat /proc/self/smaps /proc/$PPID/smaps")
    parts = [part for part in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", done.stdout, flags=re.M) if "/record-" in part.split("\n")[0]]
    assert len(parts) == 2
    return [(int(part.split("-")[0], 16), int(re.search(r"^ShmemPmdMapped: +(\d+) kB", part, re.M)[1])) for part in parts]


def test_mapped_on_a_boundary_of_huge_pages():
    """The program and the recorder map it so that the kernel can use huge pages."""
    assert [address % machine.HUGE_BYTES for address, _ in read_mappings()] == [0, 0]


@machine.needs("huge pages")
def test_huge_pages():
    """The recorder makes huge pages, and both use them."""
    assert all(huge_kib > 0 for _, huge_kib in read_mappings())


# ---- of the dead ----


def test_session_of_ended_processes_is_joined():
    """All processes of the session have ended, also by a signal: the next one joins, and is another process."""
    with Lines(target("calls"), "1", "wait", env=PRELOAD) as lines:
        lines.wait_for("wrong: 0")
        lines.process.kill()
        lines.process.wait(harness.TIMEOUT_S)
    assert [p["state"] for p in Recording("default").report()["processes"]] == ["gone"]
    by_hand(2)
    first, second = sorted(Recording("default").report()["processes"], key=lambda p: p["start_ns"])
    assert (first["state"], second["state"], second["exit_status"]) == ("gone", "exited", 0)
    assert first["calls"]["shmget"]["ok"] == 1 and second["calls"]["shmget"]["ok"] == 2


@needs_root
def test_slot_with_a_reused_pid_has_ended():
    """
    The slot has a running process, whose pid another process has now: it counts as ended, and the other one is not
    affected.
    """
    by_hand()
    path = folder() / "default.seg"
    data = bytearray(path.read_bytes())
    report = Recording("default").report()
    at = data.index(struct.pack("<ii", report["processes"][0]["pid"], report["processes"][0]["ppid"]))
    struct.pack_into("<i", data, at, os.getpid())
    struct.pack_into("<I", data, at - 8 + 128, 1)  # state: running
    word = struct.pack("<II", 1, report["processes"][0]["pid"])  # of region INDEX
    struct.pack_into("<I", data, data.index(word) + 4, os.getpid())
    path.write_bytes(data)
    process, = Recording("default").report()["processes"]
    assert (process["pid"], process["state"]) == (os.getpid(), "gone")
    assert {s["name"]: s for s in json.loads(memshim("ls", "--json").stdout)["sessions"]}["default"]["state"] == "ended"


def test_session_of_another_boot(tmp_path):
    """A session on a disk is created again. In memory, it cannot be of another boot, and is not changed."""
    disk = tmp_path / "disk"
    disk.mkdir(0o700)
    for place, again in ((disk, True), (folder(), False)):
        session = {"MEMSHIM_SESSION": str(place / "s.seg")}
        by_hand(1, **session)
        path = place / "s.seg"
        data = bytearray(path.read_bytes())
        boot_id = pathlib.Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
        assert data.count(boot_id) == 1
        data = data.replace(boot_id, b"0" * len(boot_id))
        path.write_bytes(data)
        by_hand(1, **session)
        assert (boot_id in path.read_bytes()) == again
