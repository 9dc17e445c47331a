# SPDX-License-Identifier: MIT
"""
Programs that run without the shim, and calls that no shim can see: they run as usual, and the report names each with
the reason. "Unharmed": output and exit status are those of a run without the shim.
"""

import contextlib
import glob
import os
import shutil
import subprocess

import pytest

import damage
import harness
import machine
from beside import made, needs_root
from harness import record, target, wait_until

ASM_32 = """
__asm__(".globl _start; _start: mov $3, %eax; xor %ebx, %ebx; mov %esp, %ecx; sub $64, %ecx;"
        "mov $1, %edx; int $0x80; mov $1, %eax; xor %ebx, %ebx; int $0x80");
"""


def source_of_calls():
    folder = harness.TOP
    return f'#include "{folder}/tests/targets/calls.c"\n', f"-I{folder}", "-D_GNU_SOURCE"


def build_untraced(kind, compile_c):
    """(program, its arguments, a word of the reason)"""
    if kind == "static":
        return compile_c("static", source_of_calls()[0], "-static", *source_of_calls()[1:]), (
            "1", "wait"), "static"
    if kind == "set-uid":
        shutil.copy(target("calls"), "setuid")
        os.chmod("setuid", 0o4755)
        return os.path.abspath("setuid"), ("1", "wait"), "set-uid"
    if kind == "musl":
        harness.need("musl-gcc")
        text, *flags = source_of_calls()
        with open("musl.c", "w", encoding="utf-8") as file:
            file.write(text)
        subprocess.run(["musl-gcc", "-o", "musl", "musl.c", *flags], check=True)
        return os.path.abspath("musl"), ("1", "wait"), "libc"
    return compile_c("word32", ASM_32, "-m32", "-nostdlib", "-static"), (), "word size"


UNTRACED = ["static", "musl",
            pytest.param("set-uid", marks=needs_root),
            pytest.param("32-bit", marks=machine.needs("x86-64", "32-bit programs"))]


@pytest.mark.parametrize("kind", UNTRACED)
def test_untraced_command(kind, compile_c, user):
    """It runs; the recorder prints in one line that its calls are not seen, and why."""
    program, arguments, why = build_untraced(kind, compile_c)
    plain = harness.run(program, *arguments)
    done = user(harness.MEMSHIM, "record", "-q", "--", program, *arguments)
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout)
    line, = done.stderr.splitlines()
    assert line.startswith(f"memshim: {program}: ") and why in line
    missed, = harness.Recording("memshim.data").report()["coverage"]["not_followed"]
    assert missed["exe"] == program and why in missed["why"]


@pytest.mark.parametrize("kind", UNTRACED + ["env -i"])
def test_untraced_child(kind, compile_c, user, tmp_path):
    """It runs; the report names it with the reason."""
    if kind == "env -i":
        program, arguments, why = target("calls"), ("1", "wait"), "without LD_PRELOAD"
        script = f"env -i {program} 1 wait; exit 5"
    else:
        program, arguments, why = build_untraced(kind, compile_c)
        script = f"{program} {' '.join(arguments)}; exit 5"
    user("true")  # which owns these folders now
    prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    command = (*(prefix if harness.IS_ROOT else ()), harness.MEMSHIM, "record", "-q", "--",
               "sh", "-c", script)
    recording = harness.Recording(tmp_path / "memshim.data")
    with harness.Lines(*command) as lines:
        if arguments:
            lines.wait_for("wrong: ")
        else:
            wait_until(lambda: has_child(lines.process.pid, program), "it runs")
        wait_until(lambda: recording.report()["coverage"]["not_followed"], "it is missed")
        assert lines.end() == (5, "")
    report = recording.report()
    missed, = report["coverage"]["not_followed"]
    assert missed["exe"] == program and why in missed["why"]
    assert "not-followed" in {f["kind"] for f in report["findings"]}
    assert os.path.basename(program) in recording.report_text()
    assert program not in [p["exe"] for p in report["processes"]]


def test_untraced_child_is_told_of_once(compile_c):
    """The recorder may see it before it reads the execve of its predecessor: it is reported once."""
    program = build_untraced("static", compile_c)[0]
    recording = harness.Recording("memshim.data")
    for _ in range(10):
        with harness.Lines(harness.MEMSHIM, "record", "-q", "--", "bash", "-c", f"{program} 1 wait; :") as lines:
            lines.wait_for("wrong: ")
            wait_until(lambda: "exec" in {p["state"] for p in recording.report()["processes"]}, "it is seen", lines.process)
            assert lines.end() == (0, "")
        assert [m["exe"] for m in recording.report()["coverage"]["not_followed"]] == [program]


HOLDS_AND_EXECUTES = """
#include <sys/shm.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int id = shmget(IPC_PRIVATE, 4096, 0600);
    return shmat(id, 0, 0) == (void *)-1 || shmctl(id, IPC_RMID, 0) ? 9 : execvp(argv[1], argv + 1);
}
"""


def images(report, pid):
    """(number, state, attachments) of each image of a process."""
    return [(p["image"], p["state"], p["attached"]["now"]) for p in report["processes"] if p["pid"] == pid]


@pytest.mark.parametrize("by", ["static", "env -i"])
def test_exec_into_an_untraced_program(by, compile_c):
    """The image ends by that execve with all its attachments, and not by the end of its process."""
    program = build_untraced("static", compile_c)[0] if by == "static" else target("calls")
    before, exec_count = ((), 1) if by == "static" else (("env", "-i"), 2)
    holder = compile_c("holder", HOLDS_AND_EXECUTES)
    recording = harness.Recording("memshim.data")
    with harness.Lines(harness.MEMSHIM, "record", "-q", "--", holder, *before, program, "1", "wait") as lines:
        lines.wait_for("wrong: ")
        pid = recording.report()["session"]["command_pid"]
        wait_until(lambda: {state for _, state, _ in images(recording.report(), pid)} == {"exec"}, "it is seen", lines.process)
        assert lines.end() == (0, "")
    report = recording.report()
    assert images(report, pid) == [(i, "exec", 0) for i in range(exec_count)]
    assert [(a["live"], a["ended_by"]) for a in report["attachments"]] == [(False, "exec")]
    assert {f["kind"] for f in report["findings"]} == {"not-followed"}
    assert [e["call"] for e in recording.events() if e["call"] in ("exec", "exit")] == ["exec"] * exec_count
    assert report["session"]["exit"]["status"] == 0


def test_exec_through_an_untraced_program(compile_c):
    """The program without the shim executes one that registers: a later image of the same process."""
    text = """
    #include <unistd.h>
    int main(int argc, char **argv) { char byte; write(1, "there\\n", 6); read(0, &byte, 1); return execv(argv[1], argv + 1); }
    """
    holder, between = compile_c("holder", HOLDS_AND_EXECUTES), compile_c("between", text, "-static")
    recording = harness.Recording("memshim.data")
    with harness.Lines(harness.MEMSHIM, "record", "-q", "--", holder, between, target("calls"), "1") as lines:
        lines.wait_for("there")
        pid = recording.report()["session"]["command_pid"]
        wait_until(lambda: images(recording.report(), pid) == [(0, "exec", 0)], "it is seen", lines.process)
        lines.say("x")
        lines.wait_for("wrong: 0")
        assert lines.end() == (0, "")
    assert images(recording.report(), pid) == [(0, "exec", 0), (1, "exited", 0)]


def has_child(pid, program):
    """Whether a process below pid runs a program."""
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as file:
            for child in map(int, file.read().split()):
                with contextlib.suppress(OSError):
                    if os.readlink(f"/proc/{child}/exe") == program:
                        return True
                if has_child(child, program):
                    return True
    return False


def test_inline_system_call(compile_c):
    """A move by a direct system call is not seen; but the report shows that there was one."""
    text = """
    #include <sys/syscall.h>
    #include <unistd.h>
    int main(void)
    {
        long at = (long)sbrk(4096), ret;
    #if defined(__x86_64__)
        __asm__ volatile("syscall" : "=a"(ret) : "a"(SYS_brk), "D"(at + 65536)
                         : "rcx", "r11", "memory");
    #else
        register long x8 __asm__("x8") = SYS_brk;
        register long x0 __asm__("x0") = at + 65536;
        __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8) : "memory");
        ret = x0;
    #endif
        write(1, "moved\\n", 6);
        return read(0, &ret, 1);
    }
    """
    options = ("-q", "--error-exitcode=9", "--")
    with harness.Lines(harness.MEMSHIM, "record", *options, compile_c("inline", text)) as lines:
        lines.wait_for("moved")
        report = harness.Recording("memshim.data").report()
        assert report["coverage"]["unseen_moves"] == 1
        assert "unseen-moves" in {f["kind"] for f in report["findings"]}
        for page in (harness.memshim("report"), harness.memshim("top", "--once", "memshim.data")):
            assert ", 1 move unseen" in page.stdout
        wait_until(lambda: has_kernel_snapshot("memshim.data"), "the recorder has compared")
        assert lines.end() == (9, ""), "a break that differs is a finding"
    report = harness.Recording("memshim.data").report()
    assert report["coverage"]["unseen_moves"] == 1, "found while it ran, and told after it"


def test_a_mapping_that_looks_like_the_heap(compile_c):
    """A mapping adjacent to the heap is one line with it in /proc/PID/maps: the advice mentions that."""
    program = compile_c("adjacent", """
    #include <sys/mman.h>
    #include <unistd.h>
    int main(void)
    {
        char *at = sbrk(8192) + 8192, byte;
        at += -(unsigned long)at % 4096;
        if (brk(at) || mmap(at, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != at)
            return 2;
        write(1, "mapped\\n", 7);
        return read(0, &byte, 1);
    }
    """)
    with harness.Lines(harness.MEMSHIM, "record", "-q", "--", program) as lines:
        lines.wait_for("mapped")
        finding, = [f for f in harness.Recording("memshim.data").report()["findings"] if f["kind"] == "unseen-moves"]
        assert finding["advice"].endswith("or has memory mapped directly at the break, which looks the same")
        lines.end()


def has_kernel_snapshot(path):
    """Whether the recording has a kernel snapshot."""
    with open(path, "rb") as recording:
        return b"CHNK" + damage.KINDS.index("snapshots").to_bytes(4, "little") in recording.read()


def test_no_break_difference_in_a_child_without_a_heap(compile_c):
    """The child gave back the heap of its parent: the break is where the parent's began."""
    text = """
    #include <sys/wait.h>
    #include <unistd.h>
    int main(void)
    {
        char byte;
        sbrk(65536);
        if (fork() == 0) {
            sbrk(-65536);
            write(1, "given back\\n", 11);
            _exit(read(0, &byte, 1) != 0);
        }
        return wait(0) < 0;
    }
    """
    with harness.Lines(harness.MEMSHIM, "record", "-q", "--", compile_c("child", text)) as lines:
        lines.wait_for("given back")
        assert harness.Recording("memshim.data").report()["coverage"]["unseen_moves"] == 0
        assert lines.end() == (0, "")


def test_no_break_difference_with_a_file_named_heap(compile_c):
    """The kernel names the heap's mapping [heap]; a file name may end so, too."""
    text = """
    #include <fcntl.h>
    #include <sys/mman.h>
    #include <unistd.h>
    int main(int argc, char **argv)
    {
        char byte;
        sbrk(65536);
        if (mmap(0, 4096, PROT_READ, MAP_PRIVATE, open("x [heap]", O_RDONLY), 0) == MAP_FAILED)
            return 9;
        write(1, "mapped\\n", 7);
        return read(0, &byte, 1);
    }
    """
    with open("x [heap]", "w", encoding="ascii") as file:
        file.write("x" * 4096)
    with harness.Lines(harness.MEMSHIM, "record", "-q", "--", compile_c("maps", text)) as lines:
        lines.wait_for("mapped")
        report = harness.Recording("memshim.data").report()
        assert report["coverage"]["unseen_moves"] == 0 and report["processes"][0]["break"]["headroom_bytes"]
        assert lines.end() == (0, "")


def test_no_break_difference_while_images_change():
    """Programs start, fork, execute and end: the kernel's break may be another image's."""
    script = ("for i in $(seq 150); do ls >/dev/null; done & perl -e "
              "'for (1..150) { my @x = map { \"x\" x 5000 } 1..50; fork or exit 0 } 1 while wait != -1' & wait")
    recording = harness.record("sh", "-c", script, options=("-q", "--error-exitcode=9"))
    assert recording.report()["coverage"]["unseen_moves"] == 0


def test_no_break_difference_during_execve():
    """The new image has joined and not registered yet: its break is not the old image's."""
    harness.need("strace")
    slow = ("strace", "-f", "-o", "/dev/null", "-e", "trace=readlinkat", "-e", "inject=readlinkat:delay_enter=1000000")
    with_time = harness.record("sh", "-c", "exec sh -c :", options=("-q",), before=slow)
    assert [p["state"] for p in with_time.report()["processes"]].count("exec") == 1
    assert with_time.report()["coverage"]["unseen_moves"] == 0


@needs_root
def test_with_more_rights(compile_c, user, tmp_path):
    """As with sudo: a set-uid program starts another as root. Both run; neither is followed, and the report says so."""
    text = """
    #include <unistd.h>
    int main(int argc, char **argv) { return argc < 2 || setuid(0) != 0 ? 9 : execv(argv[1], argv + 1); }
    """
    program = compile_c("elevate", text)
    os.chown(program, 0, 0)
    os.chmod(program, 0o4755)
    user("true")
    prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    command = (*prefix, harness.MEMSHIM, "record", "-q", "--", "sh", "-c", f"{program} {target('calls')} 1 wait; exit 5")
    recording = harness.Recording(tmp_path / "memshim.data")
    with harness.Lines(*command) as lines:
        assert lines.wait_for("wrong: ") == "wrong: 0"
        wait_until(lambda: recording.report()["coverage"]["not_followed"], "it is missed", lines.process)
        assert lines.end() == (5, "")
    missed = recording.report()["coverage"]["not_followed"]
    assert {m["why"] for m in missed} and all(p["comm"] == "sh" for p in recording.report()["processes"])


@needs_root
def test_settings_are_ignored_by_set_uid_programs(user, own_world):
    """Even if the loader preloads the shim into them: a user must not choose where root writes."""
    shutil.copy(target("calls"), "setuid")
    os.chmod("setuid", 0o4755)
    os.chmod(own_world, 0o755)
    shutil.copy(harness.SHIM, own_world / "shim.so")
    user("true")  # which owns these folders now
    chosen = f"env -u MEMSHIM_OFF MEMSHIM_SESSION={own_world}/chosen.seg"
    script = (f"cp -a /etc etc && echo {own_world}/shim.so >etc/ld.so.preload && mount --bind etc /etc &&"
              f" exec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c '{chosen} {target('calls')} 1; {chosen} ./setuid 1'")
    done = harness.run("unshare", "--mount", "sh", "-c", script, env={"MEMSHIM_OFF": "1"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\nwrong: 0\n", "")
    assert [path.stat().st_uid for path in own_world.glob("*.seg")] == [65534]
    assert {p["comm"] for p in harness.Recording(own_world / "chosen.seg").report()["processes"]} == {"calls"}
