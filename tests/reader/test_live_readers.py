# SPDX-License-Identifier: MIT
"""
Readers of a session that programs write to, that is truncated, or that is very long: the output is consistent, they
never write, and their memory is limited. MEMSHIM_EVENTS: how many events are very many.
"""

import json
import os
import signal
import subprocess

import pytest

import harness
from beside import CYCLE, CYCLE_CALLS
from harness import MEMSHIM, Lines, Recording, memshim, record, target, wait_until
from story import KEY, NEW, Teller, recorded

PRELOAD = {"LD_PRELOAD": harness.SHIM, "MEMSHIM_LOG_SIZE": "256K"}
EVENTS = int(os.environ.get("MEMSHIM_EVENTS", "300000"))


def segment():
    return os.path.join(os.environ["MEMSHIM_DIR"], "default.seg")


# ---- while it is written to ----


def is_stopped(trace):
    return os.path.exists(trace) and "--- stopped by SIGSTOP ---" in open(trace, encoding="ascii", errors="replace").read()


GET, ATTACH, DETACH, REMOVE = ("get", KEY, 4096, NEW), ("at", 0, 0), ("dt",), ("rm", 0)


@pytest.mark.parametrize("before,meanwhile,state", [
    ((DETACH,), (GET,), "present"), ((GET,), (REMOVE,), "destroyed"), ((DETACH,), (GET, REMOVE), "destroyed"),
    ((GET, ATTACH), (REMOVE,), "marked")], ids=["created", "removed", "both", "marked"])
def test_what_happens_while_a_report_reads(before, meanwhile, state):
    """The report is stopped after it has read the kernel's table, and before it reads the log."""
    harness.need("strace")
    pause = ("strace", "-qq", "-o", "trace", "-P", "/proc/sysvipc/shm", "-e", "trace=close", "-e", "inject=close:signal=SIGSTOP:when=1")
    with recorded() as lines:
        program = Teller(lines)
        for words in before:
            program.tell(*words)
        with Lines(*pause, harness.MEMSHIM, "report", "--json", "memshim.data") as reader:
            wait_until(lambda: is_stopped("trace"), "the report has read the table", reader.process)
            for words in meanwhile:
                program.tell(*words)
            with open(f"/proc/{reader.process.pid}/task/{reader.process.pid}/children", encoding="ascii") as children:
                os.kill(int(children.read()), signal.SIGCONT)
            status, text = reader.end()
        assert status == 0
        report = json.loads(text)
        assert [s["state"] for s in report["segments"]] == [state]
        assert "vanished-segment" not in {f["kind"] for f in report["findings"]}
        lines.end()


def check_snapshot(report, before):
    """Every counted event is logged or lost, and no counter decreases."""
    process, = report["processes"]
    done = sum(c["ok"] + c["failed"] for c in process["calls"].values())
    known = report["coverage"]["events"] + sum(report["coverage"]["lost"].values())
    assert before <= known <= done + 1, "the log first, the counters then, while it goes on; its start is an event too"
    assert report["coverage"]["in_flight"] == 0 and report["coverage"]["unseen_moves"] == 0
    return known


def test_while_it_is_written_to():
    """A million calls a second, or as many as the machine allows, with three readers."""
    with subprocess.Popen([target("calls"), "100000"], env={**os.environ, **PRELOAD}, stdout=subprocess.PIPE, text=True) as writer:
        harness.wait_until(lambda: os.path.exists(segment()) and Recording("default").report()["processes"], "it began", writer)
        following = (MEMSHIM, "events", "--from-start", "--csv", "default")
        with subprocess.Popen(following, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as follower:
            done, snapshots = 0, 0
            while writer.poll() is None and snapshots < 5:
                command = (MEMSHIM, "events", "--csv", "--no-headings", "--columns=time_ns", "default")
                with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as other:
                    done = check_snapshot(Recording("default").report(), done)
                    times = [int(line) for line in other.stdout]
                assert times == sorted(times) and other.returncode == 0
                snapshots += 1
            assert snapshots > 0
            assert writer.wait(harness.TIMEOUT_S) == 0 and writer.stdout.read() == "wrong: 0\n"
            assert follower.wait(harness.PATIENCE_S) == 0
    process, = Recording("default").report()["processes"]
    calls = {k: v["ok"] + v["failed"] for k, v in process["calls"].items() if k in CYCLE}
    assert calls == {k: v * 100000 for k, v in CYCLE.items()}


def test_readers_cannot_write():
    """The mapping of a reader is read-only."""
    with Lines(target("calls"), "1", "wait", env=PRELOAD) as writer:
        writer.wait_for("wrong: 0")
        with Lines(MEMSHIM, "events", "--from-start", "--color=never", "default") as follower:
            follower.wait_for("shmget")
            with open(f"/proc/{follower.process.pid}/maps", encoding="ascii") as maps:
                modes = {line.split()[1] for line in maps if ".seg" in line}
            assert modes == {"r--s"}
        assert writer.end()[0] == 0


# ---- cut off under them ----


@pytest.mark.parametrize("left", [0, 4096, 1 << 20])
def test_shrinks_under_a_reader(left):
    """The reader reports the truncation, or that the process has ended; no signal ends it."""
    with Lines(target("calls"), "300", "wait", env=PRELOAD) as writer:
        writer.wait_for("wrong: 0")
        with Lines(MEMSHIM, "events", "--from-start", "--csv", "default", stderr=subprocess.PIPE) as follower:
            follower.wait_for("shmctl")
            os.truncate(segment(), left)
            for command in ("report", "events", "report --json", "graph", "ls"):
                done = memshim(*command.split(), *(() if command == "ls" else ("default",)), timeout=20)
                assert done.returncode in (0, 1), (command, done)
                assert all(line.startswith("memshim: ") for line in done.stderr.splitlines()), (command, done)
                assert command == "ls" or done.stderr.count("\n") == 1 and done.returncode == 1, (command, done)
            writer.process.kill()
            writer.process.wait(harness.PATIENCE_S)
            follower.process.stdout.read()
            assert follower.process.wait(harness.PATIENCE_S) in (0, 1)
            said = follower.process.stderr.read()
            follower.process.stderr.close()
            assert all(line.startswith("memshim: ") for line in said.splitlines()), said


def segments_bytes():
    folder = os.environ["MEMSHIM_DIR"]
    return [os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder) if name.endswith(".seg")]


@pytest.mark.parametrize("left", [0, 4096, 1 << 20])
def test_shrinks_under_a_recorder(left):
    """
    The recorder restores the length, so a program that did not write just then runs on. The recorder reports it, and
    ends with COMMAND's status.
    """
    script = f"{target('calls')} 300; exec {target('ledger')}"
    with Lines(MEMSHIM, "record", "-q", "sh", "-c", script, stderr=subprocess.PIPE) as lines:
        lines.wait_for("wrong: 0")
        program = Teller(lines)
        assert program.get() >= 0, "it waits for its next word"
        whole = segments_bytes()
        name, = (name for name in os.listdir(os.environ["MEMSHIM_DIR"]) if name.endswith(".seg"))
        os.truncate(os.path.join(os.environ["MEMSHIM_DIR"], name), left)
        harness.wait_until(lambda: segments_bytes() == whole, "its length is back", lines.process)
        assert program.tell("at") > 0 and program.tell("dt") == 0 and program.tell("rm") == 0
        program.tell("fork")
        assert program.tell("break", 4096) > 0
        program.tell_last("exec", target("calls"))
        assert lines.wait_for("wrong: ") == "wrong: 0"
        assert lines.end() == (125, "")
        said = lines.process.stderr.read()
        lines.process.stderr.close()
    assert said == ("memshim: memshim.data: a process truncated the session's segment while programs used it: "
                    "the recording is not complete\n")
    assert os.listdir(os.environ["MEMSHIM_DIR"]) == []
    for command in ("report --json", "events --json"):
        done = memshim(*command.split(), timeout=20)
        assert done.returncode == 0, done


def test_shrinks_under_a_busy_writer():
    """A program that writes before the length is restored is ended by SIGBUS; the recorder reports what it knows."""
    with Lines(MEMSHIM, "record", "-q", "sh", "-c", f"echo begun; exec {target('calls')} 60000", stderr=subprocess.PIPE) as lines:
        lines.wait_for("begun")
        harness.wait_until(lambda: len(Recording("memshim.data").report()["processes"]) == 2, "it makes calls", lines.process)
        name, = (name for name in os.listdir(os.environ["MEMSHIM_DIR"]) if name.endswith(".seg"))
        os.truncate(os.path.join(os.environ["MEMSHIM_DIR"], name), 0)
        status, rest = lines.end()
        assert status == 125 and rest in ("wrong: 0\n", "")
        assert "truncated the session's segment" in lines.process.stderr.read()
        lines.process.stderr.close()
    ended = Recording("memshim.data").report()["session"]["exit"]
    assert ended in ({"status": 0, "signal": None}, {"status": None, "signal": signal.SIGBUS})


def test_shrinks_under_a_writer_alone():
    """
    Without a recorder the length is not restored: SIGBUS ends the program, as the README says. The file's owner could
    have killed it, too.
    """
    with Lines(target("ledger"), env=PRELOAD) as lines:
        writer = Teller(lines)
        assert writer.tell("break", 4096) > 0
        os.truncate(segment(), 0)
        writer.tell_last("break", 4096)
        assert lines.process.wait(harness.PATIENCE_S) == -signal.SIGBUS


# ---- very many events ----


def read_and_measure(*argv):
    """CPU seconds and KiB of one reading."""
    done = harness.run_measured(MEMSHIM, *argv, timeout=600)
    assert done.returncode == 0, done
    return done.seconds, done.kibibytes


def measured(program, count, argv_of):
    """argv: KiB of a reading of so many events; all in seconds."""
    recording = record(*program, options=("-q", "--log-size=64M"), output=f"{count}")
    assert "events, none lost" in recording.report_text() or "overwritten" in recording.report_text()
    memory = {}
    for argv in argv_of:
        seconds, memory[argv] = read_and_measure(*argv, f"{count}")
        assert seconds < 3 + EVENTS / 100000 or "sanitize" in harness.BUILD.name, argv
    os.unlink(f"{count}")
    return memory


READINGS = (("report", "--json"), ("events", "--csv"), ("export", "--format=folded"))


def test_very_many_events():
    """Memory does not grow with them."""
    few, many = (measured((target("threads"), "1", n // 2), n, READINGS) for n in (EVENTS // 20, EVENTS))
    for argv in READINGS:
        assert many[argv] < few[argv] + 8000, (argv, few, many)


def test_very_many_segments():
    """Memory grows only with the segments' own rows."""
    few, many = (measured((target("calls"), n // CYCLE_CALLS), n, READINGS) for n in (EVENTS // 20, EVENTS))
    segments = (EVENTS - EVENTS // 20) // CYCLE_CALLS
    for argv in READINGS:
        # struct model_segment has 568 bytes: its creator, family and verdict, and the kernel's row at the end and now.
        assert many[argv] - few[argv] < segments * 650 / 1024 + 8000, (argv, few, many)


# ---- what is missing makes a difference ----


def test_losses_are_findings():
    """By default in the report, and with --error-exitcode in the exit status."""
    recording = record(target("calls"), "20000", options=("-q", "--log-size=8K", "--error-exitcode=9"), check=False)
    report = recording.report()
    assert report["coverage"]["lost"]["overwritten"] and "lost-events" in {f["kind"] for f in report["findings"]}
    assert recording.result.returncode == 9 and "lost-events" in recording.report_text()
