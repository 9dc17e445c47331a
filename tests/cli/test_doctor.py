# SPDX-License-Identifier: MIT
"""`memshim doctor`: each check, with a program or a process for which it is right."""

import json
import os
import shutil
import subprocess

import pytest

import harness
import machine
import tables
from harness import Lines, memshim, run, target
from refusals import ABSENT, USAGE, refused

CHECKS = [row[1] for row in tables.rows("report/cli/doctor_checks.def", "DOCTOR_CHECK")]
PROGRAM = CHECKS[CHECKS.index("command"):CHECKS.index("environment") + 1]
EMPTY = "int main(void) { return 0; }\n"


def checks(*argv, runner=None, **options):
    """{id: check}. The exit status agrees with the checks."""
    done = (runner or run)(harness.MEMSHIM, "doctor", "--json", *argv, **options)
    answer = json.loads(done.stdout)
    assert answer["ok"] == (done.returncode == 0) == all(c["ok"] is not False for c in answer["checks"]), done
    found = {c["id"]: c for c in answer["checks"]}
    assert list(found) == [c for c in CHECKS if c in found], "in the order of the table, each once"
    assert all(bool(c["reason"]) == (c["ok"] is False) for c in answer["checks"])
    return found


def failed(found):
    return [c for c in found if found[c]["ok"] is False]


@pytest.mark.parametrize("command", [("sh",), ("/bin/sh", "-c", "true"), ("env", "A=b", "true"), ("env", "-u", "A", "true")])
def test_sound_program(command):
    found = checks(*command)
    assert set(PROGRAM) <= set(found) and not failed(found)
    assert all(c["ok"] for c in found.values())


def test_machine_alone():
    assert list(checks()) == ["library", "folder"]


@pytest.mark.parametrize("check, build", [("static", ("cc", "-static")), ("libc", ("musl-gcc",)),
                                          pytest.param("word-size", ("cc", "-m32", "-nostdlib", "-static"),
                                                       marks=machine.needs("x86-64", "32-bit programs"))])
def test_program_that_is_not_seen(check, build):
    harness.need(build[0])
    with open("program.c", "w", encoding="ascii") as file:
        file.write("void _start(void) { for (;;); }\n" if check == "word-size" else EMPTY)
    subprocess.run([*build, "-o", "program", "program.c"], check=True)
    found = checks("./program")
    assert failed(found) == [check]
    open_checks = PROGRAM[PROGRAM.index("word-size"):PROGRAM.index("environment")]
    open_checks.sort(key=["word-size", "static", "libc", "set-uid", "sanitizer"].index)
    assert [found[c]["ok"] for c in open_checks[open_checks.index(check) + 1:]] == [None] * (4 - open_checks.index(check))
    assert found[check]["remedy"]
    if check != "word-size":
        line = memshim("record", "-q", "./program").stderr
        assert found[check]["reason"] in line, "record says it with the same words"


def test_sanitizer(compile_c):
    program = compile_c("checked", 'const char *__asan_default_options(void) { return "detect_leaks=0"; }\n' + EMPTY,
                        "-fsanitize=address")
    found = checks(program)
    assert failed(found) == ["sanitizer"] and "verify_asan_link_order=0" in found["sanitizer"]["remedy"]
    assert not failed(checks(program, env={"ASAN_OPTIONS": "verify_asan_link_order=0"}))


@machine.needs("root")
def test_set_uid(user):
    shutil.copy(target("calls"), "setuid")
    os.chmod("setuid", 0o4755)
    assert failed(checks("./setuid", runner=user)) == ["set-uid"]
    assert not failed(checks("./setuid")), "root gains nothing by its own set-uid program"


@pytest.mark.parametrize("option", [("-i",), ("-",), ("-u", "LD_PRELOAD"), ("--unset=LD_PRELOAD",), ("-u", "A", "-i")])
def test_wrapper_that_drops_the_preload(option):
    found = checks("env", *option, "true")
    assert failed(found) == ["environment"] and "without LD_PRELOAD" in found["environment"]["reason"]


@pytest.mark.parametrize("command, word", [("nonsense", "command not found"), ("/nonsense", "No such file"), ("/", "directory")])
def test_program_that_cannot_run(command, word):
    found = checks(command)
    assert failed(found) == ["command"] and word in found["command"]["reason"]
    assert {found[c]["ok"] for c in PROGRAM[1:]} == {None}


def test_folder_without_room(monkeypatch):
    monkeypatch.setenv("MEMSHIM_DIR", "/proc/self")
    found = checks("true")
    assert failed(found) == ["folder"] and found["folder"]["reason"].startswith("/proc/self: ")
    assert "MEMSHIM_DIR" in found["folder"]["remedy"]


def test_limit_on_a_files_size():
    found = checks("true", runner=lambda *argv, **o: run("sh", "-c", 'ulimit -f 8; exec "$@"', "sh", *argv, **o))
    assert failed(found) == ["folder"] and "ulimit -f" in found["folder"]["reason"]


class Cat(Lines):
    """cat, which has started."""

    def __init__(self, *before, **options):
        super().__init__(*before, "cat", **options)

    def __enter__(self):
        super().__enter__()
        self.say("ready")
        self.wait_for("ready")
        return self


def test_process_that_is_followed():
    with Cat(env={"LD_PRELOAD": harness.SHIM}) as cat:
        found = checks("-p", cat.process.pid)
        assert all(found[c]["ok"] for c in ("access", "followed", "ipc-namespace", "redirected"))
        assert not set(failed(found)) - {"lost"}


def test_process_without_redirected_entries():
    with Cat(env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_PATCH": "0"}) as cat:
        found = checks("-p", cat.process.pid)
        assert found["followed"]["ok"] and "redirected" in failed(found)


def test_process_whose_session_lost_something():
    with Cat(env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_LOG_SIZE": "nonsense"}) as cat:
        found = checks("-p", cat.process.pid)
        assert "lost" in failed(found) and "MEMSHIM_ variable" in found["lost"]["reason"]


def test_process_without_the_preload():
    with Cat() as cat:
        found = checks("-p", cat.process.pid)
        assert failed(found) == ["environment", "followed"]
        assert "without LD_PRELOAD" in found["environment"]["reason"]
        assert found["static"]["ok"] and found["redirected"]["ok"] is None


def test_static_process(compile_c):
    program = compile_c("waits", "#include <unistd.h>\nint main(void) { char c; return write(1, \"ready\\n\", 6) + read(0, &c, 1) < 0; }\n",
                        "-static")
    with Lines(program, env={"LD_PRELOAD": harness.SHIM}) as lines:
        lines.wait_for("ready")
        assert failed(checks("-p", lines.process.pid)) == ["static", "followed"]


def test_process_without_the_library_in_its_root():
    with Cat(env={"LD_PRELOAD": "/nonexistent/libmemshim.so"}, stderr=subprocess.DEVNULL) as cat:
        assert failed(checks("-p", cat.process.pid)) == ["root", "followed"]


@machine.needs("root")
def test_process_in_another_ipc_namespace():
    with Cat("unshare", "-i", env={"LD_PRELOAD": harness.SHIM}) as cat:
        found = checks("-p", cat.process.pid)
        assert "ipc-namespace" in failed(found) and "nsenter" in found["ipc-namespace"]["remedy"]


@machine.needs("root")
def test_process_of_another_user(user):
    with Cat() as cat:
        found = checks("-p", cat.process.pid, runner=user)
        assert failed(found) == ["access"] and found["followed"]["ok"] is None


def test_text():
    done = memshim("doctor", "env", "-i", "true")
    assert done.returncode == 1 and done.stderr == ""
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(checks("env", "-i", "true"))
    no, = [line for line in done.stdout.splitlines() if " NO " in line]
    assert no.startswith("environment ") and "; " in no


def test_wrong_use():
    refused(memshim("doctor", "-p", "1", "true"), USAGE, "give one of them")
    refused(memshim("doctor", "-p", "2147483647"), ABSENT, "no such process")
