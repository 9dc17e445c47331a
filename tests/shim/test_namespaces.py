# SPDX-License-Identifier: MIT
"""Processes of one session in several IPC namespaces: the same ids mean other segments there."""

import json
import os

import pytest

import harness
import machine
from harness import Lines, Recording, memshim, record, target
from story import KEY, NEW, Teller, agree, kernel_rows, recorded

pytestmark = machine.needs("root")


def other_namespace(pid):
    return os.stat(f"/proc/{pid}/ns/ipc").st_ino


def test_the_same_id_in_two_namespaces():
    """Key and id are equal; size, creators and ends are separate."""
    command = ("sh", "-c", f"{target('ledger')}; exec unshare --ipc {target('ledger')}")
    with recorded(*command) as lines:
        outer = Teller(lines)
        assert outer.get(KEY, 4096) == 0
        outer.tell("at")
        outer.tell_last("exit 0")
        inner = Teller(lines)
        assert inner.get(KEY, 12288) == 0
        inner.tell("at")
        inner.tell("at")
        report = Recording("memshim.data").report()
        ours, theirs = report["segments"]
        process, = [p for p in report["processes"] if p["state"] == "running"]
        assert theirs["ipc_namespace"] == process["ipc_namespace"] == other_namespace(process["pid"])
        assert (ours["ipc_namespace"], ours["size"], ours["attaches"], ours["state"], ours["leaked"]) == (
            None, 4096, 1, "present", True)
        assert (theirs["size"], theirs["attaches"], theirs["attached_here"], theirs["nattch"]) == (12288, 2, 2, None)
        inner.tell("rm")
        lines.end()
    report = Recording("memshim.data").report()
    agree({**report, "segments": report["segments"][:1]})
    ours, theirs = report["segments"]
    assert (ours["state"], ours["removed"], ours["leaked"]) == ("present", None, True)
    assert (theirs["state"], theirs["leaked"]) == ("destroyed", False)
    assert ours["creator"]["pid"] != theirs["creator"]["pid"] == theirs["removed"]["pid"]
    text = memshim("report", "-m0", "--color=never").stdout
    assert "HISTORY of segment 0\n" in text and f"HISTORY of segment 0 of the IPC namespace {theirs['ipc_namespace']}\n" in text
    assert "destroyed, other namespace" in text
    assert "other ns" in memshim("graph").stdout
    assert {s["ipc_namespace"] for s in json.loads(memshim("graph", "--json").stdout)["segments"]} == {None, theirs["ipc_namespace"]}


def test_what_is_left_there_is_no_leak_here():
    """The segment ends with its namespace, and reap does not remove its id here."""
    record("unshare", "--ipc", "perl", "-e", f"shmget({KEY:#x}, 4096, 03600) // die", options=("-q",))
    assert harness.run("ipcmk", "-M", "4096").returncode == 0
    before = kernel_rows()
    segment, = Recording("memshim.data").report()["segments"]
    assert segment["ipc_namespace"] and not segment["leaked"] and segment["creator"]
    assert "another IPC namespace" in memshim("reap", "--force").stdout and kernel_rows() == before


def test_failures_there_are_explained_by_what_is_there():
    """The recorder does not use its own table to explain failures of another namespace."""
    assert harness.run("perl", "-e", f"shmget({KEY:#x}, 65536, 01600) // die").returncode == 0
    with recorded("unshare", "--ipc", target("ledger")) as lines:
        program = Teller(lines)
        program.get(KEY, 4096)
        assert program.get(KEY, 8192, 0o600) < 0
        assert program.get(KEY, 1, NEW) < 0
        lines.end()
    text = " ".join(f["text"] for f in Recording("memshim.data").report()["findings"])
    assert "with this key has 4K, and the call asked for 8K; it was created by ledger" in text and "64K" not in text


def test_a_holder_that_has_left(compile_c):
    """
    A process attached a segment and moved to another namespace: the kernel counts it, and it is shown. It is
    recognized by the size, because other processes may have a segment with the same id.
    """
    program = compile_c("leaver", r"""
        #define _GNU_SOURCE
        #include <sched.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/shm.h>
        int main(int argc, char **argv)
        {
            int id = shmget(0x6d656d10, 4096l * atoi(argv[1]), IPC_CREAT | 0600);
            if (shmat(id, 0, 0) == (void *)-1 || unshare(CLONE_NEWIPC) != 0)
                return 1;
            puts("left"); fflush(stdout);
            return getchar() == EOF;
        }""")
    with Lines(program, str(1000 + os.getpid() % 30000)) as lines:
        lines.wait_for("left")
        pid = lines.process.pid
        segment, = json.loads(memshim("ipcs", "--json").stdout)["segments"]
        assert (segment["nattch"], segment["unaccounted"]) == (1, 1)
        assert [(h["pid"], h["other_ipc_namespace"]) for h in segment["holders"]] == [(pid, True)]
        assert f"leaver {pid} (other namespace)" in memshim("ipcs", env={"COLUMNS": "160"}).stdout
        look = f"my $id = shmget({KEY:#x}, 0, 0) // die; my $x; shmread($id, $x, 0, 1) or die"
        record("perl", "-e", look, options=("-q",))
        holders = Recording("memshim.data").report()["segments"][0]["holders"]
        assert [(h["pid"], h["other_ipc_namespace"], h["traced"]) for h in holders] == [(pid, True, False)]
        lines.say("x")
        lines.end()


def test_no_guess_which_process_has_left(compile_c):
    """Two processes in other namespaces map the id and size of a segment with one attachment: neither is named."""
    program = compile_c("mapper", r"""
        #define _GNU_SOURCE
        #include <sched.h>
        #include <stdio.h>
        #include <sys/shm.h>
        int main(int argc, char **argv)
        {
            (void)argv;
            if (argc > 1 && unshare(CLONE_NEWIPC) != 0)
                return 1;
            int id = shmget(0x6d656d10, 4096, IPC_CREAT | 0600);
            if (shmat(id, 0, 0) == (void *)-1 || unshare(CLONE_NEWIPC) != 0)
                return 1;
            printf("%d\n", id); fflush(stdout);
            return getchar() == EOF;
        }""")
    with Lines(program, "elsewhere") as stranger:
        with Lines(program) as leaver:
            ids = {int(lines.wait_for("")) for lines in (stranger, leaver)}
            assert ids == {0}, "each is the first segment of its namespace"
            segment, = json.loads(memshim("ipcs", "--json").stdout)["segments"]
            assert (segment["nattch"], segment["unaccounted"], segment["holders"]) == (1, 1, [])
            text = memshim("ipcs", env={"COLUMNS": "160"}).stdout
            assert "1 not visible" in text and "other namespace" not in text
            look = f"my $id = shmget({KEY:#x}, 0, 0) // die; my $x; shmread($id, $x, 0, 1) or die"
            record("perl", "-e", look, options=("-q",))
            assert Recording("memshim.data").report()["segments"][0]["holders"] == []
            leaver.say("x")
            leaver.end()
        stranger.say("x")
        stranger.end()


def test_the_same_pid_in_many_namespaces():
    """Programs that are all pid 1, started in the same tick: each has its own end and its own attachments."""
    story = "get {n} 4096 03600\\nat\\nexit {n}\\n"
    each = f"unshare --pid --fork {target('ledger')} >/dev/null"
    script = " & ".join(f"printf '{story.format(n=n)}' | {each}" for n in range(1, 13)) + " & wait"
    report = record("sh", "-c", script, options=("-q", "-w")).report()
    inner = [p for p in report["processes"] if p["exe"] == str(target("ledger"))]
    assert sorted(p["exit_status"] for p in inner) == list(range(1, 13))
    assert {(p["pid"], p["state"], p["image"], p["attached"]["peak"]) for p in inner} == {(1, "exited", 1, 1)}
    hosts = {p["pid"] for p in report["processes"]} - {1} | {p["host_pid"] for p in inner}
    assert len({p["host_pid"] for p in inner}) == 12 and {p["ppid"] for p in inner} == {0}
    events = [e for e in Recording("memshim.data").events() if e["pid"] == 1]
    assert {e["host_tid"] for e in events} == {e["host_pid"] for e in events} <= hosts
    assert all(s["leaked"] and s["creator"]["pid"] == 1 for s in report["segments"]) and len(report["segments"]) == 12
    assert memshim("reap", "--force").stdout.endswith("\n12 removed, 0 kept\n") and not kernel_rows()


FILTER = r"""
    #include <linux/filter.h>
    #include <linux/seccomp.h>
    #include <stddef.h>
    #include <sys/prctl.h>
    #include <unistd.h>
    int main(int argc, char **argv)
    {
        struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        struct sock_fprog program = {1, &all};
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
        return argc < 2 || execv(argv[1], argv + 1);
    }
"""


@pytest.mark.parametrize("proc", ["mount -t proc none /proc", "mount -t tmpfs none /proc"], ids=["seen", "hidden"])
def test_sandboxed_processes_do_not_connect(compile_c, proc):
    """In a sandbox no process connects to the recorder: pid 1 there is not the machine's pid 1."""
    def last():
        return next((p for p in Recording("memshim.data").report()["processes"] if p["comm"] == "calls"), {})

    inner = f"{proc}; exec {compile_c('filter', FILTER)} {target('calls')} 3 wait"
    with recorded("unshare", "--mount", "--pid", "--fork", "sh", "-c", inner) as lines:
        lines.wait_for("wrong: 0")
        harness.wait_until(lambda: "host_pid" in last(), "the recorder has found it")
        assert lines.end() == (0, "")
    assert (last()["pid"], last()["state"], last()["exit_status"]) == (1, "exited", 0)
    assert Recording("memshim.data").report()["coverage"]["not_followed"] == []


# The loader calls the resolver of an ifunc while it relocates the program, before any constructor.
SLOW = r"""
    #include <unistd.h>
    static int stay(void)
    {
        char word;
        return read(0, &word, 1) != 1;
    }
    static int (*resolve(void))(void)
    {
        char word;
        if (write(1, "loading\n", 8) != 8 || read(0, &word, 1) != 1)
            _exit(1);
        return stay;
    }
    int wait_for_word(void) __attribute__((ifunc("resolve")));
    int main(int argc, char **argv)
    {
        (void)argv;
        return write(1, "loaded\n", 7) != 7 || (argc > 1 && wait_for_word());
    }
"""


@pytest.mark.parametrize("name", ["slow", "other"])
def test_a_hidden_process_registers_late(compile_c, tmp_path, name):
    """
    A process that loads its libraries slowly seems unfollowed, until it registers. No /proc tells which process that
    was: the recorder sees that it maps the segment, and the reader compares the program's name, where it is the same.
    """
    compile_c("slow", SLOW, "-fno-plt", "-Wl,-z,now")
    os.symlink("slow", tmp_path / "other")

    def unfollowed():
        return Recording("memshim.data").report()["coverage"]["not_followed"]

    def the_process():
        return Recording("memshim.data").process(comm=name)

    inner = f"mount -t tmpfs none /proc; exec {compile_c('filter', FILTER)} {tmp_path / name}"
    with recorded("unshare", "--mount", "--pid", "--fork", "sh", "-c", inner + " stay" * (name == "other")) as lines:
        lines.wait_for("loading")
        harness.wait_until(unfollowed, "the recorder suspects it")
        lines.say()
        lines.wait_for("loaded")
        if name == "other":
            harness.wait_until(lambda: not unfollowed(), "the recorder has seen the segment mapped")
            harness.wait_until(lambda: "host_pid" in the_process(), "the recorder has found it by its break")
            assert the_process()["state"] == "running"
            lines.say()
        assert lines.end() == (0, "")
    assert unfollowed() == [] and the_process()["state"] == "exited"


def test_the_same_pid_where_proc_is_hidden():
    """Two programs, one after the other, are pid 1 and cannot read their start time."""
    story = 'printf "break 4096\\nbreak 4096\\nexit 4\\n"'
    each = f"unshare --mount --pid --fork sh -c 'mount -t tmpfs none /proc; {story} | {target('ledger')} >/dev/null'"
    report = record("sh", "-c", f"{each} & {each} & wait", options=("-q", "-w")).report()
    ends = [(p["state"], p["exit_status"], p["break"]["by_origin"]["direct"]["moves"])
            for p in report["processes"] if p["comm"] == "ledger"]
    assert ends == [("exited", 4, 2)] * 2


ELSEWHERE = ("unshare", "--pid", "--fork", "--mount-proc")


@pytest.mark.parametrize("recorder,program,reader", [(ELSEWHERE, (), ()), ((), ELSEWHERE, ()), ((), (), ELSEWHERE)],
                         ids=["recorder", "program", "reader"])
def test_a_leak_across_pid_namespaces(recorder, program, reader):
    """Created without IPC_EXCL: the kernel's table has the creator under another pid."""
    script = f"printf 'get 77 4096 01600\\nat\\nexit 0\\n' | {target('ledger')} >/dev/null"
    assert harness.run(*recorder, harness.MEMSHIM, "record", "-q", "-w", "--", *program, "sh", "-c", script).returncode == 0
    segment, = json.loads(harness.run(*reader, harness.MEMSHIM, "report", "--json").stdout)["segments"]
    assert (segment["state"], segment["leaked"]) == ("present", True)


def wait_for_host_pids():
    """Waits: the recorder learns of a process a moment after it started."""
    def known():
        return all("host_pid" in p for p in Recording("memshim.data").report()["processes"] if p["comm"] == "ledger")
    harness.wait_until(known, "their pids are known")


def test_a_holder_of_another_pid_namespace():
    """It is one process, with the shim, whatever its pid."""
    with recorded("unshare", "--pid", "--fork", target("ledger")) as lines:
        program = Teller(lines)
        program.get(KEY, 4096)
        program.tell("at")
        wait_for_host_pids()
        segment, = Recording("memshim.data").report()["segments"]
        assert [h["traced"] for h in segment["holders"]] == [True] and segment["unaccounted"] == 0
        program.tell("rm")
        lines.end()


def test_both_pids_select_a_process():
    """The user may name a process by its pid outside or inside its namespace."""
    with recorded("unshare", "--pid", "--fork", target("ledger")) as lines:
        program = Teller(lines)
        program.tell("break", 4096)
        wait_for_host_pids()
        inner, = [p for p in Recording("memshim.data").report()["processes"] if p["comm"] == "ledger"]
        for pid in (inner["pid"], inner["host_pid"]):
            report = json.loads(memshim("report", "--json", f"--pid={pid}").stdout)
            assert inner["exe"] in [p["exe"] for p in report["processes"]]
            assert "sbrk(4096)" in memshim("events", f"--pid={pid}").stdout
            assert "as it last was" not in memshim("map", f"--pid={pid}", "memshim.data").stdout
        lines.end()
