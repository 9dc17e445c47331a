# SPDX-License-Identifier: MIT
"""Names from large debug information are kept for the next report, and never used for another file."""

import os
import subprocess

import pytest

import harness
from beside import needs_root
from harness import memshim, record, run

SOURCE = harness.TOP / "tests" / "targets" / "walks.c"


@pytest.fixture
def recording(tmp_path, monkeypatch):
    """A recording of a program with a debug file of the size of a large program's, mostly sparse."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    subprocess.run(["cc", "-O2", "-g", "-Wl,--build-id", "-o", "walks", SOURCE, "-pthread", "-ldl"], check=True)
    (tmp_path / "air").write_bytes(bytes(5 << 20))
    subprocess.run(["objcopy", "--only-keep-debug", "--add-section", ".air=air", "walks", "walks.debug"], check=True)
    run("strip", "walks")
    subprocess.run(["objcopy", "--add-gnu-debuglink=walks.debug", "walks"], check=True)
    return record("./walks", "static")


def kept(tmp_path):
    """The files of the cache, without those of libraries."""
    folder = tmp_path / ".cache" / "memshim"
    files = [folder / name for name in (os.listdir(folder) if folder.is_dir() else [])]
    return [file for file in files if "walks" in file.read_text(errors="replace")]


def stacks(recording):
    return recording.events_text("-k", "--call=sbrk")


def test_the_second_report_is_the_same_and_out_of_the_cache(recording, tmp_path):
    first = stacks(recording)
    assert "grow  walks.c:" in first
    file, = kept(tmp_path)
    assert file.stat().st_mode & 0o022 == 0 and file.parent.stat().st_mode & 0o777 == 0o700
    written = file.stat().st_mtime_ns
    assert stacks(recording) == first
    assert file.stat().st_mtime_ns == written, "nothing new, nothing written"
    file.write_text(file.read_text().replace("\tgrow\t", "\tshrink\t"))
    assert stacks(recording) == first.replace("grow  walks", "shrink  walks")


def test_another_debug_file(recording, tmp_path):
    """Another debug file may have more names: no old name is used."""
    first = stacks(recording)
    file, = kept(tmp_path)
    file.write_text(file.read_text().replace("\tgrow\t", "\tshrink\t"))
    os.utime("walks.debug", (1, 1))
    assert stacks(recording) == first
    assert "\tgrow\t" in file.read_text(), "and it is written again"


@pytest.mark.parametrize("damage", [
    lambda head, lines: "", lambda head, lines: head, lambda head, lines: head + "\n\n\t\t\n\tx\n" + lines[:40],
    lambda head, lines: head + "\n" + "f" * 100000, lambda head, lines: head + "\n" + lines.replace("\t", " "),
    lambda head, lines: "memshim names 2" + head[15:] + "\n" + lines.replace("grow", "shrink"),
    lambda head, lines: head + "\n" + "1\t0\t1\t1\tf\tg\n" * 5000])
def test_a_damaged_cache(recording, tmp_path, damage):
    """Names that cannot be read from the cache are looked up again."""
    first = stacks(recording)
    file, = kept(tmp_path)
    file.write_text(damage(*file.read_text().split("\n", 1)))
    assert stacks(recording) == first


def test_nowhere_to_keep_them(recording, tmp_path, monkeypatch):
    first = stacks(recording)
    for home in ("/nonexistent", "relative", ""):
        monkeypatch.setenv("HOME", home)
        assert stacks(recording) == first
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    if harness.IS_ROOT:
        os.chown(theirs, 65534, 65534)
        monkeypatch.setenv("HOME", str(theirs))
        assert stacks(recording) == first
        assert os.listdir(theirs) == [], "root leaves nothing in another's home"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "walks"))  # no folder
    done = memshim("events", "-k", recording.path)
    assert (done.returncode, done.stderr) == (0, "")


@needs_root
def test_a_folder_that_only_seems_to_be_ones_own(recording, tmp_path, monkeypatch):
    """In a user namespace without a map, all users have one number: another user's folder holds no names to be believed."""
    for above in (tmp_path, *tmp_path.parents):
        if above.stat().st_uid == 0 and len(above.parts) > 1 and above.stat().st_mode & 1 == 0:
            above.chmod(above.stat().st_mode | 0o011)
    os.chown(recording.path, 65532, 65532)
    nobody = ("setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", "unshare", "--user", harness.MEMSHIM)
    for owner, count in ((65533, 0), (65532, 1)):
        base = tmp_path / f"of-{owner}"
        base.mkdir()
        base.chmod(0o777)
        os.chown(base, owner, owner)
        monkeypatch.setenv("XDG_CACHE_HOME", str(base))
        done = run(*nobody, "events", "-k", "--call=sbrk", recording.path)
        assert (done.returncode, done.stderr) == (0, "") and "grow  walks.c:" in done.stdout
        files = [file for file in base.rglob("*") if file.is_file() and "walks" in file.read_text(errors="replace")]
        assert len(files) == count, files


def test_small_ones_are_not_kept(tmp_path):
    subprocess.run(["cc", "-O2", "-g", "-Wl,--build-id", "-o", "walks", SOURCE, "-pthread", "-ldl"], check=True)
    assert "grow" in stacks(record("./walks", "static"))
    assert kept(tmp_path) == []


@pytest.mark.parametrize("character", ["\t", "\n"], ids=["tab", "line end"])
def test_names_that_would_break_a_line_are_not_kept(character, tmp_path, monkeypatch):
    """They are looked up each time: the second report is the same as the first."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    subprocess.run(["cc", "-O2", "-g", "-Wl,--build-id", "-o", "walks", SOURCE, "-pthread", "-ldl"], check=True)
    (tmp_path / "air").write_bytes(bytes(5 << 20))
    subprocess.run(["objcopy", "--only-keep-debug", "--add-section", ".air=air", "walks", "walks.debug"], check=True)
    debug = tmp_path / "walks.debug"
    debug.write_bytes(debug.read_bytes().replace(b"\0grow\0", b"\0g" + character.encode() + b"ow\0"))
    run("strip", "walks")
    subprocess.run(["objcopy", "--add-gnu-debuglink=walks.debug", "walks"], check=True)
    recording = record("./walks", "static")
    first = stacks(recording)
    assert "g?ow" in first
    assert stacks(recording) == first and stacks(recording) == first
    assert kept(tmp_path), "other names are kept"
