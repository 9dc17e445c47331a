# SPDX-License-Identifier: MIT
"""The bytes of a recording, field by field, as preload/segment/layout.h and recorded.h draw them: to write wrong ones into it."""

import struct

import harness

HEADER_BYTES, CHUNK_BYTES, PROCESS_BYTES = 4096, 128, 1384
KINDS = ("shared", "index", "rings", "processes", "owners", "attachments", "ledger", "modules", "stacks", "loads", "programs", "uses",
         "waits", "log", "unfollowed", "snapshots", "identities", "objects", "jit_names", "titles")
COMMITTED_AT = 40  # in struct segment_header
AFTER_REGIONS = 48 + 20 * 24  # in struct segment_header: the fields after `region`
# Of the records: name -> offset, struct's format.
EVENT = {"published": (0, "Q"), "clock": (8, "Q"), "process": (16, "I"), "tid": (20, "i"), "stack": (24, "I"), "kind": (28, "B"),
         "flags": (29, "B"), "detail": (30, "H"), "u0": (32, "Q"), "u1": (40, "Q"), "u2": (48, "Q"), "u3": (56, "Q")}
PROCESS = {"instance": (0, "I"), "parent": (4, "I"), "pid": (8, "i"), "ppid": (12, "i"), "image": (20, "I"), "start_time": (32, "Q"),
           "state": (128, "I"), "attached": (140, "I"), "comm": (80, "16s"), "exe": (1088, "160s"), "cmdline": (1248, "136s")}
ENTRY = {"claim": (0, "Q"), "creator": (8, "I"), "size": (16, "Q"), "attaches": (48, "Q"), "detaches": (56, "Q"),
         "creator_stack": (72, "I")}
OBJECT = {"kind": (0, "I"), "id": (4, "i"), "state": (8, "I"), "key": (12, "I"), "size": (48, "Q"), "changed": (80, "Q")}
FRAME = {"number": (0, "Q"), "outer": (8, "Q"), "offset": (16, "Q")}
IDENTITY = {"instance": (0, "I"), "pid": (4, "i"), "real_uid": (8, "I"), "effective_uid": (12, "I"), "start_time": (16, "Q"),
            "known_clock": (24, "Q"), "end_clock": (32, "Q"), "proof": (40, "I"), "flags": (44, "I"), "exit_status": (48, "i"),
            "exit_signal": (52, "i")}
CHUNK = {"magic": (0, "I"), "kind": (4, "I"), "payload_bytes": (8, "Q"), "record_bytes": (16, "I"), "ring": (20, "I"), "count": (24, "Q"),
         "first": (32, "Q"), "next": (40, "Q"), "overwritten": (48, "Q"), "torn": (56, "Q"), "min_clock": (64, "Q"), "max_clock": (72, "Q")}


def replay(*words):
    """Reads many files in all views, under sanitizers if `make sanitizers` has built that program."""
    built = (build / "fuzz" / "replay" for build in (harness.SANITIZED, harness.BUILD))
    program = next(path for path in built if path.exists())
    done = harness.run(program, *words, env=harness.SANITIZER_OPTIONS)
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])


class Record:
    """A stretch of a file, its fields by name."""

    def __init__(self, data, at, fields):
        self.data, self.at, self.fields = data, at, fields

    def __getitem__(self, name):
        offset, form = self.fields[name]
        return struct.unpack_from("=" + form, self.data, self.at + offset)[0]

    def __setitem__(self, name, value):
        offset, form = self.fields[name]
        if isinstance(value, int):
            value &= (1 << 8 * struct.calcsize("=" + form)) - 1
            form = form.upper()
        struct.pack_into("=" + form, self.data, self.at + offset, value)


class Recording:
    """The chunks of a valid recording. `data` has what is changed in them."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        self.chunks, at = [], HEADER_BYTES
        while at < len(self.data):
            head = Record(self.data, at, CHUNK)
            self.chunks.append(head)
            at += CHUNK_BYTES + head["payload_bytes"]
        assert self.chunks and at == len(self.data)

    def records(self, kind, fields):
        for head in self.chunks:
            if KINDS[head["kind"]] == kind:
                for i in range(head["count"]):
                    yield Record(self.data, head.at + CHUNK_BYTES + i * head["record_bytes"], fields)

    def events(self):
        return self.records("log", EVENT)

    def append(self, kind, record_bytes, rows, **head_fields):
        """Adds a chunk of zeros at the end, and returns the offsets of its records."""
        at = len(self.data)
        self.data += bytes(CHUNK_BYTES + record_bytes * rows)
        head = Record(self.data, at, CHUNK)
        for name, value in {"magic": 0x4B4E4843, "kind": KINDS.index(kind), "payload_bytes": record_bytes * rows,
                            "record_bytes": record_bytes, "count": rows, **head_fields}.items():
            head[name] = value
        struct.pack_into("=Q", self.data, COMMITTED_AT, len(self.data))
        return [at + CHUNK_BYTES + i * record_bytes for i in range(rows)]

    def write(self, path):
        with open(path, "wb") as file:
            file.write(self.data)
