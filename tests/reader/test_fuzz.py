# SPDX-License-Identifier: MIT
"""Every input that ever broke the reader, and real files with random damage: read without harm."""

import random
import struct

import harness
from damage import replay
from harness import record, run

REPLAY_SYMBOLS = str(harness.BUILD / "fuzz" / "replay-symbols")
BROKEN = harness.TOP / "tests" / "fuzz" / "broken"


def test_inputs_that_once_broke_it():
    paths = [path for path in sorted(BROKEN.iterdir()) if path.name != ".keep"]
    replay(*paths)


def test_real_recordings_damaged_at_random(tmp_path):
    chance = random.Random(20261123)
    recording = record("sh", "-c", "ls -l /usr/bin | sort >/dev/null; kill -9 $$", check=False)
    sound = open(recording.path, "rb").read()
    paths = []
    for i in range(60):
        data = bytearray(sound)
        for _ in range(max(1, int(len(data) * chance.choice((0.0001, 0.001, 0.01, 0.1))))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if i % 3 == 0:
            del data[chance.randrange(len(data)):]
        paths.append(tmp_path / f"damaged-{i}")
        paths[-1].write_bytes(data)
    replay(*paths)


def answer(chance):
    """A nearly valid message of the symbol child, as in report/symbols/protocol.h."""
    text = bytes(chance.choice(b"\0\0ab/") for _ in range(chance.randrange(60)))
    text += b"\0" if chance.randrange(4) else b""
    count, used = chance.choice((0, 1, 1, 2, 16, 17, 1 << 31)), chance.choice((len(text), len(text), 0, 7, 1 << 16, (1 << 32) - 1))
    places = b""
    for _ in range(16):
        places += struct.pack("=IIIB3x", chance.choice((0, 1, 4, len(text), 1 << 31)), chance.choice((0, 1, 2, (1 << 32) - 4)), 7, 1)
    head = struct.pack("=IIIB3xII64s", chance.choice((0, 1, 1, 2, 3, 4)), chance.randrange(12), chance.randrange(4), chance.randrange(2),
                       count, chance.choice((0, 20, 64, 65)), b"id")
    message = head + places + struct.pack("=I", used) + text
    return message[:chance.choice((len(message), len(message), chance.randrange(1, len(message))))]


def test_answers_of_a_child_that_was_taken_over(tmp_path):
    """Each place is used once, and nothing outside the message is read."""
    chance, paths = random.Random(20261201), []
    for i in range(150):
        messages = [answer(chance) for _ in range(chance.randrange(1, 50))]
        paths.append(tmp_path / f"answers-{i}")
        paths[-1].write_bytes(b"ANSWERS1" + b"".join(struct.pack("<H", len(message)) + message for message in messages))
    done = run(REPLAY_SYMBOLS, *paths)
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
