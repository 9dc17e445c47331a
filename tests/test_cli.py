# SPDX-License-Identifier: MIT
"""The command line: what is wrong gets one line that says what and why, and the exit code of its kind."""

import os
import signal
import socket
import subprocess

import pytest

import harness
import tables
from harness import MEMSHIM, memshim, record, target

USAGE, ABSENT, FAILED, CANNOT_RUN, NOT_FOUND = 2, 1, 125, 126, 127
READING = ("report", "events", "export")


def refused(done, status, *words):
    """One line, `memshim: what: why`, nothing on standard output."""
    assert (done.returncode, done.stdout) == (status, ""), done
    assert done.stderr.startswith("memshim: ") and done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr, (word, done.stderr)


def arguments(command):
    """What a command needs so that only what is tested is wrong."""
    return {"record": ("true",), "export": ("--format=folded",)}.get(command, ())


@pytest.mark.parametrize("argv", [(), ("nonsense",), ("-x",), ("help", "nonsense"), ("record",), ("export",)])
def test_no_such_command(argv):
    refused(memshim(*argv), USAGE)


@pytest.mark.parametrize("command", [c for c in tables.COMMANDS if c != "help"])
def test_unknown_option(command):
    refused(memshim(command, "--nonsense", *arguments(command)), USAGE, "--nonsense", command)
    refused(memshim(command, "-@", *arguments(command)), USAGE, "-@")


@pytest.mark.parametrize("option", tables.OPTIONS, ids=lambda o: o[0])
def test_option_of_another_command(option):
    _, _, long, _, commands = option
    for command in set(tables.COMMANDS) - set(commands) - {"help"}:
        if any(long == other[2] and command in other[4] for other in tables.OPTIONS):
            continue
        refused(memshim(command, f"--{long}=1", *arguments(command)), USAGE, f"--{long}")


@pytest.mark.parametrize("option", [o for o in tables.OPTIONS if o[3]], ids=lambda o: o[0])
def test_option_without_its_value(option):
    _, short, long, _, commands = option
    for command in commands:
        refused(memshim(command, f"--{long}"), USAGE, f"--{long}")
        if short:
            refused(memshim(command, f"-{short}"), USAGE)


@pytest.mark.parametrize("option", [o for o in tables.OPTIONS if not o[3]], ids=lambda o: o[0])
def test_option_with_a_value_too_many(option):
    for command in option[4]:
        refused(memshim(command, f"--{option[2]}=1", *arguments(command)), USAGE, f"--{option[2]}")


WRONG = {
    "pid": ["x", "-1", "0", "99999999999", ""], "shmid": ["x", "-1", "1.5"], "key": ["zz", "0x1ffffffff"],
    "call": ["foo", "brk,foo", ""], "sort": ["nonsense"], "color": ["maybe"], "columns": ["nonsense", "pid,nonsense"],
    "stack-depth": ["65", "-1", "x", ""], "log-size": ["1", "x", "16X", "9999999G", ""],
    "error-exitcode": ["256", "-1", "x"], "format": ["nonsense"], "process": ["x", "0"],
}


@pytest.mark.parametrize("option", [o for o in tables.OPTIONS if o[2] in WRONG], ids=lambda o: o[0])
def test_option_with_a_wrong_value(option):
    record("true")
    for command in option[4]:
        for value in WRONG[option[2]]:
            more = {"columns": ("--csv",), "format": ()}.get(option[2], arguments(command))
            more = () if (command, option[2]) in (("report", "columns"), ("ls", "columns")) else more
            refused(memshim(command, f"--{option[2]}={value}", *more), USAGE)


@pytest.mark.parametrize("command", tables.COMMANDS)
def test_help(command):
    """Each command's help names each of its options, fits a page of 80 columns, and is no error."""
    for done in (memshim("help", command), memshim(command, "--help")):
        if command == "help":
            continue
        assert (done.returncode, done.stderr) == (0, "")
        assert all(len(line) <= 80 for line in done.stdout.splitlines())
        for _, short, long, _, commands in tables.OPTIONS:
            assert (f"--{long}" in done.stdout.replace("=", " ").split()) == (command in commands) or any(
                long == o[2] and command in o[4] for o in tables.OPTIONS)
    assert f"\n  {command} " in memshim("help").stdout
    assert memshim("--help").stdout == memshim("help").stdout


def test_version():
    done = memshim("--version")
    assert (done.returncode, done.stdout) == (0, "memshim 0.1.0\n")


# ---- files ----


def make_odd_files():
    """name: a word of the reason"""
    record("true")
    whole = open("memshim.data", "rb").read()
    for name, content in {"empty": b"", "byte": b"x", "text": b"hello\n" * 9000, "half": whole[:2048],
                          "version": whole[:8] + bytes([whole[8] ^ 0x7f]) + whole[9:],
                          "order": whole.replace(b"\x04\x03\x02\x01", b"\x01\x02\x03\x04", 1)}.items():
        with open(name, "wb") as file:
            file.write(content)
    os.mkdir("folder")
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("socket")
    os.symlink("loop", "loop")
    return {"absent": "No such file", "empty": "empty", "byte": "too short", "text": "neither a recording", "half": "",
            "version": "version", "order": "byte order", "folder": "directory", "fifo": "not a regular file",
            "socket": "", "loop": "", "/dev/zero": "not a regular file", "/dev/null": "not a regular file"}


@pytest.mark.parametrize("command", READING)
def test_odd_file(command):
    for name, word in make_odd_files().items():
        refused(memshim(command, *arguments(command), name, timeout=10), ABSENT, name, word)


def test_file_of_somebody_else(user):
    assert user(MEMSHIM, "record", "-q", "true").returncode == 0
    os.chmod("memshim.data", 0o600 if harness.IS_ROOT else 0)
    if harness.IS_ROOT:
        os.chown("memshim.data", 0, 0)
    refused(user(MEMSHIM, "report", "memshim.data"), ABSENT, "Permission denied")


def test_session_of_a_process():
    refused(memshim("report", "-p", "99999999"), ABSENT, "99999999", "no such process")
    refused(memshim("report", "-p", str(os.getpid())), ABSENT, str(os.getpid()))
    refused(memshim("report", "-p", "1", "memshim.data"), USAGE, "-p")


def test_nothing_there():
    refused(memshim("report"), ABSENT, "no session", "memshim record")
    done = memshim("ls")
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)


def test_two_files():
    refused(memshim("events", "one", "two"), USAGE, "two")


# ---- standard output ----


@pytest.mark.parametrize("command", ["report", "events", "ls", "help", "env", "--version"])
def test_output_that_cannot_be_written(command):
    record("true")
    with open("/dev/full", "w", encoding="ascii") as full:
        refused_output(memshim(command, stdout=full), "No space left")
    done = harness.run("sh", "-c", f"exec {MEMSHIM} {command} >&-")
    refused_output(done, "standard output")


def refused_output(done, word):
    assert done.returncode == 1, done
    assert done.stderr.startswith("memshim: ") and done.stderr.count("\n") == 1 and word in done.stderr, done


def test_reader_of_the_output_goes_away():
    """As any filter: SIGPIPE, and no word."""
    record(target("calls"), "2000")
    with subprocess.Popen([MEMSHIM, "events"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as lines:
        lines.stdout.readline()
        lines.stdout.close()
        assert lines.wait(20) in (-signal.SIGPIPE, 0, 1)
        assert lines.stderr.read().count(b"\n") <= 1


# ---- record ----


def test_record_cannot_run():
    os.mkdir("folder")
    with open("plain", "w", encoding="ascii") as file:
        file.write("#!/nonexistent/interpreter\n")
    refused(memshim("record", "./plain"), CANNOT_RUN, "./plain", "Permission denied")
    os.chmod("plain", 0o755)
    refused(memshim("record", "./plain"), CANNOT_RUN, "./plain", "/nonexistent/interpreter")
    refused(memshim("record", "./folder"), CANNOT_RUN, "./folder", "directory")
    refused(memshim("record", "no-such-program"), NOT_FOUND, "no-such-program", "not found")
    refused(memshim("record", "./no-such-program"), NOT_FOUND, "./no-such-program", "No such file")
    refused(memshim("record", ""), NOT_FOUND)
    assert sorted(os.listdir()) == ["folder", "plain"], "no recording of what never ran"
    assert os.listdir(os.environ["MEMSHIM_DIR"]) == []


@pytest.mark.parametrize("output", ["/nonexistent/memshim.data", ".", "/dev/full", "/dev/null"])
def test_record_without_an_output(output):
    done = memshim("record", "-o", output, "--", "sh", "-c", "echo ran")
    refused(done, FAILED, output, "--output")


@pytest.mark.parametrize("setting", ["SESSION=../x", "SESSION=", "STACK_DEPTH=65", "LOG_SIZE=1", "OFF=x", "PATCH=x"])
def test_wrong_setting(setting):
    """The program never sees it; the reader says it."""
    name, value = setting.split("=")
    done = harness.run(target("calls"), "1", env={"LD_PRELOAD": harness.SHIM, f"MEMSHIM_{name}": value})
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\n", "")
    report = harness.Recording(os.path.join(os.environ["MEMSHIM_DIR"], "default.seg")).report()
    assert report["coverage"]["bad_settings"] == 1
    assert "bad-setting" in {f["kind"] for f in report["findings"]}
