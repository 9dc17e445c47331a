# SPDX-License-Identifier: MIT
"""What the recorder samples from /proc: anonymous memory, and what servers write over their arguments."""

import re

import pytest

import harness
import machine
from harness import Lines, Recording, memshim, record, target

pytestmark = machine.needs("root")

MIB = 1 << 20

MEMORY = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
static void say(const char *word) { puts(word); fflush(stdout); getchar(); }
int main(void)
{
    char *heap = sbrk(8 << 20), *far;
    memset(heap, 1, 8 << 20);
    far = mmap(0, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(far, 1, 64 << 20);
    say("large");
    munmap(far, 64 << 20);
    sbrk(8 << 20);
    say("small");
    return 0;
}
"""

# Its first argument: what it writes over its arguments. Its second one is room for it.
SERVER = r"""
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
    char title[256];
    size_t bytes = argv[argc - 1] + strlen(argv[argc - 1]) - argv[0];
    snprintf(title, sizeof title, "%s", argv[1]);
    if (*title) {
        memset(argv[0], 0, bytes);
        memcpy(argv[0], title, strlen(title) < bytes ? strlen(title) : bytes);
    } else {
        strtok(argv[2], "=");
    }
    puts("ready");
    fflush(stdout);
    getchar();
    return 0;
}
"""


def live_process():
    """None until the process has a sample."""
    found = [p for p in Recording("memshim.data").report()["processes"] if p["anonymous"]]
    return found[0] if found else None


def test_peak_of_anonymous_memory_and_the_break_of_that_time(compile_c):
    program = compile_c("memory", MEMORY)
    with Lines(harness.MEMSHIM, "record", "-q", "--sample=10", program) as lines:
        lines.wait_for("large")
        harness.wait_until(lambda: live_process() and live_process()["anonymous"]["peak_bytes"] > 72 * MIB, "it was sampled")
        seen = live_process()["anonymous"]["samples"]
        lines.say()
        lines.wait_for("small")
        harness.wait_until(lambda: live_process()["anonymous"]["samples"] >= 2 * seen, "it was sampled again")
        assert lines.end()[0] == 0
    process, = Recording("memshim.data").report()["processes"]
    anonymous = process["anonymous"]
    assert 72 * MIB <= anonymous["peak_bytes"] < 80 * MIB
    assert 8 * MIB <= anonymous["break_bytes_then"] < 9 * MIB < process["break"]["peak_bytes"]
    assert process["start_ns"] < anonymous["at_ns"] < process["end_ns"]
    memory, = [line for line in memshim("report").stdout.splitlines() if line.startswith("Memory")]
    percent = 100 * anonymous["break_bytes_then"] // anonymous["peak_bytes"]
    assert memory.endswith(f" anonymous; the break is up to {percent} %") and 10 <= percent <= 12


def test_no_samples():
    process = record(target("calls"), "sleep", "1", options=("-q", "--sample=0"), check=False).report()["processes"][0]
    assert process["anonymous"] is None


@pytest.mark.parametrize("title, label", [
    ("demo: 15/main: writer", "demo: 15/main: writer"),
    ("demo: worker process 7 of 9", "demo: worker process"),
    ("demod *:6379", "demod"),
])
def test_server_has_its_title(compile_c, title, label):
    program = compile_c("server", SERVER)
    with Lines(harness.MEMSHIM, "record", "-q", program, title, "a-long-argument-that-is-overwritten-with-the-title") as lines:
        lines.wait_for("ready")
        harness.wait_until(lambda: live_process() and live_process()["title"], "its title was read")
        assert lines.end()[0] == 0
    process, = Recording("memshim.data").report()["processes"]
    assert process["title"] == title and process["cmdline"].startswith(str(program)[:40])
    assert re.search(rf"^ *{process['pid']}  {re.escape(label)} ", memshim("report").stdout, re.M)
    assert title in memshim("report", "-O", "pid,cmdline").stdout


@pytest.mark.parametrize("argument", ["name=value", "a=long\targument\n " * 20, "é" * 100])
def test_argument_changed_in_place_is_no_title(compile_c, argument):
    program = compile_c("server", SERVER)
    with Lines(harness.MEMSHIM, "record", "-q", program, "", argument) as lines:
        lines.wait_for("ready")
        harness.wait_until(lambda: live_process() and live_process()["anonymous"]["samples"] > 1, "it was sampled")
        assert lines.end()[0] == 0
    process, = Recording("memshim.data").report()["processes"]
    assert process["title"] is None


def test_next_program_is_no_title():
    """Samples that come between execve(2) and the registration of the next image show that image's command line."""
    script = "for (1 .. 200) { if (!fork) { exec '/bin/true' } wait }"
    recording = record("/usr/bin/perl", "-e", script, options=("-q", "--sample=1"))
    processes = recording.report()["processes"]
    assert len(processes) == 401 and [p["title"] for p in processes if p["title"]] == []
