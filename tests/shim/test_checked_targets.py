# SPDX-License-Identifier: MIT
"""Programs under a sanitizer or valgrind keep their findings, and memshim sees their calls."""

import os
import subprocess

import pytest

import harness
import machine
from beside import CYCLE_CALLS, made, unharmed
from harness import MEMSHIM, memshim, record, run, target

SANITIZERS = [("gcc", "address"), ("gcc", "thread"), ("gcc", "undefined"), ("gcc", "leak"), ("clang", "address"), ("clang", "thread")]
HARM = {
    "address": "volatile char *p = malloc(8); return p[9];",
    "leak": "static void *volatile p; p = malloc(8); p = 0; return 0;",
    "undefined": "volatile int one = 2147483647, two = one + 1; return two == 0;",
    "thread": "return 0;",
}


def build(compiler, sanitizer, name, text):
    with open(f"{name}.c", "w", encoding="ascii") as file:
        file.write(text)
    flags = ("-g", "-O0", f"-fsanitize={sanitizer}", f"-I{harness.TOP}", "-D_GNU_SOURCE")
    subprocess.run([compiler, *flags, "-o", name, f"{name}.c"], check=True)
    return f"./{name}"


@pytest.mark.parametrize("compiler,sanitizer", SANITIZERS)
def test_sanitizer(compiler, sanitizer):
    """Whichever library must be the first one, both work."""
    program = build(compiler, sanitizer, "sound", f'#include "{harness.TOP}/tests/targets/calls.c"\n')
    recording = unharmed(program, "3")
    assert recording.result.stdout == "wrong: 0\n" and recording.result.stderr == ""
    report = recording.report()
    harness.complete(report)
    malloc_moves = sum(p["break"]["by_origin"]["malloc"]["moves"] for p in report["processes"])
    assert made(report) - malloc_moves == 3 * CYCLE_CALLS
    by_hand = run("sh", "-c", f"LD_PRELOAD={harness.SHIM} {program} 3")
    assert (by_hand.returncode, by_hand.stdout, by_hand.stderr) == (0, "wrong: 0\n", "")


def findings(done):
    lines = [line.split(": ") for line in done.stderr.splitlines() if "ERROR: " in line or "runtime error: " in line]
    return [(kind, what.split(" on ")[0]) for _, kind, what, *_ in lines]


@pytest.mark.parametrize("compiler,sanitizer", SANITIZERS)
def test_its_findings(compiler, sanitizer):
    """The sanitizer reports its findings, and ends the program as usual."""
    program = build(compiler, sanitizer, "harmed", "#include <stdlib.h>\nint main(void) { " + HARM[sanitizer] + " }\n")
    plain = run(program)
    shimmed = record(program, options=("-q",), check=False).result
    assert shimmed.returncode == plain.returncode and shimmed.stdout == plain.stdout
    assert plain.returncode != 0 or sanitizer in ("thread", "undefined")
    assert findings(plain) == findings(shimmed)
    assert findings(plain) or sanitizer == "thread"


def test_valgrind_as_the_target():
    harness.need("valgrind")
    recording = record("valgrind", "-q", "--error-exitcode=9", target("calls"), "3", options=("-q",))
    assert (recording.result.stdout, recording.result.stderr) == ("wrong: 0\n", "")
    report = recording.report()
    harness.complete(report)
    assert made(report) >= 3 * CYCLE_CALLS


@pytest.mark.parametrize("emulator", [("valgrind", "-q"), ("proot", "-0")], ids=lambda command: command[0])
def test_an_emulated_break(compile_c, emulator):
    """proot's break is far below the kernel's start_brk, valgrind's far above: no number mixes them."""
    harness.need(emulator[0])
    text = """
    #include <unistd.h>
    int main(void)
    {
        char byte;
        sbrk(65536);
        write(1, "moved\\n", 6);
        return read(0, &byte, 1);
    }
    """
    with harness.Lines(harness.MEMSHIM, "record", "-q", "--", *emulator, compile_c("mover", text)) as lines:
        lines.wait_for("moved")
        # The emulator is static, its program is followed. The recorder takes the emulator's row back when it has seen that.
        harness.wait_until(lambda: not harness.Recording("memshim.data").report()["coverage"]["not_followed"],
                           "the recorder has seen the registration")
        report = harness.Recording("memshim.data").report()
        assert lines.end() == (0, "")
    harness.complete(report)
    assert harness.Recording("memshim.data").report()["coverage"]["not_followed"] == []
    breaks = report["processes"][-1]["break"]
    assert (breaks["net_bytes"], breaks["peak_bytes"], breaks["before_load_bytes"]) == (65536, 65536, 0)
    assert int(breaks["current"], 16) - int(breaks["initial"], 16) == 65536


def test_valgrind_around_the_target():
    """valgrind checks the shim, too: no hook reads memory that was never written."""
    recording = record(target("calls"), "3", options=("-q", "-w"), before=("valgrind", "-q", "--error-exitcode=9", "--trace-children=yes"))
    assert (recording.result.stdout, recording.result.stderr) == ("wrong: 0\n", "")


@pytest.mark.parametrize("command", ["report", "events --json"])
@machine.needs("no sanitizer")
def test_valgrind_around_the_reader(command):
    record("sh", "-c", f"{target('calls')} 3; ls", options=("-q",))
    plain = memshim(*command.split())
    done = run("valgrind", "-q", "--error-exitcode=9", MEMSHIM, *command.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[3:] == plain.stdout.splitlines()[3:]


OWN_OPTIONS = """
#include <stdio.h>
#include <stdlib.h>
const char *__asan_default_options(void) { return "detect_leaks=0"; }
int main(void) { void *volatile p = malloc(8); p = 0; puts("done"); return 7; }
"""


def test_its_own_options():
    """
    The program's own sanitizer options refuse the preload: it runs without the shim and is named, unless the user
    allows it.
    """
    program = build("gcc", "address", "opinionated", OWN_OPTIONS)
    seen = record(program, check=False)
    assert (seen.result.returncode, seen.result.stdout) == (7, "done\n")
    assert "its AddressSanitizer accepts no preloaded library; set ASAN_OPTIONS=verify_asan_link_order=0 to allow it" in seen.result.stderr
    outsider, = seen.report()["coverage"]["not_followed"]
    assert "verify_asan_link_order=0" in outsider["why"]
    allowed = record(program, check=False, env={**os.environ, "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
    assert (allowed.result.returncode, allowed.result.stdout) == (7, "done\n")
    harness.complete(allowed.report())


def test_a_debugger_that_was_there_first(tmp_path):
    """The debugger set breakpoints in libc's entries before the shim started: they are hit, and no instruction is skipped."""
    harness.need("gdb")
    script = ["set breakpoint pending on", "set debuginfod enabled off", "break sbrk", "commands", "silent", "continue", "end", "run"]
    (tmp_path / "script").write_text("\n".join(script) + "\n")
    recording = record("gdb", "-batch", "-x", tmp_path / "script", "--args", target("calls"), "3", options=("-q",), check=False)
    assert "wrong: 0" in recording.result.stdout and "exited normally" in recording.result.stdout, recording.result
    report = recording.report()
    assert report["coverage"]["level"] == "calls" and made(report) >= 3 * CYCLE_CALLS
