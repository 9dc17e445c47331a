# SPDX-License-Identifier: MIT
"""strace and memshim watch the same run of a real program, and tell the same of it."""

import second_observer


def test_ls():
    recording, count = second_observer.watch("ls", "-l", "/usr/bin")
    assert count >= 3
    moves = [e["break"]["delta"] for e in recording.calls()]
    assert any(m < 0 for m in moves), "the trimming move of a realloc is there"


def test_bash_building_strings():
    script = "s=; for i in $(seq 2000); do s=$s$i$s; s=${s:0:60000}; done; echo ${#s} | cat"
    _, count = second_observer.watch("bash", "-c", script)
    assert count > 5
