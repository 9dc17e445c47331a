# SPDX-License-Identifier: MIT
"""Under small limits: the recorder runs wherever COMMAND could, or names the limit."""

import os
import signal

import pytest

import harness
from beside import needs_root
from harness import Lines, Recording, wait_until
from test_identities import is_known

USER = 60000 + os.getpid() % 4000  # of this test alone: its processes are counted


def limited_words(limit, *command, prefix=()):
    return (*prefix, "bash", "-c", f'ulimit -s 8192; ulimit {limit}; exec "$@"', "bash", harness.MEMSHIM, "record", "-q", *command)


def limited(limit, *command, prefix=(), **options):
    return harness.run(*limited_words(limit, *command, prefix=prefix), **options)


def reserved_bytes(pid):
    """The largest mapping that nobody may access: malloc reserves 64 MiB for the heap of a second thread."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        spans = [line.split()[0].split("-") for line in maps if line.split()[1] == "---p"]
    return max((int(end, 16) - int(begin, 16) for begin, end in spans), default=0)


def test_little_memory():
    """A limit below a thread's default stack of 8 MiB: the recorder has its second thread, and both use one heap."""
    with Lines(*limited_words("-d 7000", "--no-compress", "sh", "-c", "echo $$; (exit 3); read x; exit 4")) as lines:
        pid = int(lines.wait_for(""))
        wait_until(lambda: is_known(pid), "COMMAND is identified", lines.process)
        assert len(os.listdir(f"/proc/{lines.process.pid}/task")) == 2
        assert reserved_bytes(lines.process.pid) < 1 << 20
        lines.say()
        assert lines.end()[0] == 4
    assert sorted(p["exit_status"] for p in Recording("memshim.data").report()["processes"]) == [3, 4]


@needs_root
@pytest.mark.parametrize("script,statuses", [("exit 4", [4]), ("exec sh -c 'exit 4'", [None, 4])])
def test_as_many_processes_as_the_user_may_have(script, statuses, own_world, tmp_path):
    """Only COMMAND may still start: the recorder does without a thread."""
    for folder in (tmp_path, own_world):
        os.chown(folder, USER, USER)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == 0 and len(folder.parts) > 1 and folder.stat().st_mode & 1 == 0:
            folder.chmod(folder.stat().st_mode | 0o011)
    prefix = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
    done = limited("-u 2", "sh", "-c", script, prefix=prefix)
    assert (done.returncode, done.stderr) == (4, "")
    report = Recording("memshim.data").report()
    harness.complete(report)
    assert [p["exit_status"] for p in report["processes"]] == statuses
    done = limited("-u 1", "true", prefix=prefix)
    assert (done.returncode, done.stderr) == (125, "memshim: record: the limit ulimit -u 1 leaves this user no process for COMMAND "
                                                   "beside the recorder; raise it, or end a process\n")


@pytest.mark.parametrize("limit,words", [("-d 1600", "the limit ulimit -d 1600 leaves the recorder too little memory; raise it"),
                                         ("-n 6", "the limit ulimit -n 6 leaves the recorder too few descriptors; raise it")])
def test_the_limit_is_named(limit, words):
    done = limited(limit, "true")
    assert done.returncode == 125 and done.stderr.startswith(f"memshim: record: {words}") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("command,status", [(("record", "-q", "sh", "-c", "(exit 0)"), 125), (("report", "sound"), 1)])
def test_too_little_memory_is_always_explained(command, status):
    """From the smallest limit under which the loader can start memshim to the first one that suffices."""
    harness.record("sh", "-c", "(exit 0)", options=("-q",), output="sound")
    explained = 0
    for limit in range(1000, 60000, 100):
        done = harness.run("bash", "-c", f'ulimit -s 8192; ulimit -d {limit}; exec "$@"', "bash", harness.MEMSHIM, *command)
        if done.returncode == 0:
            break
        if done.returncode == status:
            explained += 1
            assert f": the limit ulimit -d {limit} leaves " in done.stderr and done.stderr.count("\n") == 1, done.stderr
        else:  # the loader itself could not start memshim
            assert explained == 0 and done.returncode in (127, -signal.SIGSEGV) and not done.stderr.startswith("memshim: "), done
    assert done.returncode == 0 and done.stderr == "" and explained > 0
