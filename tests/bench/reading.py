# SPDX-License-Identifier: MIT
"""Measures how fast `events` and `report` read a real recording of two busy processes."""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

EVENT_BYTES = 64
LINE_BYTES = 160  # of `events`, at most
LOG_SIZE = 256 << 20


def affordable(bench, wanted):
    """The number of events for which the recording and its text fit on the disk, with as much left free."""
    files = shutil.disk_usage(bench.files).free
    events = min(wanted, files // 2 // (EVENT_BYTES + LINE_BYTES))
    if events < wanted:
        print(f"bench: {bench.files}: room for {events:,} events only", file=sys.stderr)
    return events


def record(bench, memshim, events):
    """Returns the recording and the number of its events."""
    recording = bench.files / "flood.data"
    memory = shutil.disk_usage(bench.memory).free
    environment = {**bench.environment, **memshim.environment()}
    subprocess.run(
        [bench.build / "bin" / "memshim", "record", "-q", "-k", "0", "-o", recording,
         f"--log-size={min(LOG_SIZE, memory // 4)}", "--", bench.program("flood"), str(events)],
        check=True, env=environment)
    seen = json.loads(subprocess.run(
        [bench.build / "bin" / "memshim", "report", "--json", recording], check=True,
        env=environment, stdout=subprocess.PIPE).stdout)
    lost = {cause: n for cause, n in seen["coverage"]["lost"].items() if n}
    if lost:
        print(f"bench: of the {events:,} calls recorded some were lost: {lost}", file=sys.stderr)
    return recording, seen["coverage"]["events"]


def seconds(bench, argv, out, times):
    """Returns the median time of a reading command that writes to `out`."""
    taken = []
    for _ in range(times):
        with open(out, "wb") as to:
            begin = time.monotonic()
            subprocess.run([bench.build / "bin" / "memshim", *argv], check=True,
                           env=bench.environment, stdout=to)
            taken.append(time.monotonic() - begin)
    return statistics.median(taken)


def file_seconds(out, times):
    """Returns the time that this machine needs to write as many bytes to that file, in blocks of 64 KiB."""
    size, block, taken = pathlib.Path(out).stat().st_size, b"\n" * 65536, []
    for _ in range(times):
        with open(out, "wb", buffering=0) as to:
            begin = time.monotonic()
            for _ in range(size // len(block)):
                to.write(block)
            taken.append(time.monotonic() - begin)
    return statistics.median(taken)


def measure(bench, memshim, wanted, times):
    """Rows (what, millions of events per second, remark)."""
    recording, events = record(bench, memshim, affordable(bench, wanted))
    text = bench.files / "events.txt"
    rates = {}
    for name, argv, out in (("report", ["report"], os.devnull), ("events", ["events"], text)):
        rates[name] = events / 1e6 / seconds(bench, [*argv, recording], out, times)
    rates["file"] = events / 1e6 / file_seconds(text, times)
    text.unlink()
    for name, argv in (("text", ["events"]), ("json", ["events", "--json"])):
        rates[name] = events / 1e6 / seconds(bench, [*argv, recording], os.devnull, times)
    recording.unlink()
    return events, rates
