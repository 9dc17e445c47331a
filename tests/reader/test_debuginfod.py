# SPDX-License-Identifier: MIT
"""
Symbols from a debuginfod server, if the user asks for it: a small server on this machine, which serves what a test
gives it and may not answer.
"""

import http.server
import os
import re
import shutil
import subprocess
import threading
import time

import pytest

import harness
import turns
from harness import memshim, record, run

SOURCE = harness.TOP / "tests" / "targets" / "walks.c"


class Server(http.server.ThreadingHTTPServer):
    """files: {"BUILDID/debuginfo": bytes}; asked: the requests. `silent`: never answers."""

    daemon_threads = True

    def __init__(self):
        self.files, self.asked, self.silent, self.over = {}, [], False, threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = self.path.removeprefix("/buildid/")
        self.server.asked.append(wanted)
        if self.server.silent:
            self.server.over.wait(harness.TIMEOUT_S)
            return
        content = self.server.files.get(wanted)
        self.send_response(200 if content is not None else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    one = Server()
    thread = threading.Thread(target=one.serve_forever)
    thread.start()
    for name in [n for n in os.environ if n.startswith("DEBUGINFOD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DEBUGINFOD_URLS", one.url)
    monkeypatch.setenv("DEBUGINFOD_CACHE_PATH", str(tmp_path / "cache"))
    yield one
    one.over.set()
    one.shutdown()
    thread.join()
    one.server_close()


def build_id(path):
    return re.search(r"Build ID: ([0-9a-f]+)", run("readelf", "-n", path).stdout).group(1)


@pytest.fixture
def stripped(tmp_path):
    """A stripped program, its build id, and the debug file that only a server has."""
    subprocess.run(["cc", "-O2", "-g", "-Wl,--build-id", "-o", "walks", SOURCE, "-pthread", "-ldl"], check=True)
    run("objcopy", "--only-keep-debug", "walks", "walks.debug")
    run("strip", "walks")
    debug = (tmp_path / "walks.debug").read_bytes()
    os.unlink("walks.debug")
    return "./walks", build_id("walks"), debug


def innermost(recording, *options):
    done = memshim("events", "--json", "--call=sbrk", *options, recording.path)
    assert done.returncode == 0
    direct = [line for line in done.stdout.splitlines() if '"origin":"direct"' in line]
    return re.findall(r'"function":("\w+"|null)', direct[0])[0].strip('"'), done.stderr


def test_names_from_a_server(server, stripped):
    program, number, debug = stripped
    server.files[f"{number}/debuginfo"] = debug
    recording = record(program, "static")
    assert innermost(recording) == ("null", "")
    assert server.asked == [], "no server is asked unless the user says so"
    name, said = innermost(recording, "--debuginfod")
    assert name == "grow"
    assert re.search(rf"^memshim: walks: [0-9.]+K fetched from {server.url}", said, re.M), said
    assert server.asked.count(f"{number}/debuginfo") == 1
    asked = len(server.asked)
    assert innermost(recording, "--debuginfod") == ("grow", "")
    assert len(server.asked) == asked, "the second time it is all in the cache"


def test_the_program_itself_from_a_server(server, stripped, tmp_path):
    """The program is on another machine, or was rebuilt: the server has the one that ran."""
    program, number, debug = stripped
    server.files[f"{number}/debuginfo"] = debug
    server.files[f"{number}/executable"] = (tmp_path / "walks").read_bytes()
    recording = record(program, "static")
    os.unlink("walks")
    assert innermost(recording)[0] == "null"
    assert innermost(recording, "--debuginfod")[0] == "grow"
    shutil.copy("/bin/true", "walks")
    assert innermost(recording)[0] == "null"
    assert innermost(recording, "--debuginfod")[0] == "grow"


def test_what_a_server_gives_is_not_believed(server, stripped):
    """The server has another program's file under this build id: no names, rather than wrong ones."""
    program, number, _ = stripped
    server.files[f"{number}/executable"] = open(harness.target("walks"), "rb").read()
    recording = record(program, "static")
    os.unlink("walks")
    assert innermost(recording, "--debuginfod")[0] == "null"


def test_what_several_debug_files_share(server, tmp_path):
    """dwz moves the common part of two debug files into a third, which is requested by its own id."""
    harness.need("dwz")
    for name in ("one", "two"):
        subprocess.run(["cc", "-O2", "-g", "-Wl,--build-id", "-o", name, SOURCE, "-pthread", "-ldl"], check=True)
        run("objcopy", "--only-keep-debug", name, f"{name}.debug")
        run("strip", name)
    done = run("dwz", "-m", "shared.debug", "-M", "/usr/lib/debug/.dwz/nowhere.debug", "one.debug", "two.debug")
    assert done.returncode == 0, done.stderr
    for name, file in (("one", "one.debug"), ("shared.debug", "shared.debug")):
        server.files[f"{build_id(name)}/debuginfo"] = (tmp_path / file).read_bytes()
    for name in ("one.debug", "two.debug", "shared.debug"):
        os.rename(name, name + ".away")
    recording = record("./one", "static")
    assert innermost(recording, "--debuginfod")[0] == "grow"
    assert f"{build_id('shared.debug.away')}/debuginfo" in server.asked


@turns.alone
def test_a_server_that_never_answers(server, stripped, monkeypatch):
    """One time limit for all files; after it no server is asked, and the report is complete."""
    monkeypatch.setenv("DEBUGINFOD_TIMEOUT", "1")
    program, *_ = stripped
    server.silent = True
    recording = record(program, "static")
    begin = time.monotonic()
    name, said = innermost(recording, "--debuginfod")
    assert time.monotonic() - begin < 15
    assert name == "null"
    assert said == f"memshim: --debuginfod: {server.url}: no answer in 1 s: the servers are not asked again\n"
    assert len(set(server.asked)) == 1


def test_a_server_that_is_not_there(server, stripped, monkeypatch):
    monkeypatch.setenv("DEBUGINFOD_URLS", "http://127.0.0.1:1")
    recording = record(stripped[0], "static")
    name, said = innermost(recording, "--debuginfod")
    assert name == "null"
    assert said == "memshim: --debuginfod: http://127.0.0.1:1: Connection refused\n"


def test_no_server_named(stripped, monkeypatch):
    monkeypatch.delenv("DEBUGINFOD_URLS", raising=False)
    name, said = innermost(record(stripped[0], "static"), "--debuginfod")
    assert name == "null"
    assert said == "memshim: --debuginfod: DEBUGINFOD_URLS names no server: set it to one\n"


def test_progress_on_a_terminal(server, stripped):
    """On a terminal, a progress line is drawn and removed."""
    program, number, debug = stripped
    server.files[f"{number}/debuginfo"] = debug + bytes(64 << 20)
    recording = record(program, "static")
    done = run("script", "-qec", f"{harness.MEMSHIM} report --debuginfod {recording.path} >/dev/null", "/dev/null",
               env={"NO_COLOR": "1"})
    assert done.returncode == 0, done.stdout
    assert re.search(r"[\r\n]memshim: walks: ([0-9.]+[KM]? of 64\.?[0-9]*M fetched|asking for symbols)", done.stdout)
    assert re.search(r"[\r\n]\033\[Kmemshim: walks: 64", done.stdout)


def test_progress_does_not_steer_the_terminal(server, stripped):
    """The file name in the progress line comes from the recorded program."""
    program, number, debug = stripped
    os.rename(program, "\x1b[7m\u009b1mw")
    server.files[f"{number}/debuginfo"] = debug + bytes(64 << 20)
    recording = record("./\x1b[7m\u009b1mw", "static")
    done = run("script", "-qec", f"{harness.MEMSHIM} report --debuginfod {recording.path} >/dev/null", "/dev/null",
               env={"NO_COLOR": "1"})
    assert done.returncode == 0, done.stdout
    assert "?[7m?1mw: " in done.stdout and "\x1b[7m" not in done.stdout and "\u009b" not in done.stdout
