# SPDX-License-Identifier: MIT
"""Losses are counted only for lost data: a row whose slot was reused is not lost if the log has its calls."""

import os
import pathlib

import harness
from harness import Lines, Recording

# Children one after the other, each with three attachments that its end drops; then a worker that stays.
MANY = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
static int id[3];
static void attach(void)
{
    for (int i = 0; i < 3; i++)
        shmat(id[i], 0, 0);
}
int main(int argc, char **argv)
{
    char byte;
    for (int i = 0; i < 3; i++)
        id[i] = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    for (int i = 0; i < atoi(argv[argc - 1]); i++) {
        if (!fork()) {
            attach();
            _exit(0);
        }
        wait(0);
    }
    if (!fork()) {
        attach();
        printf("%d\n", getpid());
        fflush(stdout);
        _exit(read(0, &byte, 1) < 0);
    }
    wait(0);
    for (int i = 0; i < 3; i++)
        shmctl(id[i], IPC_RMID, 0);
}
"""
CHILDREN = 4400  # more than there are slots


def report_of_many(compile_c, **environment):
    with Lines(compile_c("many", MANY), CHILDREN, env={"LD_PRELOAD": harness.SHIM, **environment}, patience=200) as lines:
        worker = int(lines.wait_for(""))
        segment = Recording(pathlib.Path(os.environ["MEMSHIM_DIR"]) / "default.seg")
        report, text = segment.report(), segment.report_text()
        lines.say()
        assert lines.end()[0] == 0
    return report, text, worker


def test_reused_rows_whose_events_are_kept(compile_c):
    report, text, worker = report_of_many(compile_c)
    assert not any(harness.lost(report["coverage"]).values()), report["coverage"]
    assert report["coverage"]["events"] >= 4 * CHILDREN
    assert "lost-events" not in {f["kind"] for f in report["findings"]}
    assert ", none lost" in text
    assert [a["pid"] for a in report["attachments"] if a["live"]] == [worker] * 3


def test_reused_rows_whose_events_were_overwritten(compile_c):
    """If the events were overwritten, too, the rows count as lost."""
    report, text, worker = report_of_many(compile_c, MEMSHIM_LOG_SIZE="8K")
    lost = report["coverage"]["lost"]
    assert lost["overwritten"] and lost["forgotten"] and lost["attachments_full"]
    finding, = [f for f in report["findings"] if f["kind"] == "lost-events"]
    assert "forgotten" in finding["text"] and ", none lost" not in text
    assert [p["state"] for p in report["processes"] if p["pid"] == worker] == ["running"]
