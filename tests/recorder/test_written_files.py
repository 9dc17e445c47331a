# SPDX-License-Identifier: MIT
"""
Files that memshim writes or reads, with names that another user may have planted: only regular files, and never
through a link.
"""

import os
import shutil
import stat
import subprocess

import pytest

import harness
from harness import MEMSHIM, memshim, record, target

WRITERS = {"flame": ("report", "--flame=out"), "export": ("export", "--format=folded", "--output=out")}
EACH = pytest.mark.parametrize("writer", WRITERS)


@pytest.fixture(autouse=True)
def recording():
    return record(target("calls"), "3", options=("-q",))


def write(writer, **options):
    return memshim(*WRITERS[writer], **options)


def refused(done):
    return done.returncode == 1 and done.stderr.startswith("memshim: out: ") and done.stderr.count("\n") == 1


def only(*names):
    """No partial file is left."""
    return sorted(os.listdir()) == sorted((*names, "memshim.data"))


@EACH
def test_new_file_is_private(writer):
    assert write(writer).returncode == 0
    assert stat.S_IMODE(os.stat("out").st_mode) == 0o600 and os.path.getsize("out") > 0
    os.unlink("out")
    old = os.umask(0o277)
    try:
        assert write(writer).returncode == 0
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat("out").st_mode) == 0o400
    assert only("out")


@EACH
def test_planted_link_is_not_followed(writer):
    for victim in ("precious", "nowhere"):
        with open("precious", "w", encoding="ascii") as file:
            file.write("precious")
        os.symlink(victim, "out")
        assert refused(write(writer))
        assert open("precious", encoding="ascii").read() == "precious" and not os.path.exists("nowhere")
        os.unlink("out")
    assert only("precious")


@EACH
def test_planted_hard_link_is_not_written_through(writer):
    with open("precious", "w", encoding="ascii") as file:
        file.write("precious")
    os.link("precious", "out")
    assert write(writer).returncode == 0
    assert open("precious", encoding="ascii").read() == "precious" and os.path.getsize("out") > 8


@EACH
@pytest.mark.parametrize("plant", ["fifo", "socket", "folder", "device link"])
def test_planted_special_file_is_refused_at_once(writer, plant):
    if plant == "fifo":
        os.mkfifo("out")
    elif plant == "socket":
        import socket
        socket.socket(socket.AF_UNIX).bind("out")
    elif plant == "folder":
        os.mkdir("out")
    else:
        os.symlink("/dev/null", "out")
    assert refused(write(writer, timeout=20))
    assert only("out")


@EACH
def test_reader_sees_the_old_file_or_the_new_one(writer):
    """A process that has the old file open keeps it complete."""
    assert write(writer).returncode == 0
    with open("out", "rb") as old:
        whole = old.read()
        assert write(writer).returncode == 0
        old.seek(0)
        assert old.read() == whole and os.fstat(old.fileno()).st_nlink == 0
    assert only("out")


@EACH
def test_full_disk_leaves_the_old_file(writer):
    with open("out", "w", encoding="ascii") as file:
        file.write("old")
    done = harness.run("sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "sh", MEMSHIM, *WRITERS[writer])
    assert refused(done), done
    assert open("out", encoding="ascii").read() == "old" and only("out")


def test_descriptors_that_the_user_names():
    """The user may name /dev/stdout, a pipe by its descriptor, or a device."""
    plain = memshim("export", "--format=folded").stdout
    assert plain and memshim("export", "--format=folded", "-o", "/dev/stdout").stdout == plain
    assert harness.run("bash", "-c", f"{MEMSHIM} export --format=folded -o >(cat >copy); wait $!").returncode == 0
    harness.wait_until(lambda: os.path.exists("copy") and open("copy", encoding="ascii").read() == plain, "the pipe's copy is there")
    assert memshim("export", "--format=folded", "-o", "/dev/null").returncode == 0
    assert memshim("export", "--format=folded", "-o", "/dev/full").returncode == 1


def test_suppressions_from_special_files():
    os.mkfifo("fifo")
    done = memshim("report", "--suppress=fifo", timeout=20)
    assert done.returncode in (1, 2) and done.stderr == "memshim: fifo: is not a regular file\n"
    done = harness.run("bash", "-c", f"{MEMSHIM} report --suppress=<(echo '*:*')")
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.parametrize("plant", ["link", "fifo"])
def test_kept_recording_is_a_regular_file(plant):
    if plant == "link":
        os.symlink("precious", "memshim.data.old")
    else:
        os.mkfifo("memshim.data.old")
    before = open("memshim.data", "rb").read()
    done = memshim("record", target("calls"), "1", timeout=20)
    assert (done.returncode, done.stdout) == (125, "") and "memshim.data.old: not a regular file" in done.stderr
    assert open("memshim.data", "rb").read() == before and not os.path.exists("precious")


def test_summary_is_of_what_was_recorded():
    """COMMAND replaces the recording by another file: the summary is still about the recording."""
    os.rename("memshim.data", "other")
    done = memshim("record", "sh", "-c", f"{target('calls')} 40; rm memshim.data; mkfifo memshim.data", timeout=40)
    assert done.returncode == 0 and "40 shared segments, attached 40 times" in done.stderr, done.stderr


def test_cache_folder_of_another(tmp_path):
    """The cache folder is a link, or other users may write to it: it is not used."""
    source = harness.TOP / "tests" / "targets" / "walks.c"
    (tmp_path / "air").write_bytes(bytes(5 << 20))
    subprocess.run(["cc", "-O2", "-g", "-Wl,--build-id", "-o", "walks", source, "-pthread", "-ldl"], check=True)
    subprocess.run(["objcopy", "--add-section", ".air=air", "walks"], check=True)
    record("./walks", "static")
    cache, theirs = tmp_path / ".cache", tmp_path / "theirs"
    shutil.rmtree(cache, ignore_errors=True)
    for folder in (cache, theirs):
        folder.mkdir(0o700)
    (cache / "memshim").symlink_to(theirs)
    assert memshim("report").returncode == 0 and os.listdir(theirs) == []
    (cache / "memshim").unlink()
    (cache / "memshim").mkdir()
    (cache / "memshim").chmod(0o777)
    assert memshim("report").returncode == 0 and os.listdir(cache / "memshim") == []
    (cache / "memshim").chmod(0o700)
    assert memshim("report").returncode == 0
    kept, = [name for name in os.listdir(cache / "memshim") if b"walks" in (cache / "memshim" / name).read_bytes()]
    kept = cache / "memshim" / kept
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    names = kept.read_text().replace("\tgrow\t", "\tshrink\t")
    kept.unlink()
    (theirs / "names").write_text(names)
    kept.symlink_to(theirs / "names")
    assert "shrink" not in memshim("report").stdout and (theirs / "names").read_text() == names
    kept.unlink()
    os.mkfifo(kept)
    assert memshim("report", timeout=20).returncode == 0
