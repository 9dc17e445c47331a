# SPDX-License-Identifier: MIT
"""Recordings are compressed chunk by chunk: smaller, complete, readable up to a cut, and safe against compression bombs."""

import json
import os
import random
import signal
import struct
import subprocess

import pytest

import harness
from damage import CHUNK, CHUNK_BYTES, COMMITTED_AT, HEADER_BYTES, KINDS, Record
from harness import memshim, record, target

STORED_BYTES_AT = 80  # in struct segment_chunk
PAYLOAD_MOST = 1 << 20
LOOPS = 3000
MEMORY_BYTES = 200 << 20


def stored_bytes(data, at):
    return struct.unpack_from("=Q", data, at + STORED_BYTES_AT)[0]


def chunks(data):
    """(offset of the header, its fields) of each chunk."""
    at = HEADER_BYTES
    while at < len(data):
        head = Record(data, at, CHUNK)
        yield at, head
        at += CHUNK_BYTES + ((stored_bytes(data, at) + 31) // 32 * 32 or head["payload_bytes"])


def compressed_chunks(data):
    return [(at, head) for at, head in chunks(data) if stored_bytes(data, at)]


def events(path, **options):
    done = memshim("events", "--json", path, **options)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(name="data")
def recording():
    record(target("calls"), LOOPS, options=("-q",))
    with open("memshim.data", "rb") as file:
        return bytearray(file.read())


def write(data):
    with open("changed", "wb") as file:
        file.write(data)
    return "changed"


def test_recording_is_small_and_complete(data):
    record(target("calls"), LOOPS, options=("-q", "--no-compress"), output="plain")
    # How much smaller depends on how often the recorder copied the log: each copy is a chunk of its own.
    assert len(data) * 2 < os.path.getsize("plain")
    assert compressed_chunks(data)
    (_, packed), (_, plain) = events("memshim.data"), events("plain")
    assert [e["call"] for e in packed] == [e["call"] for e in plain] and len(packed) > 9 * LOOPS
    with open("plain", "rb") as file:
        assert not compressed_chunks(bytearray(file.read()))


def test_cut_recording_is_readable_up_to_the_cut(data):
    whole = len(events("memshim.data")[1])
    last = 0
    for end in range(HEADER_BYTES + CHUNK_BYTES, len(data), max(4096, len(data) // 20)):
        done, found = events(write(data[:end]))
        assert done.returncode == 0 and last <= len(found) <= whole, (end, done.stderr)
        last = len(found)
    assert last > whole // 2


def test_damaged_payload_is_counted(data):
    whole, generator = len(events("memshim.data")[1]), random.Random(7)
    for at, head in compressed_chunks(data):
        if KINDS[head["kind"]] != "log":
            continue
        for _ in range(3):
            changed = bytearray(data)
            changed[at + CHUNK_BYTES + generator.randrange(stored_bytes(data, at))] ^= 1 + generator.randrange(255)
            done = memshim("report", "--json", write(changed))
            assert done.returncode == 0, done.stderr
            coverage = json.loads(done.stdout)["coverage"]
            assert coverage["events"] == whole or coverage["lost"]["damaged"] > 0
        return
    assert False, "no compressed events"


@pytest.mark.parametrize("stored,payload", [(1 << 60, None), (64, PAYLOAD_MOST * 64), ((1 << 64) - 1, None)])
def test_sizes_that_make_no_sense_are_refused(data, stored, payload):
    at, head = compressed_chunks(data)[0]
    struct.pack_into("=Q", data, at + STORED_BYTES_AT, stored)
    if payload:
        head["payload_bytes"] = payload
        head["count"] = payload // head["record_bytes"]
    done = memshim("report", "--json", write(data))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["coverage"]["lost"]["damaged"] > 0


def test_overlapping_bombs_take_bounded_memory(data):
    """Chunks that claim the same time and expand a thousandfold: what does not fit counts as damaged."""
    at, head = max(compressed_chunks(data), key=lambda pair: pair[1]["payload_bytes"] if KINDS[pair[1]["kind"]] == "log" else 0)
    bomb = bytes(data[at:at + CHUNK_BYTES + (stored_bytes(data, at) + 31) // 32 * 32])
    many = 3 * MEMORY_BYTES // head["payload_bytes"]
    struct.pack_into("=Q", data, COMMITTED_AT, len(data) + len(bomb) * many)
    with open(write(data), "ab") as file:
        for _ in range(many):
            file.write(bomb)
    limit = () if "sanitized" in str(harness.BUILD) else ("prlimit", f"--as={MEMORY_BYTES}")  # AddressSanitizer maps terabytes
    done = harness.run(*limit, harness.MEMSHIM, "report", "--json", "changed")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["coverage"]["lost"]["damaged"] > 0


def test_killed_recorder_leaves_a_readable_recording():
    with subprocess.Popen([harness.MEMSHIM, "record", "-q", "--", target("calls"), "40"], stdout=subprocess.PIPE) as recorder:
        recorder.stdout.readline()
        recorder.send_signal(signal.SIGKILL)
    done, _ = events("memshim.data")
    assert done.returncode == 0, done.stderr
