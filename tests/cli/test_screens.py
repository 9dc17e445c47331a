# SPDX-License-Identifier: MIT
"""
Whole screens, as a person sees them: those in tests/screens, of one small program. What differs from run to run
(times, pids, addresses) is masked.

    RENEW_SCREENS=1 pytest tests/cli/test_screens.py     writes them again; look at the difference
"""

import contextlib
import os
import re

import pytest

import harness
import machine
from harness import memshim, record

SCREENS = harness.TOP / "tests" / "screens"

STORY = r"""
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    int shared = shmget(0x6d656d01, 65536, IPC_CREAT | IPC_EXCL | 0600);
    int forgotten = shmget(IPC_PRIVATE, 4096, 0666);
    char *at = shmat(shared, 0, 0), *again;
    sbrk(8192);
    brk((char *)sbrk(0) - 4096);
    for (int i = 0; i < 2; i++)
        if (fork() == 0) {
            shmdt(at);
            sbrk(1 << 20);
            _exit(i);
        } else {
            wait(0);
        }
    again = shmat(shared, 0, SHM_RDONLY);
    shmget(0x6d656d01, 1 << 20, 0600);
    shmdt((void *)4096);
    shmctl(shared, IPC_RMID, 0);
    sbrk(1L << 60);
    return again != at && forgotten >= 0 ? 0 : 1;
}
"""


def masked(text):
    """The masks keep the width, so that columns stay in place."""
    same = lambda c: lambda m: c * len(m[0])
    text = re.sub(r"0x[0-9a-f]{9,}", same("A"), text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d on .*", "DATE on HOST", text)
    text = re.sub(r"\b\d+(\.\d+)? (ms|us|s)\b", "TIME", text)
    text = re.sub(r"(?m)^ +\d+\.\d{9}", same("T"), text)
    text = re.sub("[▁▂▃▄▅▆▇█]{12}", "▁" * 12, text)  # the break in time
    text = re.sub(r"(?m)^Memory .*\n", "", text)  # the kernel's numbers
    text = re.sub(r"record-[0-9a-f-]+ *", "record-NAME  ", text)  # as long as a pid is
    text = re.sub(r" +\d+K(?= +< TIME)", "   SIZE", text)  # by the file system's blocks
    text = re.sub(r"(?m)^SESSION {3,}", "SESSION      ", text)
    text = re.sub(r"/tmp/[\w/.-]*/story", "/tmp/story", text)
    text = re.sub(r"(?m)(, libc\.so\.6| +__libc_start).*\n", "", text)
    pids = dict.fromkeys(str(p["pid"]) for p in harness.Recording("memshim.data").report()["processes"])
    for number, pid in enumerate(pids, 1):
        text = re.sub(rf"(?<![\d.]){pid}(?!\d)", f"P{number}".rjust(len(pid)), text)
    return text


def without_columns(text, *headings):
    """A list of top without columns that depend on time, and without the right side of the head."""
    lines = text.split("\n")
    at = [i for i, line in enumerate(lines) if any(h in line for h in headings)]
    for heading in headings:
        if not at or heading not in lines[at[0]]:
            continue
        end = lines[at[0]].index(heading) + len(heading)
        begin = end - max(len(heading), 12) if heading == "BREAK IN TIME" else end - len(heading)
        end = begin + 13 if heading == "BREAK IN TIME" else end
        lines[at[0] + 1:] = [line[:begin] + "~" * (end - begin) + line[end:] if len(line) > end else line
                             for line in lines[at[0] + 1:]]
    return re.sub(r"(?m) +ended, .*$", "  ended", "\n".join(lines))


@pytest.fixture
def story(compile_c, monkeypatch):
    program = compile_c("story", STORY, "-g", "-O0")
    with machine.pids_after(20000) if harness.IS_ROOT else contextlib.nullcontext():  # pids of five digits, as in the screens
        record("./" + os.path.basename(program), options=("-q",))
    monkeypatch.setenv("COLUMNS", "80")


SCREENS_OF = {
    "report-80": ("report",), "report-120": ("report",),
    "report-bytes": ("report", "-b", "--columns=pid,program,net,peak"),
    "events": ("events", "--call=start,fork,brk,sbrk,shmget,shmat,shmdt,shmctl"),
    "events-stacks": ("events", "-k", "--call=shmget"), "events-failed": ("events", "-Z"),
    **{f"top-{view}": ("top", "--once", f"--view={view}", "memshim.data")
       for view in ("processes", "segments", "sites", "findings")},
    "ls": ("ls",), "help": ("help",), "help-record": ("help", "record"), "help-events": ("help", "events"),
}


@machine.needs("root")
@pytest.mark.parametrize("name", SCREENS_OF)
def test_screen(story, name, monkeypatch):
    if name.endswith("-120"):
        monkeypatch.setenv("COLUMNS", "120")
    done = memshim(*SCREENS_OF[name], *(() if name.startswith("help") else ("--color=never",)))
    assert (done.returncode, done.stderr) == (0, "")
    width = int(os.environ["COLUMNS"])
    if not name.startswith("events"):
        assert max(map(len, done.stdout.splitlines())) <= width, "it fits the page"
    seen = masked(done.stdout)
    if name.startswith("top"):
        seen = without_columns(seen, "NET/S", "MOVES/S", "BREAK IN TIME", "BYTES/S")
    path = SCREENS / f"{name}.txt"
    if os.environ.get("RENEW_SCREENS"):
        path.write_text(seen, encoding="utf-8")
    assert seen == path.read_text(encoding="utf-8")


def test_colours(story):
    """Colours are used only where they are wanted; the text is the same."""
    coloured = memshim("report", "--color=always", env={"NO_COLOR": ""}).stdout
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == memshim("report", "--color=never").stdout
    assert "\x1b" not in memshim("report").stdout


def test_many_processes():
    """Of many processes, the most important rows are shown, with the total."""
    program = harness.target("calls")
    record("sh", "-c", f"for i in $(seq 60); do /bin/true; done; {program} 1; {program} 2; true", options=("-q",))
    text = memshim("report", "--color=never", "--columns=pid,program,state").stdout
    table = text.split("PROCESSES")[1].split("\n\n")[0]
    assert table.count(" calls ") == 2
    assert "40 of them shown" in table and len(table.splitlines()) == 42
    assert memshim("report", "--sort=pid").stdout.split("PROCESSES")[1].split("\n\n")[0].count(" true ") == 60
