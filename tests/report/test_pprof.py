# SPDX-License-Identifier: MIT
"""`export --format=pprof`, read by a decoder of the tests' own: its sums are the report's, its names those of the flame graph."""

import gzip
import json
import os
import subprocess

import pytest

import harness
from harness import MEMSHIM, Recording, memshim, record
from protobuf import message, packed

PROGRAM = """
    #include <stdlib.h>
    #include <string.h>
    #include <sys/shm.h>
    #include <sys/wait.h>
    #include <unistd.h>
    #define OWN __attribute__((noinline)) static void
    static inline __attribute__((always_inline)) void inner(long n) { if (sbrk(n) == (void *)-1) abort(); }
    OWN take(long n) { inner(n); __asm__ volatile(""); }
    OWN large(void) { take(3 << 16); __asm__ volatile(""); }
    __attribute__((noinline)) static void *xmalloc(size_t n) { void *p = malloc(n); if (!p) abort(); return memset(p, 1, n); }
    OWN parse(void) { for (int i = 0; i < 50; i++) *(char *)xmalloc(20000) = 1; }
    int main(int argc, char **argv)
    {
        int id = shmget(IPC_PRIVATE, 8192, 0600), child;
        void *place = shmat(id, 0, 0);

        parse();
        child = fork();
        large();
        shmdt(place);
        shmat(id, 0, 0);
        take(-(1 << 16));
        if (child == 0)
            _exit(0);
        return waitpid(child, 0, 0) != child || shmctl(id, IPC_RMID, 0);
    }
"""


class Profile:
    """A decoded profile. Every reference in it is checked."""

    def __init__(self, data):
        top = message(gzip.decompress(data), types=[1], samples=[2], mappings=[3], locations=[4], functions=[5], strings=[6],
                      time=9, duration=10, period_type=11, period=12, comments=[13], default=14)
        self.strings = [text.decode("utf-8") for text in top["strings"]]
        assert self.strings[0] == "" and len(set(self.strings)) == len(self.strings)
        self.types = [tuple(self.strings[t[k]] for k in ("name", "unit")) for t in
                      (message(t, name=1, unit=2) for t in top["types"])]
        self.default = self.strings[top["default"]]
        self.time, self.duration = top["time"], top["duration"]
        self.comments = [self.strings[i] for i in top["comments"]]
        self.functions = self.by_id(top["functions"], id=1, name=2, system=3, file=4)
        self.mappings = self.by_id(top["mappings"], id=1, start=2, limit=3, file=5, build_id=6, functions=7, files=8, lines=9, inlined=10)
        self.locations = self.by_id(top["locations"], id=1, mapping=2, address=3, lines=[4])
        for location in self.locations.values():
            mapping = self.mappings[location["mapping"]]
            assert not location["address"] or mapping["start"] <= location["address"] < mapping["limit"]
        self.samples = [self.sample(s) for s in top["samples"]]

    @staticmethod
    def by_id(rows, **names):
        rows = [message(row, **names) for row in rows]
        assert [row["id"] for row in rows] == list(range(1, len(rows) + 1)), "ids from 1 on"
        return {row["id"]: row for row in rows}

    def frames(self, identity):
        """(function, file, line), innermost first."""
        for line in self.locations[identity]["lines"]:
            line = message(line, function=1, number=2)
            function = self.functions[line["function"]]
            yield self.strings[function["name"]], self.strings[function["file"]], line["number"]

    def sample(self, data):
        raw = message(data, locations=1, values=2, labels=[3])
        values = packed(raw["values"])
        assert len(values) == len(self.types)
        labels = {}
        for label in (message(label, key=1, text=2, number=3) for label in raw["labels"]):
            assert (label["text"] is None) != (label["number"] is None)
            labels[self.strings[label["key"]]] = label["number"] if label["text"] is None else self.strings[label["text"]]
        return {"values": dict(zip((name for name, _ in self.types), values)), "labels": labels,
                "frames": [frame for i in packed(raw["locations"]) for frame in self.frames(i)], "ids": packed(raw["locations"])}

    def sum(self, value, **labels):
        return sum(s["values"][value] for s in self.samples if labels.items() <= s["labels"].items())


def export(path="memshim.data", *options):
    done = subprocess.run([MEMSHIM, "export", "--format=pprof", *options, path],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr
    return Profile(done.stdout)


def agrees(profile, report):
    """Each sum is that of the report, over all, by process and by origin."""
    attached = sum(site["bytes"] for site in report["sites"] if site["call"] == "shmat")
    kept = sum(site["kept_bytes"] for site in report["sites"] if site["call"] in ("brk", "sbrk"))
    kept += report["sites_unknown"]["kept_bytes"]
    assert profile.types == [("grown_space", "bytes"), ("net_space", "bytes"), ("moves", "count"), ("attached_space", "bytes")]
    for process in report["processes"]:
        for origin, moves in process["break"]["by_origin"].items():
            labels = {"pid": process["pid"], "origin": origin}
            if len([p for p in report["processes"] if p["pid"] == process["pid"]]) == 1:
                assert profile.sum("grown_space", **labels) == moves["grown_bytes"], labels
                assert profile.sum("moves", **labels) == moves["moves"], labels
    assert profile.sum("grown_space") == sum(p["break"]["grown_bytes"] for p in report["processes"]) > 0
    assert profile.sum("moves") == sum(p["break"]["moves"] for p in report["processes"]) > 0
    assert profile.sum("net_space") == kept
    assert profile.sum("attached_space") == attached
    assert profile.sum("attached_space", kind="attached") == attached
    return attached


@pytest.fixture
def program(compile_c):
    return compile_c("grows", PROGRAM, "-g", "-O1")


def test_sums_are_those_of_the_report(program):
    report = record(program).report()
    profile = export()
    assert agrees(profile, report) == 3 * 8192
    assert {s["labels"]["program"] for s in profile.samples} == {"grows"}
    assert {s["labels"]["pid"] for s in profile.samples} == {p["pid"] for p in report["processes"]} and len(report["processes"]) == 2
    assert profile.duration == report["session"]["duration_ns"] and profile.default == "net_space"
    assert profile.strings[profile.mappings[1]["file"]] == program, "consumers call the first mapping the program"
    assert not profile.comments


def test_names_and_lines_are_those_of_the_report(program):
    """The frames of each sample, inlined ones too, are those of a call site; an inlined function shares its caller's location."""
    report = record(program).report()
    profile = export()
    wanted = {tuple((frame["function"] or "", frame["file"] or "", frame["line"] or 0) for frame in site["stack"])
              for site in report["sites"] if site["call"] in ("brk", "sbrk", "shmat")}
    named = lambda frames: tuple(("" if "+0x" in name else name, file, line) for name, file, line in frames)
    assert {named(s["frames"]) for s in profile.samples} == wanted
    inner = next(s for s in profile.samples if s["frames"][0][0] == "inner")
    assert [name for name, _, _ in inner["frames"][:2]] == ["inner", "take"]
    assert len(list(profile.frames(inner["ids"][0]))) == 2
    assert {s["labels"]["where"].split("  ")[0] for s in profile.samples} == {"parse \u2190 xmalloc", "inner", "main"}


def test_each_location_has_a_mapping_with_its_build_id(program):
    record(program)
    profile = export()
    build_ids = {harness.run("readelf", "-n", profile.strings[m["file"]]).stdout.split("Build ID: ")[1].split()[0]:
                 profile.strings[m["build_id"]] for m in profile.mappings.values()}
    assert len(build_ids) >= 2 and all(told == known for known, told in build_ids.items())
    assert all(m["functions"] and m["files"] and m["lines"] and m["inlined"] for m in profile.mappings.values())
    assert all(profile.locations[i]["address"] for s in profile.samples for i in s["ids"])


def test_one_process(program):
    report = record(program).report()
    pid = report["processes"][1]["pid"]
    profile = export("memshim.data", f"--pid={pid}")
    assert agrees(profile, json.loads(memshim("report", "--json", f"--pid={pid}").stdout)) == 8192
    assert {s["labels"]["pid"] for s in profile.samples} == {pid}


def test_without_call_stacks(program):
    """The bytes are there, by process and origin; the one frame says that no stack was taken."""
    report = record(program, options=("-k", "0")).report()
    assert not report["sites"]
    profile = export()
    assert profile.sum("attached_space") == 3 * 8192
    assert profile.sum("grown_space") == sum(p["break"]["grown_bytes"] for p in report["processes"])
    assert profile.sum("net_space") == report["sites_unknown"]["kept_bytes"]
    assert {s["frames"][0][0] for s in profile.samples} == {"(no call stack)"}


def test_a_log_that_wrapped(compile_c):
    """What the log lost is in samples without a stack: the sums stay those of the counters, and a comment says so."""
    moves = compile_c("moves", "#include <unistd.h>\nint main(void) { for (int i = 0; i < 5000; i++) sbrk(4096); return 0; }", "-g")
    harness.run(moves, env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_LOG_SIZE": "8K"})
    report = Recording("default").report()
    profile = export("default")
    agrees(profile, report)
    assert profile.sum("moves", origin="direct") == 5000
    lost = [s for s in profile.samples if s["frames"][0][0] == "(no call stack)"]
    assert lost and sum(s["values"]["moves"] for s in lost) > 4000
    assert any("of the newest" in comment for comment in profile.comments)


def test_a_stack_that_was_cut(program):
    record(program, options=("-k", "3"))
    profile = export()
    assert {s["frames"][-1][0] for s in profile.samples} == {"... cut here"}


def test_hostile_names(compile_c):
    """Names are valid UTF-8 without controls, however long, and consumers see no others."""
    long = "f" * 4096
    program = compile_c("hostile", f"""
        #include <unistd.h>
        __attribute__((noinline)) static void {long}(void) {{ sbrk(4096); __asm__ volatile(""); }}
        __attribute__((noinline)) static void hold_hold_hold(void) {{ sbrk(4096); __asm__ volatile(""); }}
        int main(void) {{ {long}(); hold_hold_hold(); return 0; }}""", "-g")
    spot = 'a"\n\x1b[\\;\u00e9'.encode() + b"\xff'"
    data = open(program, "rb").read().replace(b"hold_hold_hold", spot.ljust(14, b"_"))
    name = b'b"\n\x1b\xff'
    with open(name, "wb") as file:
        file.write(data)
    os.chmod(name, 0o755)
    subprocess.run([MEMSHIM.encode(), b"record", b"-q", b"./" + name], check=True)
    profile = export()
    functions = {frame[0] for s in profile.samples for frame in s["frames"]}
    assert long in functions and 'a"??[\\;\u00e9?\'___' in functions
    assert {s["labels"]["program"] for s in profile.samples} == {'b"???'}


def test_it_is_not_for_a_terminal(program):
    """A compressed file on a terminal helps nobody: the line says what to give."""
    record(program)
    done = harness.run("script", "-qec", f"{MEMSHIM} export --format=pprof", "/dev/null")
    assert done.returncode == 2 and "give -o OUT" in done.stdout
    assert memshim("export", "--format=pprof", "--counts").returncode == 2
    assert memshim("export", "--format=pprof", "-o", "out.pb.gz").returncode == 0
    assert Profile(open("out.pb.gz", "rb").read()).samples


def test_equal_recordings_give_equal_files(program):
    record(program)
    assert len({subprocess.run([MEMSHIM, "export", "--format=pprof"], stdout=subprocess.PIPE, check=True).stdout for _ in range(2)}) == 1


def test_many_processes(compile_c):
    """Each has samples of its own, although all have the same call stacks."""
    crowd = compile_c("crowd", """
        #include <sys/wait.h>
        #include <unistd.h>
        int main(void)
        {
            for (int i = 0; i < 300; i++) {
                if (fork() == 0) { sbrk(4096 * (i % 7 + 1)); _exit(0); }
                wait(0);
            }
            return 0;
        }""", "-g")
    report = record(crowd).report()
    profile = export()
    agrees(profile, report)
    assert len({s["labels"]["pid"] for s in profile.samples}) >= 300
