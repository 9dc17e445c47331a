# SPDX-License-Identifier: MIT
"""Columns, sorting, sizes and filters: each row of the column tables is requested by its name."""

import csv
import io
import json
import os
import re

import pytest

import harness
import machine
import tables
from harness import memshim, record, target
from story_model import Story

SEGMENT_SIZES = {1: "1", 1023: "1023", 1024: "1K", 1536: "1.5K", 10188: "9.9K", 10240: "10K", 102348: "99.9K", 102400: "100K",
                 1048575: "1.0M", 1048576: "1M", 1572864: "1.5M", 3 << 30: "3G"}


def recorded():
    """Two programs and their children, of different sizes, each with a failure; segments with keys."""
    edges, calls = target("edges"), target("calls")
    segments = "; ".join(f"$id = shmget(0x{key:x}, 4096, 01600); shmread($id, $x, 0, 1); shmctl($id, 0, 0)" for key in (0x77, 0x78))
    return record("sh", "-c", f"{calls} 3; {edges} >/dev/null; {calls} 1; perl -e '{segments}'; {calls} 2; true")


def lines(text, title):
    """The lines of one table of the report, its heading first."""
    return re.split(r"\n\n(?=[A-Z])", text.split(f"\n{title}")[1])[0].splitlines()[1:]


TABLES = {"PROCESSES": "process", "SEGMENTS": "segment", "CALL SITES": "site"}


@pytest.mark.parametrize("title", TABLES)
def test_columns_of_the_report(title):
    recorded()
    for name, heading in tables.columns(TABLES[title]):
        done = memshim("report", "--color=never", "-O", name, "-s", name)
        assert (done.returncode, done.stderr) == (0, ""), name
        table = lines(done.stdout, title)
        assert table[0].strip() == heading and len(table) > 1
        assert table[1:] == lines(memshim("report", "--no-headings", "-O", name, "-s", name).stdout, title)


def test_columns_of_ls():
    recorded()
    for name, heading in tables.columns("session"):
        done = memshim("ls", "--color=never", "-O", name, "-s", name)
        assert (done.returncode, done.stderr) == (0, "")
        headings, row = done.stdout.splitlines()
        assert headings.strip() == heading and row.strip()
        assert memshim("ls", "--no-headings", "-O", name).stdout.strip()


def test_columns_of_events():
    recording = recorded()
    everything = list(csv.DictReader(io.StringIO(memshim("events", "--csv", recording.path).stdout)))
    names = [name for name, _ in tables.columns("event")]
    assert list(everything[0]) == names
    for name in names:
        rows = list(csv.reader(io.StringIO(memshim("events", "--csv", "-O", name).stdout)))
        assert rows == [[name]] + [[row[name]] if row[name] else [] for row in everything] or rows == (
            [[name]] + [[row[name]] for row in everything])
        assert memshim("events", "--csv", "--no-headings", "-O", name).stdout.splitlines()[0] == everything[0][name]
    turned = memshim("events", "--csv", "-O", "call,pid,seq").stdout.splitlines()
    assert turned[0] == "call,pid,seq" and turned[1] == f"start,{everything[0]['pid']},0"


def process_cells(p):
    """The cell of each column of the table of processes, from the JSON's row."""
    shown, calls, origins = p["break"], p["calls"], p["break"]["by_origin"]
    ended = {"exited": f"exit {p['exit_status']}", "exec": "exec", "gone": "gone", "running": "running"}
    sampled = p["anonymous"] or {"peak_bytes": 0, "break_bytes_then": 0}
    knows = sampled["peak_bytes"] and sampled["peak_bytes"] >= shown["peak_bytes"] // 16 * 15
    return {
        "anon": sampled["peak_bytes"] or "-",
        "by_break": f"{min(100, 100 * sampled['break_bytes_then'] // sampled['peak_bytes'])} %" if knows else "-",
        "pid": p["pid"], "ppid": p["ppid"], "image": p["image"], "uid": p["uid"], "exe": p["exe"] or "-", "cmdline": p["cmdline"],
        "initial": shown["initial"], "current": shown["current"], "net": f"{shown['net_bytes']:+}", "peak": shown["peak_bytes"],
        "grown": shown["grown_bytes"], "shrunk": shown["shrunk_bytes"], "moves": shown["moves"], "queries": shown["queries"],
        "malloc": origins["malloc"]["moves"], "direct": origins["direct"]["moves"],
        "failed": sum(c["failed"] for c in calls.values()), "attached_bytes": p["attached"]["peak_bytes"],
        "attached": f"{p['attached']['now']}/{p['attached']['peak']}" if p["attached"]["peak"] else "-",
        "headroom": "-" if shown["headroom_bytes"] is None else shown["headroom_bytes"],
        "state": ended[p["state"]], "program": os.path.basename(p["exe"])}


def segment_cells(s):
    by = {end: "-" if s[end] is None else f"{os.path.basename(s[end]['exe'])} ({s[end]['pid']})" for end in ("creator", "removed")}
    return {
        "shmid": s["shmid"], "key": "IPC_PRIVATE" if s["key"] == "0x00000000" else s["key"],
        "size": s["size"], "mode": s["mode"], "owner": s["owner_uid"],
        "creator": by["creator"], "remover": by["removed"], "attaches": s["attaches"], "detaches": s["detaches"],
        "inherited": s["inherited"], "most": s["nattch_peak"], "segment_state": s["state"]}


def table_cells(title, keys, column):
    """The column's cell of each row, by the cells of the key columns."""
    page = memshim("report", "--all", "-b", "--color=never", "-O", ",".join((*keys, column)), env={"COLUMNS": "1000"}).stdout
    rows = [re.split(" +", line.strip(), maxsplit=len(keys)) for line in lines(page, title)[1:]]
    return {tuple(map(int, row[:-1])): row[-1] for row in rows}


@pytest.mark.parametrize("title,member,keys,cells", [
    ("PROCESSES", "processes", ("pid", "image"), process_cells), ("SEGMENTS", "segments", ("shmid",), segment_cells)])
def test_every_cell_is_the_jsons(title, member, keys, cells):
    """All columns, in each of their rows."""
    rows = recorded().report()[member]
    for column in cells(rows[0]):
        assert table_cells(title, keys, column) == {tuple(row[k] for k in keys): str(cells(row)[column]) for row in rows}, column
    others = {"start", "nattch", "resident", "rss_peak", "trend", "detached"}
    assert {name for name, _ in tables.columns(TABLES[title])} - set(cells(rows[0])) <= others


@pytest.mark.parametrize("name", ["pid", "net", "peak", "grown", "moves", "failed", "program"])
def test_sorted(name):
    """Numbers are sorted from the largest, names and pids from the smallest."""
    recorded()
    cells = [line.strip() for line in lines(memshim("report", "-b", "-O", name, "-s", name).stdout, "PROCESSES")[1:]]
    values = cells if name == "program" else [int(re.sub("[+,]", "", cell)) for cell in cells]
    assert values == sorted(values, reverse=name not in ("pid", "program")) and len(set(values)) > 1


# ---- the break over time, and the last detach ----


def test_break_over_the_life_of_a_process():
    """Twelve pieces: a rest, a rise, a fall, each as high as it ever was in that piece; a child of fork has its own life."""
    story = Story().process(1, start=1000, end=13000, initial=0).process(2, start=7000, end=13000)
    for at_ms, before, after in ((3500, 0, 100), (4500, 100, 300), (4600, 300, 200), (9500, 200, 0)):
        story.move(1, at_ms, 7, before, after)
    story.move(2, 12999, 7, 0, 50)
    sparks = {number: [high - (1 << 32) for high in piece] for number, piece in story.conclusions().sparks.items()}
    assert sparks[1] == [0, 0, 100, 300, 200, 200, 200, 200, 200, 0, 0, 0]
    assert sparks[2] == [0] * 11 + [50]


@pytest.mark.parametrize("language, signs", [("C.UTF-8", "▁▁▁▁▁▁▁▁▁▁▁█"), ("C", "___________#")])
def test_line_of_the_break(language, signs):
    """It rests all its life, and rises at the end: the first level is the first break."""
    program = "select undef, undef, undef, 0.4; @a = (1) x 400000"
    record("/usr/bin/perl", "-e", program)
    page = memshim("report", "--color=never", "-O", "trend", env={"LC_ALL": language}).stdout
    row = lines(page, "PROCESSES")[1].strip()
    assert len(row) == 12 and row[-1] == signs[-1] and row[0] == row[1] == row[8]


@machine.needs("root")
def test_last_detach(compile_c):
    """By the kernel's clock, while the segment exists; a segment that was never attached was never detached."""
    program = compile_c("detach", """
        #include <sys/shm.h>
        int main(void)
        {
            int used = shmget(1, 4096, IPC_CREAT | 0600), unused = shmget(2, 4096, IPC_CREAT | 0600);
            return unused < 0 || shmdt(shmat(used, 0, 0));
        }""")
    record(program)
    cells = dict(line.split(maxsplit=1) for line in lines(memshim("report", "-O", "key,detached").stdout, "SEGMENTS")[1:])
    assert cells["0x00000002"] == "never" and re.fullmatch(r"\d+ s", cells["0x00000001"])
    assert memshim("reap", "--force").returncode == 0
    cells = dict(line.split(maxsplit=1) for line in lines(memshim("report", "-O", "key,detached").stdout, "SEGMENTS")[1:])
    assert cells["0x00000002"] == "never" and re.fullmatch(r"\d+ s", cells["0x00000001"]), "as the session ended"


# ---- sizes ----


def test_sizes():
    """1K is 1024; -b and JSON are exact."""
    story = "; ".join(f"shmctl(shmget(0, {size}, 01600), 0, 0)" for size in SEGMENT_SIZES)
    recording = record("/usr/bin/perl", "-e", story)
    assert [s["size"] for s in recording.report()["segments"]] == list(SEGMENT_SIZES)
    assert [e["args"]["size"] for e in recording.calls("--call=shmget")] == list(SEGMENT_SIZES)
    for options, sizes in (((), SEGMENT_SIZES.values()), (("-b",), map(str, SEGMENT_SIZES))):
        sizes = list(sizes)
        text = recording.report_text("--all", "-O", "size", "--no-headings", *options)
        assert sorted(line.strip() for line in lines(text, "SEGMENTS")) == sorted(sizes)
        events = recording.events_text("--call=shmget", *options).splitlines()
        assert [re.search(r" size (\S+)", line)[1] for line in events] == sizes


# ---- filters ----


def test_filters_of_the_report():
    recording = recorded()
    whole = recording.report()
    calls = [p for p in whole["processes"] if p["comm"] == "calls"]

    def only(*options):
        return json.loads(memshim("report", "--json", *options, recording.path).stdout)

    assert [p["comm"] for p in only("--exe=edges")["processes"]] == ["edges"]
    assert only("--exe=calls")["processes"] == calls
    assert [p["pid"] for p in only(f"--pid={calls[1]['pid']}")["processes"]] == [calls[1]["pid"]]
    keyed = next(s for s in whole["segments"] if int(s["key"], 16) == 0x77)
    assert [s["shmid"] for s in only("-M", "0x77")["segments"]] == [keyed["shmid"]]
    assert only("-M", "119")["segments"] == only("-M", "0x77")["segments"] == only("-m", keyed["shmid"])["segments"]
    assert only("--exe=nothing")["processes"] == only("-M", "0x79")["segments"] == []
    assert lines(recording.report_text("--exe=edges", "-O", "program", "--no-headings"), "PROCESSES") == ["edges"]


def test_filters_of_sites():
    recording = recorded()
    whole = recording.report()
    stacks = memshim("export", "--format=folded", "--counts", "--exe=edges").stdout.splitlines()
    assert stacks and {line.split(";")[0] for line in stacks} == {"edges"}
    for count, process in zip((3, 1, 2), (p for p in whole["processes"] if p["comm"] == "calls")):
        pid = process["pid"]
        stacks = memshim("export", "--format=folded", "--counts", f"--pid={pid}").stdout.splitlines()
        assert sum(int(line.rsplit(" ", 1)[1]) for line in stacks) == 9 * count, "its own calls, of stacks that others have too"
        sites = json.loads(memshim("report", "--json", f"--pid={pid}").stdout)["sites"]
        assert sum(s["count"] for s in sites) == 9 * count
    memshim("export", "--format=folded", "--counts", f"--pid={pid}", "-o", "folded")
    assert open("folded", encoding="utf-8").read().splitlines() == stacks


def test_filters_together():
    recording = recorded()
    everything = recording.calls()
    pid = next(e["pid"] for e in everything if e["comm"] == "edges")
    wanted = [e for e in everything if e["pid"] == pid and e["call"] in ("shmat", "shmdt") and e["errno"]]
    found = recording.events(f"--pid={pid}", "--call=shmat,shmdt", "-Z")
    assert wanted and [e["time_ns"] for e in found] == [e["time_ns"] for e in wanted]
    assert [e["seq"] for e in found] == list(range(len(found))), "in the order printed"
    text = recording.events_text(f"--pid={pid}", "--call=shmat,shmdt", "-Z").splitlines()
    assert len(text) == len(found) and all(" = -1 E" in line for line in text)


ABSENT = [("events", "--pid=1"), ("events", "-f", "--pid=1"), ("events", "-m", "999"), ("report", "--pid=1"), ("report", "-m", "999"),
          ("report", "--json", "-m", "999"), ("graph", "--pid=1"), ("graph", "-m", "999"), ("top", "--once", "--pid=1"),
          ("top", "--once", "-m", "999"), ("export", "--format=folded", "--pid=1"), ("map", "--pid=1"), ("reap", "-m", "999"),
          ("ipcs", "-m", "999")]


@pytest.mark.parametrize("argv", ABSENT, ids=" ".join)
def test_unknown_number_is_an_error(argv):
    record("perl", "-e", "$id = shmget(0, 4096, 01600); shmctl($id, 0, 0)", options=("-q",))
    done = memshim(*argv)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done
    assert done.stderr.startswith("memshim: ")


def test_known_number_without_rows_is_no_error():
    """A known process or segment without a matching row is no error."""
    recording = record("perl", "-e", "$id = shmget(0, 4096, 01600); shmctl($id, 0, 0); shmctl(123456, 0, 0)", options=("-q",))
    pid, shmid = recording.report()["processes"][0]["pid"], recording.report()["segments"][0]["shmid"]
    for argv in (("events", f"--pid={pid}", "--call=shmat"), ("events", "-m", shmid, "-Z"), ("events", "--exe=nothing"),
                 ("graph", "-m", shmid), ("graph", f"--pid={pid}"), ("report", "-m", 123456), ("events", "-m", 123456),
                 ("top", "--once", "-m", 123456), ("report", "-M", "0x79")):
        assert memshim(*argv).returncode == 0, argv
    assert memshim("events", "--csv", "--no-headings", "-m", 123456).stdout.count(",shmctl,") == 1


# ---- the contract's words ----


def test_findings_of_the_contract():
    assert set(tables.FINDINGS) >= {
        "leaked-segment", "attach-without-detach", "repeated-attach", "world-writable-segment", "segment-never-attached",
        "removed-by-other", "vanished-segment", "failed-call", "break-blocked", "heap-growing", "break-thrash", "heap-pinned",
        "past-the-break",
        "mixed-break-users", "unseen-moves", "lost-events", "not-followed"}


def test_inherited():
    """Attachments copied by fork are marked as inherited, on the event and in the table."""
    story = """
    #include <sys/shm.h>
    #include <sys/wait.h>
    #include <unistd.h>
    int main(void)
    {
        int id = shmget(IPC_PRIVATE, 4096, 0600);
        void *mine = shmat(id, 0, 0), *own;
        if (fork() == 0) {
            own = shmat(id, 0, 0);
            sbrk(0);
            _exit(shmdt(own) || shmdt(mine));
        }
        wait(0);
        sbrk(0);
        return shmdt(mine) || shmctl(id, IPC_RMID, 0);
    }
    """
    with open("story.c", "w", encoding="ascii") as file:
        file.write(story)
    harness.run("cc", "-o", "story", "story.c")
    recording = record("./story")
    parent, child = recording.report()["processes"]
    detached = [(e["pid"], e["inherited"]) for e in recording.events("--call=shmdt")]
    assert detached == [(child["pid"], False), (child["pid"], True), (parent["pid"], False)]
    assert (parent["break"]["queries"], child["break"]["queries"]) == (1, 1) and not recording.events("--call=sbrk,brk")
    assert [p["attached"]["inherited"] for p in (parent, child)] == [0, 1]
    assert sorted((a["pid"], a["how"], a["live"]) for a in recording.report()["attachments"] if a["how"] == "fork") in (
        [(child["pid"], "fork", False)], [])
    assert (child["attached"]["peak"], child["attached"]["now"]) == (2, 0)
