# SPDX-License-Identifier: MIT
"""Every input that ever broke the reader, and real files damaged at random: read without harm."""

import random

import harness
from damage import replay
from harness import record

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
