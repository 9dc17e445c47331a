# SPDX-License-Identifier: MIT
"""
Names and arguments come from the recorded program: quotes, line ends, control sequences, invalid bytes. They stay
inside their field of JSON, CSV and XML, and never control a terminal.
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
    """A recording of a program with such a name. It makes failing calls, and leaves a segment."""
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
    """The text is UTF-8 that a terminal shows as it is: no control characters, and none that reverse or hide others."""
    for character in output_bytes.decode("utf-8"):
        assert character == "\n" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"), repr(character)
    return True


def object_of(pairs):
    assert len({key for key, _ in pairs}) == len(pairs), "no field twice"
    return dict(pairs)


@pytest.mark.parametrize("argv", [("report", "--json"), ("events", "--json"), ("ls", "--json")])
def test_json(odd, argv):
    """Valid JSON, one object a line. The readable part of the name is kept."""
    text = output(*argv)
    assert harmless(text)
    lines = text.decode("utf-8").split("\n")[:-1]
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
    """With colours, the output has only the program's own few control sequences."""
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
    """A terminal without UTF-8 gets none."""
    for command in ("report", "events", "ls"):
        done = subprocess.run([MEMSHIM, command], stdout=subprocess.PIPE, check=True, env={**os.environ, "LC_ALL": "C"})
        assert done.stdout.isascii() and harmless(done.stdout), command


SPOTS = ("start", "\u009b31m", "\u202egnp", "\u2066x\u2069", "\u200bzero", "\u061cmark", "\ufeffbom", "\U000e0041tag", "\x1b]0;t\x07",
         "\u2028line", "=1+1", "+1", "-1", "@a", "\ta", "\ra", "caf\u00e9", "&#lt;b", "\U0001f600")
EVERYTHING = [("report",), ("report", "--json"), ("events",), ("events", "-k"), ("events", "--json"), ("events", "--csv"), ("graph",),
              ("graph", "--format=dot"), ("graph", "--format=mermaid"), ("graph", "--format=json"), ("export", "--format=folded"),
              ("export", "--format=massif"),
              ("report", "--flame=out.svg"), ("ipcs",), ("ipcs", "--json"), ("map",), ("map", "--json"), ("ls",), ("ls", "--json"),
              ("reap",)]


@pytest.fixture(params=SPOTS, ids=ascii)
def spotted(request, tmp_path):
    """
    A recording with a hostile name, of a program with such a name, which shares a segment in functions and source
    files with such names.
    """
    spot = request.param.encode()
    hold = b"x" * 24
    (tmp_path / "spotted.c").write_text(f"""
        #include <sys/shm.h>
        #include <unistd.h>
        __attribute__((noinline)) void {hold.decode()}(void) {{ sbrk(4096); __asm__ volatile(""); }}
        int main(void) {{ {hold.decode()}(); return shmat(shmget(IPC_PRIVATE, 4096, 0600), 0, 0) == (void *)-1; }}
    """)
    subprocess.run(["cc", "-O1", "-g", f"-ffile-prefix-map={tmp_path}={hold[:20].decode()}", "-o", "spotted", tmp_path / "spotted.c"],
                   check=True)
    data = open("spotted", "rb").read()
    for length in (24, 20):
        data = data.replace(hold[:length], spot.ljust(length, b"_"))
    name = b"p" if spot[:1] in b"=+-@" else b""
    with open(name + spot.replace(b"/", b"_"), "wb") as file:
        file.write(data)
    os.chmod(file.name, 0o755)
    recording = b"./" + spot + b".data"
    done = subprocess.run([MEMSHIM.encode(), b"record", b"-o", recording, b"--", b"./" + file.name, spot], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0 and harmless(done.stderr), done
    return request.param, recording


def test_in_every_format(spotted):
    """Program, command line, recording, function and source file: no format of any command has control or hiding characters."""
    spot, recording = spotted
    for argv in EVERYTHING:
        where = () if argv[0] in ("ls", "ipcs") else (recording,)
        done = subprocess.run([MEMSHIM.encode(), *(word.encode() for word in argv), *where], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        assert done.returncode in (0, 1) and harmless(done.stderr), (argv, done)
        assert harmless(done.stdout) and (done.returncode or done.stdout or "flame" in argv[-1]), argv
        if "json" in argv[-1]:
            assert [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]
        if "dot" in argv[-1] or "mermaid" in argv[-1]:
            assert not re.search(rb"&|`|#lt", done.stdout), done.stdout
        if "flame" in argv[-1]:
            text = open("out.svg", "rb").read()
            assert xml.etree.ElementTree.fromstring(text) is not None and harmless(text.replace(b"\t", b"")), "its script has tabs"
    events = [json.loads(line) for line in output("events", "--json", recording).splitlines()]
    stack = next(event["stack"] for event in events if event["call"] == "sbrk")
    assert stack[0]["function"].startswith(spot) and spot in stack[0]["file"], "a program reads it as it is"


def test_text_is_text_in_every_language():
    """A letter of several bytes is no control character, whether char is signed or not."""
    shutil.copy(target("edges"), "caf\u00e9\u4e2d")
    subprocess.run([MEMSHIM, "record", "-q", "./caf\u00e9\u4e2d"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    for form in ("dot", "mermaid", "text", "json"):
        assert "caf\u00e9\u4e2d" in output("graph", f"--format={form}").decode(), form


@pytest.mark.parametrize("name", ["=cmd", "+cmd", "-cmd", "@cmd"])
def test_spreadsheet_takes_text_for_text(name):
    """Only text cells are quoted against formulas: a negative number stays a number."""
    shutil.copy(target("calls"), name)
    subprocess.run([MEMSHIM, "record", "-q", "./" + name, "2"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    text = output("events", "--csv").decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["comm"] for row in rows if row["call"] == "sbrk"} == {"'" + name}
    assert f"\"'{name}\"" in text
    assert any(re.fullmatch(r"-\d+", row["break_delta"]) for row in rows), "a break that shrank"


def test_process_that_is_not_followed(odd):
    """The recorder's own messages about a program that it cannot follow, and that cannot run."""
    with open(b"32" + NAME, "wb") as file, open(target("calls"), "rb") as program:
        file.write(program.read(4) + b"\x01" + b"\x00" * 100)
    os.chmod(b"32" + NAME, 0o755)
    done = subprocess.run([MEMSHIM.encode(), b"record", b"./32" + NAME], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 126 and harmless(done.stderr), done
    assert done.stderr.count(b"\n") == 2 and done.stderr.endswith(b": Exec format error\n"), done
