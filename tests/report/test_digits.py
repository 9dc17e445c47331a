# SPDX-License-Identifier: MIT
"""Numbers as text: every length, and both sides of each step in it."""

import random

import harness
from harness import run

UNIT = str(harness.BUILD / "tests" / "units" / "digits")
STEPS = [base ** power for base in (2, 10, 16) for power in range(65) if base ** power <= 2 ** 64]
WIDEST = 32


def numbers():
    near = {step + away for step in STEPS for away in (-1, 0, 1)}
    some = random.Random(64)
    within_nine = [quarter * 10 ** place for quarter in range(100) for place in (0, 2, 4, 6, 8)]
    anywhere = [some.getrandbits(bits) for bits in range(1, 65) for _ in range(30)]
    return sorted(n for n in near if 0 <= n < 2 ** 64) + within_nine + anywhere


def line(number):
    signed = number - 2 ** 64 if number >= 2 ** 63 else number
    return f"{number} {signed} {number:#x} {number:09}|{number:{WIDEST}}|{number % 10 ** 9:09}"


def test_digits():
    asked = numbers()
    done = run(UNIT, stdin=None, input="\n".join(map(str, asked)) + "\n")
    assert done.stdout.splitlines() == [line(number) for number in asked]
