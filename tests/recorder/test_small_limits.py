# SPDX-License-Identifier: MIT
"""Under small limits: the recorder runs wherever COMMAND could, or names the limit."""

import os

import pytest

import harness
from beside import needs_root
from harness import Recording

USER = 60000 + os.getpid() % 4000  # of this test alone: its processes are counted


def limited(limit, *command, prefix=(), **options):
    return harness.run(
        *prefix, "bash", "-c", f'ulimit -s 8192; ulimit {limit}; exec "$@"', "bash", harness.MEMSHIM, "record", "-q", *command, **options)


def test_little_memory():
    """The limit is below a thread's default stack."""
    done = limited("-d 16000", "sh", "-c", "(exit 3); exit 4")
    assert (done.returncode, done.stderr) == (4, "")
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
