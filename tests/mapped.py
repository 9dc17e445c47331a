# SPDX-License-Identifier: MIT
"""The target `mapped`, and the map of a process: for all tests of `memshim map`."""

import json
import os
import re

from harness import Lines, memshim, target

PAGE = os.sysconf("SC_PAGESIZE")
ABSENT, USAGE = 1, 2


def read_map(*argv):
    done = memshim("map", "--json", *argv)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


def of_kind(seen, kind):
    return [z for z in seen["zones"] if z["kind"] == kind]


def ints(zone):
    return int(zone["start"], 16), int(zone["end"], 16)


class Mapped(Lines):
    """The target `mapped`, and what it prints about itself."""

    def __init__(self, *before, **options):
        super().__init__(*before, target("mapped"), **options)

    def __enter__(self):
        super().__enter__()
        words = self.wait_for("mapped").split()
        self.child, self.shared, self.near = (int(w) for w in words[1:4])
        self.top, self.near_at = (int(w, 16) for w in words[4:6])
        return self

    def __exit__(self, *failure):
        """It removes its segments when it ends; a kill leaves them."""
        if self.process.poll() is None and not self.process.stdin.closed:
            self.end()
        super().__exit__(*failure)

    @property
    def pid(self):
        with open(f"/proc/{self.child}/stat", encoding="ascii") as stat:
            return int(stat.read().rsplit(")", 1)[1].split()[1])

    def tell(self, order):
        self.say(order)
        self.wait_for("done")


def refused(done, status, *words):
    assert done.returncode == status, (done.returncode, done.stderr)
    assert done.stdout == ""
    assert re.fullmatch(r"memshim: [^\n]*\n", done.stderr), done.stderr
    for word in words:
        assert word in done.stderr
