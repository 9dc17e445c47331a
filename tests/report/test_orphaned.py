# SPDX-License-Identifier: MIT
"""
Workers have ended, and the listener that forked them runs: their segments are reported as orphaned, with the same
word everywhere. `reap` keeps them unless the user names them.
"""

import pytest

import harness
import machine
from harness import Lines, Recording, memshim
from reaping import reaped
from story import kernel_rows

needs_root = machine.needs("root")

# Forks WORKERS children, one after the other; each leaves a segment. What the listener does with the
# first of them is given as an argument.
LISTENER = """
#include <stdio.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int ends[2], id, first = -1;
    char line[2];
    if (pipe(ends))
        return 1;
    for (int i = 0; i < 3; i++) {
        if (!fork()) {
            id = shmget(0x6d656d40 + i, 4096, IPC_CREAT | IPC_EXCL | 0600);
            shmat(id, 0, 0);
            _exit(write(ends[1], &id, sizeof id) != sizeof id);
        }
        wait(0);
        if (read(ends[0], &id, sizeof id) == sizeof id && first < 0)
            first = id;
    }
    if (strcmp(argv[1], "attaches") == 0)
        shmdt(shmat(first, 0, SHM_RDONLY));
    if (strcmp(argv[1], "names") == 0)
        shmget(0x6d656d40, 0, 0);
    puts("done");
    fflush(stdout);
    return read(0, line, 2) < 0;
}
"""


def listener(compile_c, what, recorded=True):
    program = compile_c("listener", LISTENER)
    if recorded:
        return Lines(harness.MEMSHIM, "record", "-q", "-w", "--", program, what)
    return Lines(program, what, env={"LD_PRELOAD": harness.SHIM})


def wait_for_workers(recording, lines):
    lines.wait_for("done")
    harness.wait_until(lambda: len([p for p in recording.report()["processes"] if p["state"] == "running"]) == 1,
                       "the workers' ends are known")
    return recording.report()


@needs_root
@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "by hand"])
def test_workers_left_segments(compile_c, recorded):
    recording = Recording("memshim.data" if recorded else "default")
    with listener(compile_c, "waits", recorded) as lines:
        report = wait_for_workers(recording, lines)
        assert [(s["orphaned"], s["leaked"], s["state"]) for s in report["segments"]] == [(True, False, "present")] * 3
        found, = [f for f in report["findings"] if f["kind"] == "orphaned-object"]
        assert (found["severity"], found["ids"]) == ("warning", [s["shmid"] for s in report["segments"]])
        assert "3 segments (12K), created by listener, which ended, still exist;" in found["text"]
        assert found["advice"].startswith("'memshim reap --force -m ID' removes one of them"), "reap removes no orphan unnamed"
        text = recording.report_text()
        assert "SEGMENTS  3, 3 orphaned, 12K in all\n" in text and text.count("present, orphaned\n") == 3
        ipcs = memshim("ipcs").stdout
        assert "SHARED MEMORY  3, 12K, 3 orphaned;" in ipcs and ipcs.count("  orphaned  ") == 3
        assert ", 3 orphaned" in memshim("top", "--once", recording.path, env={"LINES": "30"}).stdout
        lines.say("x")
        lines.end()
    segments = recording.report()["segments"]
    assert [(s["orphaned"], s["leaked"]) for s in segments] == [(False, True)] * 3, "the listener has ended too"


@needs_root
@pytest.mark.parametrize("what", ["attaches", "names"])
def test_listener_that_used_one(compile_c, what):
    """A segment that the listener named or attached is not orphaned: the listener may use it again."""
    recording = Recording("memshim.data")
    with listener(compile_c, what) as lines:
        report = wait_for_workers(recording, lines)
        assert [s["orphaned"] for s in report["segments"]] == [False, True, True]
        assert [f["count"] for f in report["findings"] if f["kind"] == "orphaned-object"] == [2]
        lines.say("x")
        lines.end()


@needs_root
def test_reap_removes_an_orphan_only_by_name(compile_c):
    recording = Recording("memshim.data")
    with listener(compile_c, "waits") as lines:
        first, second, third = [s["shmid"] for s in wait_for_workers(recording, lines)["segments"]]
        kept = memshim("reap", "--force").stdout
        assert len(reaped(kept, "KEPT")) == 3 and kept.count("orphaned: ") == kept.count("name it with -m") == 1
        assert set(kernel_rows()) == {first, second, third}
        memshim("reap", "-m", second)
        assert set(kernel_rows()) == {first, second, third}, "a dry run"
        assert reaped(memshim("reap", "--force", "-m", second).stdout) == [f"segment {second}"]
        assert reaped(memshim("reap", "--force", "-M", "0x6d656d42").stdout) == [f"segment {third}"]
        assert set(kernel_rows()) == {first}
        lines.say("x")
        lines.end()


@needs_root
def test_no_orphan_where_events_are_lost(compile_c):
    """With lost events it is not known which processes used the segment."""
    program = compile_c("listener", LISTENER)
    with Lines(program, "waits", env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_LOG_SIZE": "64K"}) as lines:
        report = wait_for_workers(Recording("default"), lines)
        assert all(s["orphaned"] for s in report["segments"])
        noise = compile_c("noise", """
        #include <unistd.h>
        int main(void) { for (int i = 0; i < 20000; i++) sbrk(i & 1 ? -4096 : 4096); }
        """)
        harness.run(noise, env={"LD_PRELOAD": harness.SHIM})
        report = Recording("default").report()
        assert report["coverage"]["lost"]["overwritten"]
        assert not any(s["orphaned"] or s["leaked"] for s in report["segments"])
        lines.say("x")
        lines.end()
