# SPDX-License-Identifier: MIT
"""The manual page, the completion and the README keep up with the program's tables."""

import re
import subprocess

import harness
from harness import TOP, run

PAGE = TOP / "report" / "man" / "memshim.1"


def test_page_is_well_formed():
    harness.need("groff")
    done = run("groff", "-man", "-Tutf8", "-ww", PAGE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "memshim - watch how programs move their break" in re.sub(r"\x1b\[\d*m|.\x08", "", done.stdout)


def complete(*words):
    """What bash offers for the last of these words."""
    script = (f"source {TOP}/scripts/completions/memshim.bash; compopt() {{ :; }}; "
              f"memshim() {{ {harness.MEMSHIM} \"$@\"; }}; "
              "COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _memshim; printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-c", script, "bash", *words], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()


def test_completion():
    assert complete("memshim", "rep") == ["report"]
    assert complete("memshim", "graph", "--format", "=", "m") == ["mermaid"]
    assert complete("memshim", "events", "--cal") == ["--call="]
    assert complete("memshim", "events", "--call", "=", "shmg") == ["shmget"]
    assert complete("memshim", "report", "--color", "=", "") == ["auto", "always", "never"]
    assert complete("memshim", "record", "--suppress", "=", "/etc/os-rele") == ["/etc/os-release"]
    assert complete("memshim", "help", "e") == ["events", "export", "env"]
    assert "--stack-depth=" in complete("memshim", "record", "--")
    assert "grown" in complete("memshim", "report", "--sort", "=", "gr")
    open("data.memshim", "w", encoding="ascii").close()
    assert complete("memshim", "report", "data") == ["data.memshim"]


def test_readme_session():
    """The session in the README is what the demo shows: the same lines, whatever the numbers."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    shown = harness.record(TOP / "scripts" / "demo-program", options=("-q",)).report_text()
    shape = lambda t: [re.sub(r"[\d.,]+[KM]?|0x[0-9a-f]+", "#", line).split() for line in t.splitlines()]
    session = shape(text)
    for heading in ("PROCESSES", "SEGMENTS", "CALL SITES", "FINDINGS"):
        line = next(words for words in shape(shown) if " ".join(words).startswith(heading))
        assert line in session, line
