# SPDX-License-Identifier: MIT
"""Files that are no recordings, files of other users, full disks, closed outputs."""

import json
import os
import resource
import signal
import socket
import subprocess

import pytest

import harness
import machine
from harness import MEMSHIM, memshim, record, target
from refusals import ABSENT, FAILED, USAGE, arguments, refused, refused_output
from story import kernel_rows

READING = ("report", "events", "export")


def segment_header():
    harness.run(target("calls"), 1, env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_LOG_SIZE": "8K"})
    with open(os.path.join(os.environ["MEMSHIM_DIR"], "default.seg"), "rb") as file:
        return file.read(4096)


def make_odd_files():
    """name: a word of the reason"""
    record("true")
    whole = open("memshim.data", "rb").read()
    for name, content in {"empty": b"", "byte": b"x", "text": b"hello\n" * 9000, "half": whole[:2048],
                          "version": whole[:8] + bytes([whole[8] ^ 0x7f]) + whole[9:],
                          "order": whole.replace(b"\x04\x03\x02\x01", b"\x01\x02\x03\x04", 1),
                          "segment": segment_header()}.items():
        with open(name, "wb") as file:
            file.write(content)
    os.mkdir("folder")
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("socket")
    os.symlink("loop", "loop")
    return {"absent": "No such file", "empty": "empty", "byte": "too short", "text": "neither a recording", "half": "",
            "version": "version", "order": "byte order", "segment": "cut off", "folder": "directory", "fifo": "not a regular file",
            "socket": "", "loop": "", "/dev/zero": "not a regular file", "/dev/null": "not a regular file"}


@pytest.mark.parametrize("command", READING)
def test_odd_file(command):
    """It is refused within a second, even on a busy machine."""
    for name, word in make_odd_files().items():
        before = cpu_seconds()
        refused(memshim(command, *arguments(command), name, timeout=10), ABSENT, name, word)
        assert cpu_seconds() - before < 1


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_nothing_but_a_header():
    """A recording with only a header: it has no events, and may be cut off; both are reported."""
    record(target("calls"), "1")
    os.truncate("memshim.data", 4096)
    report = json.loads(memshim("report", "--json", timeout=10).stdout)
    assert (report["processes"], report["coverage"]["events"]) == ([], 0)
    assert report["coverage"]["lost"]["damaged"] == 1
    assert memshim("events").stdout == ""


def test_large_foreign_files():
    """They are recognized by their first bytes: the rest costs no time and no memory."""
    record("true")
    with open("zeros", "wb") as zeros, open("memshim.data", "rb") as whole, open("long", "wb") as long:
        zeros.truncate(1 << 36)
        long.write(whole.read(4096))
        long.truncate(1 << 36)
    ran = [harness.run_measured(MEMSHIM, "report", "zeros")]
    refused(ran[0], ABSENT, "zeros")
    for odd in (0, 10, 31, 33):
        os.truncate("long", (1 << 36) + odd)
        ran.append(harness.run_measured(MEMSHIM, "report", "--json", "long", timeout=20))
        assert ran[-1].returncode in (0, ABSENT)
    done = ran[-1]
    assert done.stderr.count("\n") == (done.returncode == ABSENT), done
    assert sum(done.seconds for done in ran) < 1 and max(done.kibibytes for done in ran) < 512 << 10


def test_file_of_another_user_is_refused(user):
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


@pytest.mark.parametrize("command", ["report", "report --json", "report --flame=x.svg", "events", "events --json", "events --csv",
                                     "events -f", "export --format=folded", "ls", "ls --json", "help", "help record",
                                     "record --help", "env", "--version"])
def test_output_that_cannot_be_written(command):
    record(target("calls"), "1")
    with open("/dev/full", "w", encoding="ascii") as full:
        refused_output(memshim(*command.split(), stdout=full), "No space left")
    done = harness.run("sh", "-c", f"exec {MEMSHIM} {command} >&-")
    refused_output(done, "standard output")


@pytest.mark.parametrize("path,word", [("/dev/full", "No space left"), (".", "directory"), ("/dev/null/x", "Not a directory")])
@pytest.mark.parametrize("argv", [("report", "--flame"), ("export", "--format=folded", "--output")], ids=lambda a: a[0])
def test_file_that_cannot_be_written(argv, path, word):
    record(target("calls"), "1")
    refused_output(memshim(*argv, path), f"{path}: {word}" if path != "." else word)


@pytest.mark.parametrize("command", ["events", "events --json", "events --csv", "events -f"])
def test_reader_of_the_output_goes_away(command):
    """The command ends at once and quietly, by SIGPIPE, as cat does."""
    record(target("calls"), "5000")
    with subprocess.Popen([MEMSHIM, *command.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as lines:
        lines.stdout.read(1)
        lines.stdout.close()
        assert lines.wait(20) == -signal.SIGPIPE
        assert lines.stderr.read() == ""


PRINTING = ["report", "report --json", "events", "events --json", "events --csv", "events -f", "export --format=folded", "ls",
            "ls --json", "map memshim.data", "ipcs", "ipcs --json", "graph", "reap", "top --once", "help", "help record",
            "record --help", "env", "--version"]


def without_reader(argv, **options):
    """Runs memshim with a standard output that no process reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return memshim(*argv, stdout=writing, **options)
    finally:
        os.close(writing)


@pytest.mark.parametrize("command", PRINTING)
def test_pipe_without_a_reader_ends_quietly(command):
    record(target("calls"), "1")
    done = without_reader(command.split())
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")


def test_pipe_without_a_reader_where_the_signal_is_ignored():
    """As under nohup or cron: then a line says why it failed."""
    record(target("calls"), "1")
    done = without_reader(["events"], restore_signals=False, preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN))
    assert (done.returncode, done.stderr) == (1, "memshim: standard output: Broken pipe\n")


def test_reap_into_a_pipe_without_a_reader_removes_all_the_same():
    script = f"printf 'get 77 8192 03600\\nget 78 8192 03600\\n' | {target('ledger')}"
    record("sh", "-c", script, options=("-q",))
    assert len(kernel_rows()) == 2
    assert without_reader(["reap", "--force"]).returncode == -signal.SIGPIPE
    assert not kernel_rows()


# ---- full disks ----

TINY = ("unshare", "--mount", "sh", "-c")


@machine.needs("root")
@pytest.mark.parametrize("size", ["64k", "1m"])
def test_no_room_for_the_session(size):
    """The message comes before anything runs, and no file is left."""
    os.mkdir("small", 0o700)
    done = harness.run(*TINY, f"mount -t tmpfs none small -o mode=700,size={size}; export MEMSHIM_DIR=$PWD/small;"
                              f"{MEMSHIM} record echo ran; echo $? $(ls -A small) >&2")
    line, rest = done.stderr.split("\n", 1)
    assert line.startswith("memshim: ") and "no room for the session" in line and "MEMSHIM_DIR" in line
    assert (done.stdout, rest) == ("", "125\n")


@machine.needs("root")
def test_disk_full_while_it_runs():
    """The program runs as usual; missing events are counted and reported."""
    os.mkdir("small")
    program = f"{target('calls')} 20000; exit 3"
    done = harness.run(*TINY, f"mount -t tmpfs none small -o size=1400k; {MEMSHIM} record -q -o small/x sh -c '{program}';"
                              f"echo $? >&2; {MEMSHIM} report --json small/x")
    first, report = done.stdout.splitlines()
    line, status = done.stderr.splitlines()
    assert (first, status) == ("wrong: 0", str(FAILED))
    assert line.startswith("memshim: ") and "small/x: No space left on device: the recording is not complete" in line
    report = json.loads(report)
    made = sum(c["ok"] + c["failed"] for p in report["processes"] for c in p["calls"].values())
    lives = report["coverage"]["events"] + sum(report["coverage"]["lost"].values()) - made
    assert made > 180000 and 2 <= lives <= 6 and "lost-events" in {f["kind"] for f in report["findings"]}
