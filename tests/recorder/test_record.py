# SPDX-License-Identifier: MIT
"""`memshim record`: its options, its exit status, its file, and the processes it names."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

import harness
import machine
from harness import MEMSHIM, Lines, Recording, memshim, record, target
from refusals import CANNOT_RUN, FAILED, NOT_FOUND, refused

# Another library to preload; a sanitized memshim does not mind that it comes first.
BESIDE = {"LD_PRELOAD": "libm.so.6", "ASAN_OPTIONS": "verify_asan_link_order=0"}
# Its child has registered before it ends.
SLOW_CHILD = "exec 3<&0; (: >there; read line <&3; exit 0) & until [ -e there ]; do :; done; echo started; exit 3"


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


@pytest.mark.parametrize("given,name", [("100%", "100%"), ("%x%%", "%x%"), ("%", "%"), ("%%p", "%p"), ("a%eb%e", "acallsbcalls")])
def test_odd_placeholders(given, name):
    """A % without a known letter stays as it is."""
    os.mkdir("out")
    record(target("calls"), "1", output=f"out/{given}")
    assert os.listdir("out") == [name]


def test_name_with_a_placeholder():
    """A program's name is not expanded again, and cannot leave the folder."""
    shutil.copy(target("calls"), "%p")
    os.mkdir("out")
    record("./%p", "1", output="out/%e")
    record(os.path.abspath("%p"), "1", output="out/%e")
    assert sorted(os.listdir("out")) == ["%p", "%p.old"]


@pytest.mark.parametrize("output,word", [("fifo", "not a regular file"), ("link", "not a regular file"), ("x" * 300, "too long"),
                                         ("no/such/folder", "No such file"), ("kept", "kept.old: Is a directory")])
def test_output_that_is_not_to_be_written(output, word):
    """Nothing runs, and no existing file is lost."""
    os.mkfifo("fifo")
    os.symlink("precious", "link")
    os.makedirs("kept.old/inside")
    for name in ("precious", "kept"):
        with open(name, "w", encoding="ascii") as file:
            file.write(name)
    before = sorted(os.listdir())
    refused(record("echo", "ran", output=output, check=False).result, FAILED, output, word)
    assert sorted(os.listdir()) == before
    assert (open("precious", encoding="ascii").read(), open("kept", encoding="ascii").read()) == ("precious", "kept")


def test_folder_of_others(user):
    os.mkdir("closed", 0o555)
    done = user(MEMSHIM, "record", "-o", "closed/x", "echo", "ran")
    refused(done, FAILED, "closed/x: Permission denied", "--output")


@pytest.mark.parametrize("size", ["8191", "1.5M", "16k", "16MiB", "-1", "65G", "0x4000", " 16M", "18446744073709551616"])
def test_odd_log_size(size):
    refused(memshim("record", f"--log-size={size}", "echo", "ran"), FAILED, f"--log-size: '{size}'", "8K to 64G")


@pytest.mark.parametrize("size", ["8192", "8K", "1M", "1G"])
def test_log_size(size):
    harness.complete(record(target("calls"), "2", options=(f"--log-size={size}",)).report())


def test_words_after_the_command():
    """COMMAND's options are its own; -- ends those of memshim."""
    assert memshim("record", "-q", "echo", "-q", "--output=x", "--", "-h").stdout == "-q --output=x -- -h\n"
    assert memshim("record", "-q", "--", "echo", "--", "x").stdout == "-- x\n"
    refused(memshim("record", "--", "-q"), NOT_FOUND, "-q: command not found")
    refused(memshim("record", "--"), FAILED, "no COMMAND")
    assert memshim("record", "-k5", "-qk", "70", "true").returncode == FAILED
    assert memshim("record", "-k70", "-k5", "true").returncode == FAILED, "the first wrong one"


def test_ignored_signals_stay_ignored():
    done = harness.run("sh", "-c", f"trap '' INT QUIT; {MEMSHIM} record -q sh -c 'kill -INT $$; kill -QUIT $$; echo here'")
    assert (done.returncode, done.stdout) == (0, "here\n")


def test_stopped_and_continued():
    """A stopped COMMAND has not ended; the recorder waits."""
    with Lines(MEMSHIM, "record", "-q", "--", "sh", "-c", "echo $$; read line; exit 6") as lines:
        pid = int(lines.process.stdout.readline())
        os.kill(pid, signal.SIGSTOP)
        harness.wait_until(lambda: state(pid) == "T", "it is stopped", lines.process)
        assert lines.process.poll() is None
        os.kill(pid, signal.SIGCONT)
        harness.wait_until(lambda: state(pid) != "T", "it goes on", lines.process)
        assert lines.end()[0] == 6
    assert Recording("memshim.data").report()["session"]["exit"] == {"status": 6, "signal": None}


def state(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


@pytest.mark.parametrize("head", [b"\x7fELF\x01", b"\x7fELF\x02", b"\x7fELF\x02\x01\x01\x03"])
def test_broken_binary(head):
    """A file that the kernel refuses is not given to a shell; a script without an interpreter is, as by a shell."""
    for name, text in (("broken", head.ljust(200, b"\x00")), ("script", b"echo $1; exit 9\n")):
        with open(name, "wb") as file:
            file.write(text)
        os.chmod(name, 0o755)
    done = memshim("record", "-q", "./broken")
    assert (done.returncode, done.stdout) == (CANNOT_RUN, "")
    assert done.stderr.splitlines()[-1] == "memshim: ./broken: Exec format error"
    assert not os.path.exists("memshim.data")
    done = memshim("record", "-q", "./script", "word")
    assert (done.returncode, done.stdout, done.stderr) == (9, "word\n", "")


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
        """The stack depth of each event, without inlined functions."""
        calls = record(target("calls"), "5", options=options).calls()
        return [len({(f["module"], f["offset"]) for f in e.get("stack", [])}) for e in calls]

    assert set(depths("-k", "0")) == {0}
    assert set(depths("-k2")) == {2}
    assert 2 < max(depths("--stack-depth=64")) <= 64
    assert depths() == depths("-k", "16")


def test_small_log():
    """The recorder empties a small log; what a burst overwrote is counted."""
    recording = record(target("calls"), "20000", options=("--log-size=8K", "-q"))
    report = recording.report()
    assert set(k for k, v in report["coverage"]["lost"].items() if v) <= {"overwritten"}
    lost = report["coverage"]["lost"]["overwritten"]
    events = recording.events()
    assert report["coverage"]["events"] == len(events)
    made = sum(c["ok"] + c["failed"] for c in report["processes"][0]["calls"].values())
    assert len(events) + lost == made + 2, "start and exit are events too, and may be lost"


def test_no_follow():
    script = f"{target('calls')} 1; exec {target('calls')} 2"
    processes = record("sh", "-c", script).report()["processes"]
    alone = record("sh", "-c", script, options=("--no-follow",)).report()
    assert len({p["pid"] for p in processes}) == 2
    assert {p["pid"] for p in alone["processes"]} == {alone["session"]["command_pid"]}
    assert [p["comm"] for p in alone["processes"]] == ["sh", "calls"], "its own exec is followed"


def test_wait():
    """Without -w the recording ends with COMMAND; with -w, with the last descendant."""
    with Lines(MEMSHIM, "record", "-q", "--", "sh", "-c", SLOW_CHILD) as lines:
        lines.wait_for("started")
        assert lines.process.wait(harness.PATIENCE_S) == 3
        assert "running" in {p["state"] for p in Recording("memshim.data").report()["processes"]}
    os.unlink("there")
    with Lines(MEMSHIM, "record", "-q", "-w", "--", "sh", "-c", SLOW_CHILD) as lines:
        lines.wait_for("started")
        with pytest.raises(subprocess.TimeoutExpired):
            lines.process.wait(0.3)
        lines.say()
        assert lines.process.wait(harness.PATIENCE_S) == 3
    assert {p["state"] for p in Recording("memshim.data").report()["processes"]} == {"exited"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGQUIT])
def test_signals_are_passed_on(number):
    script = f"trap 'exit {number + 10}' {number}; echo ready; while read line; do :; done"
    with Lines(MEMSHIM, "record", "-q", "--", "sh", "-c", script) as lines:
        lines.wait_for("ready")
        lines.process.send_signal(number)
        lines.say()
        assert lines.process.wait(harness.PATIENCE_S) == number + 10
    assert Recording("memshim.data").report()["session"]["exit"]["status"] == number + 10


def test_preloads_are_added_to():
    done = memshim("record", "-q", "sh", "-c", "echo $LD_PRELOAD", env=BESIDE)
    assert done.stdout == f"{harness.SHIM}:libm.so.6\n"


def test_relative_folder(own_world, tmp_path):
    """A relative folder works, wherever the programs change to."""
    folder = os.path.relpath(own_world)
    report = record("sh", "-c", f"cd /; {target('calls')} 1", options=("-q",), env={"MEMSHIM_DIR": folder}).report()
    assert "calls" in {p["comm"] for p in report["processes"]}
    report = record(target("calls"), "1", options=("-q",), env={"MEMSHIM_DIR": "", "XDG_RUNTIME_DIR": "x", "TMPDIR": "y"}).report()
    assert len(report["processes"]) == 1 and sorted(os.listdir()) == ["memshim.data", "memshim.data.old"]


def test_nothing_stays_in_memory():
    record(target("calls"), "5")
    assert os.listdir(os.environ["MEMSHIM_DIR"]) == []


def test_100_recorders_at_once():
    """Each has its own session, and all succeed."""
    started = [subprocess.Popen([MEMSHIM, "record", "-q", "--log-size=64K", "-o", f"{i}.data", target("calls"), "20"],
                                stdout=subprocess.DEVNULL) for i in range(100)]
    assert [p.wait(harness.TIMEOUT_S) for p in started] == [0] * 100
    names = {Recording(f"{i}.data").report()["session"]["name"] for i in range(0, 100, 9)}
    assert len(names) == 12
    assert os.listdir(os.environ["MEMSHIM_DIR"]) == []


@machine.needs("root")
def test_capabilities(compile_c, user):
    """A program with file capabilities runs, and the reason why it is not followed is printed."""
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
