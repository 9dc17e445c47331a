# SPDX-License-Identifier: MIT
"""
A process of the session overwrites all of its segment: other programs run unchanged, the recorder ends with COMMAND's
status, and every reader copes with the file, during the writes and afterwards. The numbers may be anything.
"""

import os
import pathlib

import pytest

import harness
from harness import MEMSHIM, Lines, memshim, target

EACH = pytest.mark.parametrize("how", [f"{where} {what}" for where in ("all", "body") for what in ("random", "zeros", "ones", "words")])
COMMANDS = ("report", "report --json", "events", "events --json", "events --csv", "export --format=folded",
            "export --format=massif", "export --format=perfetto", "export --format=openmetrics", "export --format=prometheus",
            "export --format=pprof", "graph", "ls")


def borne(done):
    """Complete output, or one line that says why not; no signal, no sanitizer report."""
    assert done.returncode in (0, 1), done.stderr[-2000:]
    assert done.returncode == 0 or done.stderr.count("\n") == 1, done.stderr[-2000:]


def read_in_all_ways(*where):
    for command in COMMANDS:
        borne(memshim(*command.split(), *(() if command == "ls" else where), timeout=60))


@EACH
def test_session_of_a_recorder(how):
    """Also with processes that start later: a shell that starts programs."""
    script = f"{target('hostile')} {how} sh -c '{target('calls')} 3000; {target('many')} fork 100; {target('calls')} 10'; exit 5"
    with Lines(MEMSHIM, "record", "-q", "--log-size=1M", "sh", "-c", script) as lines:
        lines.wait_for("wrong: ")
        segment, = pathlib.Path(os.environ["MEMSHIM_DIR"]).glob("*.seg")
        borne(memshim("report", "--json", segment))
        borne(memshim("events", "--csv", segment))
        assert lines.wait_for("wrong: ") == "wrong: 0"
        assert lines.end() == (5, "")
    read_in_all_ways("memshim.data")
    assert os.listdir(os.environ["MEMSHIM_DIR"]) == [], "its name at least was its own"


@EACH
def test_session_by_hand(how):
    script = f"{target('hostile')} {how} {target('calls')} 3000; {target('calls')} 10; exit 5"
    done = harness.run("sh", "-c", script, env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_LOG_SIZE": "1M"})
    assert (done.returncode, done.stdout, done.stderr) == (5, "wrong: 0\nwrong: 0\n", "")
    read_in_all_ways("default")
