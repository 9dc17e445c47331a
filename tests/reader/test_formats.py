# SPDX-License-Identifier: MIT
"""Sizes, differences, counts and durations as text: both sides of each step."""

import pytest

import harness
from harness import run

UNIT = str(harness.BUILD / "tests" / "units" / "format")
K, M, HOUR = 1 << 10, 1 << 20, 3600 * 10 ** 9

SHOWN = {
    "bytes": {0: "0", 1023: "1023", K: "1K", K + 1: "1.0K", 1536: "1.5K", 100 * K - 60: "99.9K", 100 * K: "100K",
              100 * K + 512: "101K", 154214: "151K", 150 * K + 400: "150K", M - 1: "1.0M", M: "1M", 10 * M + M // 2: "10.5M",
              1 << 30: "1G", 1 << 40: "1T", 1 << 50: "1P", (1 << 64) - 1: "16.0E"},
    "delta": {0: "0", 1: "+1", -1: "-1", 2048: "+2K", -2048: "-2K", -1536: "-1.5K", -(1 << 63): "-8E"},
    "count": {0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567"},
    "time": {0: "0 us", 999_999: "999 us", 10 ** 6: "1 ms", 999_999_999: "999 ms", 10 ** 9: "1.00 s", 59 * 10 ** 9: "59.00 s",
             60 * 10 ** 9: "1 min 0 s", HOUR - 10 ** 9: "59 min 59 s", HOUR: "1 h 0 min", 2 * HOUR + 600 * 10 ** 9: "2 h 10 min",
             24 * HOUR - 1: "23 h 59 min", 24 * HOUR: "1 d 0 h", 49 * HOUR: "2 d 1 h"},
}


@pytest.mark.parametrize("how", SHOWN)
def test_formats_on_both_sides_of_a_step(how):
    done = run(UNIT, stdin=None, input="".join(f"{how} {number}\n" for number in SHOWN[how]))
    assert dict(zip(SHOWN[how], done.stdout.splitlines())) == SHOWN[how]
