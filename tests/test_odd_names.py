# SPDX-License-Identifier: MIT
"""
Names and arguments are a stranger's: quotes, line ends, control sequences, bytes that are no text. They
stay inside their field of JSON, CSV and XML, and never steer a terminal.
"""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import unicodedata
import xml.etree.ElementTree

import pytest

import tables
from harness import MEMSHIM, target

NAME = 'a"b\n\x1b[31m\t\\;,\x7f<&>\u009b2J\u202e'.encode() + b"\xff\xc3"
ARGUMENT = b"\xfe\x1b]0;x\x07 \xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 caf\xc3\xa9"


@pytest.fixture
def odd(tmp_path):
    """A recording of a program with such a name, which made calls that fail and a segment that it leaves."""
    for name in (NAME, b"shown " + NAME):
        shutil.copy(os.fsencode(target("edges")), name)
    done = subprocess.run([MEMSHIM.encode(), b"record", b"--", b"./" + NAME, ARGUMENT], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    assert done.returncode < 125 and harmless(done.stderr)
    return tmp_path


def output(*argv):
    done = subprocess.run([MEMSHIM, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    assert harmless(done.stderr)
    return done.stdout


def harmless(output_bytes):
    """UTF-8, of lines that a terminal shows as they are."""
    for character in output_bytes.decode("utf-8"):
        kind = unicodedata.category(character)
        assert character == "\n" or kind != "Cc", repr(character)
        assert character not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029", repr(character)
    return True


def object_of(pairs):
    assert len({key for key, _ in pairs}) == len(pairs), "no field twice"
    return dict(pairs)


@pytest.mark.parametrize("argv", [("report", "--json"), ("events", "--json"), ("ls", "--json")])
def test_json(odd, argv):
    """Valid, one object a line; what is text in the name is still there."""
    lines = output(*argv).decode("utf-8").splitlines()
    objects = [json.loads(line, object_pairs_hook=object_of) for line in lines]
    assert objects and (argv[0] == "events" or len(lines) == 1)
    words = json.dumps(objects, ensure_ascii=False)
    assert r'a\"b\n\u001b[31m\t' in words
    if argv[0] == "report":
        assert "caf\u00e9" in objects[0]["processes"][0]["cmdline"]


def test_csv(odd):
    rows = list(csv.reader(io.StringIO(output("events", "--csv").decode("utf-8"))))
    events = [json.loads(line) for line in output("events", "--json").splitlines()]
    assert len(rows) == len(events) + 1 and {len(row) for row in rows} == {len(rows[0])}
    comm = rows[0].index("comm")
    assert all(row[comm].startswith('a"b?') for row in rows[1:] if row[rows[0].index("call")] != "fork")
    assert harmless(output("events", "--csv"))


@pytest.mark.parametrize("argv", [("report",), ("events",), ("events", "-k"), ("ls",), ("export", "--format=folded"),
                                  ("export", "--format=folded", "--counts")])
@pytest.mark.parametrize("color", ["never", "auto"])
def test_text(odd, argv, color):
    options = (f"--color={color}",) if argv[0] != "export" else ()
    assert harmless(output(*argv, *options)) and output(*argv, *options)


@pytest.mark.parametrize("table", ["process", "segment", "site", "session"])
def test_each_column(odd, table):
    command = "ls" if table == "session" else "report"
    for name, _ in tables.columns(table):
        assert harmless(output(command, "--color=never", "-O", name, "-s", name)), name


def test_colours_are_ours(odd):
    """With colours, nothing but the program's own few sequences."""
    for command in ("report", "events", "ls"):
        text = output(command, "--color=always")
        assert harmless(re.sub(rb"\x1b\[[0-9;]*m", b"", text))
        allowed = {b"\x1b[0m", b"\x1b[m"} | {b"\x1b[%dm" % n for n in (1, 2, 31, 32, 33, 34, 35, 36)}
        found = set(re.findall(rb"\x1b[^m]*m", text))
        assert found <= allowed, found - allowed


def test_flame_graph(odd):
    output("report", "--flame=out.svg")
    text = open("out.svg", "rb").read()
    xml.etree.ElementTree.fromstring(text.decode("utf-8"))
    assert re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text) is None


def test_without_utf8(odd):
    """Where the terminal knows no UTF-8, none reaches it."""
    for command in ("report", "events", "ls"):
        done = subprocess.run([MEMSHIM, command], stdout=subprocess.PIPE, check=True, env={**os.environ, "LC_ALL": "C"})
        assert done.stdout.isascii() and harmless(done.stdout), command


def test_process_that_is_not_followed(odd):
    """The recorder's own lines, of a program that it cannot follow, and that cannot be run either."""
    with open(b"32" + NAME, "wb") as file, open(target("calls"), "rb") as program:
        file.write(program.read(4) + b"\x01" + b"\x00" * 100)
    os.chmod(b"32" + NAME, 0o755)
    done = subprocess.run([MEMSHIM.encode(), b"record", b"./32" + NAME], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 126 and harmless(done.stderr), done
    assert done.stderr.count(b"\n") == 2 and done.stderr.endswith(b": Exec format error\n"), done
