# SPDX-License-Identifier: MIT
"""
Sandboxes that a program gets or creates: the program runs unchanged, and its calls are logged, or the report says
that they are not. "Unharmed": output and exit status are those of a run without the shim.
"""

import os
import shutil
import sys

import pytest

import harness
from beside import CYCLE, CYCLE_CALLS, made, needs_root, status_of, unharmed
from harness import Lines, record, target, wait_until
from refusals import FAILED, refused

SHIM_ELF = os.path.basename(harness.SHIM)


@pytest.mark.parametrize("how", ["strict", "list", "list exit"])
def test_seccomp(how):
    """A hook makes no system call but the program's own."""
    recording = unharmed(target("sandboxed"), *how.split())
    report = recording.report()
    cycles, others = (21, 10) if how.startswith("list") else (1, 0)
    assert made(report) == cycles * CYCLE_CALLS + others
    assert report["processes"][0]["exit_status"] in (6, 7, 8)


# All calls are allowed except to open a socket. Its children and its next program have the same sandbox.
NO_SOCKETS = r"""
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof code / sizeof *code, code};
    int status = 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
        return 9;
    if (fork() == 0)
        _exit(sbrk(4096) == (void *)-1);
    wait(&status);
    if (status)
        return 8;
    return execv(argv[1], argv + 1);
}
"""


def test_seccomp_of_the_family(compile_c):
    """A process in a sandbox of its parent or predecessor does not connect to the recorder: the filter would kill it."""
    recording = unharmed(compile_c("sandbox", NO_SOCKETS), target("calls"), 3)
    assert recording.result.stdout == "wrong: 0\n"
    report = recording.report()
    harness.complete(report)
    assert made(report, comm="calls") == 3 * CYCLE_CALLS
    assert sorted(p["state"] for p in report["processes"])[0] == "exec" and len(report["processes"]) == 3
    assert [p["calls"]["sbrk"]["ok"] for p in report["processes"] if p["forked"]] == [1]


LIMITS = {
    "FSIZE": "ulimit -f 0",
    "NOFILE": "ulimit -n 4",
    "STACK": "ulimit -s 64",
    "AS 64M": "ulimit -v 65536",
    "DATA": "ulimit -d 4096",
    "MEMLOCK": "ulimit -l 0",
}


@pytest.mark.parametrize("limit", LIMITS)
def test_resource_limit(limit):
    """The program runs; its calls are logged or counted."""
    recording = unharmed("bash", "-c", f"{LIMITS[limit]}; exec {target('calls')} 10")
    assert recording.result.stdout == "wrong: 0\n"
    report = recording.report()
    assert made(report, comm="calls") == 10 * CYCLE_CALLS
    logged = len([e for e in recording.calls() if e["comm"] == "calls"])
    assert logged + report["coverage"]["lost"]["no_space"] >= 10 * CYCLE_CALLS
    harness.complete(report)


LIMITS_BY_HAND = LIMITS | {"AS 24M": "ulimit -v 24000"}


def test_no_space_for_the_segment():
    """The segment does not fit the address space. A program that runs until the recorder has seen it is named."""
    with Lines(harness.MEMSHIM, "record", "-q", "-w", "--", "bash", "-c", f"ulimit -v 24000; exec {target('calls')} 10 wait") as lines:
        lines.wait_for("wrong: 0")
        recording = harness.Recording("memshim.data")
        harness.wait_until(lambda: recording.report()["coverage"]["not_followed"], "the program is named")
        assert lines.end()[0] == 0
    named, = recording.report()["coverage"]["not_followed"]
    assert named["exe"].endswith("/calls") and made(recording.report(), comm="calls") == 0


@pytest.mark.parametrize("limit", LIMITS_BY_HAND)
def test_resource_limit_by_hand(limit):
    """The program itself creates the session: it succeeds or does without; no signal, no partial segment."""
    script = f"{LIMITS_BY_HAND[limit]}; exec env LD_PRELOAD={harness.SHIM} {target('calls')} 10"
    done = harness.run("bash", "-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\n", "")
    there = os.listdir(os.environ["MEMSHIM_DIR"])
    assert there == ([] if limit == "FSIZE" else ["default.seg"])
    if there:
        report = harness.Recording("default").report()
        harness.complete(report)
        assert made(report, comm="calls") == 10 * CYCLE_CALLS


@pytest.mark.parametrize("limit,share", [("-d 400", 0.8), ("-d 900", 0.8), ("-d 4000", 0.9),
                                         ("-v 12760", 0.5), ("-v 29500", 0.5), ("-v 65536", 0.5)])
def test_what_is_limited_is_left_to_the_program(compile_c, limit, share):
    """The program has nearly as much data as without the shim, and at least half of the addresses."""
    text = """
    #include <stdio.h>
    #include <unistd.h>
    int main(void)
    {
        char text[32];
        int count = 0;
        while (sbrk(4096) != (void *)-1)
            count++;
        return write(1, text, snprintf(text, sizeof text, "%d", count)) < 0;
    }
    """
    program = compile_c("taker", text)
    plain = int(harness.run("bash", "-c", f"ulimit {limit}; exec {program}").stdout)
    record = harness.record("bash", "-c", f"ulimit {limit}; exec {program}", options=("-q",))
    by_hand = harness.run("bash", "-c", f"ulimit {limit}; exec env LD_PRELOAD={harness.SHIM} {program}")
    assert min(int(record.result.stdout), int(by_hand.stdout)) >= plain * share > 60


def test_address_space_too_small():
    """Not even the counters can be mapped: the program runs, and is named."""
    script = f"ulimit -v 8000; exec {target('calls')} 10 wait"
    with harness.Lines(harness.MEMSHIM, "record", "-q", "bash", "-c", script) as lines:
        lines.wait_for("wrong: 0")
        recording = harness.Recording("memshim.data")
        wait_until(lambda: recording.report()["coverage"]["not_followed"], "it is missed")
        assert lines.end() == (0, "")
    missed, = recording.report()["coverage"]["not_followed"]
    assert missed["exe"] == target("calls")


def test_process_limit(user):
    """With RLIMIT_NPROC 1 nothing can be forked, and memshim does not try."""
    script = f"ulimit -u 1; exec {target('calls')} 10"
    done = user(harness.MEMSHIM, "record", "-q", "--", "bash", "-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\n", "")
    assert made(harness.Recording("memshim.data").report(), comm="calls") == 10 * CYCLE_CALLS


@pytest.mark.parametrize("limit", ["ulimit -f 0", "ulimit -n 4", "ulimit -v 20000"])
def test_recorder_under_a_limit(limit):
    """The recorder works, or fails with one line before COMMAND runs."""
    done = harness.run("bash", "-c", f"{limit}; exec {harness.MEMSHIM} record -q echo it ran")
    if done.returncode == 0:
        assert (done.stdout, done.stderr) == ("it ran\n", "")
    else:
        assert (done.returncode, done.stdout) == (125, "")
        assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("memshim: ")


SPACES = {
    "user": "--user --map-root-user",
    "pid": "--pid --fork --mount-proc",
    "ipc": "--ipc",
    "uts and net": "--uts --net",
    "time": "--time --monotonic 100000 --boottime 100000 --fork",
    "all": "--user --map-root-user --pid --fork --mount-proc --ipc --net --uts --cgroup --time",
}


@needs_root
@pytest.mark.parametrize("space", SPACES)
def test_namespace(space):
    """A program in its own namespace joins the session with right times, and its end is seen."""
    harness.need("unshare")
    command = ("unshare", *SPACES[space].split(), "sh", "-c", f"{target('calls')} 5; exit 3")
    recording = unharmed(*command)
    assert status_of(recording.result) == 3
    report = recording.report()
    harness.complete(report)
    assert made(report, comm="calls") == 5 * CYCLE_CALLS
    assert not report["coverage"]["not_followed"]
    assert all(p["state"] != "running" for p in report["processes"])
    times = [e["time_ns"] for e in recording.events()]
    assert times == sorted(times)
    assert 0 <= times[0] and times[-1] <= report["session"]["duration_ns"]


@needs_root
@pytest.mark.parametrize("space", ["user", "pid", "ipc", "time", "mount", "net"])
def test_namespace_midway(space):
    """A process enters another namespace during the session and its calls are logged on; its child's, too."""
    recording = unharmed(target("moves_house"), space)
    assert recording.result.stdout == "wrong: 0\n"
    report = recording.report()
    harness.complete(report)
    malloc_moves = sum(p["break"]["by_origin"]["malloc"]["moves"] for p in report["processes"])
    assert made(report) - malloc_moves == 3 * CYCLE_CALLS
    assert len(report["processes"]) == 2 and not report["coverage"]["not_followed"]
    assert all(p["state"] == "exited" for p in report["processes"] if not p["forked"])
    assert all(p["state"] != "running" for p in report["processes"])


@needs_root
@pytest.mark.parametrize("script", ["mount -t tmpfs none /proc", "umount -l /proc"])
def test_without_proc(script):
    recording = unharmed("unshare", "--mount", "sh", "-c", f"{script} && {target('calls')} 5")
    report = recording.report()
    harness.complete(report)
    assert made(report) >= 5 * CYCLE_CALLS
    assert all(p["state"] != "running" for p in report["processes"])


@needs_root
@pytest.mark.parametrize("script", ["mount -t tmpfs none /proc", "umount -l /proc"])
@pytest.mark.parametrize("way", ["path", "from its folder", "from the search path"])
def test_recorder_without_proc(script, way):
    """For example in a chroot: the recorder finds its shim by the name of its executable."""
    folder, name = os.path.split(harness.MEMSHIM)
    begin = {"path": harness.MEMSHIM, "from its folder": f"cd {folder}; ./{name}",
             "from the search path": f"PATH=$PATH:{folder}; {name}"}[way]
    recorded = f"record -q -o $here/memshim.data {target('calls')} 5"
    done = harness.run("unshare", "--mount", "sh", "-c", f"{script} && here=$PWD; {begin} {recorded}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\n", "")
    report = harness.Recording("memshim.data").report()
    harness.complete(report)
    assert made(report) == 5 * CYCLE_CALLS


@needs_root
def test_recorder_without_proc_and_name():
    """Executed by a descriptor, it has no name: the message says what is missing."""
    begin = f"import os; os.execve(os.open('{harness.MEMSHIM}', os.O_RDONLY), ['memshim', 'record', 'echo', 'ran'], os.environ)"
    done = harness.run("unshare", "--mount", "sh", "-c", f'umount -l /proc && exec {sys.executable} -c "$0"', begin)
    refused(done, FAILED, "/proc: not mounted")


@needs_root
@pytest.mark.parametrize("hidden", ["tmpfs", "tmpfs -o ro"])
def test_without_dev_shm(hidden):
    """The program cannot reach the session: it runs, and is named."""
    script = f"mount -t {hidden} none /dev/shm && exec {target('calls')} 5 wait"
    with harness.Lines(harness.MEMSHIM, "record", "-q", "unshare", "--mount", "sh", "-c",
                       script) as lines:
        lines.wait_for("wrong: ")
        recording = harness.Recording("memshim.data")
        wait_until(lambda: recording.report()["coverage"]["not_followed"], "it is missed")
        assert lines.end() == (0, "")
    missed, = recording.report()["coverage"]["not_followed"]
    assert missed["exe"] == target("calls") and "segment" in missed["why"]


@needs_root
def test_by_hand_without_dev_shm(tmp_path):
    """Without a recorder, the session is in the next folder, or there is none; the program runs."""
    shutil.copy(harness.SHIM, tmp_path / SHIM_ELF)
    for folder in ("run", "elsewhere"):
        os.mkdir(folder, 0o700)
    script = (f"mount -t tmpfs none /dev/shm -o ro; mount -t tmpfs none run -o mode=700;"
              f"export XDG_RUNTIME_DIR=$PWD/run LD_PRELOAD={tmp_path / SHIM_ELF};"
              f"{target('calls')} 5; unset LD_PRELOAD; {harness.MEMSHIM} report --json;"
              f"export XDG_RUNTIME_DIR=/nonexistent TMPDIR=/nonexistent LD_PRELOAD={harness.SHIM};"
              f"{target('calls')} 5")
    done = harness.run("env", "-u", "MEMSHIM_DIR", "unshare", "--mount", "bash", "-c", script)
    assert (done.returncode, done.stderr) == (0, "")
    first, report, second = done.stdout.splitlines()
    assert first == second == "wrong: 0"
    assert f'"ok":{5 * CYCLE["sbrk"]}' in report
