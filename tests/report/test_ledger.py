# SPDX-License-Identifier: MIT
"""
The ledger of shared memory: after each step of a known story, its segments, holders and findings agree with the
kernel and with the story.
"""

import errno
import os
import signal
import subprocess

import pytest

import harness
import machine
from harness import MEMSHIM, Lines, Recording, memshim, run, target, wait_until
from story import KEY, NEW, SHM_RDONLY, SHM_REMAP, Teller, agree, kernel_rows, recorded

FREE_ADDRESS = 1 << 40  # where no program has anything

needs_root = machine.needs("root")


def report_of(name="memshim.data"):
    return Recording(name).report()


def kinds(report):
    return {f["kind"] for f in report["findings"]}


def only_segment(report):
    segment, = report["segments"]
    return segment


# ---- leaks ----


@pytest.mark.parametrize("ending", ["exit 0", "kill", "exec"])
def test_leak(ending):
    """A segment leaks when it is not removed and all its users have ended, by whatever way."""
    with recorded() as lines:
        program = Teller(lines)
        shmid = program.get()
        program.tell("at")
        report = report_of()
        agree(report)
        assert not only_segment(report)["leaked"] and "leaked-segment" not in kinds(report)
        program.tell_last(ending if ending != "exec" else f"exec {target('calls')}")
        lines.end()
    report = report_of()
    agree(report)
    segment = [s for s in report["segments"] if s["shmid"] == shmid][0]
    assert segment["leaked"] and segment["state"] == "present"
    assert segment["creator"]["exe"] == target("ledger")
    assert any(f["function"] == "do_word" for f in segment["creator"]["stack"])
    finding, = [f for f in report["findings"] if f["kind"] == "leaked-segment"]
    assert finding["shmid"] == shmid and finding["severity"] == "error"
    assert any(f["function"] == "do_word" for f in finding["stack"])
    ended = [a["ended_by"] for a in report["attachments"] if a["shmid"] == shmid]
    assert ended == ["exec" if ending == "exec" else "exit"]


def test_kept_by_the_family(compile_c):
    """A parent may still use what its child created: no leak. An unrelated program does not count."""
    text = """
    #include <stdio.h>
    #include <sys/shm.h>
    #include <sys/wait.h>
    #include <unistd.h>
    int main(void)
    {
        if (fork() == 0)
            return shmget(0x6d656d30, 4096, IPC_CREAT | IPC_EXCL | 0600) < 0;
        wait(0);
        puts("made");
        fflush(stdout);
        char line[2];
        return read(0, line, 2) != 2;
    }
    """
    program = compile_c("parent", text)
    with recorded("sh", "-c", f"{program}; {target('ledger')}") as lines:
        lines.wait_for("made")
        harness.wait_until(lambda: report_of()["processes"][-1]["state"] != "running", "the child's end is known")
        report = report_of()
        assert not only_segment(report)["leaked"] and "leaked-segment" not in kinds(report)
        assert "still runs" in memshim("reap", "--force").stdout and len(kernel_rows()) == 1
        lines.say("x")
        Teller(lines).tell("use", 0)
        harness.wait_until(lambda: only_segment(report_of())["leaked"], "its parent has ended too, and only others run")
        lines.end()


def test_removed_while_attached():
    with recorded() as lines:
        program = Teller(lines)
        program.get()
        program.tell("at")
        program.tell("rm")
        report = report_of()
        agree(report)
        assert only_segment(report)["state"] == "marked"
        assert program.tell("at") > 0, "Linux still lets it be attached by its id"
        agree(report_of())
        program.tell("dt")
        agree(report_of())
        lines.end()
    segment = only_segment(report_of())
    assert segment["state"] == "destroyed" and not segment["leaked"]
    assert (segment["attaches"], segment["nattch_peak"]) == (2, 2)
    assert segment["removed"]["exe"] == target("ledger")


def test_removed_by_another_process():
    """The segment is removed by another program of the session, or by a process outside it."""
    command = ("sh", "-c", f"{target('ledger')}; exec {target('ledger')}-copy")
    os.symlink(target("ledger"), "ledger-copy")
    command = ("sh", "-c", f"{target('ledger')}; ipcrm -M {KEY:#x}")
    with recorded(*command) as lines:
        Teller(lines).get()
        Teller(lines).tell_last("exit 0")
        lines.end()
    report = report_of()
    segment = only_segment(report)
    assert segment["state"] == "destroyed" and os.path.basename(segment["removed"]["exe"]) == "ipcrm"
    assert "removed-by-other" in kinds(report)


def test_removal_without_a_logged_call():
    with recorded() as lines:
        shmid = Teller(lines).get()
        assert run("ipcrm", "-m", shmid).returncode == 0
        report = report_of()
        assert only_segment(report)["state"] == "vanished"
        assert "vanished-segment" in kinds(report)
        lines.end()


# ---- inherited ----


def test_inherited():
    """nattch rises at fork and falls at exit, without a call: the ledger follows."""
    with recorded() as lines:
        program = Teller(lines)
        program.get()
        program.tell("at")
        program.tell("at", 0, SHM_RDONLY)
        program.tell("fork")
        report = report_of()
        agree(report)
        segment = only_segment(report)
        assert (segment["nattch"], segment["inherited"], segment["attaches"]) == (4, 2, 2)
        inherited = [a for a in report["attachments"] if a["how"] == "fork"]
        assert [(a["readonly"], a["live"]) for a in inherited] == [(False, True), (True, True)]
        program.tell("dt")
        agree(report_of())
        program.tell_last("exec", target("calls"))
        lines.wait_for("wrong: 0")
        report = report_of()
        agree(report)
        segment, = [s for s in report["segments"] if s["key"] == f"{KEY:#x}"]
        assert segment["nattch"] == 2, "the parent's"
        assert {a["ended_by"] for a in report["attachments"] if a["how"] == "fork"} == {"shmdt", "exec"}
        lines.end()
    events = Recording("memshim.data").events("--call=fork,exec")
    assert [e["attachments"] for e in events if e["comm"] == "ledger"] == [2, 1]


def test_inherited_by_25_children(compile_c):
    text = """
    #include <sys/shm.h>
    #include <stdio.h>
    #include <unistd.h>
    #include <sys/wait.h>
    int main(void)
    {
        int id = shmget(IPC_PRIVATE, 65536, 0600), wake[2];
        char byte;
        shmat(id, 0, 0);
        pipe(wake);
        for (int i = 0; i < 25; i++)
            if (fork() == 0) {
                close(wake[1]);
                read(wake[0], &byte, 1);
                _exit(0);
            }
        puts("all");
        fflush(stdout);
        read(0, &byte, 1);
        close(wake[1]);
        while (wait(0) > 0)
            ;
        puts("alone");
        fflush(stdout);
        read(0, &byte, 1);
        return shmctl(id, IPC_RMID, 0);
    }
    """
    with recorded(compile_c("family", text)) as lines:
        lines.wait_for("all")
        # The processes exist; each one reports that itself.
        harness.wait_until(lambda: only_segment(report_of())["inherited"] == 25, "all have come", lines.process)
        report = report_of()
        agree(report)
        assert (only_segment(report)["nattch"], only_segment(report)["inherited"]) == (26, 25)
        lines.say()
        lines.wait_for("alone")
        harness.wait_until(lambda: only_segment(report_of())["attached_here"] == 1, "all ends are noted")
        agree(report_of())
        lines.end()
    assert only_segment(report_of())["nattch_peak"] == 26


# ---- what no call tells ----


def test_untraced_holder():
    """A process without the shim is found by its maps: the segment is no leak, also after it detaches."""
    with recorded() as lines, Lines(target("ledger")) as outsider:
        shmid = Teller(lines).get()
        other = Teller(outsider)
        other.tell("use", shmid)
        other.tell("at", 0, SHM_RDONLY)
        report = report_of()
        agree(report)
        holder, = only_segment(report)["holders"]
        assert (holder["pid"], holder["traced"], holder["readonly"]) == (outsider.process.pid, False, True)
        lines.end()
        report = report_of()
        agree(report)
        assert not only_segment(report)["leaked"]
        other.tell("dt")
        assert not only_segment(report_of())["leaked"], "as it was at the end"
        assert "KEPT  1 segment" in memshim("reap", "--force").stdout and shmid in kernel_rows()


def test_munmap():
    """munmap ends an attachment without shmdt: the maps of the process show it."""
    with recorded() as lines:
        program = Teller(lines)
        program.get()
        program.tell("at")
        program.tell("unmap")
        report = report_of()
        agree(report)
        assert [a["ended_by"] for a in report["attachments"]] == ["unseen"]
        lines.end()


def test_failed_shmdt_after_munmap_ends_the_attachment():
    """shmdt fails after munmap: the attachment is gone, and cannot be detached again."""
    with recorded() as lines:
        program = Teller(lines)
        program.get()
        program.tell("at")
        program.tell("unmap")
        assert program.tell("dt") == -errno.EINVAL
        lines.end()
    assert [e["attachments"] for e in Recording("memshim.data").events("--call=exit")] == [0]


def test_refused_shmdt_keeps_the_attachment():
    """The first shmdt is refused: the attachment stays, and the second shmdt ends it."""
    harness.need("strace")
    refusing = ("strace", "-qq", "-o", "/dev/null", "-e", "trace=shmdt", "-e", "inject=shmdt:error=ENOMEM:when=1")
    with recorded(*refusing, target("ledger")) as lines:
        program = Teller(lines)
        program.get()
        program.tell("at")
        assert program.tell("dt") == -errno.ENOMEM
        assert program.tell("dt") == 0
        lines.end()
    segment = only_segment(report_of())
    assert (segment["attaches"], segment["detaches"]) == (1, 1)
    assert {e["shmid"] for e in Recording("memshim.data").events("--call=shmdt")} == {segment["shmid"]}


def test_remap():
    """SHM_REMAP over two live attachments ends both."""
    with recorded() as lines:
        program = Teller(lines)
        small = program.get(KEY, 4096)
        at = FREE_ADDRESS
        assert program.tell("at", at) == at and program.tell("at", at + 4096) == at + 4096
        large = program.get(KEY + 1, 8192)
        assert program.tell("at", at, SHM_REMAP) == at
        report = report_of()
        agree(report)
        assert [(s["shmid"], s["nattch"]) for s in report["segments"]] == [(small, 0), (large, 1)]
        assert [a["ended_by"] for a in report["attachments"] if not a["live"]] == ["remap", "remap"]
        lines.end()


def test_vfork_child_detaches_its_parent():
    with recorded() as lines:
        program = Teller(lines)
        program.get()
        program.tell("at")
        assert program.tell("vforkdt") == 0
        report = report_of()
        agree(report)
        assert only_segment(report)["detaches"] == 1
        lines.end()


def test_attach_leak():
    with recorded() as lines:
        program = Teller(lines)
        program.get()
        for _ in range(5):
            program.tell("at")
        report = report_of()
        agree(report)
        assert "repeated-attach" in kinds(report)
        program.tell("rm")
        lines.end()
    finding, = [f for f in report_of()["findings"] if f["kind"] == "attach-without-detach"]
    assert "5 attachments" in finding["text"]


def test_reused_id_gets_its_own_row():
    """A new segment has the id and the key of a removed one: the table has two rows."""
    with recorded() as lines:
        program = Teller(lines)
        first = program.get()
        program.tell("at")
        program.tell("dt")
        program.tell("rm")
        second = program.get(KEY, 8192)
        report = report_of()
        agree(report)
        assert [(s["shmid"], s["size"], s["state"], s["attaches"]) for s in report["segments"]] == [
            (first, 4096, "destroyed", 1), (second, 8192, "present", 0)]
        program.tell("rm")
        lines.end()


@needs_root
def test_user_without_permission_is_explained():
    """A user without permission for IPC_STAT still has its calls in the log, with the reason."""
    with recorded() as lines:
        program = Teller(lines)
        program.get(KEY, 4096, NEW & ~0o77)
        assert program.tell("uid", 65534) == 0
        assert program.tell("stat") == -errno.EACCES
        assert program.tell("at") == -errno.EACCES
        assert program.tell("rm") == -errno.EPERM
        lines.end()
    texts = " ".join(f["text"] for f in report_of()["findings"] if f["kind"] == "failed-call")
    assert "mode 0600" in texts and "uid" in texts


# ---- why calls failed ----


def test_failed_calls_are_explained():
    with recorded() as lines:
        program = Teller(lines)
        shmid = program.get()
        assert program.get(KEY, 8192, 0o600) == -errno.EINVAL
        assert program.get(KEY, 4096, NEW) == -errno.EEXIST
        program.tell("use", shmid)
        assert program.tell("at", 0x100001) == -errno.EINVAL
        at = program.tell("at")
        program.tell("dt")
        assert program.tell("dt", at) == -errno.EINVAL
        program.tell("rm")
        assert program.tell("stat") in (-errno.EINVAL, -errno.EIDRM)
        assert program.get(KEY, 4096, 0o600) == -errno.ENOENT
        lines.end()
    texts = "\n".join(f["text"] for f in report_of()["findings"] if f["kind"] == "failed-call")
    for words in (f"segment {shmid} with this key has 4K, and the call asked for 8K; it was created by ledger",
                  f"segment {shmid} has the key {KEY:#x} and was created by ledger", "is not a multiple of the page size",
                  f"segment {shmid} was attached there, and was detached", f"segment {shmid} was removed", "by ledger ("):
        assert words in texts, texts


def test_key_given_as_an_id():
    with recorded() as lines:
        program = Teller(lines)
        shmid = program.get()
        program.tell("use", KEY)
        assert program.tell("at") == -errno.EINVAL
        program.tell("use", shmid)
        program.tell("rm")
        lines.end()
    text, = [f["text"] for f in report_of()["findings"] if f["kind"] == "failed-call"]
    assert f"{KEY:#x} is a key, not an id: the segment with this key has the id {shmid}" in text


def test_break_blocked_by_an_attachment():
    """An attachment right above the break stops it; after shmdt it moves again."""
    with recorded() as lines:
        program = Teller(lines)
        shmid = program.get()
        assert program.tell("break", 4096) > 0
        assert program.tell("above") > 0
        assert program.tell("break", 65536) == -errno.ENOMEM
        report = report_of()
        assert report["processes"][0]["break"]["headroom_bytes"] <= 8192
        program.tell("dt")
        assert program.tell("break", 65536) > 0
        program.tell("rm")
        lines.end()
    report = report_of()
    finding, = [f for f in report["findings"] if f["kind"] == "break-blocked"]
    assert finding["shmid"] == shmid and finding["severity"] == "warning"
    assert any(f["function"] == "do_word" for f in finding["stack"])
    assert any(f"segment {shmid} is attached" in f["text"] for f in report["findings"] if f["kind"] == "failed-call")
    moves = [e["break"]["delta"] for e in Recording("memshim.data").events("--call=shmat,shmdt")]
    assert moves == [0, 0], "attaching moves no break"


# ---- real programs ----


def test_python_sysv_ipc():
    script = ("import sysv_ipc as s; a = s.SharedMemory(0x6d656d20, s.IPC_CREX, size=8192);"
              "b = s.SharedMemory(0x6d656d20); b.detach(); a.write(b'x'); s.SharedMemory(None, s.IPC_CREX)")
    recording = harness.record("/usr/bin/python3", "-c", script, options=("-q",))
    report = recording.report()
    agree(report)
    named, private = report["segments"]
    assert (named["attaches"], named["detaches"], named["leaked"], private["leaked"]) == (2, 1, True, True)


def test_perl_ipc_sysv():
    script = ("use IPC::SysV qw(:all); my $id = shmget(0x6d656d21, 4096, IPC_CREAT|0600) // die;"
              "my $at = shmat($id, undef, 0); fork || exit; wait; shmdt($at); shmctl($id, IPC_RMID, 0)")
    recording = harness.record("perl", "-e", script, options=("-q",))
    segment = only_segment(recording.report())
    assert (segment["attaches"], segment["inherited"], segment["state"]) == (1, 1, "destroyed")
    assert {f["severity"] for f in recording.report()["findings"]} <= {"note"}


def test_4000_segments():
    """The ledger holds 4,000 segments, and ipcs names their creators."""
    with open("/proc/sys/kernel/shmmni", encoding="ascii") as limit:
        count = min(4000, int(limit.read()) - len(kernel_rows()) - 4)
    script = f"for (1..{count}) {{ shmget(0, 4096, 01600) // die $! }}"
    recording = harness.record("perl", "-e", script, options=("-q",))
    report = recording.report()
    assert len([s for s in report["segments"] if s["leaked"]]) == count
    done = memshim("ipcs", "--no-headings", "--columns=id,creator")
    assert done.stdout.count("[perl ") == count
    assert memshim("reap", "--force", "--no-headings", timeout=600).stdout.count("removed ") == count
    assert len(kernel_rows()) == 0 or not harness.IS_ROOT
