# SPDX-License-Identifier: MIT
"""The benchmark runs to its end and prints every row. Its numbers are not checked here."""

import os
import pathlib
import shutil

import harness

ROWS = (
    "sbrk(+4096), sbrk(-4096) (ns)", "shmat, shmdt (ns)", "shmget, IPC_RMID (ns)",
    "semget, IPC_RMID (ns)", "semop(+1), semop(-1): counted (ns)", "msgsnd, msgrcv: counted (ns)",
    "IPC_STAT (ns)", "IPC_STAT, 16 frames deep (ns)", "IPC_STAT, 16 new frames (ns)",
    "brk(NULL), only counted (ns)", "malloc, free: no move (ns)", "first event on a log page (ns)",
    "/bin/true over empty preload (us)", "report ", "events, text into a file ",
    "sbrk, ns added, without a watcher ", "top itself, of one CPU, ",
)
PROGRAMS = ("calls", "spawn", "flood", "crowd", "libempty.so", "libfloor.so", "libfprintf.so")


def build_programs(build):
    """The programs in their own build folder, beside the memshim under test."""
    build.mkdir()
    for name in ("bin", "lib"):
        (build / name).symlink_to(harness.BUILD / name)
    wanted = [build / "bench" / name for name in PROGRAMS] + [build / "tests" / "libnull.so"]
    made = harness.run("make", "-s", "-C", harness.TOP, f"BUILD={build}", *wanted,
                       env={"MAKEFLAGS": "", "MAKEOVERRIDES": ""})
    assert made.returncode == 0, made.stderr


def left_behind(tmp_path):
    return {*tmp_path.glob("memshim-bench-*"), *pathlib.Path("/dev/shm").glob("memshim-bench-*")}


def test_every_row_is_printed_and_nothing_stays(tmp_path, monkeypatch):
    harness.need("make", "cc", "strace")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = left_behind(tmp_path)
    build_programs(tmp_path / "build")
    ran = harness.run(shutil.which("python3"), harness.TOP / "tests" / "bench" / "run.py",
                      tmp_path / "build", "--quick", "--events=20000")
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    rows = [*ROWS, "sbrk, two processes (ns)"] if len(os.sched_getaffinity(0)) > 1 else ROWS
    for row in rows:
        found = [line for line in lines if line.startswith(row)]
        assert len(found) >= 1, (row, ran.stdout)
        assert any(word.replace(",", "").lstrip("-")[:1].isdigit()
                   for word in found[0][len(row):].split()), found[0]
    verdicts = [line for line in lines if line.endswith((" met", " NOT MET", " noisy"))]
    assert len(verdicts) > 20, ran.stdout
    assert left_behind(tmp_path) == before
