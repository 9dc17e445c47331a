# SPDX-License-Identifier: MIT
"""A made-up session for the model, told fact by fact: tests/units/model.c reads it."""

import harness
from harness import run

UNIT = str(harness.BUILD / "tests" / "units" / "model")


class Conclusions:
    """What the model concludes of a story."""

    def __init__(self, text):
        self.sites, self.findings, self.unknown, self.sparks = {}, [], None, {}
        for line in text.splitlines():
            kind, rest = line.split(" ", 1)
            if kind == "site":
                stack, *bytes_of = map(int, rest.split())
                self.sites[stack] = tuple(bytes_of)
            elif kind == "unknown":
                self.unknown = tuple(map(int, rest.split()))
            elif kind == "spark":
                instance, *high = map(int, rest.split())
                self.sparks[instance] = high
            elif kind == "finding":
                name, severity, stack, words = rest.split(" ", 3)
                self.findings.append((name, severity, int(stack), words))

    def of(self, kind):
        """The findings of that kind, as (severity, stack, text and advice)."""
        return [finding[1:] for finding in self.findings if finding[0] == kind]


class Story:
    """Facts in the order in which they are added to the model."""

    def __init__(self):
        self.lines = []
        self.at_ms = 0

    def tell(self, *words):
        self.lines.append(" ".join(map(str, words)))
        return self

    def process(self, instance, start=0, end=0, initial=0, current=0, peak=0):
        return self.tell("process", instance, start, end, initial, current, peak)

    def lost(self, count):
        return self.tell("lost", count)

    def move(self, instance, at_ms, stack, before, after, malloc=False):
        return self.tell("move", instance, at_ms, stack, before, after, *(["malloc"] if malloc else []))

    def moves(self, instance, *moves):
        """(stack, before, after) one after the other, a millisecond apart."""
        for stack, before, after in moves:
            self.at_ms += 1
            self.move(instance, self.at_ms, stack, before, after)
        return self

    def fork(self, child, parent):
        return self.tell("fork", child, parent, self.at_ms)

    def exec(self, instance):
        return self.tell("exec", instance, self.at_ms)

    def conclusions(self):
        done = run(UNIT, stdin=None, input="\n".join(self.lines) + "\n")
        assert done.returncode == 0, done.stderr
        return Conclusions(done.stdout)
