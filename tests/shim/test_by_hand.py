# SPDX-License-Identifier: MIT
"""Without a recorder: LD_PRELOAD alone joins a session, and another shell reads it, live and afterwards."""

import json
import os
import select
import signal
import subprocess
import time

import pytest

import harness
import turns
from harness import MEMSHIM, Lines, Recording, memshim, run, target

PRELOAD = {"LD_PRELOAD": harness.SHIM}
DELAY_S = 0.2
# Another library to preload; a sanitized memshim does not mind that it comes first.
BESIDE = {"LD_PRELOAD": "libm.so.6", "ASAN_OPTIONS": "verify_asan_link_order=0"}


def segment(name="default"):
    return os.path.join(os.environ["MEMSHIM_DIR"], f"{name}.seg")


def sessions():
    return {s["name"]: s for s in json.loads(memshim("ls", "--json").stdout)["sessions"]}


def test_live_and_after():
    with Lines(target("calls"), "2", "wait", env=PRELOAD) as lines:
        lines.wait_for("wrong: 0")
        assert sessions()["default"]["state"] == "live"
        recording = Recording("default")
        report = recording.report()
        assert report["session"]["state"] == "live" and report["session"]["exit"] is None
        process, = report["processes"]
        assert (process["pid"], process["state"]) == (lines.process.pid, "running")
        assert process["calls"]["shmat"]["ok"] == 2
        assert len(recording.calls()) == 18
        by_pid = memshim("events", "--json", "-p", lines.process.pid)
        assert len(by_pid.stdout.splitlines()) == 19
        assert lines.end()[0] == 0
    assert sessions()["default"]["state"] == "ended"
    report = Recording("default").report()
    assert [(p["state"], p["exit_status"]) for p in report["processes"]] == [("exited", 0)]
    assert [e["call"] for e in recording.events("--call=start,exit")] == ["start", "exit"]
    harness.complete(report)
    assert report["session"]["started"] == Recording(segment()).report()["session"]["started"], "by name as by path"


def test_programs_join():
    for count in ("1", "2", "3"):
        assert run(target("calls"), count, env=PRELOAD).returncode == 0
    report = Recording(segment()).report()
    assert [p["calls"]["shmget"]["ok"] for p in report["processes"]] == [1, 2, 3]
    assert oct(os.stat(segment()).st_mode & 0o777) == "0o600"


def test_env():
    done = memshim("env")
    assert (done.returncode, done.stderr) == (0, "")
    joined = run("sh", "-c", f"{done.stdout}\n{target('calls')} 4")
    assert joined.stdout == "wrong: 0\n"
    assert "calls" in {p["comm"] for p in Recording(segment()).report()["processes"]}
    both = run("sh", "-c", f"eval \"$({MEMSHIM} env)\"; echo $LD_PRELOAD", env=BESIDE)
    assert both.stdout.split(":")[0].strip() == harness.SHIM and "libm.so.6" in both.stdout


@pytest.mark.parametrize("value", ["other", "{path}"])
def test_session(value, tmp_path):
    path = f"{os.environ['MEMSHIM_DIR']}/deeper.seg"
    env = {**PRELOAD, "MEMSHIM_SESSION": value.format(path=path)}
    assert run(target("calls"), "1", env=env).returncode == 0
    where = path if value == "{path}" else segment("other")
    assert len(Recording(where).calls()) == 9
    assert not os.path.exists(segment())


def test_dir(own_world):
    other = own_world / "other"
    other.mkdir(0o700)
    assert run(target("calls"), "1", env={**PRELOAD, "MEMSHIM_DIR": str(other)}).returncode == 0
    assert [p.name for p in other.iterdir()] == ["default.seg"]


@pytest.mark.parametrize("name,value", [("MEMSHIM_DIR", "here"), ("MEMSHIM_DIR", "./here"), ("MEMSHIM_SESSION", "here/x.seg")])
def test_relative_places(name, value, own_world, tmp_path):
    """A relative MEMSHIM_DIR would change with the working directory: no folder is created."""
    os.mkdir("elsewhere")
    mine = f"mine-{os.getpid()}"  # in the folder of all of this user's sessions
    env = {**PRELOAD, "MEMSHIM_DIR": str(own_world), name: value, "MEMSHIM_SESSION": value if name[-1] == "N" else mine}
    script = f"{target('calls')} 1; cd elsewhere; {target('calls')} 1"
    live = f"/dev/shm/memshim-{os.geteuid()}/{mine}.seg" if name == "MEMSHIM_DIR" else segment()
    try:
        assert run("sh", "-c", script, env=env).returncode == 0
        report = Recording(live).report()
    finally:
        if name == "MEMSHIM_DIR" and os.path.exists(live):
            os.unlink(live)
    assert [p["comm"] for p in report["processes"]].count("calls") == 2
    assert report["coverage"]["bad_settings"] == len(report["processes"])
    assert (os.listdir(), os.listdir("elsewhere")) == (["elsewhere"], [])


def test_off():
    assert run(target("calls"), "1", env={**PRELOAD, "MEMSHIM_OFF": "1"}).returncode == 0
    assert os.listdir(os.environ["MEMSHIM_DIR"]) == []


def test_without_redirection():
    """Without redirection, only calls by name are seen, and the report claims no more."""
    env = {**PRELOAD, "MEMSHIM_PATCH": "0"}
    assert run("sh", "-c", f"{target('calls')} 1; perl -e '$x = \"x\" x 300000'", env=env).returncode == 0
    report = Recording(segment()).report()
    assert report["coverage"]["level"] == "calls"
    assert all(p["break"]["by_origin"]["malloc"]["moves"] == 0 for p in report["processes"])
    assert [p["calls"]["shmat"]["ok"] for p in report["processes"] if p["comm"] == "calls"] == [1]
    assert "calls-only" in {f["kind"] for f in report["findings"]}
    assert "calls by name only" in Recording(segment()).report_text()


def test_stack_depth():
    for depth, name in ((0, "none"), (3, "three")):
        env = {**PRELOAD, "MEMSHIM_STACK_DEPTH": str(depth), "MEMSHIM_SESSION": name}
        assert run(target("calls"), "1", env=env).returncode == 0
        stacks = [{(f["module"], f["offset"]) for f in e.get("stack", [])} for e in Recording(segment(name)).calls()]
        assert max(map(len, stacks)) == depth


def test_log_size():
    env = {**PRELOAD, "MEMSHIM_LOG_SIZE": "64K"}
    assert run(target("calls"), "1000", env=env).returncode == 0
    report = Recording(segment()).report()
    lost = report["coverage"]["lost"]["overwritten"]
    assert 0 < report["coverage"]["events"] <= 1024
    made = sum(c["ok"] + c["failed"] for c in report["processes"][0]["calls"].values())
    assert lost + report["coverage"]["events"] == made + 2, "start and exit are events too"


def test_wrong_segment_is_left_alone():
    """A file that is no segment of this version is never overwritten, and the program runs."""
    with open(segment(), "wb") as file:
        file.write(b"precious\n" * 1000)
    assert run(target("calls"), "1", env=PRELOAD).stdout == "wrong: 0\n"
    assert open(segment(), "rb").read() == b"precious\n" * 1000
    done = memshim("ls")
    assert done.returncode == 0 and "default.seg" in done.stderr, "said, not hidden"


def test_100_first_starts():
    """Of 100 processes, one creates the session and all join it."""
    started = [subprocess.Popen([target("calls"), "1"], env={**os.environ, **PRELOAD}, stdout=subprocess.DEVNULL)
               for _ in range(100)]
    assert [p.wait(harness.TIMEOUT_S) for p in started] == [0] * 100
    report = Recording(segment()).report()
    assert len(report["processes"]) == 100
    assert report["coverage"]["events"] == 100 * 11
    assert os.listdir(os.environ["MEMSHIM_DIR"]) == ["default.seg"]


# ---- following ----


def follow(*options):
    return Lines(MEMSHIM, "events", "--from-start", *options)


def test_follow():
    """The events come line by line, from processes that start and end, until the session ends."""
    shell = "echo ready; while read line; do $line; done"
    with Lines(MEMSHIM, "record", "-q", "sh", "-c", shell) as target_lines:
        target_lines.wait_for("ready")
        with follow("--json") as lines:
            json.loads(lines.wait_for('"start"'))
            for count in (1, 2):
                target_lines.say(f"{target('calls')} {count}")
                target_lines.wait_for("wrong: 0")
                came = json.loads(lines.wait_for('"shmdt"'))
                assert came["comm"] == "calls"
                json.loads(lines.wait_for('"exit"'))
            assert target_lines.end()[0] == 0
            assert lines.process.wait(harness.PATIENCE_S) == 0, "it ends when the session does"


def test_follow_from_now_on():
    """What happened before is known, and not printed: the segment's size is that of its creation."""
    script = "$| = 1; $i = shmget(0x111, 4096, 01600); print qq(ready\\n); while (<>) { shmread($i, $x, 0, 1); shmget(0x222, 1, 0) }"
    with Lines(MEMSHIM, "record", "-q", "perl", "-e", script.replace("\\n", "\n")) as session:
        session.wait_for("ready")
        with Lines(MEMSHIM, "events", "-f", "--json") as followed:
            came = lambda: session.say() or select.select([followed.process.stdout], [], [], 0)[0]
            harness.wait_until(came, "it follows")
            session.end()
            _, text = followed.end()
    events = [json.loads(line) for line in text.splitlines()]
    assert [e["seq"] for e in events] == list(range(len(events)))
    assert {e["call"] for e in events} - {"brk", "sbrk"} == {"shmat", "shmctl", "shmdt", "shmget", "exit"}
    assert {e["key"] for e in events if e["call"] == "shmget"} == {"0x00000222"}
    assert {e["size"] for e in events if e["call"] == "shmat"} == {4096}


@turns.alone
def test_follow_in_time():
    """At least one line appears within 200 ms. Only one, because the machine may be busy."""
    with Lines(MEMSHIM, "record", "-q", "sh", "-c", "echo ready; while read line; do $line; done") as session:
        session.wait_for("ready")
        with follow("--call=start") as lines:
            delays = []
            while not delays or min(delays) >= DELAY_S and len(delays) < 50:
                began = time.monotonic()
                session.say("/usr/bin/true")
                lines.wait_for("starts /usr/bin/true")
                delays.append(time.monotonic() - began)
            assert min(delays) < DELAY_S, delays


def test_follow_with_filters():
    with Lines(target("calls"), "3", "wait", env=PRELOAD) as lines:
        lines.wait_for("wrong: 0")
        with follow("--json", "--call=shmget", "default") as followed:
            calls = [json.loads(followed.wait_for("shmget"))["call"] for _ in range(3)]
            lines.end()
            assert calls == ["shmget"] * 3
            followed.process.terminate()


def test_following_what_has_ended():
    harness.record(target("calls"), "1")
    done = memshim("events", "-f", timeout=20)
    assert done.returncode == 0 and done.stdout == memshim("events").stdout


def test_followed_is_what_is_read_later():
    """
    Following prints every event once, in every format, from several processes. Events of the same instant may be in
    any order.
    """
    script = f"echo ready; read line; for i in 1 2 3; do {target('calls')} 20 & done; wait"
    for form in ("--json", "--csv", "--color=never"):
        with Lines(MEMSHIM, "record", "-q", "sh", "-c", script) as session:
            session.wait_for("ready")
            pid = session.process.pid
            with follow(form) as lines:
                first = lines.wait_for("start")
                session.say()
                status, rest = lines.end()
            assert (session.end()[0], status) == (0, 0), pid
        later = memshim("events", form).stdout.splitlines()
        live = [first] + rest.splitlines()
        if form == "--json":
            kept = ("pid", "call", "args", "ret", "errno", "break")
            live, later = ([[json.loads(line).get(k) for k in kept] for line in lines] for lines in (live, later))
        else:
            heading = form == "--csv"
            live, later = ([without_time(form, line) for line in lines] for lines in (live, later[heading:]))
        assert sorted(map(str, live)) == sorted(map(str, later)) and len(live) > 3 * 180


def without_time(form, line):
    """Removes the times: while a session lives, the rate of its clock is known less exactly."""
    return line.split(",", 2)[2] if form == "--csv" else line.split(None, 1)[1]


def test_follow_by_process_and_by_name():
    with Lines(target("calls"), "1", "wait", env={**PRELOAD, "MEMSHIM_SESSION": "mine"}) as lines:
        lines.wait_for("wrong: 0")
        for argv in (("-p", lines.process.pid), ("mine",), (segment("mine"),), (f"--pid={lines.process.pid}",)):
            with follow("--call=shmget", *argv) as followed:
                assert "shmget(IPC_PRIVATE, 4096" in followed.wait_for("shmget")
        assert lines.end()[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_follow_interrupted(number):
    """Ctrl-C ends the command, the session runs on, and the output is complete."""
    with Lines(target("calls"), "5", "wait", env=PRELOAD) as lines:
        lines.wait_for("wrong: 0")
        with follow("--json", "default") as followed:
            first = followed.wait_for("start")
            followed.process.send_signal(number)
            rest = followed.process.stdout.read()
            assert followed.process.wait(harness.PATIENCE_S) in (0, -number)
            assert all(json.loads(line) for line in [first, *rest.splitlines()])
        assert lines.end()[0] == 0
    harness.complete(Recording("default").report())


@pytest.mark.parametrize("killed", ["recorder", "target"])
def test_follow_ends_with_what_was_killed(killed):
    with Lines(MEMSHIM, "record", "-q", "sh", "-c", "echo $$; read line") as session:
        pid = int(session.process.stdout.readline())
        with follow("--json") as lines:
            lines.wait_for("start")
            os.kill(session.process.pid if killed == "recorder" else pid, signal.SIGKILL)
            session.process.wait(harness.PATIENCE_S)
            session.process.stdin.close()
            assert lines.process.wait(harness.PATIENCE_S) == 0, "the last process is gone: nothing can come"
        session.process.stdin = open(os.devnull, "w", encoding="ascii")


def test_follow_a_quiet_session_until_its_reader_goes():
    """The command ends when the reader of its output has gone, even without a new event."""
    with Lines(target("calls"), "1", "wait", env=PRELOAD) as lines:
        lines.wait_for("wrong: 0")
        with subprocess.Popen([MEMSHIM, "events", "--from-start", "default"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as followed:
            for _ in range(10):
                followed.stdout.readline()
            followed.stdout.close()
            assert followed.wait(harness.PATIENCE_S) in (0, 1)
        assert lines.end()[0] == 0


def test_start_reads_stat_once(tmp_path):
    """A second read(2) of /proc/self/stat, which only meets its end, would be a system call of each start."""
    trace = tmp_path / "trace"
    preload = f"LD_PRELOAD={harness.SHIM}"
    done = run("strace", "-o", trace, "-e", "trace=openat,read,close", "-E", preload, "/bin/true")
    assert done.returncode == 0, done.stderr
    lines = trace.read_text().splitlines()
    opened = next(i for i, line in enumerate(lines) if '"/proc/self/stat"' in line)
    assert [line.split("(")[0] for line in lines[opened:opened + 3]] == ["openat", "read", "close"]
