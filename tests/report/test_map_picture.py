# SPDX-License-Identifier: MIT
"""The drawing of `memshim map`, once and repeated, on screens of any size."""

import codecs
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

import harness
from harness import Lines, memshim
from mapped import Mapped

BOX = "┌├└╞"


# ---- the picture -------------------------------------------------------------------------------


def draw(*argv, **env):
    done = memshim("map", *argv, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def boxes(picture):
    """The lines between two edges, from the top down, with both addresses."""
    found, edge, inside = [], None, []
    for line in picture.splitlines():
        address = re.match(rf" *(0x[0-9a-f]+).?[{BOX}+]", line)
        if address:
            if edge:
                found.append((int(address[1], 16), int(edge, 16), inside))
            edge, inside = address[1], []
        elif edge:
            inside.append(line)
    return found


def test_picture():
    with Mapped() as mapped:
        pid = mapped.pid
        picture = draw("-p", pid)
        assert all(len(line) <= 80 for line in picture.splitlines()), picture
        edges = [int(a, 16) for a in re.findall(rf"(?m)^ *(0x[0-9a-f]+).?[{BOX}]", picture)]
        assert edges == sorted(edges, reverse=True)
        assert f"{mapped.top:#x} ╞" in picture and " program break " in picture
        assert "12K of room for the heap" in picture
        assert f"12K of room above it, up to attachment {mapped.near}\n" in picture
        order = ["stack", "libc.so.6", f"│ attachment {mapped.near}", "room for the heap", "program break", "│ heap", "│ data", "│ text"]
        assert sorted(order, key=picture.index) == order, picture
        for words in ("key 0x6d656d02, mode 0640", "private, mode 0600, read-only", f"shared with {mapped.child} mapped"):
            assert words in " ".join(re.findall("│ (.*?) *│", picture))
        heap = next(line for line in picture.splitlines() if "│ heap" in line)
        assert heap.split()[-4:] == ["80K", "20", "10", "0"] and "████░░░░" in heap


def test_picture_in_ascii_and_in_colour():
    with Mapped() as mapped:
        plain = draw("-p", mapped.pid, LC_ALL="C")
        assert plain.isascii() and "+=" in plain and "##" in plain
        coloured = draw("-p", mapped.pid, "--color=always")
        assert "\33[" in coloured
        assert re.sub("\33\\[\\d*m", "", coloured) == draw("-p", mapped.pid)
        wide = draw("-p", mapped.pid, COLUMNS="120")
        assert max(map(len, wide.splitlines())) > 100


def test_every_mapping():
    with Mapped() as mapped:
        with open(f"/proc/{mapped.pid}/maps", encoding="utf-8") as maps:
            told = maps.readlines()
        counted = [line for line in draw("-a", "-p", mapped.pid).splitlines() if re.search(r"│.*[█░].*│ +\S+ +\d+ +\d+ +\d+$", line)]
        assert len(counted) == len(told)


def test_to_scale():
    with Lines("python3", "-c", "b = bytearray(100 << 20); print('ready', flush=True); input()") as running:
        running.wait_for("ready")
        picture = draw("--scale", "-p", running.process.pid)
        unit = int(re.search(r"a line is (\d+)M", picture)[1]) << 20
        heights = 0
        for start, end, inside in boxes(picture):
            if all("╎" in line for line in inside):
                assert len(inside) == min(max((end - start) // unit, 1), 5)
            else:
                assert len(inside) == max((end - start) // unit, 1), inside
                heights += len(inside)
        assert heights > 20


# ---- again and again ---------------------------------------------------------------------------


class Screen:
    """memshim on a terminal of its own. Waits for output, for a limited time."""

    def __init__(self, *argv, lines=60):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", lines, 80, 0, 0))
        self.process = subprocess.Popen([harness.MEMSHIM, *map(str, argv)], stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
                                        env={**os.environ, "TERM": "xterm"})
        os.close(slave)
        self.seen = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def read(self):
        """False at the end of the output."""
        ready, _, _ = select.select([self.master], [], [], harness.PATIENCE_S)
        assert ready, self.seen
        try:
            self.seen += self.decoder.decode(os.read(self.master, 65536))
        except OSError:
            return False
        return True

    def wait_for(self, pattern):
        end = time.monotonic() + harness.PATIENCE_S
        while not re.search(pattern, self.seen, re.DOTALL):
            assert self.read(), f"it ended before {pattern}: {self.seen}"
            assert time.monotonic() < end, f"waited in vain for {pattern}: {self.seen}"
        self.seen = self.seen[re.search(pattern, self.seen, re.DOTALL).end():]

    def end(self):
        while self.read():
            pass
        return self.process.wait(harness.TIMEOUT_S)

    def frames(self):
        return [f.replace("\33[K", "").replace("\r", "") for f in self.seen.split("\33[H")[1:]]


def test_watch_marks_what_moves():
    with Mapped() as mapped, Screen("map", "--watch", "-d", "0.02", "-p", mapped.pid) as screen:
        screen.wait_for("program break.*text  mapped.*addresses only")
        mapped.tell("grow")
        screen.wait_for(r"moved \+4K.*\*╎ +8K of room.*\*╞.*\*│ heap[^\n]*84K")
        mapped.tell("attach")
        screen.wait_for(rf"\+│ attachment {mapped.shared}")
        mapped.tell("detach")
        screen.wait_for(rf"gone +attachment {mapped.shared}\b")
        mapped.tell("shrink")
        screen.wait_for("moved -4K")
        pid = mapped.pid
        mapped.end()
        screen.wait_for(f"process {pid} has ended")
        assert screen.end() == 0


def test_watch_ends_at_control_c():
    with Mapped() as mapped, Screen("map", "--watch", "-p", mapped.pid) as screen:
        screen.wait_for("addresses only")
        os.write(screen.master, b"\x03")
        assert screen.end() == 0


@pytest.mark.parametrize("lines", [10, 24, 36])
def test_watch_on_a_low_screen(lines):
    """The drawing fits the screen, and the break stays visible as long as possible."""
    with Mapped() as mapped, Screen("map", "--watch", "-d", "0.01", "-n", "3", "-p", mapped.pid, lines=lines) as screen:
        assert screen.end() == 0
        frames = screen.frames()
        assert len(frames) == 3
        for frame in frames:
            assert frame.count("\n") < lines, frame
            assert "mapped, process" in frame
            assert lines == 10 or ("text  mapped" in frame and "program break" in frame), frame


def test_watch_elsewhere():
    """Not on a terminal: one drawing follows the other, without control sequences."""
    with Mapped() as mapped:
        pictures = draw("--watch", "-d", "0.01", "-n", "3", "-p", mapped.pid)
        assert "\33" not in pictures and pictures.count("program break") == 3
        done = memshim("map", "--watch", "-d", "0.01", "-n", "3", "--json", "-p", mapped.pid)
        assert [json.loads(line)["pid"] for line in done.stdout.splitlines()] == [mapped.pid] * 3
        with Lines(harness.MEMSHIM, "map", "--watch", "-d", "100", "-p", mapped.pid) as watching:
            watching.wait_for("addresses only")
            watching.process.send_signal(signal.SIGTERM)
            assert watching.end()[0] == 0


def test_heap_that_grows_is_drawn_once():
    """Between two pages of /proc/PID/maps the heap has grown: the kernel gives it again, with its new end."""
    maps = "1000 2000 /bin/program\n5000 9000 [heap]\n5000 b000 [heap]\n7f000 80000 /lib/x.so\n"
    done = harness.run(harness.BUILD / "tests" / "units" / "zones", stdin=None, input=maps, text=True)
    assert done.returncode == 0
    assert [line for line in done.stdout.splitlines() if line.endswith(" heap")] == ["5000 b000 heap"]
    assert done.stdout.count("\n") == 4, done.stdout  # and the free range above it
