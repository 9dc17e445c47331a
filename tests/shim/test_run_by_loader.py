# SPDX-License-Identifier: MIT
"""The dynamic loader is told to run a program: the names are the program's, not the loader's."""

import os
import re
import shutil

import pytest

import harness
from harness import record, run

PROGRAM = """
    #include <stdlib.h>
    #include <string.h>
    #include <sys/prctl.h>
    #include <sys/shm.h>
    #include <sys/wait.h>
    #include <unistd.h>
    __attribute__((noinline)) void grow(void) { sbrk(1 << 20); __asm__(""); }
    int main(int argc, char **argv)
    {
        if (argc > 1 && strcmp(argv[1], "renamed") == 0)
            prctl(PR_SET_NAME, "by itself");
        if (argc > 1 && fork() == 0) {
            grow();
            _exit(0);
        }
        shmget(IPC_PRIVATE, 4096, 0600);
        grow();
        return argc > 1 ? wait(NULL) < 0 : 0;
    }
"""


@pytest.fixture
def program(compile_c):
    return compile_c("program", PROGRAM, "-g")


@pytest.fixture
def loader(program):
    return re.search(r"interpreter: (.*)]", run("readelf", "-l", program).stdout)[1]


@pytest.mark.parametrize("before", [(), ("--library-path", "/lib"), ("--argv0", "other")], ids=lambda b: b[0] if b else "plain")
def test_program_and_functions_have_their_names(program, loader, before):
    recording = record(loader, *before, program)
    process, = recording.report()["processes"]
    assert process["exe"] == program and process["comm"] == "program"
    assert process["cmdline"] == ("other" if before[:1] == ("--argv0",) else program)
    text = recording.report_text()
    assert os.path.basename(loader) not in text.split("PROCESSES")[1]
    assert "another file" not in text
    if harness.HAS_STACKS:
        move, = [e for e in recording.calls() if e.get("origin") == "direct"]
        assert move["stack"][0]["function"] == "grow"
        assert move["stack"][0]["module"] == program
        assert "grow  program.c:" in text


def test_relative_path(program, loader):
    recording = record(loader, "./program")
    process, = recording.report()["processes"]
    assert (process["exe"], process["comm"], process["cmdline"]) == (program, "program", "./program")


def test_children_have_its_name_too(program, loader):
    processes = record(loader, program, "fork", options=("-w",)).report()["processes"]
    assert [(p["comm"], p["exe"]) for p in processes] == [("program", program)] * 2


def test_name_that_it_gave_itself_is_kept(program, loader):
    processes = record(loader, program, "renamed", options=("-w",)).report()["processes"]
    assert [p["comm"] for p in processes] == ["program", "by itself"]


def test_same_as_started_directly(program, loader):
    def seen(*command):
        return [(e["comm"], e["call"], e.get("origin"), [f["function"] for f in e.get("stack", [])][:2])
                for e in record(*command).calls() if e.get("origin") != "malloc"]

    assert seen(loader, program) == seen(program)


def test_unfollowed_one_is_named_too(loader, tmp_path):
    """The program lost LD_PRELOAD with its environment: the recorder names the program, not the loader."""
    shutil.copy("/bin/sleep", tmp_path / "waits")
    recording = record("sh", "-c", f"env -i {loader} --library-path /lib ./waits 1; true", options=("-w",))
    assert [w["exe"] for w in recording.report()["coverage"]["not_followed"]] == [str(tmp_path / "waits")]
