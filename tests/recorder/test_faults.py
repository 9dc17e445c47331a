# SPDX-License-Identifier: MIT
"""
Every system call of the recorder, and of the shim at registration, fails in turn: no crash, no leaked segment, at
most one clear line. The program runs unchanged, or does not run and the message says so. MEMSHIM_FAULTS: one in so
many of the calls (`make check-faults`: each of them, with several errors).
"""

import os
import re

import pytest

import harness
from harness import MEMSHIM, run, target

ONE_IN = int(os.environ.get("MEMSHIM_FAULTS", "6"))
ERRORS = {"mmap": "ENOMEM", "openat": "EMFILE", "read": "EIO", "pread64": "EIO", "write": "EPIPE", "pwrite64": "ENOSPC",
          "pwritev": "ENOSPC", "fallocate": "ENOSPC", "clone": "EAGAIN", "clone3": "EAGAIN", "pipe2": "EMFILE", "ppoll": "EINTR",
          "wait4": "EINTR"}
MORE = ("ENOMEM", "EINTR", "ENOSYS") if ONE_IN == 1 else ()
# These calls cannot fail like this: close(2) closes on any error, brk(NULL) only reads, and glibc's own locks end the
# process at an error that Linux does not return there.
NEVER = {"exit_group", "rt_sigreturn", "execve", "restart_syscall", "close", "brk", "futex"}
# A program that runs does not need these any more: they may fail from some time on.
FOR_GOOD = {"mmap", "openat", "socket", "statfs", "readlinkat", "pwrite64", "ftruncate", "fallocate"}
COMMAND = (target("calls"), "5")
RECORD = (MEMSHIM, "record", "-q", "--log-size=64K", "sh", "-c", f"{COMMAND[0]} 5; exit 3")
PROGRAM_SAID = "wrong: 0\n"


def calls(command, first, last, env=None, status=0, says=PROGRAM_SAID):
    """(name, how many of that name so far) of each call of the process itself, from the first line that matches to the last."""
    done = run("strace", "-qq", "-o", "trace", *command, env=env)
    assert (done.returncode, done.stdout) == (status, says), done
    with open("trace", encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    begin = next(i for i, line in enumerate(lines) if re.search(first, line))
    end = max(i for i, line in enumerate(lines) if re.search(last, line))
    counts, found = {}, []
    for i, line in enumerate(lines):
        name = line.split("(")[0]
        counts[name] = counts.get(name, 0) + 1
        if begin <= i <= end and name not in NEVER and name.isidentifier():
            found.append((name, counts[name]))
    assert len(found) > 20
    return found


def cases(found):
    for i, (name, number) in enumerate(found):
        if i % ONE_IN == 0:
            for error in dict.fromkeys((ERRORS.get(name, "EPERM"), *MORE)):
                yield name, number, error


def cases_of_a_start(found):
    """Also calls that fail twice, or always: then the alternative fails, too."""
    yield from cases(found)
    again = [call for call in found if call[0] in FOR_GOOD]
    for i, (name, number) in enumerate(again):
        for j, how in enumerate((f"{number}..{number + 1}", f"{number}+")):
            if (2 * i + j) % max(1, ONE_IN // 2) == 0:
                yield name, how, ERRORS.get(name, "EPERM")


def with_fault(command, name, number, error, env=None):
    inject = f"inject={name}:error={error}:when={number}"  # number+: and all that follow; a..b
    done = run("strace", "-qq", "-o", "/dev/null", "-e", f"trace={name}", "-e", inject, *command, env=env, timeout=60)
    said = [line for line in done.stderr.splitlines() if not line.startswith("strace: ")]
    return done, said, f"{name} {number} {error}: {done}"


def leftovers(name):
    """What is left of a segment; a file that could not be removed may stay."""
    return [] if name.startswith("unlink") else os.listdir(os.environ["MEMSHIM_DIR"])


def test_recorder():
    for name, number, error in cases(calls(RECORD, '"/dev/null"', "exit_group", status=3)):
        done, said, case = with_fault(RECORD, name, number, error)
        assert done.returncode in (3, 125, 126, 127), case
        assert done.stdout in (PROGRAM_SAID, ""), case
        assert done.stdout or done.returncode != 3, f"it did not run, and nothing was said: {case}"
        assert len(said) <= 1 + (done.stdout != ""), case
        assert all(line.startswith("memshim: ") for line in said), case
        assert done.returncode == 3 or said, case
        assert leftovers(name) == [], case
        for leftover in os.listdir(os.environ["MEMSHIM_DIR"]):
            os.unlink(os.path.join(os.environ["MEMSHIM_DIR"], leftover))


@pytest.mark.parametrize("joins", [False, True], ids=["makes", "joins"])
def test_registration(joins):
    """Without a recorder: it creates the session's segment, or joins it."""
    env = {"MEMSHIM_LOG_SIZE": "64K"}
    preloaded = ("-E", f"LD_PRELOAD={harness.SHIM}", *COMMAND)
    segment = os.path.join(os.environ["MEMSHIM_DIR"], "default.seg")
    found = calls(preloaded, "PR_GET_TID_ADDRESS", "rt_sigprocmask", env)
    if joins:
        found = calls(preloaded, "PR_GET_TID_ADDRESS", "rt_sigprocmask", env)
    for name, number, error in cases_of_a_start(found):
        if not joins and os.path.exists(segment):
            os.unlink(segment)
        done, said, case = with_fault(preloaded, name, number, error, env)
        assert (done.returncode, done.stdout, said) == (0, PROGRAM_SAID, []), case
        assert set(leftovers(name)) <= {"default.seg"}, case
        if os.path.exists(segment):
            read = harness.memshim("report", "--json", segment)
            assert read.returncode == 0, (case, read)


@pytest.mark.parametrize("how", ["nothing", "some", "pretended"])
def test_jumps_that_cannot_be_written(how):
    """
    Neither by /proc/self/mem nor by mprotect; only the first; or the kernel reports success without writing: then
    there are none.
    """
    preloaded, says = ("-E", f"LD_PRELOAD={harness.SHIM}", target("threads"), "1", "5"), "5 attached, 0 failed\n"
    found = calls(preloaded, "PR_GET_TID_ADDRESS", "rt_sigprocmask", says=says)
    assert harness.Recording("default").report()["processes"][0]["break"]["by_origin"]["malloc"]["moves"] > 0
    assert "pwrite64" in [name for name, _ in found]
    with open("trace", encoding="utf-8", errors="replace") as file:
        loaders = sum(line.startswith("mprotect(") for line in file)
    inject, tries = ways_to_fail(written("trace"))[how]
    options = ["-e", f"inject=pwrite64:{inject}"]
    if tries:  # the program's own come after that
        options += ["-e", f"inject=mprotect:error=EACCES:when={loaders + 1}..{loaders + tries}"]
    os.unlink(os.path.join(os.environ["MEMSHIM_DIR"], "default.seg"))
    done = run("strace", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64,mprotect", *options, *preloaded)
    assert (done.returncode, done.stdout, done.stderr) == (0, says, "")
    report = harness.Recording("default").report()
    process, = report["processes"]
    assert report["coverage"]["level"] == "calls" and process["calls"]["shmat"]["ok"] == 5
    assert process["break"]["by_origin"]["malloc"]["moves"] == 0, "none is left behind"


ONE_JUMP_MOST = 20  # bytes, on either machine


def written(trace):
    """How many bytes each write of jumps has: one jump, or several that are close together in this libc."""
    with open(trace, encoding="utf-8", errors="replace") as file:
        return [int(line.rsplit("= ", 1)[1]) for line in file if line.startswith("pwrite64(")]


def ways_to_fail(writes):
    """By name: what happens to the writes, and how often mprotect is tried instead before the shim gives up."""
    breaks_together = writes[0] > ONE_JUMP_MOST
    others_together = len(writes) == (2 if breaks_together else 3)
    again = breaks_together and others_together
    return {"nothing": ("error=EIO:when=1+", 2 if breaks_together else 1),
            "some": ("error=EIO:when=2..3", 2) if again else ("error=EIO:when=2", 1),
            "pretended": (f"retval={writes[0]}:when=1+", 1 if breaks_together else 0)}


def is_told(recording):
    report = recording.report()
    return ([p for p in report["processes"] if p["comm"] == "calls" or p["exe"] == COMMAND[0]]
            or [m for m in report["coverage"]["not_followed"] if m["exe"] == COMMAND[0]])


def test_registration_under_the_recorder():
    """The recorder names a process that is missing, and exits with its program's status."""
    preloaded = ("-E", f"LD_PRELOAD={harness.SHIM}", *COMMAND)
    recording = harness.Recording("memshim.data")
    for name, number, error in list(cases(calls(preloaded, "PR_GET_TID_ADDRESS", "rt_sigprocmask")))[::2]:
        inject = ("-e", f"trace={name}", "-e", f"inject={name}:error={error}:when={number}")
        command = ("strace", "-qq", "-o", "/dev/null", *inject, *COMMAND, "wait")
        print(name, number, error)
        with harness.Lines(MEMSHIM, "record", "-q", *command) as lines:
            assert lines.wait_for("wrong: ") == "wrong: 0", (name, number, error)
            harness.wait_until(lambda: is_told(recording), f"it was told of: {name} {number} {error}", lines.process)
            assert lines.end() == (0, ""), (name, number, error)
        assert [f for f in os.listdir(os.environ["MEMSHIM_DIR"]) if f.startswith("record-")] == [], (name, number, error)
