# SPDX-License-Identifier: MIT
"""Edge cases of recording and of reap."""

import os
import pathlib
import shlex
import shutil
import signal
import time

import pytest

import harness
import machine
from beside import CYCLE_CALLS, made
from harness import MEMSHIM, Lines, Recording, memshim, record, target, wait_until
from reaping import reaped
from story import KEY, kernel_rows

LEAK = ("perl", "-e", f"shmget({KEY:#x}, 4096, 01600) // die")
FAILED, FINDINGS = 125, 9


def state(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()[0]


# ---- exit status ----


@pytest.mark.parametrize("end,status", [("exit 4", 4), ("exit 0", FINDINGS), ("kill -15 $$", 128 + signal.SIGTERM)])
def test_error_exitcode_keeps_the_status_of_a_failed_command(end, status):
    """--error-exitcode applies only when COMMAND succeeded."""
    done = memshim("record", "-q", f"--error-exitcode={FINDINGS}", "sh", "-c", f"{' '.join(map(shlex.quote, LEAK))}; {end}")
    assert done.returncode == status, done.stderr


# ---- the recording's file ----


def test_old_recording_gets_its_name_back():
    """The new recording cannot be created after the old one was renamed: the old one gets its name back."""
    harness.need("strace")
    with open("memshim.data", "w", encoding="ascii") as file:
        file.write("the old one")
    refuse = ("strace", "-o", "/dev/null", "-P", "memshim.data", "-e", "inject=openat:error=ENOSPC")
    done = harness.run(*refuse, MEMSHIM, "record", "-q", "echo", "ran")
    assert (done.returncode, done.stdout) == (FAILED, "") and "No space left" in done.stderr
    assert pathlib.Path("memshim.data").read_text(encoding="ascii") == "the old one"
    assert not os.path.exists("memshim.data.old")


# ---- who is followed ----


@machine.needs("root")
@pytest.mark.parametrize("mode,followed", [(0o2744, True), (0o755, True), (0o2755, False)])
def test_set_gid(mode, followed):
    """A set-gid bit without the group's execute bit gives no rights, and the loader preloads the shim."""
    shutil.copy(target("calls"), "program")
    os.chown("program", 0, 4321)
    os.chmod("program", mode)
    recording = record("./program", 1, options=("-q",))
    report = recording.report()
    assert bool(report["coverage"]["not_followed"]) != followed
    assert made(report, comm="program") == (CYCLE_CALLS if followed else 0)


@machine.needs("root")
@pytest.mark.parametrize("mode", [0o770, 0o702, 0o707, 0o720])
def test_folder_that_others_may_write_to(mode):
    """A folder that other users may write to is not used. The program runs, and the recorder reports it."""
    os.mkdir("open")
    os.chmod("open", mode)
    folder = os.path.abspath("open")
    done = harness.run(target("calls"), "1", env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_DIR": folder})
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\n", "")
    assert os.listdir(folder) == []
    done = memshim("record", "echo", "ran", env={"MEMSHIM_DIR": folder})
    assert (done.returncode, done.stdout) == (FAILED, "") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("size,accepted", [("8K", True), ("8191", False), ("8193", True), ("1025G", False)])
def test_log_size_by_hand(size, accepted):
    """A log size below 8K, or one that is no number, is counted as a wrong setting."""
    done = harness.run(target("calls"), "1", env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_LOG_SIZE": size})
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\n", "")
    report = Recording("default").report()
    assert report["coverage"]["bad_settings"] == (not accepted)
    assert made(report, comm="calls") == CYCLE_CALLS


# ---- when and where ----


def test_exit_while_the_recorder_is_stopped():
    """The end time is that of the process, not the time when the recorder continued."""
    script = "perl -e '$| = 1; print \"pid $$\\n\"; sysread STDIN, $x, 1'; read line"
    with Lines(MEMSHIM, "record", "-q", "-w", "sh", "-c", script) as lines:
        pid = int(lines.wait_for("pid").split()[1])
        os.kill(lines.process.pid, signal.SIGSTOP)
        wait_until(lambda: state(lines.process.pid) == "T", "the recorder is stopped")
        lines.say()
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "it has ended")
        ended = time.monotonic()
        wait_until(lambda: time.monotonic() > ended + 0.5, "half a second has passed")
        os.kill(lines.process.pid, signal.SIGCONT)
        lines.say()
        assert lines.end()[0] == 0
    report = Recording("memshim.data").report()
    process, = [p for p in report["processes"] if p["comm"] == "perl"]
    assert (process["state"], process["exit_status"]) == ("exited", 0)
    assert process["end_ns"] < report["session"]["duration_ns"] - 400_000_000


RAW_CLONE = r"""
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    sbrk(4096);
    long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        sbrk(8192);
        _exit(0);
    }
    return waitpid(child, 0, 0) != child;
}
"""


def test_thread_id_after_a_raw_clone(compile_c):
    """libc still has the parent's id: the shim reads it from the kernel."""
    recording = record(compile_c("cloner", RAW_CLONE), options=("-q", "-w"))
    moves = [e for e in recording.calls("--call=sbrk") if e["origin"] == "direct"]
    assert [e["args"]["increment"] for e in moves] == [4096, 8192]
    assert [e["tid"] == e["pid"] for e in moves] == [True, True] and moves[0]["pid"] != moves[1]["pid"]


SMALL_LEDGER = 2048  # places, with the smallest log; a segment's window is 4 of them, by the kernel's index
SHARING = r"""
for (1..6) {
    push @id, shmget(0, 4096, 01600) // die for 1..4;
    system "env", "MEMSHIM_OFF=1", "perl", "-e", "shmget(0, 4096, 01600) // die for 1..508" and die;
}
for (1..5) { for (@id) { shmread($_, $x, 0, 1) or die } }
for (@id) { shmctl($_, 0, 0) // die }
print "@id";
"""


@machine.needs("root")
def test_segments_beyond_their_windows():
    """Six segments share a window of four places: each one is found."""
    done = harness.run("perl", "-e", SHARING, env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_LOG_SIZE": "8K"})
    ids = list(map(int, done.stdout.split()))
    assert [shmid % (SMALL_LEDGER // 4) for shmid in ids] == list(range(4)) * 6, done.stderr
    report = Recording("default").report()
    assert report["coverage"]["lost"]["overwritten"] and not report["coverage"]["lost"]["ledger_full"]
    assert {s["shmid"]: (s["attaches"], s["detaches"], s["state"]) for s in report["segments"]} == dict.fromkeys(ids, (5, 5, "destroyed"))


@pytest.mark.parametrize("name", ["a) b", "((", ") R 1 (", "plain"])
def test_start_time_behind_an_odd_name_without_a_recorder(name):
    """The start time is read from /proc/PID/stat, behind a name with parentheses and blanks."""
    shutil.copy(target("calls"), name)
    with Lines(f"./{name}", "1", "wait", env={"LD_PRELOAD": harness.SHIM}) as lines:
        lines.wait_for("wrong: 0")
        process, = Recording("default").report()["processes"]
        assert (process["comm"], process["state"]) == (name, "running")
        lines.end()


READER = r"""
#include <stdio.h>
#include <sys/shm.h>
#include <unistd.h>
int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, 0600);
    char byte;
    if (shmat(id, 0, SHM_RDONLY) == (void *)-1 || shmat(id, 0, 0) == (void *)-1 || shmctl(id, IPC_RMID, 0))
        return 9;
    for (int i = 0; i < 20000; i++)
        if (sbrk(16) == (void *)-1 || sbrk(-16) == (void *)-1)
            return 8;
    write(1, "there\n", 6);
    return read(0, &byte, 1) != 0;
}
"""


def test_attachments_whose_events_are_overwritten(compile_c):
    """The tables still tell which attachment is read-only."""
    env = {"LD_PRELOAD": harness.SHIM, "MEMSHIM_LOG_SIZE": "8K"}
    with Lines(compile_c("reader", READER), env=env) as lines:
        lines.wait_for("there")
        report = Recording("default").report()
        assert report["coverage"]["lost"]["overwritten"]
        assert [a["readonly"] for a in report["attachments"] if a["live"]] == [True, False]
        lines.end()


REMAPPER = r"""
#include <stdio.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>
int main(void)
{
    int small = shmget(IPC_PRIVATE, 4096, 0600), large = shmget(IPC_PRIVATE, 12288, 0600);
    char *room = mmap(0, 16384, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), byte;
    munmap(room, 16384);
    if (shmat(small, room + 4096, 0) != room + 4096 || shmat(large, room, SHM_REMAP) != room)
        return 9;
    for (int i = 0; i < 20000; i++)
        if (sbrk(16) == (void *)-1 || sbrk(-16) == (void *)-1)
            return 8;
    write(1, "there\n", 6);
    return read(0, &byte, 1) != 0 || shmctl(small, IPC_RMID, 0) || shmctl(large, IPC_RMID, 0);
}
"""


def test_replaced_by_shm_remap_when_the_events_are_overwritten(compile_c):
    """An attachment that SHM_REMAP replaced is not shown as attached."""
    env = {"LD_PRELOAD": harness.SHIM, "MEMSHIM_LOG_SIZE": "8K"}
    with Lines(compile_c("remapper", REMAPPER), env=env) as lines:
        lines.wait_for("there")
        process, = Recording("default").report()["processes"]
        assert (process["attached"]["now"], process["attached"]["peak"]) == (1, 1)
        assert lines.end()[0] == 0


# ---- reap ----


def in_call(pid, number):
    try:
        return pathlib.Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").split()[0] == str(number)
    except OSError:  # a child of strace's start, which has ended
        return False


@machine.needs("root", "x86-64")
def test_reap_keeps_a_segment_that_changed():
    """IPC_SET between reap's check and its removal: the segment stays."""
    harness.need("strace")
    record(*LEAK, options=("-q",))
    shmid, = kernel_rows()
    wait_until(lambda: int(time.time()) > kernel_rows()[shmid]["ctime"] + 1, "another second has begun")
    slow = ("strace", "-o", "/dev/null", "-e", "trace=shmctl", "-e", "inject=shmctl:delay_enter=3000000:when=1")
    with Lines(*slow, MEMSHIM, "reap", "--force", "memshim.data") as lines:
        wait_until(lambda: [pid for pid in children(lines.process.pid) if in_call(pid, 31)], "it asks again", lines.process)
        assert harness.run("perl", "-e", f"shmctl({shmid}, 2, $facts) // die $!; shmctl({shmid}, 1, $facts) // die $!").returncode == 0
        status, said = lines.end()
    assert not reaped(said) and "a process has changed it meanwhile" in said, said
    assert shmid in kernel_rows()
    assert reaped(memshim("reap", "--force", "memshim.data").stdout) == [f"segment {shmid}"], "no process changes it now"


def children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


@machine.needs("root")
@pytest.mark.parametrize("option", [(), ("-m",)])
def test_reap_keeps_a_segment_created_elsewhere(option):
    """IPC_CREAT found a segment that a process outside the session had created: reap keeps it."""
    assert harness.run(*LEAK).returncode == 0
    shmid, = kernel_rows()
    record("perl", "-e", f"shmget({KEY:#x}, 4096, 01600) // die", options=("-q",))
    done = memshim("reap", "--force", *(f"{o}{shmid}" for o in option), "memshim.data")
    assert not reaped(done.stdout)
    assert shmid in kernel_rows()
    if option:
        assert "this session did not create it" in done.stdout + done.stderr
