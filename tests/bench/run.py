#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Measures the cost of the shim and of the reader, and of other tools, in one run.

    run.py BUILD [--quick] [--rounds=N] [--only=WORKLOAD,...] [--events=N] [--strict]

Each program measures inside one process: libc's entry against the same bare system call, batches in
turn, the median of the differences. The same difference without any tool, from a run right before
or right after, is subtracted: libc's own entry also costs more than the bare call. A cell is the
median of the result over the rounds; +- is half the distance of its quartiles.
"""

import argparse
import os
import pathlib
import platform
import shutil
import signal
import statistics
import sys
import tempfile
from dataclasses import dataclass

import reading
import tools
import watching

NATIVE = tools.Tool()
FLOOR = tools.Floor()
MEMSHIM = tools.Memshim(["-k", "0"], floor_share=1.5, floor_ns=25)
MAPPINGS = tools.Memshim(["-a", "-k", "0"], floor_share=1.5, floor_ns=25)
LTTNG = tools.Lttng()
STRACE = tools.Strace()

# The columns. Another way to run memshim is another row here.
TOOLS = [
    tools.Null(),
    FLOOR,
    MEMSHIM,
    tools.Memshim(["-k", "16"], floor_share=2.5),
    MAPPINGS,
    tools.Fprintf(),
    LTTNG,
    STRACE,
]

LTTNG_SHARE = 1 / 4
STRACE_SHARE = 1 / 200
COLD_ROUNDS = 200  # fresh log pages touched; few enough for one lap
START_SHARE = 1.10  # of a start with an empty preloaded library
NOTHING_NS = 1
BESIDE_SHARE = 1 / 4
EVENTS_RATE = JSON_RATE = 5
REPORT_RATE = 50
READ_EVENTS = 10_000_000
WATCHED_NS = 10  # noise, between two runs
UNTOUCHED_NS = 25  # noise of an mmap, which takes longer
TOP_SHARE = 0.02


@dataclass
class Workload:
    """A row: a workload of calls.c, or of spawn.c."""

    name: str
    title: str
    event: bool = False  # one event per call: held against the targets of an event
    unit: str = "ns"
    only: tuple = ()  # names of tools; all
    beside: bool = False
    program: str = "calls"
    mapping: bool = False

    def wants(self, tool):
        if tool.anonymous and not self.mapping:
            return False
        return not tool.missing and (not self.only or tool.judged or tool.name in self.only) and (
            tool.beside or not self.beside)

    def run(self, tool, like, bench, quick):
        """Runs it under `tool`, with the same number of calls as under `like`."""
        share = 4 if quick else 1
        if self.program == "spawn":
            return tool.run(bench.program("spawn"), max(2, like.spawns // share),
                            bench.program("libempty.so"), bench.cpu)
        cold = self.name == "cold"
        beside = [bench.other_cpu] if self.beside else []
        pairs = max(2, (COLD_ROUNDS if cold else like.pairs) // share)
        warm = 0 if cold else tool.warm_calls
        return tool.run(bench.program("calls"), self.calls(), pairs, warm, bench.cpu, *beside)

    def calls(self):
        return "sbrk" if self.beside else self.name


WORKLOADS = [
    Workload("sbrk", "sbrk(+4096), sbrk(-4096)", event=True),
    Workload("attach", "shmat, shmdt", event=True),
    Workload("create", "shmget, IPC_RMID", event=True),
    Workload("set", "semget, IPC_RMID", event=True, only=("null", "floor", "strace")),
    Workload("semop", "semop(+1), semop(-1): counted", only=("null", "floor", "strace")),
    Workload("message", "msgsnd, msgrcv: counted", only=("null", "floor", "strace")),
    Workload("map", "mmap, munmap: events with -a", only=("null", "floor", "strace"), mapping=True),
    Workload("block", "malloc, free of a mapped block", only=("null", "strace"), mapping=True),
    Workload("stat", "IPC_STAT", event=True),
    Workload("deep", "IPC_STAT, 16 frames deep", event=True, only=("null", "floor")),
    Workload("new", "IPC_STAT, 16 new frames", only=("null",)),
    Workload("query", "brk(NULL), only counted"),
    Workload("malloc", "malloc, free: no move"),
    Workload("beside", "sbrk, two processes", beside=True),
    Workload("cold", "first event on a log page", only=("null", "floor")),
    Workload("spawn", "/bin/true over empty preload", unit="us", program="spawn"),
]


class Cell:
    """The cost that one tool adds to one workload, in ns, for each round."""

    def __init__(self):
        self.added, self.native, self.bare = [], [], []

    def add(self, native, seen, whole):
        self.native.append(native["entry_ns"])
        self.bare.append(seen["bare_ns"])
        if whole:
            self.added.append(seen["entry_ns"] - native["entry_ns"])
        else:
            self.added.append(seen["added_ns"] - native["added_ns"])

    def median(self):
        return statistics.median(self.added)

    def spread(self):
        if len(self.added) < 4:
            return (max(self.added) - min(self.added)) / 2
        low, _, high = statistics.quantiles(self.added, n=4)
        return (high - low) / 2

    def is_noisy(self):
        """Whether its rounds differ by more than its value: such a cell proves nothing."""
        return self.spread() > abs(self.median())

    def share_of_bare(self):
        """The whole time, as a multiple of the same program's time without the tool."""
        return statistics.median(1 + added / bare for added, bare in zip(self.added, self.bare))


def native_of(workload, tool, seen, native):
    """A start is compared with the start under an empty preloaded library in the same run."""
    if workload.program == "spawn" and not tool.whole:
        return {**native, "added_ns": 0}
    return native


def measure(bench, workloads, rounds, quick):
    """Returns {(workload, tool): Cell}. The order of the two runs changes from round to round."""
    cells = {}
    for number in range(rounds):
        for workload in workloads:
            for tool in filter(workload.wants, TOOLS):
                pair = [tool, NATIVE] if number % 2 else [NATIVE, tool]
                seen = {one: workload.run(one, tool, bench, quick) for one in pair}
                cells.setdefault((workload.name, tool.name), Cell()).add(
                    native_of(workload, tool, seen[tool], seen[NATIVE]), seen[tool], tool.whole)
            if sys.stderr.isatty():
                print(f"\rround {number + 1} of {rounds}: {workload.name:<10}", end="",
                      file=sys.stderr)
    if sys.stderr.isatty():
        print("\r" + " " * 40 + "\r", end="", file=sys.stderr)
    return cells


# ---- the table ----


def number(value, unit="ns"):
    value = value / 1000 if unit == "us" else value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def native_ns(cells, workload):
    """The median of all native runs of this workload."""
    values = [v for (name, _), cell in cells.items() if name == workload.name for v in cell.native]
    return statistics.median(values)


def ratio(cells, workload, above, below):
    """The cost of `above` as a multiple of the cost of `below`; None where one was not measured."""
    over, under = cells.get((workload.name, above.name)), cells.get((workload.name, below.name))
    if not over or not under or over.median() <= 0 or under.median() <= 0:
        return None
    return over.median() / under.median()


def row(cells, workload):
    native = number(native_ns(cells, workload), workload.unit)
    words = [f"{workload.title} ({workload.unit})", native]
    for tool in TOOLS:
        cell = cells.get((workload.name, tool.name))
        text = number(cell.median(), workload.unit) if cell else "-"
        if cell and tool.judged:
            text += f" ±{number(cell.spread(), workload.unit)}"
        words.append(text)
    for above, below in ((MEMSHIM, FLOOR), (MEMSHIM, LTTNG), (STRACE, MEMSHIM)):
        value = ratio(cells, workload, above, below)
        words.append("-" if value is None else f"{value:.2f}" if value < 10 else f"{value:,.0f}")
    return words


def print_table(rows):
    widths = [max(len(line[i]) for line in rows) for i in range(len(rows[0]))]
    for line in rows:
        cells = [line[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(line[1:], widths[1:])]
        print("  ".join(cells).rstrip())


def print_cells(cells, workloads):
    heading = ["added per call", "native", *(tool.title for tool in TOOLS), "memshim/floor",
               "memshim/lttng", "strace/memshim"]
    print_table([heading, *(row(cells, workload) for workload in workloads)])
    for tool in TOOLS:
        if tool.missing:
            print(f"{tool.name}: {tool.missing}")


# ---- the targets ----


def verdict(what, wanted, found, met, *cells):
    """A row of the result. If a cell that decides it is noise, the result is open."""
    noisy = any(cell.is_noisy() for cell in cells)
    return [what, wanted, found, "noisy" if noisy else "met" if met else "NOT MET"]


def floor_target(cells, workload, tool):
    """Compares the cost of one event with the least cost of any recorder."""
    cell, floor = cells[(workload.name, tool.name)], cells.get((workload.name, FLOOR.name))
    if not floor:
        return
    most = max(floor.median() * tool.floor_share, floor.median() + tool.floor_ns)
    wanted = f"<= {number(most)} ns, {tool.floor_share} floors"
    if tool.floor_ns:
        wanted += f" or {tool.floor_ns} more"
    yield verdict(f"{tool.title}: {workload.title}", wanted, f"{number(cell.median())} ns",
                  cell.median() <= most, cell, floor)


def event_targets(cells, workload, tool):
    """Compares with the other tools without stacks, because they take none."""
    yield from floor_target(cells, workload, tool)
    for other, share in ((LTTNG, LTTNG_SHARE), (STRACE, STRACE_SHARE)):
        value = ratio(cells, workload, tool, other) if tool is MEMSHIM else None
        if value is not None:
            yield verdict("  beside " + other.name, f"<= 1/{1 / share:.0f}", f"1/{1 / value:,.1f}",
                          value <= share, cells[(workload.name, tool.name)], cells[(workload.name, other.name)])


def nothing_target(cells, tool):
    cell = cells.get(("malloc", tool.name))
    if cell:
        yield verdict(f"{tool.title}: a malloc that moves nothing", f"<= {NOTHING_NS} ns",
                      f"{number(cell.median())} ns", cell.median() <= NOTHING_NS)


def counted_targets(cells, tool):
    """A call that is counted costs no more than one that is logged."""
    event = cells.get(("sbrk", tool.name))
    for name in ("semop", "message"):
        cell = cells.get((name, tool.name))
        if cell and event:
            yield verdict(f"{tool.title}: {name}, counted", f"<= {number(event.median())} ns, an sbrk",
                          f"{number(cell.median())} ns", cell.median() <= event.median(), cell, event)


def mapping_targets(cells, workloads, tool):
    """An event with -a costs what any event costs. Without it, libc's functions are as they were."""
    for workload in (w for w in workloads if w.mapping):
        cell, floor = cells.get((workload.name, tool.name)), cells.get(("map", FLOOR.name))
        if cell and tool.anonymous and workload.name == "map" and floor:
            yield from floor_target(cells, workload, tool)
        elif cell and not tool.anonymous:
            yield verdict(f"{tool.title}: {workload.title}", f"<= {UNTOUCHED_NS} ns, noise",
                          f"{number(cell.median())} ns", cell.median() <= UNTOUCHED_NS, cell)


def cold_target(cells, tool):
    """The floor touches one new page there. memshim may cost one more page."""
    cell, cold, warm = (cells.get(("cold", tool.name)), cells.get(("cold", FLOOR.name)),
                        cells.get(("stat", FLOOR.name)))
    if cell and cold and warm:
        most = 2 * cold.median() - warm.median()
        yield verdict(f"{tool.title}: first event on a log page", f"<= {number(most)} ns, floor + a fault",
                      f"{number(cell.median())} ns", cell.median() <= most, cell, cold)


def start_target(cells, tool):
    cell = cells.get(("spawn", tool.name))
    if cell:
        yield verdict(f"{tool.title}: start and end of a process", f"<= {START_SHARE:.2f} of an empty preload",
                      f"{cell.share_of_bare():.2f}", cell.share_of_bare() <= START_SHARE, cell)


def beside_target(cells, tool):
    alone, beside = cells.get(("sbrk", tool.name)), cells.get(("beside", tool.name))
    if alone and beside:
        change = beside.median() / alone.median() - 1
        yield verdict(f"{tool.title}: each of two pays what one pays", f"+-{BESIDE_SHARE:.0%}",
                      f"{change:+.0%}", abs(change) <= BESIDE_SHARE, alone, beside)


def targets(cells, workloads):
    for tool in (t for t in TOOLS if t.judged):
        for workload in workloads:
            if workload.event and workload.wants(tool):
                yield from event_targets(cells, workload, tool)
        yield from nothing_target(cells, tool)
        yield from beside_target(cells, tool)
        yield from counted_targets(cells, tool)
        yield from mapping_targets(cells, workloads, tool)
        yield from cold_target(cells, tool)
        yield from start_target(cells, tool)


def reading_targets(rates):
    yield verdict("events, text into a file", f">= {EVENTS_RATE} M/s", f"{rates['events']:.1f} M/s",
                  rates["events"] >= EVENTS_RATE)
    yield verdict("events, JSON", f">= {JSON_RATE} M/s", f"{rates['json']:.1f} M/s", rates["json"] >= JSON_RATE)
    yield verdict("report", f">= {REPORT_RATE} M/s", f"{rates['report']:.1f} M/s",
                  rates["report"] >= REPORT_RATE)


def print_reading(count, rates):
    print(f"\nreading a recording of {count:,} events, M events/s")
    print_table([
        ["report", f"{rates['report']:.1f}"],
        ["events, text into a file", f"{rates['events']:.1f}"],
        ["  text into /dev/null", f"{rates['text']:.1f}"],
        ["  JSON into /dev/null", f"{rates['json']:.1f}"],
        ["  as many bytes into the file, without memshim", f"{rates['file']:.1f}"],
    ])


def watching_targets(seen):
    yield verdict("an event with a watcher", f"+- {WATCHED_NS} ns", f"{seen['more']:+.1f} ns",
                  abs(seen["more"]) <= WATCHED_NS)
    yield verdict(f"top, of one CPU, with {seen['crowd']:,} processes", f"<= {TOP_SHARE:.0%}", f"{seen['share']:.1%}",
                  seen["share"] <= TOP_SHARE)


def print_watching(seen):
    print("\nwatching with memshim top")
    print_table([
        ["sbrk, ns added, without a watcher", f"{seen['plain']:.1f}"],
        ["  and with a watcher, five looks a second", f"{seen['plain'] + seen['more']:.1f}"],
        [f"top itself, of one CPU, {seen['crowd']:,} processes", f"{seen['share']:.1%}"],
    ])


# ---- all of it ----


def cpu_name():
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


def run(bench, options):
    """Prints each result at once. Returns whether every target was met."""
    workloads = [w for w in WORKLOADS if not options.only or w.name in options.only.split(",")]
    if bench.other_cpu is None:
        print("two processes: not measured on one CPU")
        workloads = [w for w in workloads if not w.beside]
    print(f"{cpu_name()}, {len(os.sched_getaffinity(0))} CPUs, Linux {platform.release()}, "
          f"{options.rounds} round{'s' * (options.rounds != 1)}\n")
    cells = measure(bench, workloads, options.rounds, options.quick)
    print_cells(cells, workloads)
    verdicts = list(targets(cells, workloads))
    if options.events:
        count, rates = reading.measure(bench, MEMSHIM, options.events, 1 if options.quick else 3)
        print_reading(count, rates)
        verdicts += reading_targets(rates)
        seen = watching.measure(bench, MEMSHIM, options.rounds, options.quick)
        print_watching(seen)
        verdicts += watching_targets(seen)
    print()
    print_table([["target", "wanted", "found", ""], *verdicts])
    return all(line[3] != "NOT MET" for line in verdicts)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="every row in seconds, roughly")
    parser.add_argument("--rounds", type=int, help="runs of each pair (7)")
    parser.add_argument("--only", default="", help=",".join(w.name for w in WORKLOADS))
    parser.add_argument("--events", type=int, help="in the recording that is read; 0: do not read")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a target is not met")
    options = parser.parse_args()
    if options.rounds is None:
        options.rounds = 1 if options.quick else 7
    if options.events is None:
        options.events = 0 if options.only else READ_EVENTS // (20 if options.quick else 1)
    return options


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    files = pathlib.Path(tempfile.mkdtemp(prefix="memshim-bench-"))
    memory = pathlib.Path(tempfile.mkdtemp(prefix="memshim-bench-", dir="/dev/shm"))
    memory.chmod(0o711)
    (memory / "live").mkdir(mode=0o700)
    bench = tools.Bench(options.build.resolve(), files, memory, sorted(os.sched_getaffinity(0)))
    try:
        for tool in (NATIVE, *TOOLS):
            tool.start(bench)
        met = run(bench, options)
    finally:
        for tool in TOOLS:
            tool.stop()
        shutil.rmtree(files, ignore_errors=True)
        shutil.rmtree(memory, ignore_errors=True)
    sys.exit(1 if options.strict and not met else 0)


if __name__ == "__main__":
    main()
