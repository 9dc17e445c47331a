# SPDX-License-Identifier: MIT
"""`export --format=prometheus`, by a parser of the tests' own: the numbers are the report's, and the collector takes the file."""

import collections
import json
import os
import re
import stat
import subprocess

import pytest

import harness
import tables
from harness import MEMSHIM, memshim, record

PROGRAM = """
    #include <errno.h>
    #include <stdlib.h>
    #include <sys/shm.h>
    #include <unistd.h>
    int main(void)
    {
        int kept = shmget(IPC_PRIVATE, 8192, 0600), removed = shmget(IPC_PRIVATE, 4096, 0600);

        free(malloc(200000));
        sbrk(1 << 20);
        for (int i = 0; i < 3; i++)
            if (shmget(0x7e57, 1, 0) >= 0 || errno != ENOENT) return 1;
        return shmat(-1, 0, 0) != (void *)-1 || errno != EINVAL || kept < 0 || shmctl(removed, IPC_RMID, 0);
    }
"""
METRICS = {row[1]: row for row in tables.rows("report/export/metrics.def", "METRIC")}
SAMPLE = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (\d+)')


def parse(text):
    """{name: {labels: value}}; each name with its HELP and TYPE, its samples together, and nothing else."""
    found, name = collections.OrderedDict(), None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split()[2]
            assert name not in found and line == f"# HELP {name} {METRICS[name][4]}"
            found[name] = {}
        elif line.startswith("# TYPE "):
            assert line == f"# TYPE {name} {METRICS[name][2]}" and not found[name]
        else:
            told, labels, value = SAMPLE.fullmatch(line).groups()
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or ""))
            assert told == name and ", ".join(labels) == METRICS[name][3] and "pid" not in labels
            key = tuple(re.sub(r"\\(.)", r"\1", text) for text in labels.values())
            assert key not in found[name]
            found[name][key] = int(value)
    return found


def export(*options):
    done = memshim("export", "--format=prometheus", *options)
    assert done.returncode == 0, done
    return parse(done.stdout)


@pytest.fixture
def program(compile_c):
    return compile_c("leaks", PROGRAM, "-g")


def test_numbers_are_those_of_the_report(program):
    report = record(program).report()
    found = export()
    process = report["processes"][0]
    origins = process["break"]["by_origin"]
    assert found["memshim_break_moves_total"] == {("leaks", origin): moves["moves"] for origin, moves in origins.items()}
    assert found["memshim_break_grown_bytes_total"] == {("leaks", origin): moves["grown_bytes"] for origin, moves in origins.items()}
    assert found["memshim_lost_events_total"] == {(cause,): count for cause, count in report["coverage"]["lost"].items()}
    assert found["memshim_sessions"] == {("ended",): 1}
    leaked = [s for s in report["segments"] if s["leaked"]]
    assert len(leaked) == 1 and found["memshim_leaked_objects"] == {("segment", "leaks"): 1} == found["memshim_objects"]
    assert found["memshim_leaked_bytes"] == {("segment", "leaks"): leaked[0]["size"]} == found["memshim_object_bytes"]
    assert "memshim_processes" not in found and "memshim_break_bytes" not in found, "no process runs"
    started = harness.run("date", "-d", report["session"]["started"], "+%s").stdout.strip()
    assert found["memshim_newest_session_start_timestamp_seconds"] == {(): int(started)}


def test_the_three_kinds(compile_c):
    """Sets of semaphores have no bytes, queues those of their messages."""
    three = compile_c("three", """
        #include <sys/msg.h>
        #include <sys/sem.h>
        #include <sys/shm.h>
        int main(void)
        {
            struct { long type; char text[5]; } message = {1, "word"};
            int queue = msgget(IPC_PRIVATE, 0600);

            return shmget(IPC_PRIVATE, 8192, 0600) < 0 || semget(IPC_PRIVATE, 3, 0600) < 0 || semget(IPC_PRIVATE, 1, 0600) < 0 ||
                   msgsnd(queue, &message, 5, 0) || msgget(IPC_PRIVATE, 0600) < 0;
        }""")
    report = record(three).report()
    found = export()
    counts = {"segment": len(report["segments"]), "semaphores": len(report["semaphores"]), "queue": len(report["queues"])}
    assert found["memshim_objects"] == {(kind, "three"): count for kind, count in counts.items()} == found["memshim_leaked_objects"]
    assert found["memshim_leaked_bytes"] == {("segment", "three"): 8192, ("semaphores", "three"): 0, ("queue", "three"): 5}
    assert sorted(counts.values()) == [1, 2, 2] and sum(q["bytes"] for q in report["queues"]) == 5


def test_a_removed_object_is_no_leak(program):
    segment = next(s for s in record(program).report()["segments"] if s["leaked"])
    assert harness.run("ipcrm", "-m", segment["shmid"]).returncode == 0
    found = export()
    assert "memshim_objects" not in found and "memshim_leaked_objects" not in found


def test_failed_calls_by_errno(program):
    record(program)
    assert export()["memshim_failed_calls_total"] == {
        ("leaks", "shmget", "ENOENT"): 3, ("leaks", "shmget", "unknown"): 0,
        ("leaks", "shmat", "EINVAL"): 1, ("leaks", "shmat", "unknown"): 0}


def test_an_error_that_the_log_lacks_is_unknown(compile_c):
    """The counters are exact when the log has wrapped; what it lacks is not given to another errno."""
    refused = compile_c("refused", "#include <sys/shm.h>\nint main(void) { for (int i = 0; i < 5000; i++) shmget(0x77, 1, 0); return 0; }")
    harness.run(refused, env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_LOG_SIZE": "8K"})
    found = export("default")["memshim_failed_calls_total"]
    assert sum(found.values()) == 5000 and 0 < found["refused", "shmget", "ENOENT"] < 1000


def test_running_processes(compile_c):
    waits = compile_c("waits", """
        #include <stdio.h>
        #include <unistd.h>
        int main(void) { char word[9]; sbrk(1 << 20); puts("ready"); fflush(stdout); return !fgets(word, 9, stdin); }""")
    with harness.Lines(waits, env={"LD_PRELOAD": harness.SHIM}) as one, harness.Lines(waits, env={"LD_PRELOAD": harness.SHIM}) as two:
        one.wait_for("ready")
        two.wait_for("ready")
        found = export("default")
        now = json.loads(memshim("report", "--json", "default").stdout)["processes"]
        assert found["memshim_processes"] == {("waits",): 2} and found["memshim_sessions"] == {("live",): 1}
        assert found["memshim_break_bytes"] == {("waits",): sum(p["break"]["net_bytes"] for p in now)}
        assert found["memshim_break_headroom_bytes"] == {("waits",): min(p["break"]["headroom_bytes"] for p in now)}
        for lines in (one, two):
            lines.say()
            assert lines.end()[0] == 0


def test_limits_of_the_machine(program):
    record(program)
    found = export()
    read = lambda name: open(f"/proc/sys/kernel/{name}", encoding="ascii").read().split()
    semaphores = read("sem")
    assert found["memshim_ipc_limit"] == {
        ("SHMMNI",): int(read("shmmni")[0]), ("SHMALL",): int(read("shmall")[0]), ("MSGMNI",): int(read("msgmni")[0]),
        ("SEMMNI",): int(semaphores[3]), ("SEMMNS",): int(semaphores[1])}
    table = lambda name: [line.split() for line in open(f"/proc/sysvipc/{name}", encoding="ascii")][1:]
    used = found["memshim_ipc_used"]
    if harness.IS_ROOT:  # in a namespace of the test's own
        pages = sum(-(-int(row[3]) // os.sysconf("SC_PAGESIZE")) for row in table("shm"))
        assert used == {("SHMMNI",): len(table("shm")), ("SHMALL",): pages, ("MSGMNI",): len(table("msg")),
                        ("SEMMNI",): len(table("sem")), ("SEMMNS",): sum(int(row[3]) for row in table("sem"))}
        assert used["SHMMNI",] == 1 and used["SHMALL",] == 2


def test_the_collector_may_read_the_file(program):
    """It is another user; and a reader sees the old file or the new one."""
    record(program)
    with open("memshim.prom", "w", encoding="ascii") as old:
        assert memshim("export", "--format=prometheus", "-o", "memshim.prom").returncode == 0
        assert os.fstat(old.fileno()).st_nlink == 0, "it was replaced, not written over"
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(os.stat("memshim.prom").st_mode) == 0o644 & ~mask
    assert parse(open("memshim.prom", encoding="ascii").read())["memshim_sessions"] and len(list(os.scandir("."))) < 10


def test_all_sessions(program, compile_c):
    """Their sums; a session whose recording is elsewhere is not among them."""
    by_hand = {"LD_PRELOAD": harness.SHIM}
    for session in ("one", "two"):
        assert harness.run(program, env={**by_hand, "MEMSHIM_SESSION": session}).returncode == 0
    alone, found = export("one"), export("--all-sessions")
    assert found["memshim_break_grown_bytes_total"] == {key: 2 * value for key, value in alone["memshim_break_grown_bytes_total"].items()}
    assert found["memshim_objects"] == {("segment", "leaks"): 2} and sum(found["memshim_sessions"].values()) == 2
    assert found["memshim_failed_calls_total"]["leaks", "shmget", "ENOENT"] == 6
    for wrong in (("--all-sessions", "one"), ("--all-sessions", "--format=folded")):
        assert memshim("export", "--format=prometheus", *wrong).returncode == 2


def test_hostile_names(program):
    """A label's quotes and backslashes are escaped; controls and broken UTF-8 are not in it."""
    name = b'q"\\\n\x1b\xff\xc3\xa9'
    os.rename(program, name)
    subprocess.run([MEMSHIM.encode(), b"record", b"-q", b"./" + name], check=True)
    assert {program for program, _ in export()["memshim_break_moves_total"]} == {'q"\\???\u00e9'}
