# SPDX-License-Identifier: MIT
"""Measures what `memshim top` costs the watched program, and what it uses itself, in a terminal of its own."""

import fcntl
import os
import pty
import statistics
import struct
import subprocess
import termios
import threading
import time

INTERVAL_S = "0.2"  # for the program watched: ten times as often as by default
CROWD = 1000
SETTLE_S = 6  # the first scans find everything new
WATCH_S = 20


class Watcher:
    """`memshim top` on a live recording; its output is read and discarded."""

    def __init__(self, bench, environment, recording, *options):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        self.process = subprocess.Popen(
            [bench.build / "bin" / "memshim", "top", *options, recording], stdin=theirs, stdout=theirs,
            stderr=theirs, start_new_session=True, env={**environment, "TERM": "xterm"})
        os.close(theirs)
        self.reader = threading.Thread(target=self.drain, daemon=True)
        self.reader.start()

    def drain(self):
        try:
            while os.read(self.ours, 65536):
                pass
        except OSError:
            pass  # it has ended and closed its side

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            words = stat.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        status = self.process.wait(20)
        self.reader.join(20)
        os.close(self.ours)
        return status


def watched_run(bench, memshim, argv):
    """One measurement with a watcher, which starts as soon as there is a recording."""
    box = {}

    def watch():
        while "done" not in box and not os.path.exists(memshim.recording()):
            time.sleep(0.01)
        box["watcher"] = Watcher(bench, {**bench.environment, **memshim.environment()}, memshim.recording(), "-d", INTERVAL_S)

    for old in bench.files.glob("calls.data*"):
        old.unlink()
    thread = threading.Thread(target=watch)
    thread.start()
    result = memshim.run(*argv)
    box["done"] = True
    thread.join()
    box["watcher"].stop()
    return result


def slowdown_ns(bench, memshim, rounds, quick):
    """The cost of an event with a watcher minus its cost without one, in pairs of runs."""
    pairs = max(2, memshim.pairs // (4 if quick else 1))
    argv = [bench.program("calls"), "sbrk", pairs, memshim.warm_calls, bench.cpu]
    plain, differences = [], []
    for _ in range(rounds):
        plain.append(memshim.run(*argv)["added_ns"])
        differences.append(watched_run(bench, memshim, argv)["added_ns"] - plain[-1])
    return statistics.median(plain), statistics.median(differences)


def share_of_a_core(bench, memshim, count, seconds):
    """The share of one CPU that a watcher of `count` processes uses at its default interval."""
    environment = {**bench.environment, **memshim.environment()}
    recording = bench.files / "crowd.data"
    crowd = subprocess.Popen(
        [bench.build / "bin" / "memshim", "record", "-q", "-w", "-o", recording, "--", bench.program("crowd"), str(count)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    crowd.stdout.readline()
    watcher = Watcher(bench, environment, recording)
    time.sleep(min(SETTLE_S, seconds))
    before = watcher.cpu_s()
    time.sleep(seconds)
    used = watcher.cpu_s() - before
    watcher.stop()
    crowd.communicate()
    recording.unlink()
    return used / seconds


def measure(bench, memshim, rounds, quick):
    plain, more = slowdown_ns(bench, memshim, rounds, quick)
    count = CROWD // (20 if quick else 1)
    return {"plain": plain, "more": more, "crowd": count,
            "share": share_of_a_core(bench, memshim, count, WATCH_S // (10 if quick else 1))}
