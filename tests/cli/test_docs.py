# SPDX-License-Identifier: MIT
"""The manual, the completion and the README agree with the program's tables."""

import re
import subprocess

import harness
import tables
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
    assert complete("memshim", "export", "--format", "=", "") == [row[1] for row in tables.rows("report/export/formats.def", "FORMAT")]
    assert complete("memshim", "events", "--cal") == ["--call="]
    assert complete("memshim", "events", "--call", "=", "shmg") == ["shmget"]
    assert complete("memshim", "report", "--color", "=", "") == ["auto", "always", "never"]
    assert complete("memshim", "record", "--suppress", "=", "/etc/os-rele") == ["/etc/os-release"]
    assert complete("memshim", "help", "e") == ["events", "export", "env"]
    assert "--stack-depth=" in complete("memshim", "record", "--")
    assert "grown" in complete("memshim", "report", "--sort", "=", "gr")
    open("data.memshim", "w", encoding="ascii").close()
    assert complete("memshim", "report", "data") == ["data.memshim"]


def test_pictures_of_the_readme_show_the_screens_of_today(tmp_path):
    """The pictures have the present headings of the report and the live screen; numbers and the last columns may differ."""
    subprocess.run([TOP / "scripts" / "draw-pictures", harness.BUILD, tmp_path], check=True, timeout=60)
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    for picture, headings in (("report.svg", ("Verdict", "FINDINGS", "PID", "SHMID", "KEPT")), ("top.svg", ("PID", "# Processes"))):
        assert f"(scripts/pictures/{picture})" in readme
        shown, drawn = (lines_of_picture(folder / picture) for folder in (TOP / "scripts" / "pictures", tmp_path))
        for heading in headings:
            first_words = lambda lines: [line.split()[:5] for line in lines if line.startswith(heading)]
            assert first_words(shown) == first_words(drawn) != []


def lines_of_picture(path):
    """The lines of a picture's text, numbers as #."""
    lines = {}
    for y, text in re.findall(r'y="([\d.]+)" textLength=[^>]*>([^<]*)<', path.read_text(encoding="utf-8")):
        lines.setdefault(y, []).append(text)
    return [re.sub(r"\d[\d.,]*[KM]?", "#", " ".join(words)) for words in lines.values()]


def test_readme_session():
    """The README's summary is what record prints for the demo; numbers may differ."""
    shape = lambda text: [re.sub(r"0x[0-9a-f]+|[\d.,]+[KM]?", "#", line).split() for line in text.splitlines()]
    summary = run(harness.MEMSHIM, "record", "--", TOP / "scripts" / "demo-program").stderr
    session = shape((TOP / "README.md").read_text(encoding="utf-8"))
    assert len(shape(summary)) > 3
    for line in shape(summary):
        assert line in session, line
