# SPDX-License-Identifier: MIT
"""
The contract for scripts: the fields of `events --json`, `--csv` and `report --json`, with types and meanings, from a
recording, from a live session, and from one whose recorder was killed.
"""

import csv
import io
import re

import pytest

import harness
import tables
from harness import MEMSHIM, Lines, Recording, memshim, record, target

HEX = re.compile(r"0x[0-9a-f]+\Z")
COUNT, SIZE, TEXT, FLAG = int, int, str, bool


def address(value):
    return isinstance(value, str) and HEX.match(value)


def nullable(kind):
    return lambda value: value is None or fits(value, kind)


def one_of(*values):
    return lambda value: value in values


def each(kind):
    return lambda value: isinstance(value, list) and all(fits(v, kind) for v in value)


def fits(value, kind):
    if isinstance(kind, dict):
        return isinstance(value, dict) and not wrong(value, kind)
    if isinstance(kind, type):
        return isinstance(value, kind) and (kind is not int or not isinstance(value, bool))
    return bool(kind(value))


def wrong(value, schema):
    """The fields of an object that are missing or have another type."""
    return {k: value.get(k, "missing") for k, kind in schema.items() if k not in value or not fits(value[k], kind)}


FRAME = {"pc": nullable(address), "module": nullable(TEXT), "offset": address, "function": nullable(TEXT),
         "file": nullable(TEXT), "line": nullable(COUNT)}
TALLY = {"ok": COUNT, "failed": COUNT}
ORIGIN = {"moves": COUNT, "grown_bytes": SIZE}

REPORT = {
    "schema": one_of(1), "memshim": TEXT,
    "session": {"name": TEXT, "state": one_of("live", "ended", "abandoned"),
                "started": lambda t: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", t),
                "duration_ns": COUNT, "host": TEXT, "kernel": TEXT, "machine": TEXT, "page_size": SIZE,
                "command": each(TEXT), "exit": nullable({"status": nullable(COUNT), "signal": nullable(COUNT)})},
    "coverage": {"level": one_of("full", "calls", "none"), "events": COUNT,
                 "lost": dict.fromkeys(("overwritten", "no_space", "nested", "torn"), COUNT),
                 "in_flight": COUNT, "unseen_moves": COUNT,
                 "not_followed": each({"pid": COUNT, "exe": TEXT, "why": TEXT})},
    "processes": each({
        "pid": COUNT, "ppid": COUNT, "image": COUNT, "exe": TEXT, "comm": TEXT, "cmdline": TEXT, "uid": COUNT,
        "start_ns": COUNT, "end_ns": nullable(COUNT), "state": one_of("running", "exited", "killed", "exec", "gone"),
        "exit_status": nullable(COUNT), "signal": nullable(COUNT),
        "break": {"initial": address, "current": address, "peak": address, "net_bytes": SIZE, "peak_bytes": SIZE,
                  "grown_bytes": SIZE, "shrunk_bytes": SIZE, "moves": COUNT, "grows": COUNT, "shrinks": COUNT,
                  "queries": COUNT, "failures": COUNT, "headroom_bytes": nullable(SIZE),
                  "by_origin": {"direct": ORIGIN, "malloc": ORIGIN}},
        "calls": dict.fromkeys(harness.CALLS, TALLY),
        "attached": dict.fromkeys(("now", "now_bytes", "peak", "peak_bytes", "inherited"), COUNT)}),
    "segments": each({
        "shmid": COUNT, "key": nullable(address), "size": nullable(SIZE), "mode": nullable(lambda m: isinstance(m, (str, int))),
        "flags": each(TEXT), "owner_uid": nullable(COUNT), "created_ns": nullable(COUNT),
        "creator": nullable({"pid": COUNT, "exe": TEXT, "cmdline": TEXT, "stack": nullable(each(FRAME))}),
        "attaches": COUNT, "detaches": COUNT, "inherited": COUNT, "nattch": nullable(COUNT), "nattch_peak": COUNT,
        "removed": nullable({"ns": COUNT, "pid": COUNT, "exe": TEXT, "stack": nullable(each(FRAME))}),
        "state": one_of("present", "marked", "destroyed", "vanished"), "leaked": FLAG,
        "now": nullable({"state": one_of("present", "removed"), "nattch": COUNT}),
        "resident_bytes": nullable(SIZE), "swap_bytes": nullable(SIZE)}),
    "attachments": each({"pid": COUNT, "shmid": COUNT, "address": address, "size": nullable(SIZE), "readonly": FLAG,
                         "since_ns": COUNT, "how": one_of("shmat", "fork"), "live": FLAG}),
    "sites": each({"call": one_of(*harness.CALLS), "origin": nullable(one_of("direct", "malloc")), "count": COUNT,
                   "bytes": SIZE, "failed": COUNT, "stack": each(FRAME)}),
    "findings": each({"kind": one_of(*tables.FINDINGS), "severity": one_of("error", "warning", "note"), "text": TEXT,
                      "advice": TEXT, "pid": nullable(COUNT), "shmid": nullable(COUNT), "stack": nullable(each(FRAME))}),
}

ARGS = {
    "brk": {"addr": address}, "sbrk": {"increment": int},
    "shmget": {"key": lambda k: isinstance(k, (str, int)), "size": SIZE, "flags": each(TEXT), "flags_raw": COUNT,
               "mode": lambda m: m is not None},
    "shmat": {"shmid": int, "addr": address, "flags": each(TEXT), "flags_raw": COUNT},
    "shmdt": {"addr": address}, "shmctl": {"shmid": int, "cmd": TEXT, "cmd_raw": COUNT},
    "semget": {"key": address, "nsems": int, "flags": each(TEXT), "flags_raw": COUNT, "mode": TEXT},
    "semctl": {"semid": int, "semnum": int, "cmd": TEXT, "cmd_raw": COUNT},
    "msgget": {"key": address, "flags": each(TEXT), "flags_raw": COUNT, "mode": TEXT},
    "msgctl": {"msqid": int, "cmd": TEXT, "cmd_raw": COUNT},
    **dict.fromkeys(("semop", "semtimedop"), {"semid": int, "nsops": COUNT, "semnum": nullable(COUNT), "op": nullable(int),
                                              "timed": FLAG}),
    "msgsnd": {"msqid": int, "msgsz": COUNT, "flags": each(TEXT), "flags_raw": COUNT},
    "msgrcv": {"msqid": int, "msgsz": COUNT, "msgtyp": int, "flags": each(TEXT), "flags_raw": COUNT},
}
EVENT = {"seq": COUNT, "time_ns": COUNT, "pid": COUNT, "tid": COUNT, "image": COUNT, "comm": TEXT,
         "call": one_of(*harness.CALLS, *harness.LIVES)}
CALL = {"ret": lambda r: isinstance(r, int) or address(r), "errno": nullable(lambda e: e.startswith("E")),
        "kernel": FLAG, "stack": each(FRAME)}
BREAK = {"break": {"before": address, "after": address, "delta": int}}


def check_event(event):
    assert not wrong(event, EVENT), event
    call = event["call"]
    if call in harness.LIVES:
        return
    assert not wrong(event, CALL), wrong(event, CALL)
    assert not wrong(event["args"], ARGS[call]), event
    if call in ("brk", "sbrk", "shmat", "shmdt"):
        assert not wrong(event, BREAK), event
        assert int(event["break"]["after"], 16) - int(event["break"]["before"], 16) == event["break"]["delta"]
    if call in ("brk", "sbrk"):
        assert event["origin"] in ("direct", "malloc")
    if call in ("sbrk", "shmat"):
        assert event["ret"] == -1 if event["errno"] else address(event["ret"])
    else:
        assert isinstance(event["ret"], int)
    if call in ("shmat", "shmdt") and not event["errno"]:
        assert address(event["address"]) and isinstance(event["inherited"], bool) and isinstance(event["shmid"], int)


@pytest.fixture(params=["ended", "live", "abandoned"])
def session(request):
    """A session with every call, also refused ones, in each of its three states."""
    command = (MEMSHIM, "record", "-q", "--", "sh", "-c",
               f"{target('edges')} >/dev/null; {target('operations')}; {target('calls')} 3 wait")
    with Lines(*command) as lines:
        lines.wait_for("wrong: ")
        if request.param == "abandoned":
            lines.process.kill()
            lines.process.wait(harness.PATIENCE_S)
        if request.param == "ended":
            lines.end()
        yield request.param, Recording("memshim.data")


def test_report_json(session):
    state, recording = session
    report = recording.report()
    assert not wrong(report, REPORT), wrong(report, REPORT)
    # A killed recorder's session lives as long as its processes run.
    assert report["session"]["state"] in ({"ended": ["ended"], "live": ["live"]}.get(state, ["abandoned", "live"]))
    assert set(report["coverage"]["lost"]) >= {"overwritten", "torn"}
    assert {p["comm"] for p in report["processes"]} >= {"edges", "calls"}
    assert {s["call"] for s in report["sites"]} == set(harness.CALLS)
    for process in report["processes"]:
        moved = process["break"]
        assert moved["net_bytes"] == int(moved["current"], 16) - int(moved["initial"], 16)
        assert moved["grown_bytes"] == sum(o["grown_bytes"] for o in moved["by_origin"].values())


def test_events_json(session):
    events = session[1].events()
    for event in events:
        check_event(event)
    assert {e["call"] for e in events} >= {*harness.CALLS, "start"}
    assert [e["seq"] for e in events] == list(range(len(events)))
    assert [e["time_ns"] for e in events] == sorted(e["time_ns"] for e in events)
    assert any(not e["kernel"] for e in events if "kernel" in e), "libc refuses some"


def in_both_ways(recording):
    """Rows of CSV and objects of JSON of the same events: a process's end may come at any time."""
    for _ in range(20):
        before = recording.events()
        rows = list(csv.DictReader(io.StringIO(memshim("events", "--csv", recording.path).stdout)))
        events = recording.events()
        if len(before) == len(events):
            break
    return rows, events


def test_csv_is_the_same(session):
    rows, events = in_both_ways(session[1])
    assert len(rows) == len(events) > 0
    for row, event in zip(rows, events):
        for field in ("seq", "pid", "tid", "image"):
            assert int(row[field]) == event[field]
        # While a session lives, each reading knows its clock's rate a little better.
        assert abs(int(row["time_ns"]) - event["time_ns"]) <= (0 if session[0] == "ended" else 1000)
        assert (row["call"], row["comm"]) == (event["call"], event["comm"])
        if "ret" in event:
            assert row["ret"] == str(event["ret"])
            assert row["errno"] == (event["errno"] or "")
        if "break" in event:
            assert row["break_delta"] == str(event["break"]["delta"])


def test_kinds_of_failures():
    """An unknown bit is hex, a known one its name."""
    events = record(target("edges"), check=False).calls()
    flags = {f for e in events if e["call"] in ("shmget", "shmat") for f in e["args"]["flags"]}
    assert flags >= {"IPC_CREAT", "IPC_EXCL", "SHM_RDONLY", "SHM_REMAP"}
    assert all(re.fullmatch(r"[A-Z_0-9]+|0x[0-9a-f]+", f) for f in flags), flags
    commands = {e["args"]["cmd"] for e in events if e["call"] == "shmctl"}
    assert commands >= {"IPC_RMID", "IPC_STAT"} and all(re.fullmatch(r"[A-Z_]+|0x[0-9a-f]+", c) for c in commands)


# ---- the shared filters ----


def test_filters():
    script = f"{target('calls')} 2; {target('edges')} >/dev/null; true"
    recording = record("sh", "-c", script)
    everything = recording.events()
    pid = next(e["pid"] for e in everything if e["comm"] == "calls")
    assert [e["time_ns"] for e in recording.events(f"--pid={pid}")] == [e["time_ns"] for e in everything if e["pid"] == pid]
    assert {e["comm"] for e in recording.events("--exe=edges")} <= {"edges", "sh"}
    assert {e["call"] for e in recording.events("--call=brk,exit")} == {"brk", "exit"}
    failed = recording.events("-Z")
    assert failed and all(e["errno"] for e in failed)
    assert len(failed) == len([e for e in everything if e.get("errno")])
    shmid = next(e["shmid"] for e in everything if e["call"] == "shmat" and not e["errno"])
    assert {e["shmid"] for e in recording.events("-m", shmid)} == {shmid}
    key = next(e["args"]["key"] for e in everything if e["call"] == "shmget" and e["args"]["key"] not in (0, "0x0", "IPC_PRIVATE"))
    found = recording.events("-M", key)
    assert found and {e.get("key") or e["args"]["key"] for e in found} == {key}
    both = recording.events("--exe=calls", "--call=shmget")
    assert len(both) == 2


def test_report_options():
    recording = record(target("calls"), "2")
    assert re.search(r"\+4,096|\+8192|4096", recording.report_text("-b", "--all", "--columns=pid,grown"))
    head = [line for line in recording.report_text("--columns=pid,program").splitlines() if "PROGRAM" in line]
    assert head and head[0].split() == ["PID", "PROGRAM"]
    assert "PROGRAM" not in recording.report_text("--no-headings", "--columns=pid,program")
    script = f"{target('calls')} 1; {target('calls')} 2 ; {target('calls')} 3"
    text = record("sh", "-c", script).report_text("--sort=grown", "--columns=program,grown", "-b")
    grown = [int(line.split()[1].replace(",", "")) for line in text.splitlines() if re.match(r"calls +\d", line)]
    assert grown == sorted(grown, reverse=True) and len(grown) == 3
