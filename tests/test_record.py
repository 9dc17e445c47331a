# SPDX-License-Identifier: MIT
"""`memshim record`: its options, its exit status, the file it leaves, the processes it names."""

import os
import re
import signal
import subprocess
import time

import pytest

import harness
from harness import MEMSHIM, Lines, Recording, memshim, record, target

SLOW_CHILD = "exec 3<&0; (read line <&3; exit 0) & echo started; exit 3"


def test_output_and_the_old_one():
    record("sh", "-c", "exit 0")
    first = open("memshim.data", "rb").read()
    assert oct(os.stat("memshim.data").st_mode & 0o777) == "0o600"
    record("true")
    assert open("memshim.data.old", "rb").read() == first != open("memshim.data", "rb").read()
    record("true")
    assert sorted(os.listdir()) == ["memshim.data", "memshim.data.old"]


def test_output_with_placeholders():
    result = memshim("record", "-q", "-o", "%e-%p-%t-%%.data", "--", "sh", "-c", "echo $$")
    name, = os.listdir()
    found = re.fullmatch(r"sh-(\d+)-(\d{8}-?\d{6}|\d+)-%\.data", name)
    assert found, name
    assert result.stdout == found[1] + "\n"
    assert Recording(name).report()["session"]["command_pid"] == int(found[1])


@pytest.mark.parametrize("script,status", [
    ("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137), ("kill -15 $$", 143), ("kill -6 $$", 134)])
def test_exit_status(script, status):
    recording = record("sh", "-c", script, check=False)
    assert recording.result.returncode == status
    ended = recording.report()["session"]["exit"]
    assert ended == ({"status": status, "signal": None} if status < 128 or status == 255
                     else {"status": None, "signal": status - 128})


def test_error_exitcode():
    leak = ("/usr/bin/perl", "-e", "shmget(0, 4096, 01600) // die")
    assert memshim("record", "-q", "--error-exitcode=9", *leak).returncode == 9
    assert memshim("record", "-q", "--error-exitcode=9", "true").returncode == 0
    assert memshim("record", "-q", "--error-exitcode=9", "sh", "-c", "exit 4").returncode == 4
    assert memshim("record", "-q", *leak).returncode == 0
    env_i = ("sh", "-c", f"env -i {target('calls')} 1 wait; exit 0")
    with Lines(MEMSHIM, "record", "-q", "--error-exitcode=9", "--", *env_i) as lines:
        lines.wait_for("wrong: ")
        harness.wait_until(lambda: Recording("memshim.data").report()["coverage"]["not_followed"], "it is missed")
        assert lines.end()[0] == 9, "a child untraced is a finding"


def test_summary():
    loud = record(target("calls"), "5")
    assert re.match(r"memshim: 1 process, \d+ events; the break moved \d+ times", loud.result.stderr)
    assert all(line.startswith("memshim: ") for line in loud.result.stderr.splitlines())
    assert "memshim report" in loud.result.stderr
    assert record(target("calls"), "5", options=("-q",)).result.stderr == ""


def test_stack_depth():
    def depths(*options):
        """Of each event, functions inlined into others not counted."""
        calls = record(target("calls"), "5", options=options).calls()
        return [len({(f["module"], f["offset"]) for f in e.get("stack", [])}) for e in calls]

    assert set(depths("-k", "0")) == {0}
    assert set(depths("-k2")) == {2}
    assert 2 < max(depths("--stack-depth=64")) <= 64
    assert depths() == depths("-k", "16")


def test_small_log():
    """The recorder drains it; what a burst overwrote is counted."""
    recording = record(target("calls"), "20000", options=("--log-size=8K", "-q"))
    report = recording.report()
    assert set(k for k, v in report["coverage"]["lost"].items() if v) <= {"overwritten"}
    lost = report["coverage"]["lost"]["overwritten"]
    events = recording.events()
    assert report["coverage"]["events"] == len(events)
    made = sum(c["ok"] + c["failed"] for c in report["processes"][0]["calls"].values())
    assert len([e for e in events if e["call"] in harness.CALLS]) + lost == made


def test_no_follow():
    script = f"{target('calls')} 1; exec {target('calls')} 2"
    everybody = record("sh", "-c", script).report()["processes"]
    alone = record("sh", "-c", script, options=("--no-follow",)).report()
    assert len({p["pid"] for p in everybody}) == 2
    assert {p["pid"] for p in alone["processes"]} == {alone["session"]["command_pid"]}
    assert [p["comm"] for p in alone["processes"]] == ["sh", "calls"], "its own exec is followed"


def test_wait():
    """Without -w the recording ends with COMMAND; with it, with the last descendant."""
    with Lines(MEMSHIM, "record", "-q", "--", "sh", "-c", SLOW_CHILD) as lines:
        lines.wait_for("started")
        assert lines.process.wait(harness.PATIENCE_S) == 3
        assert "running" in {p["state"] for p in Recording("memshim.data").report()["processes"]}
    with Lines(MEMSHIM, "record", "-q", "-w", "--", "sh", "-c", SLOW_CHILD) as lines:
        lines.wait_for("started")
        with pytest.raises(subprocess.TimeoutExpired):
            lines.process.wait(0.3)
        lines.say()
        assert lines.process.wait(harness.PATIENCE_S) == 3
    assert {p["state"] for p in Recording("memshim.data").report()["processes"]} == {"exited"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGQUIT])
def test_signals_are_passed_on(number):
    script = f"trap 'exit {number + 10}' {number}; echo ready; while :; do read line; done"
    with Lines(MEMSHIM, "record", "-q", "--", "sh", "-c", script) as lines:
        lines.wait_for("ready")
        lines.process.send_signal(number)
        lines.say()
        assert lines.process.wait(harness.PATIENCE_S) == number + 10
    assert Recording("memshim.data").report()["session"]["exit"]["status"] == number + 10


def test_preloads_are_added_to():
    done = memshim("record", "-q", "sh", "-c", "echo $LD_PRELOAD", env={"LD_PRELOAD": "libm.so.6"})
    assert done.stdout == f"{harness.SHIM}:libm.so.6\n"


def test_nothing_stays_in_memory():
    record(target("calls"), "5")
    assert os.listdir(os.environ["MEMSHIM_DIR"]) == []


def test_100_recorders_at_once():
    """Each has a session of its own, and all end well."""
    started = [subprocess.Popen([MEMSHIM, "record", "-q", "--log-size=64K", "-o", f"{i}.data", target("calls"), "20"],
                                stdout=subprocess.DEVNULL) for i in range(100)]
    assert [p.wait(harness.TIMEOUT_S) for p in started] == [0] * 100
    names = {Recording(f"{i}.data").report()["session"]["name"] for i in range(0, 100, 9)}
    assert len(names) == 12
    assert os.listdir(os.environ["MEMSHIM_DIR"]) == []


@pytest.mark.skipif(not harness.IS_ROOT, reason="needs root")
def test_capabilities(compile_c, user):
    """A program with file capabilities is run, and its reason is told."""
    harness.need("setcap")
    program = compile_c("capable", "int main(void) { return 0; }")
    subprocess.run(["setcap", "cap_net_raw+ep", program], check=True)
    done = user(MEMSHIM, "record", program)
    assert done.returncode == 0 and "capabilities" in done.stderr, done
    missed, = Recording("memshim.data").report()["coverage"]["not_followed"]
    assert "capabilities" in missed["why"]


def test_duration():
    recording = record("sh", "-c", "exit 0")
    session = recording.report()["session"]
    assert 0 < session["duration_ns"] < 60e9
    assert session["started"].startswith(time.strftime("%Y-"))
    assert session["state"] == "ended" and session["command"] == ["sh", "-c", "exit 0"]
