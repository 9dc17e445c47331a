# SPDX-License-Identifier: MIT
"""A recording shows the state of its segments when the session ended, for every reader, at any place and time."""

import json
import os
import struct
import time

import pytest

import damage
import harness
import machine
from harness import MEMSHIM, Lines, Recording, memshim, record, run, target
from reaping import reaped
from story import KEY, SHM_RDONLY, Teller, kernel_rows, recorded

needs_root = machine.needs("root")
LEAK = ("perl", "-e", f"shmget({KEY:#x}, 65536, 01600) // die; print ''")
IPC_INODE_AT, IPC_ID_AT = damage.AFTER_REGIONS + 72, damage.AFTER_REGIONS + 2080  # in struct segment_header
NOT_HERE = "memshim cannot tell here whether the segment still exists"


def report_in(*wrapper, path="memshim.data"):
    done = run(*wrapper, harness.MEMSHIM, "report", "--json", path)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def verdict(report):
    """What must not depend on the reader: the segments' final states, and all findings except the advice."""
    return ([(s["shmid"], s["state"], s["leaked"], s["size"], s["nattch"], s["mode"]) for s in report["segments"]],
            [(f["kind"], f["severity"], f["text"]) for f in report["findings"]])


def record_without_id(path):
    """As before Linux 6.18, which gives each namespace an id that is never reused."""
    with open(path, "r+b") as file:
        file.seek(IPC_ID_AT)
        file.write(bytes(8))


def finding(report, kind):
    return next(f for f in report["findings"] if f["kind"] == kind)


def other_boot(path, *command):
    """Runs the command as after a restart of the machine."""
    path.write_text("11111111-2222-3333-4444-555555555555\n")
    return ("unshare", "-m", "sh", "-c", f'mount --bind {path} /proc/sys/kernel/random/boot_id && exec "$@"', "sh", *command)


@pytest.fixture
def leaked():
    record(*LEAK, options=("-q",))
    report = Recording("memshim.data").report()
    segment, = report["segments"]
    assert (segment["state"], segment["leaked"], segment["now"]) == ("present", True, {"state": "present", "nattch": 0})
    assert "'memshim reap --force -m" in finding(report, "leaked-segment")["advice"]
    return report


@pytest.mark.parametrize("how", ["ipcrm", "reap"])
def test_verdict_survives_a_removal(leaked, how):
    if how == "ipcrm":
        assert run("ipcrm", "-M", f"{KEY:#x}").returncode == 0
    else:
        assert memshim("reap", "--force").stdout.startswith("REMOVED  1 ")
    after = Recording("memshim.data").report()
    assert verdict(after) == verdict(leaked)
    assert (after["segments"][0]["now"]["state"], after["segments"][0]["now"]["nattch"]) == ("removed", 0)
    advice = finding(after, "leaked-segment")["advice"]
    assert "reap --force" not in advice and "since been removed" in advice
    assert "present, leaked; removed since" in memshim("report").stdout


def test_present_state_follows_attachments(leaked):
    with Lines(target("ledger")) as lines:
        outsider = Teller(lines)
        outsider.tell("use", leaked["segments"][0]["shmid"])
        outsider.tell("at")
        report = Recording("memshim.data").report()
        assert verdict(report) == verdict(leaked) and report["segments"][0]["now"] == {"state": "present", "nattch": 1}
        assert [h["pid"] for h in report["segments"][0]["holders"]] == [lines.process.pid]
        lines.end()


@needs_root
def test_another_namespace_is_not_read(leaked):
    """Another namespace is not read, even if it has a segment with the same id and key, or the same inode."""
    for make in ("", f"shmget({KEY:#x}, 65536, 01600) // die;"):
        wrapper = ("unshare", "--ipc", "perl", "-e", f'{make} exec @ARGV')
        report = report_in(*wrapper)
        assert verdict(report) == verdict(leaked) and report["segments"][0]["now"] is None
        assert NOT_HERE in finding(report, "leaked-segment")["advice"]
        done = run(*wrapper, harness.MEMSHIM, "reap", "--force")
        assert not reaped(done.stdout)
    assert len(kernel_rows()) == 1


@needs_root
@pytest.mark.parametrize("has_id", [True, False], ids=["with the kernel's id", "before Linux 6.18"])
def test_reused_inode_is_another_namespace(has_id):
    """A container ended, and this namespace has its inode, ids and keys: it is still another namespace."""
    run("unshare", "--ipc", MEMSHIM, "record", "-q", *LEAK)
    with open("memshim.data", "r+b") as file:
        file.seek(IPC_INODE_AT)
        file.write(struct.pack("<Q", os.stat("/proc/self/ns/ipc").st_ino))
    if not has_id:
        record_without_id("memshim.data")
    first = report_in("unshare", "--ipc")
    for _ in range(2):
        report = report_in()
        assert verdict(report) == verdict(first)
        assert (report["segments"][0]["leaked"], report["segments"][0]["now"]) == (True, None)
        assert "removes it" not in finding(report, "leaked-segment")["advice"]
        time.sleep(1.1)  # the second reading finds a later segment with the same id, key and size
        run(*LEAK)
    assert len(kernel_rows()) == 1 and not reaped(memshim("reap", "--force").stdout)


@needs_root
def test_identical_object_proves_the_namespace():
    """Where the kernel gives namespaces no id: an object with the same facts proves it, and one of another second does not."""
    record(*LEAK, options=("-q", "--no-compress"))
    record_without_id("memshim.data")
    segment, = Recording("memshim.data").report()["segments"]
    assert segment["now"] == {"state": "present", "nattch": 0}
    recording = damage.Recording("memshim.data")
    row, = recording.records("objects", damage.OBJECT)
    row["changed"] = row["changed"] - 1
    with open("earlier.data", "wb") as file:
        file.write(recording.data)
    assert Recording("earlier.data").report()["segments"][0]["now"] is None
    assert run("ipcrm", "-m", segment["shmid"]).returncode == 0
    segment, = Recording("memshim.data").report()["segments"]
    assert (segment["leaked"], segment["now"]) == (True, None), "nothing proves it any more"


@needs_root
def test_another_boot(leaked, tmp_path):
    elsewhere = other_boot(tmp_path / "boot", harness.MEMSHIM)
    report = json.loads(run(*elsewhere, "report", "--json").stdout)
    assert verdict(report) == verdict(leaked) and report["segments"][0]["now"] is None
    advice = finding(report, "leaked-segment")["advice"]
    assert NOT_HERE in advice and "removes it" not in advice and "-m" not in advice
    done = run(*elsewhere, "reap", "--force")
    assert not reaped(done.stdout) and "another boot" in done.stdout and len(kernel_rows()) == 1


IPC_SET = """$b = ''; shmctl($ARGV[0], 2, $b) // die; substr($b, $ARGV[1], 4) = pack('I', $ARGV[2]); shmctl($ARGV[0], 1, $b) // die"""
UID_AT, MODE_AT = 4, 20  # in struct shmid_ds


def test_ipc_set_keeps_the_segments_identity(leaked):
    """IPC_SET changes time and mode; the segment is still the same."""
    time.sleep(1.1)
    assert run("perl", "-e", IPC_SET, leaked["segments"][0]["shmid"], MODE_AT, 0o640).returncode == 0
    report = Recording("memshim.data").report()
    assert verdict(report) == verdict(leaked) and report["segments"][0]["now"] == {"state": "present", "nattch": 0}
    assert memshim("reap", "--force").stdout.startswith("REMOVED  1 ")


@needs_root
def test_reap_keeps_a_segment_with_a_new_owner(leaked):
    shmid = leaked["segments"][0]["shmid"]
    assert run("perl", "-e", IPC_SET, shmid, UID_AT, 65534).returncode == 0
    assert verdict(Recording("memshim.data").report()) == verdict(leaked)
    assert "given to another user" in memshim("reap", "--force").stdout and shmid in kernel_rows()


def test_verdict_of_a_process_that_ran_on():
    """
    A process ran on after the session: the verdict stays "no leak". reap uses the present state, and may remove the
    segment.
    """
    keeper = f"shmget({KEY:#x}, 4096, 01600) // die; open(F, '>', 'ready'); close F; sleep 1 until -e 'stop'"
    done = record("sh", "-c", f'perl -e "{keeper}" >/dev/null 2>&1 & until test -e ready; do sleep 0.01; done', options=("-q",))
    before = done.report()
    segment, = before["segments"]
    assert (segment["state"], segment["leaked"]) == ("present", False)
    assert reaped(memshim("reap", "--force").stdout, "KEPT")
    keeper_pid, = [p["pid"] for p in before["processes"] if p["state"] == "running"]
    with open("stop", "w", encoding="utf-8"):
        harness.wait_until(lambda: not os.path.exists(f"/proc/{keeper_pid}"), "it ends")
    assert verdict(done.report()) == verdict(before)
    assert memshim("reap", "--force").stdout.startswith("REMOVED  1 ")
    assert verdict(done.report()) == verdict(before) and kernel_rows() == {}


def committed():
    with open("memshim.data", "rb") as file:
        file.seek(damage.COMMITTED_AT)
        return struct.unpack("<Q", file.read(8))[0]


def growth():
    before = committed()
    return lambda: committed() > before


def removed_by_outsider(*command, **options):
    with recorded(*command, **options) as lines:
        program = Teller(lines)
        shmid = program.get()
        for _ in range(3):  # the recorder copies a later event, and with it the earlier one
            grows = growth()
            program.tell("at", 0, SHM_RDONLY)
            program.tell("dt")
            harness.wait_until(grows, "the recording grows")
        assert run("ipcrm", "-m", shmid).returncode == 0
        lines.end()
    return Recording("memshim.data").report()


def test_outsider_is_named_where_it_is_known(tmp_path):
    report = removed_by_outsider()
    segment, = report["segments"]
    assert (segment["state"], segment["leaked"], segment["now"]) == ("vanished", False, {"state": "removed", "nattch": 0})
    assert "a process outside the session removed it" in finding(report, "vanished-segment")["advice"]
    if harness.IS_ROOT:
        there = json.loads(run(*other_boot(tmp_path / "boot", harness.MEMSHIM), "report", "--json").stdout)
        assert verdict(there) == verdict(report) and there["segments"][0]["now"] is None


def test_no_outsider_is_named_with_unfollowed_processes():
    """An unfollowed process may have removed it: the finding does not name a process outside the session."""
    env = f"{target('ledger')}; env -i sh -c :; env -i sleep 0.3"
    report = removed_by_outsider("sh", "-c", env)
    assert report["coverage"]["not_followed"], "the case needs one"
    advice = finding(report, "vanished-segment")["advice"]
    assert advice.startswith("memshim does not know what removed it") and "outside" not in advice


@needs_root
def test_forced_removal_is_explained():
    """kernel.shm_rmid_forced of this namespace: the creator's end removes the segment."""
    with open("/proc/sys/kernel/shm_rmid_forced", "w", encoding="ascii") as setting:
        setting.write("1")
    record("sh", "-c", f"perl -e 'shmget({KEY:#x}, 4096, 01600) // die'; sleep 0.1", options=("-q",))
    report = Recording("memshim.data").report()
    assert report["segments"][0]["state"] == "vanished"
    assert "kernel.shm_rmid_forced" in finding(report, "vanished-segment")["advice"]


@needs_root
def test_segment_in_another_namespace_is_not_removed_by_an_outsider():
    """A program creates a segment in another IPC namespace: it is not reported as removed."""
    unshare = 272 if os.uname().machine == "x86_64" else 97  # as perl must call it
    code = f"syscall({unshare}, 0x08000000) == 0 or die; shmget({KEY:#x}, 4096, 01600) // die; select(undef, undef, undef, 0.5)"
    record("perl", "-e", code, options=("-q",))
    report = Recording("memshim.data").report()
    segment, = report["segments"]
    assert (segment["state"], segment["leaked"], segment["now"]) == ("present", False, None)
    assert "vanished-segment" not in {f["kind"] for f in report["findings"]}


def test_by_hand_the_reader_decides():
    run("perl", "-e", f"shmget({KEY:#x}, 65536, 03600) // die; print ''", env={"LD_PRELOAD": harness.SHIM})
    report = Recording("default").report()
    segment, = report["segments"]
    assert (segment["state"], segment["leaked"], segment["now"]) == ("present", True, {"state": "present", "nattch": 0})
    if harness.IS_ROOT:
        there = report_in("unshare", "--ipc", path="default")
        assert (there["segments"][0]["state"], there["segments"][0]["now"]) == ("present", None)
        assert "removes it" not in finding(there, "leaked-segment")["advice"]
