# SPDX-License-Identifier: MIT
"""
The shim on aarch64, under an emulator. strace does not work there, so the program is its own observer: it reads the
break around each call by a direct system call.
"""

import subprocess

import pytest

import harness
import machine
from harness import Recording, run

CC, QEMU, SYSROOT = "aarch64-linux-gnu-gcc", "qemu-aarch64", "/usr/aarch64-linux-gnu"

pytestmark = machine.needs("an emulator of aarch64")

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static long bare_break(void)
{
    register long x8 __asm__("x8") = 214, x0 __asm__("x0") = 0;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8) : "memory");
    return x0;
}

__attribute__((noinline)) static void grow(long by)
{
    long before = bare_break();
    void *got = sbrk(by);
    dprintf(1, "sbrk %ld %#lx %#lx %#lx\n", by, (long)got, before, bare_break());
}

__attribute__((noinline)) static void middle(long by)
{
    grow(by);
    __asm__ volatile("");
}

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, 0600);
    char *at = shmat(id, NULL, SHM_RDONLY);

    middle(8192);
    middle(-4096);
    if (fork() == 0) {
        middle(4096);
        _exit(shmdt(at));
    }
    wait(NULL);
    dprintf(1, "shm %d %#lx\n", id, (long)at);
    void *block = malloc(100000);
    dprintf(1, "block %d\n", block != NULL);
    shmdt(at);
    return shmctl(id, IPC_RMID, NULL);
}
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    harness.need(CC, QEMU)
    build = tmp_path_factory.mktemp("shim") / "aarch64"
    made = run("make", "-s", "-C", harness.TOP, f"CC={CC}", f"BUILD={build}", f"{build}/lib/libmemshim.so")
    assert made.returncode == 0, made.stderr
    return f"{build}/lib/libmemshim.so"


def test_same_account(shim, own_world, tmp_path):
    (tmp_path / "moves.c").write_text(PROGRAM)
    subprocess.run([CC, "-O2", "-g", "-o", "moves", "moves.c"], check=True)
    plain = run(QEMU, "-L", SYSROOT, "./moves")
    done = run(QEMU, "-L", SYSROOT, "-E", f"LD_PRELOAD={shim}", "./moves")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert len(done.stdout.splitlines()) == len(plain.stdout.splitlines())
    recording = Recording(own_world / "default.seg")
    report, calls = recording.report(), recording.calls()
    assert report["coverage"]["level"] == "full"
    assert not any(report["coverage"]["lost"].values())

    told = [line.split() for line in done.stdout.splitlines()]
    moves = [e for e in calls if e["call"] == "sbrk" and e["origin"] == "direct"]
    assert len(moves) == 3
    for (_, by, got, before, after), event in zip([t for t in told if t[0] == "sbrk"], moves):
        assert event["args"]["increment"] == int(by)
        assert (event["ret"], event["break"]["before"], event["break"]["after"]) == (got, before, after)
        assert [f["function"] for f in event["stack"]][:3] == ["grow", "middle", "main"]
        assert event["stack"][-1]["function"] == "_start"
    _, shmid, address = next(t for t in told if t[0] == "shm")
    attach, = [e for e in calls if e["call"] == "shmat"]
    assert (attach["shmid"], attach["address"]) == (int(shmid), address)
    assert [e["inherited"] for e in calls if e["call"] == "shmdt"] == [True, False]
    assert any(e["origin"] == "malloc" for e in calls if e["call"] == "sbrk"), "malloc's own move"
    assert sorted(p["state"] for p in report["processes"]) == ["exited", "gone"]


TARGETS = harness.TOP / "tests" / "targets"
LISTED = {
    "static": ["grow", "tail_callee", "main"],
    "deep": ["grow"] + ["deep"] * 31 + ["main"],
    "roomy": ["grow", "roomy", "main"],
    "tail": ["grow", "tail_callee", "main"],
    "thread": ["grow", "tail_callee", "thread"],
    "signal": ["grow", "in_signal", "main"],
    "altstack": ["grow", "in_signal", "main"],
    "plugin": ["grow", "inside", "plugin_call", "in_plugin", "main"],
}
SAME = {"middle": "tail_callee"}  # of the same code: only one of them where it is optimized
JUMPED = ("in_thread", "tail_caller", "handler")  # depend on the optimization


def own_functions(event):
    """The program's own function names, and its plug-in's. Inlined functions do not matter."""
    return [f["function"] for f in event["stack"]
            if (f["module"] or "").rsplit("/", 1)[-1] in ("walks", "libplugin.so", "frames")
            and f["function"] not in (None, "_start")]


def emulate(shim, own_world, *command):
    done = run(QEMU, "-L", SYSROOT, "-E", f"LD_PRELOAD={shim}", "-E", "MEMSHIM_STACK_DEPTH=64", *command)
    assert (done.returncode, done.stderr) == (0, ""), done
    recording = Recording(own_world / "default.seg")
    return [e for e in recording.calls("--call=sbrk") if e["origin"] == "direct"]


@pytest.mark.parametrize("flags", [("-O2",), ("-O0",), ("-O2", "-mbranch-protection=standard"),
                                   ("-O2", "-fomit-frame-pointer")], ids=" ".join)
def test_stacks(shim, own_world, flags):
    """Every kind of frame, also with signed return addresses."""
    subprocess.run([CC, *flags, "-g", "-o", "walks", TARGETS / "walks.c", "-pthread"], check=True)
    subprocess.run([CC, *flags, "-g", "-shared", "-fPIC", "-o", "libplugin.so", TARGETS / "libplugin.c"],
                   check=True)
    found = {}
    for kind in LISTED:
        move, = emulate(shim, own_world, "./walks", kind, "./libplugin.so")
        found[kind] = [SAME.get(name, name) for name in own_functions(move) if name not in JUMPED]
        assert kind == "thread" or move["stack"][-1]["function"] == "_start"
        assert ("signal" in kind or "alt" in kind) == any(f.get("signal") for f in move["stack"])
        (own_world / "default.seg").unlink()
    assert found == LISTED


@pytest.mark.parametrize("kind", ["alloca", "signal"])
def test_frames_that_lie_where_others_lay(shim, own_world, kind):
    subprocess.run([CC, "-O2", "-g", "-o", "frames", TARGETS / "frames.c"], check=True)
    moves = emulate(shim, own_world, "./frames", kind, "4")
    assert [n for e in moves for n in own_functions(e) if n in ("left", "right")] == ["left", "right"] * 4
