# SPDX-License-Identifier: MIT
"""What `reap` removes, and above all what it keeps: whatever is not known to be over."""

import pytest

import harness
from harness import SHIM, Lines, Recording, memshim
from story import kernel_rows

SMALL = {"LD_PRELOAD": SHIM, "MEMSHIM_LOG_SIZE": "64K"}  # 512 process slots
CHILDREN = 700


@pytest.fixture(autouse=True)
def table_to_ourselves():
    if not harness.IS_ROOT:
        pytest.skip("the table is everybody's without an IPC namespace")


# A daemon whose helper creates a segment for it and ends. Then come `argv[1]` short children.
DAEMON = """
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int ends[2], id = -1;
    char line[8];
    if (argc < 2 || pipe(ends))
        return 1;
    if (!fork()) {
        id = shmget(IPC_PRIVATE, 65536, IPC_CREAT | 0600);
        _exit(write(ends[1], &id, sizeof id) != sizeof id);
    }
    wait(0);
    if (read(ends[0], &id, sizeof id) != sizeof id)
        return 1;
    for (int i = 0; i < atoi(argv[1]); i++) {
        if (!fork())
            _exit(0);
        wait(0);
    }
    puts("served");
    fflush(stdout);
    if (read(0, line, sizeof line) < 0)
        return 1;
    puts(shmat(id, 0, 0) == (void *)-1 ? "GONE" : "ok");
    return 0;
}
"""


def test_creator_whose_slot_was_reused(compile_c):
    """The daemon may attach what its helper created, though nobody remembers the helper's slot."""
    with Lines(compile_c("daemon", DAEMON), CHILDREN, env=SMALL) as lines:
        lines.wait_for("served")
        segment, = Recording("default").report()["segments"]
        assert (segment["leaked"], segment["state"]) == (False, "present")
        assert segment["creator"]["exe"].endswith("/daemon") and segment["creator"]["cmdline"].endswith(f"/daemon {CHILDREN}")
        assert not [f for f in Recording("default").report()["findings"] if f["shmid"] is not None]
        done = memshim("reap", "--force", "default")
        assert done.returncode == 0 and "kept     segment" in done.stdout and "still runs" in done.stdout, done
        assert "daemon (" in done.stdout
        lines.say("go")
        assert lines.wait_for("") == "ok" and lines.end()[0] == 0
    segment, = Recording("default").report()["segments"]
    assert segment["leaked"] and segment["creator"]["exe"].endswith("/daemon")
    assert "1 removed, 0 kept" in memshim("reap", "--force", "default").stdout and not kernel_rows()
