# SPDX-License-Identifier: MIT
"""`memshim rm` removes ended sessions only; `memshim ls` shows the bytes that each session takes."""

import json
import mmap
import os
import pathlib

import pytest

import harness
import machine
from harness import Lines, memshim, record, run, target
from reaping import LEAK
from refusals import ABSENT, USAGE, refused
from story import KEY, kernel_rows

LIVE = "it is live"


def segment(name="default"):
    return pathlib.Path(os.environ["MEMSHIM_DIR"], f"{name}.seg")


def ran_by_hand(name="default", command=()):
    run(*(command or (target("calls"), 1)), env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_SESSION": name, "MEMSHIM_LOG_SIZE": "8K"})
    assert segment(name).exists()


def sessions():
    return {s["name"]: s for s in json.loads(memshim("ls", "--json").stdout)["sessions"]}


def test_ended_sessions_are_removed():
    for name in ("first", "second", "third"):
        ran_by_hand(name)
    done = memshim("rm", "first", "third")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert set(sessions()) == {"second"} and not segment("first").exists()


def test_live_session_is_kept():
    with Lines("cat", env={"LD_PRELOAD": harness.SHIM}) as lines:
        lines.say("ready")
        lines.wait_for("ready")
        refused(memshim("rm", "default"), ABSENT, "default", LIVE)
        assert segment().exists()
        lines.end()
    assert memshim("rm", "default").returncode == 0


def test_recorded_session_is_kept_while_it_is_recorded():
    with Lines(harness.MEMSHIM, "record", "-q", "cat") as lines:
        lines.say("ready")
        lines.wait_for("ready")
        name, = sessions()
        refused(memshim("rm", name), ABSENT, name, LIVE)
        lines.end()
    refused(memshim("rm", name), ABSENT, name, "no such session")
    assert os.path.exists("memshim.data")


def test_session_that_claims_to_have_ended():
    """The kernel tells that a process has the segment mapped for writing, whatever the segment says."""
    ran_by_hand()
    with open(segment(), "r+b") as file, mmap.mmap(file.fileno(), 0):
        assert sessions()["default"]["state"] == "ended"
        refused(memshim("rm", "default"), ABSENT, "default", LIVE, "still has it open")
    assert memshim("rm", "default").returncode == 0 and not segment().exists()


def test_reader_does_not_keep_it():
    ran_by_hand()
    with open(segment(), "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ):
        assert memshim("rm", "default").returncode == 0
    assert not segment().exists()


def test_creator_is_known_afterwards():
    ran_by_hand(command=LEAK)
    shmid, = kernel_rows()
    try:
        assert memshim("rm", "default").returncode == 0
        row, = [s for s in json.loads(memshim("ipcs", "--json").stdout)["segments"] if s["shmid"] == shmid]
        assert row["key"] == f"{KEY:#010x}" and "perl" in json.dumps(row)
    finally:
        run("ipcrm", "-m", shmid)


@machine.needs("root")
def test_others_segments_are_kept():
    ran_by_hand()
    os.chown(segment(), 65533, 65533)
    refused(memshim("rm", "default"), ABSENT, "default", "belongs to another user")
    os.chown(segment(), 0, 0)
    folder = segment().parent
    mode = folder.stat().st_mode
    folder.chmod(0o777)
    refused(memshim("rm", "default"), ABSENT, "default", "other users may change its folder")
    folder.chmod(mode)
    assert segment().exists()


def test_links_and_odd_files_are_kept():
    ran_by_hand()
    segment("link").symlink_to(segment())
    segment("text").write_text("no session")
    os.mkfifo(segment("fifo"))
    for name in ("link", "text", "fifo"):
        refused(memshim("rm", name), ABSENT, name)
        assert os.path.lexists(segment(name))
    assert segment().exists()


@pytest.mark.parametrize("name", ["nonsense", "", "../default", "memshim.data", "x" * 5000])
def test_unknown_name(name):
    record("true")
    refused(memshim("rm", name), ABSENT, "no such session")


def test_one_wrong_name_among_others():
    ran_by_hand("good")
    refused(memshim("rm", "bad", "good"), ABSENT, "bad")
    assert not segment("good").exists()
    refused(memshim("rm"), USAGE, "no session given")


def test_bytes_of_a_session():
    """A session takes the blocks of its segment; one in a recording, those of the file."""
    ran_by_hand()
    blocks = segment().stat().st_blocks * 512
    assert sessions()["default"]["bytes"] == blocks >= 8192
    assert f" {blocks:,} " in memshim("ls", "-b").stdout or f" {blocks} " in memshim("ls", "-b").stdout
    assert f"{blocks}" not in memshim("ls").stdout
    record("true", output="memshim.data")
    recorded, = [s for n, s in sessions().items() if n != "default"]
    assert recorded["bytes"] == os.stat("memshim.data").st_blocks * 512
