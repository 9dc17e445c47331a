# SPDX-License-Identifier: MIT
"""Ordinary users can use everything, and each sees only its own sessions."""

import os
import pathlib
import pwd
import shutil
import stat

import pytest

import harness
import machine
import test_harmless
from story import kernel_rows

USER = 65534

needs_root = machine.needs("root")


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def record_as(user, *command, output="memshim.data"):
    result = user(harness.MEMSHIM, "record", "-q", "-o", output, "--", *command)
    assert (result.returncode, result.stderr) == (0, "")
    return harness.Recording(output, result)


def test_record(user):
    recording = record_as(user, "sh", "-c", "ls / | sort")
    report = recording.report()
    harness.complete(report)
    assert {p["exe"].rsplit("/")[-1] for p in report["processes"]} >= {"ls", "sort"}
    assert {p["uid"] for p in report["processes"]} == {USER if harness.IS_ROOT else os.getuid()}
    assert {p["state"] for p in report["processes"]} <= {"exited", "exec"}
    assert mode("memshim.data") == 0o600
    text = user(harness.MEMSHIM, "report")
    assert text.returncode == 0 and "sort" in text.stdout
    assert user(harness.MEMSHIM, "events").stdout.count("\n") == report["coverage"]["events"]


@pytest.mark.parametrize("way", test_harmless.WAYS[1:])
def test_state(user, way):
    wanted = test_harmless.run_in("nothing", harness.target("state"), runner=user)
    assert test_harmless.run_in(way, harness.target("state"), runner=user) == wanted
    assert wanted[0] == 7


def test_edges(user):
    wanted = test_harmless.run_in("nothing", harness.target("edges"), runner=user)
    for way in test_harmless.WAYS[1:]:
        assert test_harmless.run_in(way, harness.target("edges"), runner=user) == wanted


def test_own_folder(user):
    """Without MEMSHIM_DIR and a recorder: a folder of the user's own, closed to others."""
    uid = USER if harness.IS_ROOT else os.getuid()
    folder = pathlib.Path(f"/dev/shm/memshim-{uid}")
    was_there = folder.exists()
    session = f"test-{os.getpid()}"
    try:
        done = user("env", "-u", "MEMSHIM_DIR", f"MEMSHIM_SESSION={session}",
                    f"LD_PRELOAD={harness.SHIM}", "ls", "/")
        assert done.returncode == 0
        segment = folder / f"{session}.seg"
        assert (mode(folder), mode(segment)) == (0o700, 0o600)
        assert (os.stat(folder).st_uid, os.stat(segment).st_uid) == (uid, uid)
        listed = user("env", "-u", "MEMSHIM_DIR", harness.MEMSHIM, "ls")
        assert session in listed.stdout
        assert "ls" in [p["comm"] for p in harness.Recording(segment).report()["processes"]]
        segment.unlink()
    finally:
        if not was_there:
            shutil.rmtree(folder, ignore_errors=True)


@needs_root
def test_dropped_to_another_user():
    """The process keeps its mapping; the next program of the process cannot open the segment."""
    recording = harness.Recording("memshim.data")
    with harness.Lines(harness.MEMSHIM, "record", "-q", harness.target("drop"), USER) as lines:
        lines.wait_for("executing")
        harness.wait_until(lambda: recording.report()["coverage"]["not_followed"],
                           "the program is missed", lines.process)
        assert lines.end() == (0, "")
    report = recording.report()
    moves = [(e["pid"], e["break"]["delta"]) for e in recording.calls() if e["origin"] == "direct"]
    pid = report["session"]["command_pid"]
    child, = [p for p in report["processes"] if p["forked"]]
    assert moves == [(pid, 16), (pid, 32), (child["pid"], 48)]
    assert child["uid"] == USER
    assert (child["state"], child["exit_status"]) == ("exited", 0)
    missed, = report["coverage"]["not_followed"]
    assert missed["pid"] == pid
    assert "segment" in missed["why"]
    assert "drop" in recording.report_text()


@needs_root
@pytest.mark.parametrize("uid, name", [(USER, pwd.getpwuid(USER).pw_name), (54321, None)])
def test_record_and_report_say_how_to_follow_another_user(uid, name):
    done = harness.memshim("record", "setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
                           "perl", "-e", "select(undef, undef, undef, 0.3)")
    line = (f"the session's segment is closed to user {name or uid}: record its programs with "
            f"'runuser -u {name or 'USER'} -- memshim record ...'")
    assert f"memshim: {line}\n" in done.stderr
    recording = harness.Recording("memshim.data")
    finding, = [f for f in recording.report()["findings"] if f["kind"] == "not-followed"]
    assert finding["advice"] == line
    assert line in " ".join(recording.report_text().split())


@needs_root
def test_dropped_to_another_user_for_a_moment():
    """Seen once, it is reported even if it ends soon: it could not have registered, and that is the reason."""
    prefix = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
    missed = []
    for i in range(12):
        recording = harness.record(*prefix, "perl", "-e", "select(undef, undef, undef, 0.02)", options=("-q",), output=f"{i}.data")
        missed += recording.report()["coverage"]["not_followed"]
    assert len(missed) >= 3
    assert {m["why"] for m in missed} == {"the shim could not open the session's segment"}


@needs_root
def test_anothers_recording(user, own_world):
    os.chown(own_world, 0, 0)
    harness.record("true")
    for command in ("report", "events"):
        done = user(harness.MEMSHIM, command, "memshim.data")
        assert done.returncode == 1
        assert done.stderr == "memshim: memshim.data: Permission denied\n"
        assert done.stdout == ""


@needs_root
@pytest.mark.parametrize("folder_mode", [0o700, 0o755])
def test_anothers_live_session(user, own_world, folder_mode):
    """It can neither be read nor joined, and the attempt does not harm it."""
    os.chown(own_world, 0, 0)
    own_world.chmod(folder_mode)
    with harness.Lines(harness.MEMSHIM, "record", "-q", "cat") as lines:
        lines.say("up")
        lines.wait_for("up")
        segment, = own_world.glob("*.seg")
        assert mode(segment) == 0o600
        done = user(harness.MEMSHIM, "report", segment)
        assert done.returncode == 1
        assert done.stderr == f"memshim: {segment}: Permission denied\n"
        done = user("env", f"LD_PRELOAD={harness.SHIM}", f"MEMSHIM_SESSION={segment}", "echo", "on")
        assert (done.returncode, done.stdout, done.stderr) == (0, "on\n", "")
        assert lines.end() == (0, "")
    report = harness.Recording("memshim.data").report()
    assert [p["comm"] for p in report["processes"]] == ["cat"]


@needs_root
def test_screen_is_of_one_users_sessions(user):
    """top as that user, and as root by the path and --foreign; another user is refused in one line."""
    record_as(user, "ls", "/")
    wanted = user(harness.MEMSHIM, "top", "--once", "memshim.data")
    assert (wanted.returncode, wanted.stderr) == (0, "") and " ls " in wanted.stdout
    assert harness.memshim("top", "--once", *harness.foreign("memshim.data"), "memshim.data").stdout == wanted.stdout
    outsider = harness.run("setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", harness.MEMSHIM, "top", "--once",
                           os.path.abspath("memshim.data"))
    assert outsider.returncode == 1 and outsider.stdout == ""
    assert outsider.stderr.count("\n") == 1 and "Permission denied" in outsider.stderr


def test_reap_needs_no_more_than_the_owners_rights(user):
    """The owner can still read a segment after its mode was set to 0."""
    script = f"printf 'get 77 4096 03600\\nget 78 4096 03000\\n' | {harness.target('ledger')}"
    record_as(user, "sh", "-c", script)
    done = user(harness.MEMSHIM, "reap", "--force", "memshim.data")
    assert (done.returncode, done.stderr) == (0, "") and "2 removed, 0 kept" in done.stdout
    assert not kernel_rows()
