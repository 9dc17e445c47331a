# SPDX-License-Identifier: MIT
"""A process of the session writes anything into the segment: only its own numbers become wrong."""

import os
import pathlib

import pytest

import harness
from harness import Lines, Recording, target, wait_until
from test_endings import descriptors

FOLLOWED = 'for i in 1 2 3; do /bin/true; done; (exit 7)'


def segment():
    path, = pathlib.Path(os.environ["MEMSHIM_DIR"]).glob("record-*.seg")
    return path


def is_whole(path):
    status = os.stat(path)
    return status.st_blocks * 512 >= status.st_size


def statuses():
    return sorted(p["exit_status"] for p in Recording("memshim.data").report()["processes"] if p["exit_status"] is not None)


def test_holes_are_filled_again():
    """A program that starts afterwards joins, although the header was in a hole."""
    script = f"{target('scribble')} holes; /bin/true; exec {target('calls')} 5"
    with open("errors", "w", encoding="ascii") as errors:
        with Lines(harness.MEMSHIM, "record", "-q", "sh", "-c", script, stderr=errors) as lines:
            lines.wait_for("done")
            path = segment()
            wait_until(lambda: is_whole(path), "the holes are filled", lines.process)
            assert path.read_bytes()[:8] == b"MEMSHIM1"
            assert lines.end()[0] == 0
    assert open("errors", encoding="ascii").read() == (
        "memshim: memshim.data: a process of the session punched holes into its segment: they were filled again, and what was in "
        "them is lost\n")
    report = Recording("memshim.data").report()
    assert target("calls") in {p["exe"] for p in report["processes"]}


def test_no_hole_where_nobody_punched_one():
    done = harness.record("true", options=("-q",)).result
    assert done.stderr == ""


def test_forged_close_does_not_hide_other_processes():
    with Lines(harness.MEMSHIM, "record", "-q", "sh", "-c", f"{target('scribble')} closed <&0; {FOLLOWED}") as lines:
        lines.wait_for("done")
        assert lines.end()[0] == 7
    report = Recording("memshim.data").report()
    assert [p["comm"] for p in report["processes"]].count("true") == 3
    harness.complete(report)


def test_forged_close_without_a_recorder():
    environment = {"LD_PRELOAD": harness.SHIM}
    with Lines("sh", "-c", f"{target('scribble')} closed <&0; {FOLLOWED}", env=environment) as lines:
        lines.wait_for("done")
        assert lines.end()[0] == 7
    report = Recording(pathlib.Path(os.environ["MEMSHIM_DIR"]) / "default.seg").report()
    assert [p["comm"] for p in report["processes"]].count("true") == 3


@pytest.mark.parametrize("how", ["images", "above"])
def test_many_images_in_one_slot(how):
    """They do not use up the recorder's descriptors, and the numbers of others stay right."""
    with Lines(harness.MEMSHIM, "record", "-q", "sh", "-c", f"{target('scribble')} {how} 5000 <&0; {FOLLOWED}") as lines:
        lines.wait_for("done")
        assert descriptors(lines.process.pid) < 100
        assert lines.end()[0] == 7
    report = Recording("memshim.data").report()
    assert [(p["comm"], p["exit_status"]) for p in report["processes"]].count(("true", 0)) == 3
    assert 7 in statuses() and len(report["processes"]) < 20


def test_the_user_is_the_verified_one():
    with Lines(harness.MEMSHIM, "record", "-q", target("scribble"), "uid") as lines:
        lines.wait_for("done")
        assert lines.end()[0] == 0
    assert [p["uid"] for p in Recording("memshim.data").report()["processes"]] == [os.getuid()]
