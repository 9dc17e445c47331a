# SPDX-License-Identifier: MIT
"""The recorder suspects a process that has not registered yet: it is reported only if it never registers, and then always."""

import json
import os
import re
import shutil
import signal

import pytest

import harness
from beside import needs_root
from harness import Lines, Recording, record, wait_until
from test_endings import stopped

# Preloaded behind the shim, with -z initfirst: its constructor runs before the shim's, for any time.
SLOW = r"""
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void wait_for_it(void)
{
    char byte;
    int fd = open("loading", O_WRONLY | O_CREAT, 0600);
    close(fd);
    fd = open("go", O_RDONLY);
    if (read(fd, &byte, 1) < 0)
        _exit(9);
    close(fd);
}
"""
STARTS = 'echo ready; read x; LD_PRELOAD="$LD_PRELOAD:$PWD/slow" /usr/bin/perl -e "exit 3"; echo "ended $?"; read x; exit 0'


def not_followed(path="memshim.data"):
    report = Recording(path).report()
    return [w["why"] for w in report["coverage"]["not_followed"]]


def is_seen_loading():
    done = harness.memshim("report", "--json", "memshim.data")
    return done.returncode == 0 and json.loads(done.stdout)["coverage"]["not_followed"] != []


@pytest.fixture
def slow(compile_c):
    os.mkfifo("go")
    return compile_c("slow", SLOW, "-shared", "-fPIC", "-Wl,-z,initfirst")


def let_it_go():
    with open("go", "wb") as go:
        go.write(b"x")


def test_one_that_registers_late(slow):
    """It was reported before it registered: the report is taken back."""
    with Lines(harness.MEMSHIM, "record", "-q", "--error-exitcode=9", "sh", "-c", STARTS) as lines:
        lines.wait_for("ready")
        lines.say()
        wait_until(is_seen_loading, "it is suspected", lines.process)
        let_it_go()
        lines.wait_for("ended 3")
        wait_until(lambda: not not_followed(), "it is taken back", lines.process)
        lines.say()
        assert lines.end()[0] == 0
    assert not_followed() == []
    harness.complete(Recording("memshim.data").report())


def test_process_that_ends_before_it_is_read(slow):
    """It was seen while it loaded, and it registered and ended before the recorder read that."""
    with Lines(harness.MEMSHIM, "record", "-q", "--error-exitcode=9", "sh", "-c", STARTS) as lines:
        lines.wait_for("ready")
        lines.say()
        wait_until(lambda: os.path.exists("loading"), "it loads", lines.process)
        wait_until(is_seen_loading, "it is suspected", lines.process)
        stopped(lines.process.pid)
        let_it_go()
        lines.wait_for("ended 3")
        os.kill(lines.process.pid, signal.SIGCONT)
        lines.say()
        assert lines.end()[0] == 0
    assert not_followed() == []


def test_one_that_never_registers(slow):
    """It is killed while it loads: it is reported."""
    with Lines(harness.MEMSHIM, "record", "-q", "--error-exitcode=9", "sh", "-c", STARTS) as lines:
        lines.wait_for("ready")
        lines.say()
        wait_until(is_seen_loading, "it is suspected", lines.process)
        pid = Recording("memshim.data").report()["coverage"]["not_followed"][0]["pid"]
        os.kill(pid, signal.SIGKILL)
        lines.wait_for("ended 137")
        lines.say()
        assert lines.end()[0] == 9
    assert len(not_followed()) == 1


def make_root(folder, program):
    """A folder with only the program and the libraries it needs."""
    libraries = re.findall(r"(/\S+) \(0x", harness.run("ldd", program).stdout)
    for path in (program, *libraries):
        os.makedirs(folder + os.path.dirname(path), exist_ok=True)
        shutil.copy(path, folder + path)


@needs_root
def test_exec_in_a_root_without_the_shim():
    """The log has the execve, so the report says that the next program was not followed, and why."""
    make_root("root", "/usr/bin/sleep")
    script = 'chroot "root" or die; chdir "/"; exec "/usr/bin/sleep", "0.5"'
    recording = record("perl", "-e", script, options=("-q", "--error-exitcode=9"), check=False)
    assert recording.result.returncode == 9
    report = recording.report()
    assert [e["call"] for e in recording.events() if e["call"] == "exec"] == ["exec"]
    unfollowed, = report["coverage"]["not_followed"]
    assert unfollowed["why"] == "the shim's library is not in its root folder" and unfollowed["exe"].endswith("/usr/bin/sleep")
    assert "not-followed" in {f["kind"] for f in report["findings"]}
