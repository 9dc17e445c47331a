# SPDX-License-Identifier: MIT
"""
Time namespaces, in which a process reads other times from the same clocks; a kernel that does not use the CPU's
counter; a wall clock that jumps. Order, durations, and which processes run stay right.
"""

import json
import os
import struct
import time

import pytest

import damage
import harness
import story
import test_preloads
import turns
from beside import needs_root, unharmed
from harness import MEMSHIM, Lines, Recording, memshim, record, target

PRELOAD = {"LD_PRELOAD": harness.SHIM}
CLOCK_SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
CLOCK_AT, START_AT, END_AT = (damage.AFTER_REGIONS + at for at in (0, 24, 48))  # in struct segment_header
CLOCK_NS, CLOCK_COUNTER = 1, 2


def shifted(seconds=None):
    """A time namespace whose clocks are far ahead: by default a hundred times the machine's uptime."""
    seconds = seconds or 100 * int(time.clock_gettime(time.CLOCK_BOOTTIME))
    return ("unshare", "--time", "--monotonic", str(seconds), "--boottime", str(seconds), "--fork")


def without_counter(*command):
    """As on a machine whose kernel uses another clock source."""
    with open("source", "w", encoding="ascii") as file:
        file.write("hpet\n")
    return ("unshare", "--mount", "sh", "-c", f'mount --bind source {CLOCK_SOURCE} && exec "$@"', "sh", *command)


def header(path, at=START_AT):
    with open(path, "rb") as file:
        data = file.read(4096)
    return struct.unpack_from("<I", data, CLOCK_AT)[0], struct.unpack_from("<QQQ", data, at)


def in_time(recording):
    """Checks that all events are in the order of their times, and within the session."""
    events, duration = recording.events(), recording.report()["session"]["duration_ns"]
    times = [e["time_ns"] for e in events]
    assert times == sorted(times) and times[0] >= 0 and times[-1] <= duration, (times[0], times[-1], duration)
    return events


# ---- who runs ----


@needs_root
@pytest.mark.parametrize("where", ["program", "recorder", "reader"])
def test_process_of_another_time_namespace_runs(where):
    """Its start time in /proc differs: it still counts as running, and no segment as leaked."""
    space = {where: shifted()}
    command = (*space.get("recorder", ()), MEMSHIM, "record", "-q", "-w", *space.get("program", ()), target("ledger"))
    with Lines(*command) as lines:
        program = story.Teller(lines)
        shmid = program.get()
        program.tell("at")
        reader = (*space.get("reader", ()), MEMSHIM)
        report = json.loads(harness.run(*reader, "report", "--json", "memshim.data").stdout)
        assert report["session"]["state"] == "live"
        ledger, = [p for p in report["processes"] if p["comm"] == "ledger" and p["state"] != "exec"]
        assert ledger["state"] == "running" and ledger["attached"]["now"] == 1
        assert report["segments"][0]["holders"] == [
            {**report["segments"][0]["holders"][0], "traced": True}], "the kernel's holder is the log's process"
        assert not report["segments"][0]["leaked"] and report["coverage"]["unseen_moves"] == 0
        program.tell("dt")
        assert "still runs" in harness.run(*reader, "reap", "--force", "-m", shmid, "memshim.data").stdout
        assert " live " in harness.run(*reader, "ls").stdout
        program.tell("rm")
        assert lines.end()[0] == 0
    assert {p["state"] for p in Recording("memshim.data").report()["processes"]} <= {"exited", "exec"}


@needs_root
def test_exec_into_another_time_namespace(tmp_path):
    """One process with two images, although its start time in /proc changes at execve (Linux 6.3 and later)."""
    recording = unharmed(*shifted()[:-1], target("calls"), 2)
    processes = recording.report()["processes"]
    assert [(p["state"], p["image"]) for p in processes] == [("exec", 0), ("exited", 1)]
    assert len({p["pid"] for p in processes}) == 1


# ---- how long, and in which order ----


@turns.alone
@needs_root
@pytest.mark.parametrize("made", ["inside", "outside"])
def test_durations_agree_across_time_namespaces(made):
    """A session of one time namespace is read in another: durations are the same."""
    inside = made == "inside"
    command = (*(shifted() if inside else ()), "env", f"LD_PRELOAD={harness.SHIM}", target("calls"), "1", "wait")
    began = time.monotonic()
    with Lines(*command) as lines:
        lines.wait_for("wrong: 0")
        harness.wait_until(lambda: time.monotonic() > began + 0.3, "some time has passed")
        waited_ns = (time.monotonic() - began) * 1e9
        read = harness.run(*(() if inside else shifted()), MEMSHIM, "report", "--json", "default")
        duration_ns = json.loads(read.stdout)["session"]["duration_ns"]
        assert lines.end()[0] == 0
    took_ns = (time.monotonic() - began) * 1e9
    assert waited_ns / 10 < duration_ns < took_ns
    last = Recording("default").events()[-1]
    assert last["call"] == "exit" and waited_ns / 10 < last["time_ns"] < took_ns
    _, (_, monotonic_ns, _) = header(os.path.join(os.environ["MEMSHIM_DIR"], "default.seg"))
    assert abs(time.monotonic_ns() - monotonic_ns) < 10 * took_ns, "the machine's own clock"


@needs_root
@pytest.mark.parametrize("counter", [True, False], ids=["counter", "no counter"])
@pytest.mark.parametrize("recorder", [(), shifted(50000)], ids=["", "recorder shifted"])
def test_one_order_for_all_time_namespaces(counter, recorder):
    """Processes of several time namespaces, one after the other, and one that enters another and forks: one order of time."""
    if not counter:
        recorder = (*recorder, *without_counter())
    ahead, behind = (" ".join(shifted(n)) for n in (100000, -1 * int(time.monotonic() / 2)))
    calls, house = target("calls"), target("moves_house")
    script = f"{calls} 1; {ahead} {calls} 1; {calls} 1; {behind} {calls} 1; {house} time; {calls} 1"
    done = harness.run(*recorder, MEMSHIM, "record", "-q", "-w", "--", "sh", "-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\n" * 6, "")
    recording = Recording("memshim.data")
    assert header("memshim.data")[0] == (CLOCK_COUNTER if counter and is_counter() else CLOCK_NS)
    report = recording.report()
    harness.complete(report)
    events = in_time(recording)
    order = [e["pid"] for e in events if e["call"] == "shmget"]
    assert len(dict.fromkeys(order)) == 7 and sorted(order, key=list(dict.fromkeys(order)).index) == order, "none between another's"
    made_by = {p["pid"]: p for p in report["processes"] if p["state"] != "exec"}
    assert [made_by[pid]["comm"] for pid in dict.fromkeys(order)] == ["calls"] * 4 + ["moves_house"] * 2 + ["calls"]
    starts = [made_by[pid]["start_ns"] for pid in dict.fromkeys(order)]
    assert starts == sorted(starts) and report["session"]["duration_ns"] < 60e9


def is_counter():
    if harness.platform.machine() != "x86_64":
        return True
    with open(CLOCK_SOURCE, encoding="ascii") as file:
        return file.read() == "tsc\n"


@needs_root
def test_order_without_the_counter():
    """With CLOCK_MONOTONIC, a later call has a later time, within a process and between two."""
    recording = Recording("memshim.data")
    done = harness.run(*without_counter(MEMSHIM, "record", "-q", "-w", target("spaces"), "fork"))
    assert done.returncode == 0, done
    assert header("memshim.data")[0] == CLOCK_NS
    events = in_time(recording)
    seen = [e["call"] for e in events if e.get("origin") != "malloc"]
    assert seen[0] == "start" and seen.index("fork") > seen.index("shmat") and seen[-1] == "exit"
    assert sum(header("memshim.data", END_AT)[1]) > 0


LOG_AT = 48 + damage.KINDS.index("log") * 24  # in struct segment_header: offset, record_bytes, count of the log


def test_equal_times_at_the_wrap_of_the_counters():
    """Claims begin just below their wrap: of events of one CPU with equal times, the first claimed comes first."""
    cpu = str(min(os.sched_getaffinity(0)))
    done = harness.run("taskset", "-c", cpu, "env", *(f"{k}={v}" for k, v in PRELOAD.items()), target("calls"), "40")
    assert done.returncode == 0, done
    path = os.path.join(os.environ["MEMSHIM_DIR"], "default.seg")
    wanted = [(e["call"], e.get("args")) for e in Recording("default").events()]
    with open(path, "r+b") as file:
        data = bytearray(file.read())
        offset, record_bytes, count = struct.unpack_from("<QQQ", data, LOG_AT)
        events = [at for at in range(offset, offset + record_bytes * count, record_bytes) if data[at:at + 8] != bytes(8)]
        claims = [struct.unpack_from("<Q", data, at)[0] for at in events]
        assert len(events) == 362 and min(claims) < 400 and max(claims) > (1 << 64) - 400, "they went over the wrap"
        latest = max(data[at + 8:at + 16] for at in events)
        for at in events:
            data[at + 8:at + 16] = latest
        file.seek(0)
        file.write(data)
    assert [(e["call"], e.get("args")) for e in Recording("default").events()] == wanted


# ---- the wall clock ----


def jump(path, by_ns, *places):
    """Pretends that the wall clock was set to another time before that instant."""
    with open(path, "r+b") as file:
        for at in places:
            file.seek(at + 16)
            value, = struct.unpack("<Q", file.read(8))
            file.seek(at + 16)
            file.write(struct.pack("<Q", value + by_ns))


DAY_NS = 86400 * 10**9


@pytest.mark.parametrize("by_ns", [-3650 * DAY_NS, DAY_NS])
def test_a_wall_clock_that_jumps(by_ns):
    """The wall clock is set while a program runs: only the start date depends on it."""
    recording = record("sh", "-c", f"{target('calls')} 2; {target('calls')} 2")
    before, events = recording.report(), recording.events()
    jump("memshim.data", by_ns, END_AT)
    assert (recording.report()["session"], recording.events()) == (before["session"], events)
    jump("memshim.data", by_ns, START_AT)
    after = recording.report()
    assert recording.events() == events
    assert {k for k in after["session"] if after["session"][k] != before["session"][k]} == {"started"}
    assert after["processes"] == before["processes"] and after["segments"] == before["segments"]


@pytest.mark.parametrize("by_ns", [-3650 * DAY_NS, DAY_NS])
def test_the_newest_session_is_the_newest(by_ns):
    """The newest session is found, however the wall clock was set in between."""
    for name in ("first", "second", "third"):
        assert harness.run(target("calls"), 1, env={**PRELOAD, "MEMSHIM_SESSION": name}).returncode == 0
    jump(os.path.join(os.environ["MEMSHIM_DIR"], "first.seg"), abs(by_ns), START_AT)
    jump(os.path.join(os.environ["MEMSHIM_DIR"], "third.seg"), by_ns, START_AT)
    assert json.loads(memshim("report", "--json").stdout)["session"]["name"] == "third"
    assert [s["name"] for s in json.loads(memshim("ls", "--json").stdout)["sessions"]] == ["first", "second", "third"]


@pytest.mark.usefixtures("faketime_files")
@pytest.mark.parametrize("where", ["program", "all"])
def test_a_faked_wall_clock(where, tmp_path):
    """libfaketime sets the wall clock back by a year in the program, the recorder and the reader."""
    library = test_preloads.find_library("faketime")
    rate = tmp_path / "rate"
    rate.write_text("+0")
    fake = {"FAKETIME_TIMESTAMP_FILE": str(rate), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "LD_PRELOAD": library, "NO_FAKE_STAT": "1", "ASAN_OPTIONS": "verify_asan_link_order=0"}
    script = f"date +%Y; {target('calls')} 1; read line; date +%Y; {target('calls')} 2"
    inside = () if where == "all" else ("env", *(f"{k}={v}" for k, v in fake.items()))
    with Lines(MEMSHIM, "record", "-q", "-w", *inside, "sh", "-c", script, env=fake if where == "all" else {}) as lines:
        year = int(lines.process.stdout.readline())
        lines.wait_for("wrong: 0")
        rate.write_text("-400d")
        lines.say()
        assert int(lines.process.stdout.readline()) in (year - 1, year - 2)
        assert lines.end() == (0, "wrong: 0\n")
    recording = Recording("memshim.data")
    events = in_time(recording)
    assert [e["pid"] for e in events if e["call"] == "shmget"] == sorted(
        [e["pid"] for e in events if e["call"] == "shmget"], key=[e["pid"] for e in events].index)
    read = memshim("events", "--json", env=fake if where == "all" else {})
    assert [json.loads(line) for line in read.stdout.splitlines()] == events
    assert recording.report()["session"]["duration_ns"] < 60e9
