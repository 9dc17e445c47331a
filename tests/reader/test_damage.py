# SPDX-License-Identifier: MIT
"""
Recordings with impossible numbers, each in its own way: they are read at once, in little memory, without harm. What
is valid is shown; the rest is counted.
"""

import json
import os
import random

import pytest

import damage
import harness
from damage import ENTRY, EVENT, FRAME, IDENTITY, PROCESS, Record
from harness import record, target

COMMANDS = ("report --json", "events --json", "export --format=folded", "export --format=massif",
            "export --format=perfetto", "export --format=openmetrics", "export --format=prometheus",
            "export --format=pprof", "graph")
MOST = (1 << 64) - 1
SECONDS, KILOBYTES = 5, 600 << 10  # of one command, on a busy machine; a valid file takes 50 ms and 20 MB


def story():
    """A valid recording with rows of every kind."""
    script = f"{target('calls')} 30; /usr/bin/perl -e '$i = shmget(1, 4096, 01600); fork; shmread($i, $x, 0, 9)'"
    record("sh", "-c", script, options=("-q", "-w", "--no-compress", "-o", "sound"), check=False)
    return damage.Recording("sound")


@pytest.fixture
def sound():
    return story()


def read(path, *commands):
    """Each command's output: limited time and memory, no signal, messages of one line each."""
    outputs = []
    for command in commands or COMMANDS:
        done = harness.run_measured(harness.MEMSHIM, *command.split(), path, timeout=SECONDS * 12)
        assert done.returncode in (0, 1), (command, done.returncode, done.stderr[-2000:])
        assert all(line.startswith("memshim: ") for line in done.stderr.splitlines()), (command, done.stderr[-2000:])
        assert done.kibibytes < KILOBYTES or "sanitized" in str(harness.BUILD), command
        outputs.append(done.stdout)
    return outputs


class Many:
    """Copies, each damaged in its own way: read together, in every view."""

    def __init__(self, folder):
        self.folder, self.paths = folder, []

    def add(self, recording):
        self.paths.append(self.folder / f"damaged-{len(self.paths)}")
        recording.write(self.paths[-1])

    def replay(self):
        damage.replay(*self.paths)


def check(recording):
    """As `damaged`; the JSON output is valid JSON in any case."""
    recording.write("damaged")
    outputs = dict(zip(COMMANDS, read("damaged")))
    for line in outputs["events --json"].splitlines():
        json.loads(line)
    return json.loads(outputs["report --json"] or "null"), outputs


def test_sound_one(sound):
    """The undamaged recording."""
    report, outputs = check(sound)
    harness.complete(report)
    assert len(outputs["events --json"].splitlines()) == report["coverage"]["events"] == len(list(sound.events()))
    kinds = {damage.KINDS[head["kind"]] for head in sound.chunks}
    assert kinds >= {"processes", "identities", "ledger", "modules", "stacks", "loads", "log"}


def test_unknown_stacks(sound):
    """Each event has the number of another unknown stack."""
    for i, event in enumerate(sound.events()):
        event["stack"] = 0x7FFFFFFF - i
    report, _ = check(sound)
    assert report["coverage"]["events"] == len(list(sound.events()))


def test_unknown_processes(sound):
    for i, event in enumerate(sound.events()):
        event["process"] = 1 << 31 | i
    check(sound)


def test_many_events_of_unknown_things(sound):
    """As many events and rows as in a real session, all unknown: the tables are not read again for each event."""
    for i, at in enumerate(sound.append("stacks", 32, 20000)):
        frame = Record(sound.data, at, FRAME)
        frame["number"], frame["offset"] = 30000 + i, 1
    rows = sound.append("log", 64, 20000, ring=0xFFFFFFFF)
    for i, at in enumerate(rows):
        event = Record(sound.data, at, EVENT)
        event["clock"], event["process"], event["stack"], event["kind"] = i, 5000 + i, 90000 + i, i % 10
    check(sound)


def test_frames_in_a_circle(sound):
    """Each frame is the outer frame of the next: stacks end anyway."""
    frames = list(sound.records("stacks", FRAME))
    for frame, other in zip(frames, frames[1:] + frames[:1]):
        frame["outer"] = other["number"] << 32 | frame["outer"] & 0xFFFFFFFF
    report, outputs = check(sound)
    assert report["sites"] and max(outputs["export --format=folded"].count(";", 0, 10**6), 1) < 10**6
    for frame in frames:
        frame["outer"] = frame["number"] << 32 | frame["outer"] & 0xFFFFFFFF
    check(sound)


FIELDS = {"stacks": FRAME, "processes": PROCESS, "identities": IDENTITY, "ledger": ENTRY, "log": EVENT}
ODD = (0, 1, 1 << 31, 1 << 32, (1 << 22) - 1, MOST - 1, MOST)


@pytest.mark.replays
@pytest.mark.parametrize("kind", FIELDS)
def test_odd_numbers(sound, kind, tmp_path):
    """In each field in turn."""
    many, whole, fields = Many(tmp_path), bytes(sound.data), FIELDS[kind]
    for field in (f for f in fields if not fields[f][1].endswith("s")):
        for value in ODD:
            for record_at in sound.records(kind, fields):
                record_at[field] = value
            many.add(sound)
            sound.data[:] = whole
    many.replay()


def test_instances_far_apart(sound):
    """Large gaps between instances: finding the running processes of each segment is still fast."""
    for process in sound.records("processes", PROCESS):
        process["instance"], process["state"] = (1 << 22) - 2, 1
    for i, at in enumerate(sound.append("ledger", 128, 20000)):
        entry = Record(sound.data, at, ENTRY)
        entry["claim"], entry["creator"] = (i + 1) << 32 | 1, 1 + i % 9
    for i, at in enumerate(sound.append("processes", damage.PROCESS_BYTES, 9)):
        Record(sound.data, at, PROCESS)["instance"] = i + 1
    check(sound)


@pytest.mark.parametrize("kind,at,width", [("processes", 144, 8), ("ledger", 0, 8), ("log", 8, 8), ("log", 28, 4), ("loads", 0, 8),
                                           ("modules", 0, 8), ("attachments", 0, 4), ("identities", 0, 4), ("shared", 0, 8)])
def test_all_ones(sound, kind, at, width):
    """All bits are set from a field to the end of the record, counters included."""
    for head in sound.chunks:
        if damage.KINDS[head["kind"]] == kind:
            size = head["record_bytes"]
            for i in range(head["count"]):
                begin = head.at + damage.CHUNK_BYTES + i * size + at
                sound.data[begin:begin + (size - at) // width * width] = b"\xff" * ((size - at) // width * width)
    report, _ = check(sound)
    assert report is not None


def test_names_without_an_end(sound):
    for process in sound.records("processes", PROCESS):
        process["comm"], process["exe"], process["cmdline"] = b"c" * 16, b"/" + b"e" * 159, b"\x1b[2J" * 34
    report, outputs = check(sound)
    assert {p["comm"] for p in report["processes"]} <= {"c" * 15, "c" * 16}
    assert {p["exe"] for p in report["processes"]} <= {"/" + "e" * 158, "/" + "e" * 159}
    texts = [text for command, text in outputs.items() if not command.endswith(("pprof", "perfetto"))]
    assert "\x1b" not in "".join(texts), "the others are binary"


@pytest.mark.replays
@pytest.mark.parametrize("which", [0, 1])
def test_chunks_with_odd_heads(sound, which, tmp_path):
    """Lengths and counts that point outside the file, overlap, or overflow."""
    many, whole = Many(tmp_path), bytes(sound.data)
    for field in damage.CHUNK:
        for value in ODD:
            for head in sound.chunks[which::2]:
                head[field] = value
            many.add(sound)
            sound.data[:] = whole
    many.replay()


@pytest.mark.parametrize("field", ["magic", "payload_bytes", "record_bytes"])
def test_chunks_after_a_damaged_header_are_found(sound, field):
    """Chunks after a damaged header are found, and what was left out is counted."""
    heads = [head for head in sound.chunks if damage.KINDS[head["kind"]] == "modules"]
    heads[0][field] = MOST
    report, _ = check(sound)
    assert report["coverage"]["events"] == len(list(sound.events())) and report["processes"]
    assert report["coverage"]["lost"]["damaged"] == 1


def test_a_last_chunk_that_is_too_long(sound):
    """It claims one record more than the file has: the others are read, and it is told."""
    last = list(sound.chunks)[-1]
    last["payload_bytes"] += last["record_bytes"]
    last["count"] += 1
    report, _ = check(sound)
    assert report["coverage"]["lost"]["damaged"] == 1 and report["coverage"]["events"] == len(list(sound.events()))


def test_bytes_after_the_end(sound):
    """A finished recording was appended to: that is told."""
    sound.data += b"\0" * 64
    report, _ = check(sound)
    assert report["coverage"]["lost"]["damaged"] and report["coverage"]["events"] == len(list(sound.events()))


def test_chunks_upon_chunks(sound):
    """Each chunk claims all bytes after it."""
    for head in sound.chunks:
        head["payload_bytes"] = (len(sound.data) - head.at) // head["record_bytes"] * head["record_bytes"]
        head["count"] = head["payload_bytes"] // head["record_bytes"]
    check(sound)


def test_clocks_in_no_order(sound):
    chance = random.Random(1)
    for event in sound.events():
        event["clock"] = chance.choice((0, 1, MOST, 1 << 63, chance.getrandbits(64)))
    _, outputs = check(sound)
    times = [json.loads(line)["time_ns"] for line in outputs["events --json"].splitlines()]
    assert len(times) == len(list(sound.events())) and all(isinstance(t, int) for t in times)


def test_cut_off(sound):
    """The part that exists is read, and the report says that it is incomplete."""
    for part in (0.3, 0.6, 0.9):
        with open("cut", "wb") as file:
            file.write(sound.data[:int(len(sound.data) * part)])
        output, = read("cut", "report --json")
        assert json.loads(output)["coverage"]["lost"]["damaged"], part
        assert "damaged" in read("cut", "report")[0]


@pytest.mark.replays
def test_every_byte_of_the_header():
    """
    Each byte is changed in turn, and the file is cut at each place: a recording, and the segment of a session without
    a recorder.
    """
    record("true", options=("-q", "-k", "0"))
    harness.run("true", env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_LOG_SIZE": "8K"})
    segment = os.path.join(os.environ["MEMSHIM_DIR"], "default.seg")
    for how in ("-h", "-t"):
        damage.replay(how, "memshim.data", segment)
