# SPDX-License-Identifier: MIT
"""Code that a program made while it ran has the names of /tmp/perf-PID.map, kept in the recording."""

import os
import pathlib
import platform

import pytest

import harness
from harness import memshim, record

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the program has instructions of x86-64")

# It calls `take` through code of its own: push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret
PROGRAM = """
    #define _GNU_SOURCE
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/mman.h>
    #include <unistd.h>
    __attribute__((noinline)) static void take(void) { if (sbrk(1 << 20) == (void *)-1) abort(); __asm__ volatile(""); }
    int main(int argc, char **argv)
    {
        static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
        unsigned char *at = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        char path[64];
        FILE *map;
        memcpy(at + 64, code, sizeof code);
        snprintf(path, sizeof path, "/tmp/perf-%d.map", getpid());
        if (!(map = fopen(path, "wx")))
            return 2;
        if (getenv("NAME"))
            fprintf(map, "%lx %x %s\\n", (unsigned long)at + 64, (int)sizeof code, getenv("NAME"));
        else
        fprintf(map, "%lx 40 before\\nnonsense\\n%lx %x parse /app/index.js:12\\n%lx 40 after\\n", (unsigned long)at,
                (unsigned long)at + 64, (int)sizeof code, (unsigned long)at + 64 + sizeof code);
        if (fflush(map) || (argc > 2 && ftruncate(fileno(map), atol(argv[2]))))
            return 4;
        if (fclose(map) || (argc > 1 && chown(path, atoi(argv[1]), 0)))
            return 3;
        ((void (*)(void (*)(void)))(at + 64))(take);
        return 0;
    }
"""


def callers(compile_c, *arguments):
    """The functions of the call stack of `take`, outwards."""
    recording = record(compile_c("compiles", PROGRAM, "-g", "-O1"), *arguments, options=("-q",))
    report = recording.report()
    path = pathlib.Path(f"/tmp/perf-{report['processes'][0]['pid']}.map")
    try:
        assert path.exists() and report["processes"][0]["exit_status"] == 0
    finally:
        path.unlink(missing_ok=True)
    stack, = [site["stack"] for site in recording.report()["sites"] if site["bytes"] == 1 << 20]
    return [frame["function"] for frame in stack]


def test_names_are_kept_in_the_recording(compile_c):
    """They are there after the file is gone, in all commands."""
    if not harness.HAS_STACKS:
        pytest.skip("no call stacks here")
    assert callers(compile_c)[:2] == ["take", "parse /app/index.js:12"]
    assert "parse /app/index.js:12" in memshim("events", "-k").stdout
    assert "before" not in memshim("export", "--format=folded").stdout


@pytest.mark.skipif(not harness.IS_ROOT, reason="only root can make a file of another user")
def test_a_file_of_another_user_is_not_read(compile_c):
    assert "parse /app/index.js:12" not in callers(compile_c, "12345")


def test_a_long_line_costs_the_recorder_nothing(compile_c):
    """The file ends in a hole of 60 MiB: one line of null bytes."""
    program = compile_c("compiles", PROGRAM, "-g", "-O1")
    done = harness.run_measured(harness.MEMSHIM, "record", "-q", program, os.getuid(), 60 << 20)
    pathlib.Path(f"/tmp/perf-{harness.Recording('memshim.data').report()['processes'][0]['pid']}.map").unlink()
    assert done.returncode == 0 and done.kibibytes < 55 << 10, done


@pytest.mark.parametrize("name, kept", [
    ("n" * 115, "n" * 115), ("n" * 116, "n" * 112 + "…"), ("n" * 111 + "é" * 9, "n" * 111 + "…"),
    ("n" * 1008 + "0 ffffffffffffffff root", "n" * 112 + "…")])
def test_long_names_end_with_a_mark(compile_c, monkeypatch, name, kept):
    """No letter is cut in two, and the rest of a long line is no line of its own."""
    monkeypatch.setenv("NAME", name)
    assert callers(compile_c)[:2] == ["take", kept]
