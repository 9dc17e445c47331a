# SPDX-License-Identifier: MIT
"""Running processes and present attachments are always shown: rows of the report, arrows of the graph, pids of ipcs."""

import re

import pytest

import harness
import machine
from harness import Lines, Recording, memshim

needs_root = machine.needs("root")

# Children end one after the other; the last of argv[1] stays with its attachments, without the recorder's COMMAND.
FAMILY = """
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int id = shmget(IPC_PRIVATE, 1036288, IPC_CREAT | 0600), times = atoi(argv[2]), ready[2];
    char byte;
    for (int i = 0; i < times; i++)
        shmat(id, 0, 0);
    if (pipe(ready))
        return 1;
    for (int i = atoi(argv[1]); i > 0; i--) {
        if (!fork()) {
            if (i > 1)
                _exit(0);
            setsid();
            _exit(write(ready[1], "x", 1) != 1 || read(0, &byte, 1) < 0);
        }
        if (i > 1)
            wait(0);
    }
    return read(ready[0], &byte, 1) != 1;
}
"""
LONG = "a-rather-long-name"


def family(compile_c, children, times):
    """COMMAND of the recording has ended, its last child still reads. Returns the lines that it runs under."""
    program = compile_c(LONG, FAMILY)
    lines = Lines("sh", "-c", f'"$0" record -q -- {program} {children} {times} <&0; echo ended; read x; exec cat', harness.MEMSHIM)
    lines.wait_for("ended")
    return lines


def boxes(drawn):
    lines = drawn.splitlines()
    return {line.index("│") for line in lines if "│" in line} | {lines[0].index("┌"), lines[-1].index("└")}


@needs_root
def test_ended_processes_hold_nothing(compile_c):
    """The session has ended and one process still has the segment attached: only its arrow is solid, and it comes first."""
    with family(compile_c, 5, 1):
        recording = Recording("memshim.data")
        holder = recording.process(state="running")["pid"]
        drawn = memshim("graph").stdout
        assert drawn.count("───▶") + drawn.count("◀───") == 1 and drawn.count("┄┄┄▷") + drawn.count("◁┄┄┄") == 5
        assert re.match(rf"a-ra\S+ {holder} \S+( by fork)? ───▶ │", drawn.splitlines()[1])
        mermaid = memshim("graph", "--format=mermaid").stdout
        assert mermaid.count(" -->|") == 1 and mermaid.count(" -.->|") == 5


@needs_root
@pytest.mark.parametrize("columns", [60, 80, 100, 120])
def test_box_is_straight(compile_c, columns):
    """Many inherited attachments make long labels. They are shortened; the box and the pids stay."""
    with family(compile_c, 4, 12):
        drawn = memshim("graph", env={"COLUMNS": str(columns)}).stdout
        assert len(boxes(drawn)) == 1, drawn
        pids = {p["pid"] for p in Recording("memshim.data").report()["processes"]}
        assert all(re.search(rf" {pid}\b", drawn) for pid in pids)
        assert columns < 80 or max(map(len, drawn.splitlines())) <= columns


@needs_root
@pytest.mark.parametrize("language,mark", [("C.UTF-8", "\u2026"), ("C", "...")])
def test_long_names_keep_their_ends(compile_c, language, mark):
    """A name that is too long for its column loses its middle, and that is marked."""
    program = compile_c("a-program-with-a-very-long-name-of-its-own", """
        #include <sys/shm.h>
        #include <unistd.h>
        int main(void) { sbrk(4096); return shmget(0x77, 4096, IPC_CREAT | 0600) < 0; }""")
    recording = harness.record(program, options=("-q",))
    text = harness.memshim("report", "--color=never", recording.path, env={"LC_ALL": language, "COLUMNS": "160"}).stdout
    for title in ("PROCESSES", "SEGMENTS", "CALL SITES"):
        table = text.split(f"\n{title}  ")[1].split("\n\n")[0]
        assert re.search(rf"a-progra\S*{re.escape(mark)}\S*its-own", table), table


def test_pid_of_a_holder_is_whole(compile_c):
    with family(compile_c, 3, 1):
        holder = Recording("memshim.data").process(state="running")["pid"]
        for columns in (64, 72, 80, 90, 100, 140):
            shown = memshim("ipcs", env={"COLUMNS": str(columns)}).stdout.splitlines()[2]
            assert re.search(rf"a-rat\S* {holder}( |$)", shown) or re.search(rf"a-r\S* {holder}$", shown), shown


@needs_root
def test_the_running_process_is_among_the_rows(compile_c):
    """The running process has no moves and one attachment; 60 ended children had three. It has a row."""
    program = compile_c("daemon", """
    #include <stdio.h>
    #include <sys/shm.h>
    #include <sys/wait.h>
    #include <unistd.h>
    int main(void)
    {
        int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
        char byte;
        shmat(id, 0, 0);
        shmctl(id, IPC_RMID, 0);
        for (int i = 0; i < 60; i++) {
            if (!fork()) {
                int other = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
                shmat(id, 0, 0);
                shmat(other, 0, 0);
                _exit(shmctl(other, IPC_RMID, 0));
            }
            wait(0);
        }
        return write(1, "done\\n", 5) != 5 || read(0, &byte, 1) < 0;
    }
    """)
    with Lines(program, env={"LD_PRELOAD": harness.SHIM}) as lines:
        lines.wait_for("done")
        text = Recording("default").report_text()
        processes = text[text.index("\nPROCESSES"):text.index("\nSEGMENTS")]
        assert "\nPROGRAMS  1, of 60 ended processes; --ungroup shows each\n" in text and "PROCESSES  1\n" in processes
        assert re.findall(r"(?m)^ *(\d+) .* running$", processes) == [str(lines.process.pid)]
        segments = text[text.index("\nSEGMENTS"):text.index("\nCALL SITES")]
        assert "SEGMENTS  1, 4K in all; 60 more are gone, --all shows them\n" in segments
        assert segments.count("  marked\n") == 1
        assert "PROCESSES  61, 40 of them shown" in Recording("default").report_text("--ungroup", "--top=40")


@needs_root
def test_all_that_runs_is_shown(compile_c):
    """With more than 40 running processes, the table has more than its usual 40 rows."""
    program = compile_c("crowd", """
    #include <unistd.h>
    int main(void)
    {
        char byte;
        for (int i = 0; i < 44; i++)
            if (!fork())
                return read(0, &byte, 1) < 0;
        for (int i = 0; i < 30; i++)
            if (!fork())
                _exit(0);
        return write(1, "done\\n", 5) != 5 || read(0, &byte, 1) < 0;
    }
    """)
    with Lines(program, env={"LD_PRELOAD": harness.SHIM}) as lines:
        lines.wait_for("done")
        harness.wait_until(lambda: len(Recording("default").report()["processes"]) == 75, "all have registered")
        assert Recording("default").report_text().count(" running\n") == 45


@needs_root
def test_programs_that_others_replaced():
    """A row of programs counts the images that ended by execve(2)."""
    script = "for my $i (1 .. 25) { if (!fork) { my @a = (1) x 100000; exec '/bin/true' } wait }"
    harness.record("/usr/bin/perl", "-e", script)
    table = harness.memshim("report", "--color=never").stdout.split("\nPROGRAMS  ")[1].split("\n\n")[0]
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines()[2:]}
    assert rows["perl"][0] == "26" and " ".join(rows["perl"]).endswith("1 exit 0, 25 exec")
    assert rows["true"][0] == "25" and " ".join(rows["true"]).endswith("exit 0")
