# SPDX-License-Identifier: MIT
"""`export --format=perfetto`, read by a decoder of the tests' own: counters, slices, flows, findings and heap profiles."""

import json
import os
import subprocess

import pytest

import harness
from harness import MEMSHIM, memshim, record
from protobuf import fields, message

PROGRAM = """
    #include <stdlib.h>
    #include <string.h>
    #include <sys/shm.h>
    #include <sys/wait.h>
    #include <unistd.h>
    #define OWN __attribute__((noinline)) static void
    static inline __attribute__((always_inline)) void inner(long n) { if (sbrk(n) == (void *)-1) abort(); }
    OWN take(long n) { inner(n); __asm__ volatile(""); }
    int main(void)
    {
        int id = shmget(IPC_PRIVATE, 8192, 0600), child;
        char *first = shmat(id, 0, 0), *second = shmat(id, 0, 0);

        take(1 << 20);
        take(-(1 << 19));
        child = fork();
        take(3 << 16);
        if (child == 0)
            exit(shmdt(first) || shmat(id, 0, 0) == (void *)-1);
        return waitpid(child, 0, 0) != child || shmdt(second) || shmget(IPC_PRIVATE, 4096, 0600) < 0;
    }
"""
BEGIN, END, INSTANT, COUNTER = 1, 2, 3, 4
PACKET = {"clocks": 6, "time": 8, "sequence": 10, "event": 11, "interned": 12, "flags": 13, "profile": 37, "clock": 58, "defaults": 59,
          "track": 60, "first": 87}


class Trace:
    """A decoded trace, as its consumer builds it: tracks below processes, slices with ends, profiles with names."""

    def __init__(self, data):
        self.packets = [message(value, **PACKET) for number, value in fields(data) if number == 1]
        self.tracks, self.events, self.dumps, interned = {}, [], [], b""
        begun = set()
        for packet in self.packets:
            assert packet["sequence"] and packet["time"]
            assert (packet["sequence"] in begun) != bool(packet["first"]), "a sequence begins with its first packet"
            if packet["first"]:
                begun.add(packet["sequence"])
                assert packet["flags"] == 1 and packet["clock"] == 3 and message(packet["defaults"], clock=58)["clock"] == 3
            if packet["clocks"]:
                self.clocks = message(packet["clocks"], clocks=[1], primary=2)
            if packet["track"]:
                self.add_track(packet["track"])
            if packet["event"]:
                self.add_event(packet)
            interned += packet["interned"] or b""
        self.start = self.packets[0]["time"]
        self.add_dumps([p["profile"] for p in self.packets if p["profile"]], Interned(interned))

    def add_track(self, data):
        track = message(data, id=1, name=2, process=3, parent=5, counter=8)
        assert not track["parent"] or track["parent"] in self.tracks, "a parent comes first"
        if track["process"]:
            track["process"] = message(track["process"], pid=1, command=2, name=6)
        self.tracks[track["id"]] = track

    def add_event(self, packet):
        event = message(packet["event"], type=9, track=11, notes=[4], name=23, value=30, flows=[47], ends=[48])
        track = self.tracks[event["track"]]
        parent = self.tracks[track["parent"]] if track["parent"] else None
        event["notes"] = {note["name"].decode(): note["text"].decode() if note["text"] is not None else
                          note["number"] if note["number"] is not None else note["pointer"] for note in
                          (message(n, name=10, number=4, text=6, pointer=7) for n in event["notes"])}
        event.update(time=packet["time"], on=track["name"].decode(), pid=parent and parent["process"]["pid"],
                     name=event["name"] and event["name"].decode())
        self.events.append(event)

    def add_dumps(self, profiles, interned):
        for index, data in enumerate(profiles):
            profile = message(data, dump=5, continued=6, index=7)
            assert profile["index"] == index and bool(profile["continued"]) == (index + 1 < len(profiles))
            dump = message(profile["dump"], pid=1, samples=[2], time=9, heap=11)
            for sample in dump["samples"]:
                sample = message(sample, stack=1, bytes=2, freed=3, count=5)
                self.dumps.append({**sample, "pid": dump["pid"], "heap": dump["heap"].decode(), "time": dump["time"],
                                   "frames": interned.stack(sample["stack"]), "freed": sample["freed"] or 0})

    def counter(self, name, pid):
        """The values in the order of time."""
        found = sorted((e["time"], i, e["value"]) for i, e in enumerate(self.events)
                       if e["type"] == COUNTER and e["on"] == name and e["pid"] == pid)
        return [value for _, _, value in found]

    def slices(self, on):
        """Each beginning with its end, which is None for one that goes on."""
        open_slices, found = {}, []
        order = sorted((e for e in self.events if e["on"] == on and e["type"] in (BEGIN, END)), key=lambda e: e["time"])
        for event in order:
            stack = open_slices.setdefault(event["track"], [])
            if event["type"] == BEGIN:
                stack.append({**event, "until": None})
                found.append(stack[-1])
            else:
                stack.pop()["until"] = event["time"]
        return found

    def instants(self, on):
        return [e for e in self.events if e["type"] == INSTANT and e["on"] == on]


class Interned:
    def __init__(self, data):
        self.rows = {}
        names = {5: {"text": 2}, 17: {"text": 2}, 16: {"text": 2}, 18: {"text": 2}, 19: {"build_id": 2, "path": 7},
                 6: {"function": 2, "mapping": 3, "offset": 4, "source": 5, "line": 6}, 7: {"frames": [2]}}
        for number, value in fields(data):
            row = message(value, id=1, **names[number])
            assert (number, row["id"]) not in self.rows
            self.rows[number, row["id"]] = row

    def stack(self, number):
        """(function, source, line, path, build id), innermost first."""
        text = lambda kind, at: self.rows[kind, at]["text"] if at else b""
        frames = []
        for at in reversed(self.rows[7, number]["frames"]):
            frame = self.rows[6, at]
            mapping = self.rows[19, frame["mapping"]]
            frames.append((text(5, frame["function"]).decode(), text(18, frame["source"]).decode(), frame["line"] or 0,
                           text(17, mapping["path"]).decode(), text(16, mapping["build_id"]).hex()))
        return frames


def export(*options, path="memshim.data"):
    done = subprocess.run([MEMSHIM, "export", "--format=perfetto", *options, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    assert done.returncode == 0, done.stderr
    return Trace(done.stdout)


@pytest.fixture
def program(compile_c):
    return compile_c("grows", PROGRAM, "-g", "-O1")


def test_counters_are_those_of_the_report(program):
    report = record(program).report()
    trace = export()
    for process in report["processes"]:
        values = trace.counter("break", process["pid"])
        assert max(values) == process["break"]["peak_bytes"] and values[-1] == 0
        assert values[-2] == process["break"]["net_bytes"]
        attached = trace.counter("attached", process["pid"])
        assert max(attached) == process["attached"]["peak_bytes"] > 0 and attached[-1] == 0
    assert len(trace.tracks) and {t["counter"] for t in trace.tracks.values() if t["counter"]} == {b"\x18\x03"}, "the unit is bytes"


def test_lives_of_processes(program):
    report = record(program).report()
    trace = export()
    lives = {life["pid"]: life for life in trace.slices("programs")}
    assert set(lives) == {p["pid"] for p in report["processes"]}
    for process in report["processes"]:
        life = lives[process["pid"]]
        assert (life["time"] - trace.start, life["until"] - trace.start) == (process["start_ns"], process["end_ns"])
        assert life["name"] == "grows" and life["notes"]["exit_status"] == 0 and life["notes"]["command"] == process["cmdline"]
    assert trace.start - min(p["time"] for p in trace.packets) == 0


def test_lives_of_attachments(program):
    """Each has a slice with its segment, whatever overlaps; slices of one track do not."""
    report = record(program).report()
    trace = export()
    shown = sorted((s["pid"], s["name"].split()[1], s["time"] - trace.start, s["notes"]["began"], hex(s["notes"]["address"]))
                   for s in trace.slices("attachments"))
    assert shown == sorted((a["pid"], str(a["shmid"]), a["since_ns"], a["how"], a["address"]) for a in report["attachments"])
    assert len(shown) == 5 and len({s["track"] for s in trace.slices("attachments")}) > 2
    for track in {s["track"] for s in trace.slices("attachments")}:
        lane = sorted((s for s in trace.slices("attachments") if s["track"] == track), key=lambda s: s["time"])
        assert all(earlier["until"] <= later["time"] for earlier, later in zip(lane, lane[1:]))


def test_flows(program):
    """From fork to child; from the creator of a segment to each attachment of another process."""
    report = record(program).report()
    trace = export()
    first, child = sorted(report["processes"], key=lambda p: p["start_ns"])
    begins = {flow: e for e in trace.events for flow in e["flows"]}
    ends = {flow: e for e in trace.events for flow in e["ends"]}
    assert set(begins) == set(ends)
    arrows = sorted((begins[flow]["name"].split()[0], begins[flow]["pid"], ends[flow]["on"], ends[flow]["pid"]) for flow in begins)
    assert arrows == [("fork", first["pid"], "programs", child["pid"])] + 3 * [("shmget", first["pid"], "attachments", child["pid"])]


def test_creations_and_removals(compile_c):
    """Of all three kinds, as instants of the process."""
    objects = compile_c("objects", """
        #include <sys/msg.h>
        #include <sys/sem.h>
        #include <sys/shm.h>
        int main(void)
        {
            int segment = shmget(IPC_PRIVATE, 8192, 0600), set = semget(IPC_PRIVATE, 3, 0600), queue = msgget(IPC_PRIVATE, 0600);
            return shmctl(segment, IPC_RMID, 0) || semctl(set, 0, IPC_RMID) || msgctl(queue, IPC_RMID, 0);
        }""")
    report = record(objects).report()
    trace = export()
    wanted = {}
    for members, name, verb in (("segments", "shmid", "shm"), ("semaphores", "semid", "sem"), ("queues", "msqid", "msg")):
        row, = report[members]
        wanted[f"{verb}get {row[name]}"] = row["created_ns"]
        wanted[f"{verb}ctl(IPC_RMID) {row[name]}"] = row["removed"]["ns"]
    assert {e["name"]: e["time"] - trace.start for e in trace.instants("programs")} == wanted


def test_findings_are_instants(program):
    report = record(program).report()
    trace = export()
    shown = [(e["name"], e["notes"]["severity"], e["notes"]["text"], e["notes"]["count"]) for e in trace.instants("findings")]
    assert shown == [(f["kind"], f["severity"], f["text"], f["count"]) for f in report["findings"] if not f["routine"]]
    assert "leaked-segment" in {kind for kind, *_ in shown}


def test_heap_profiles(program):
    """The sums by process are the report's; the stacks have the names, lines and build ids of the report."""
    report = record(program).report()
    trace = export()
    for process in report["processes"]:
        heap = [d for d in trace.dumps if d["pid"] == process["pid"] and d["heap"] == "break"]
        assert sum(d["bytes"] for d in heap) == process["break"]["grown_bytes"]
        assert sum(d["count"] for d in heap) == process["break"]["moves"]
        assert sum(d["bytes"] - d["freed"] for d in heap) == process["break"]["net_bytes"]
        assert {d["time"] - trace.start for d in heap} == {process["end_ns"]}
    assert sum(d["bytes"] for d in trace.dumps if d["heap"] == "attached") == sum(
        site["bytes"] for site in report["sites"] if site["call"] == "shmat") == 3 * 8192
    wanted = {tuple((f["function"] or "", f["file"] or "", f["line"] or 0) for f in site["stack"])
              for site in report["sites"] if site["call"] in ("sbrk", "shmat")}
    assert {tuple(frame[:3] for frame in d["frames"]) for d in trace.dumps} == wanted
    inner = next(d["frames"] for d in trace.dumps if d["frames"][0][0] == "inner")
    build_id = harness.run("readelf", "-n", program).stdout.split("Build ID: ")[1].split()[0]
    assert inner[0][3:] == (program, build_id) and inner[1][0] == "take"
    assert len({(d["pid"], d["heap"], d["stack"]) for d in trace.dumps}) == len(trace.dumps), "consumers take a second row as a later one"


def test_clocks(program):
    """Heap profiles have times of the coarse clock: without a snapshot of it they are dropped."""
    report = record(program).report()
    trace = export()
    clocks = dict(tuple(message(c, id=1, time=2).values()) for c in trace.clocks["clocks"])
    assert clocks[3] == clocks[4] == trace.start and trace.clocks["primary"] == 3
    assert harness.run("date", "-u", "-d", report["session"]["started"], "+%s%N").stdout.strip() == str(clocks[1])


def test_one_process_and_no_stacks(program):
    report = record(program, options=("-k", "0")).report()
    child = next(p for p in report["processes"] if p["forked"])
    trace = export(f"--pid={child['pid']}")
    assert {e["pid"] for e in trace.events if e["on"] != "findings"} == {child["pid"]}
    assert not [e for e in trace.events if e["flows"] or e["ends"]], "no arrow without its beginning"
    assert {d["frames"][0][0] for d in trace.dumps} == {"(no call stack)"}
    assert sum(d["bytes"] for d in trace.dumps if d["heap"] == "break") == child["break"]["grown_bytes"]


def test_images_of_one_process(compile_c):
    """exec: two lives on one track, one heap profile; the counter begins again."""
    again = compile_c("again", """
        #include <unistd.h>
        int main(int argc, char **argv)
        {
            sbrk(4096 * argc);
            return argc > 1 ? 0 : execl(argv[0], argv[0], "again", (char *)0);
        }""", "-g")
    report = record(again).report()
    trace = export()
    lives = trace.slices("programs")
    assert len(lives) == 2 and len({life["track"] for life in lives}) == 1 and lives[0]["until"] <= lives[1]["time"]
    assert sum(d["bytes"] for d in trace.dumps) == sum(p["break"]["grown_bytes"] for p in report["processes"])
    assert len({d["time"] for d in trace.dumps}) == 1 == len([d for d in trace.dumps if d["bytes"] == 4096 + 8192])


def test_a_live_session(compile_c):
    """What goes on has no end."""
    waits = compile_c("waits", """
        #include <stdio.h>
        #include <sys/shm.h>
        #include <unistd.h>
        int main(void)
        {
            char word[9];
            int id = shmget(IPC_PRIVATE, 4096, 0600);
            sbrk(1 << 20);
            if (shmat(id, 0, 0) == (void *)-1 || shmctl(id, IPC_RMID, 0)) return 1;
            puts("ready");
            fflush(stdout);
            return !fgets(word, 9, stdin);
        }""", "-g")
    with harness.Lines(waits, env={"LD_PRELOAD": harness.SHIM}) as lines:
        lines.wait_for("ready")
        now = json.loads(memshim("report", "--json", "default").stdout)["processes"][0]
        trace = export(path="default")
        assert [life["until"] for on in ("programs", "attachments") for life in trace.slices(on)] == [None, None]
        assert trace.counter("break", now["pid"])[-1] == now["break"]["net_bytes"] >= 1 << 20
        assert trace.counter("attached", now["pid"])[-1] == 4096
        lines.say()
        assert lines.end()[0] == 0


def test_anonymous_memory(compile_c):
    """As the recorder sampled it."""
    program = compile_c("holds", """
        #include <string.h>
        #include <sys/mman.h>
        int main(void) { return !memset(mmap(0, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1, 8 << 20); }""")
    report = record(program).report()
    process = report["processes"][0]
    values = export().counter("anonymous", process["pid"])
    anonymous = process["anonymous"]
    assert max(values, default=0) == (anonymous["peak_bytes"] if anonymous else 0)


def test_hostile_names(compile_c):
    long = "f" * 4096
    program = compile_c("hostile", f"""
        #include <unistd.h>
        __attribute__((noinline)) static void {long}(void) {{ sbrk(4096); __asm__ volatile(""); }}
        int main(void) {{ {long}(); return 0; }}""", "-g")
    name = b'b"\n\x1b\xff'
    os.rename(program, name)
    subprocess.run([MEMSHIM.encode(), b"record", b"-q", b"./" + name, b"\xc3\xa9\xff\n"], check=True)
    trace = export()
    assert long in {frame[0] for d in trace.dumps for frame in d["frames"]}
    life, = trace.slices("programs")
    assert life["name"] == 'b"???' and life["notes"]["command"].endswith(" \u00e9??")
