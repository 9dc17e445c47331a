# SPDX-License-Identifier: MIT
"""`export --format=massif`, by a parser of the tests' own and by ms_print: its numbers are the report's."""

import json
import re

import pytest

import harness
from harness import memshim, record

PROGRAM = """
    #include <stdlib.h>
    #include <string.h>
    #include <sys/shm.h>
    #include <unistd.h>
    #define OWN __attribute__((noinline)) static void
    __attribute__((noinline)) static void *xmalloc(size_t n) { void *p = malloc(n); if (!p) abort(); return memset(p, 1, n); }
    OWN parse(void) { for (int i = 0; i < 50; i++) *(char *)xmalloc(20000) = 1; }
    OWN load(long n) { if (sbrk(n) == (void *)-1) abort(); __asm__ volatile(""); }
    OWN tiny(void) { load(4096); __asm__ volatile(""); }
    int main(void)
    {
        int id;

        parse();
        tiny();
        load(1 << 20);
        load(-(1 << 19));
        id = shmget(IPC_PRIVATE, 8192, 0600);
        return shmat(id, 0, 0) == (void *)-1 || shmctl(id, IPC_RMID, 0);
    }
"""
SNAPSHOT = re.compile(r"#-----------\nsnapshot=(\d+)\n#-----------\ntime=(\d+)\nmem_heap_B=(\d+)\nmem_heap_extra_B=(\d+)\n"
                      r"mem_stacks_B=0\nheap_tree=(empty|detailed|peak)\n((?: *n\d+: .*\n)*)")


def tree(lines, depth=0):
    """The node that begins the lines: (bytes, words, children). Its lines are taken away."""
    count, size, words = re.fullmatch(r" {%d}n(\d+): (\d+) (.+)" % depth, lines.pop(0)).groups()
    node = (int(size), words, [tree(lines, depth + 1) for _ in range(int(count))])
    assert not node[2] or sum(child[0] for child in node[2]) == node[0], "a function's bytes are those of its callers"
    return node


def export(*options, path="memshim.data"):
    done = memshim("export", "--format=massif", *options, path)
    assert done.returncode == 0, done
    head = re.match(r"desc: .+\ncmd: (.*)\ntime_unit: ms\n", done.stdout)
    snapshots, at = [], head.end()
    for found in SNAPSHOT.finditer(done.stdout, at):
        assert found.start() == at, done.stdout[at:at + 200]
        at = found.end()
        number, time, heap, extra, kind, lines = found.groups()
        assert int(number) == len(snapshots) and int(time) >= (snapshots[-1]["time"] if snapshots else 0)
        lines = lines.splitlines()
        root = tree(lines) if lines else None
        assert not lines and (root is None) == (kind == "empty")
        snapshots.append({"time": int(time), "heap": int(heap), "extra": int(extra), "kind": kind, "tree": root})
    assert at == len(done.stdout) and snapshots
    return snapshots, head.group(1)


@pytest.fixture
def program(compile_c):
    return compile_c("grows", PROGRAM, "-g", "-O1")


def test_peak_and_end_are_those_of_the_report(program):
    recording = record(program)
    process = recording.process(comm="grows")
    snapshots, command = export()
    peaks = [s for s in snapshots if s["kind"] == "peak"]
    assert command == program and len(peaks) == 1
    assert peaks[0]["heap"] == max(s["heap"] for s in snapshots) == process["break"]["peak_bytes"]
    last = snapshots[-1]
    assert last["heap"] == process["break"]["net_bytes"] and last["extra"] == process["attached"]["peak_bytes"] == 8192
    assert all(s["tree"][0] == s["heap"] for s in snapshots if s["tree"])


def test_tree_names_who_wanted_memory(program):
    """Not malloc and no wrapper; a small function is in the line of the small ones."""
    report = record(program).report()
    last = export()[0][-1]["tree"]
    kept = {}
    for site in report["sites"]:
        if site["call"] == "sbrk":
            kept[site["where"].split()[0]] = kept.get(site["where"].split()[0], 0) + site["kept_bytes"]
    shown = {re.match(r"0x[0-9a-f]+: (\w+) \(grows.c:\d+\)", words).group(1): size for size, words, _ in last[2]}
    assert shown == {name: size for name, size in kept.items() if size} and set(shown) == {"parse", "load"}
    load = next(node for node in last[2] if ": load " in node[1])
    assert [words.split(": ")[1].split()[0] for _, words, _ in load[2][:1]] == ["main"]
    assert load[2][1][:2] == (4096, "in 1 place, below massif's threshold (1.00%)")


def test_ms_print_draws_it(program):
    harness.need("ms_print")
    record(program)
    assert memshim("export", "--format=massif", "-o", "out.massif").returncode == 0
    done = harness.run("ms_print", "out.massif")
    assert done.returncode == 0 and not done.stderr, done
    assert "Command:            " + program in done.stdout and "(peak)" in done.stdout
    assert re.search(r"->\d+\.\d+% \([\d,]+B\) 0x[0-9a-f]+: parse \(grows.c:\d+\)", done.stdout)


FAMILY = """
    #include <stdlib.h>
    #include <sys/wait.h>
    #include <unistd.h>
    int main(void)
    {
        int child;

        sbrk(100 << 12);
        if ((child = fork()) == 0) { sbrk(10 << 12); exit(0); }
        waitpid(child, 0, 0);
        sbrk(1 << 12);
        if ((child = fork()) == 0) { sbrk(20 << 12); exit(0); }
        waitpid(child, 0, 0);
        return 0;
    }
"""


def test_several_processes_are_added_up(compile_c):
    """The peak is that of the sum: a process that has ended has no part in it, a child only what it grew by itself."""
    report = record(compile_c("family", FAMILY, "-g")).report()
    first = next(p for p in report["processes"] if not p["forked"])
    peak = next(s for s in export()[0] if s["kind"] == "peak")
    assert peak["heap"] == first["break"]["net_bytes"] + (20 << 12)
    child = next(p for p in report["processes"] if p["forked"] and p["break"]["grown_bytes"] == 10 << 12)
    alone = export(f"--pid={child['pid']}")[0]
    assert max(s["heap"] for s in alone) == 10 << 12 == alone[-1]["heap"]


def test_a_long_run_has_few_snapshots(compile_c):
    moves = compile_c("moves", """
        #include <unistd.h>
        int main(void) { for (int i = 0; i < 20000; i++) sbrk(i % 3 ? 4096 : -4096); return 0; }""", "-g")
    report = record(moves).report()
    snapshots = export()[0]
    assert 3 <= len(snapshots) < 80
    assert snapshots[-1]["heap"] == report["processes"][0]["break"]["net_bytes"]
    assert 2 <= sum(s["tree"] is not None for s in snapshots) <= 10


def test_a_live_session(compile_c):
    """The last snapshot is what there is now."""
    waits = compile_c("waits", """
        #include <stdio.h>
        #include <unistd.h>
        int main(void) { char word[9]; sbrk(1 << 20); puts("ready"); fflush(stdout); return !fgets(word, 9, stdin); }""", "-g")
    with harness.Lines(waits, env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_STACK_DEPTH": "9"}) as lines:
        lines.wait_for("ready")
        now = json.loads(memshim("report", "--json", "default").stdout)["processes"][0]["break"]
        last = export(path="default")[0][-1]
        assert last["heap"] == now["net_bytes"] >= 1 << 20 and last["tree"]
        lines.say()
        assert lines.end()[0] == 0


def test_without_call_stacks_and_without_moves(compile_c):
    record(compile_c("still", "int main(void) { return 0; }"), options=("-k", "0"))
    snapshots, _ = export()
    for snapshot in snapshots:
        assert not snapshot["tree"] or all(words == "0x0: (no call stack)" for _, words, _ in snapshot["tree"][2])
