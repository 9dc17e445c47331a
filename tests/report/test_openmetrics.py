# SPDX-License-Identifier: MIT
"""`export --format=openmetrics`, by a parser of the tests' own: a recording's history, as Prometheus makes a block of it."""

import os
import platform
import re
import subprocess

import pytest

import harness
from harness import MEMSHIM, memshim, record

FAMILIES = (("memshim_break_bytes", "gauge", ""), ("memshim_attached_bytes", "gauge", ""), ("memshim_break_moves", "counter", "_total"))
SAMPLE = re.compile(r'(\w+)\{instance="((?:[^"\\]|\\.)*)",program="((?:[^"\\]|\\.)*)"\} (\d+) (\d+)\.(\d{3})')
PROGRAM = """
    #include <sys/shm.h>
    #include <time.h>
    #include <unistd.h>
    int main(void)
    {
        int id = shmget(IPC_PRIVATE, 8192, 0600);
        struct timespec begin, now;

        if (shmat(id, 0, 0) == (void *)-1 || shmctl(id, IPC_RMID, 0)) return 1;
        for (int i = 0; i < 5; i++) {
            sbrk(1 << 20);
            clock_gettime(CLOCK_MONOTONIC, &begin);
            do clock_gettime(CLOCK_MONOTONIC, &now);
            while ((now.tv_sec - begin.tv_sec) * 1000000000L + now.tv_nsec - begin.tv_nsec < 3000000);
        }
        sbrk(-(1 << 19));
        return 0;
    }
"""


def export(*options, path="memshim.data"):
    """{(metric, program): [(milliseconds, value)]}; families, their order and their times as the format demands."""
    done = memshim("export", "--format=openmetrics", *options, path)
    assert done.returncode == 0, done
    lines, found = done.stdout.split("\n"), {}
    assert lines[-2:] == ["# EOF", ""]
    family = None
    for line in lines[:-2]:
        if line.startswith("# "):
            family = line.split()[2]
            continue
        name, instance, program, value, seconds, thousandths = SAMPLE.fullmatch(line).groups()
        assert name == family + dict((f, suffix) for f, _, suffix in FAMILIES)[family] and instance == platform.node()
        row = found.setdefault((name, program), [])
        row.append((int(seconds) * 1000 + int(thousandths), int(value)))
        assert len(row) < 2 or row[-2][0] < row[-1][0], "times of a series grow"
    heads = [line for line in lines if line.startswith("# TYPE")]
    assert heads == [f"# TYPE {name} {kind}" for name, kind, _ in FAMILIES]
    return found


def test_history_is_that_of_the_report(compile_c):
    report = record(compile_c("grows", PROGRAM)).report()
    process, found = report["processes"][0], export()
    began = int(harness.run("date", "-d", report["session"]["started"], "+%s%3N").stdout)
    breaks = found["memshim_break_bytes", "grows"]
    assert breaks[-1][1] == 0 and breaks[-2][1] == process["break"]["net_bytes"]
    assert max(value for _, value in breaks) == process["break"]["peak_bytes"]
    assert {value >> 20 for _, value in breaks} >= {1, 2, 3, 4}, "the steps were 3 ms apart"
    assert found["memshim_break_moves_total", "grows"][-1][1] == process["break"]["moves"]
    assert max(value for _, value in found["memshim_attached_bytes", "grows"]) == 8192
    for row in found.values():
        assert began <= row[0][0] and row[-1][0] <= began + report["session"]["duration_ns"] // 1000000 + 3


def test_programs_are_added_up_and_a_long_run_has_few_samples(compile_c):
    family = compile_c("family", """
        #include <stdlib.h>
        #include <sys/wait.h>
        #include <unistd.h>
        int main(void)
        {
            for (int i = 0; i < 2; i++)
                if (fork() == 0) { for (int k = 0; k < 20000; k++) sbrk(k % 2 ? -4096 : 4096); exit(0); }
            while (wait(0) > 0) ;
            return 0;
        }""")
    report = record(family).report()
    found = export()
    assert found["memshim_break_moves_total", "family"][-1][1] == sum(p["break"]["moves"] for p in report["processes"]) >= 40000
    assert all(len(row) < 520 for row in found.values())
    child = next(p for p in report["processes"] if p["forked"])
    assert export(f"--pid={child['pid']}")["memshim_break_moves_total", "family"][-1][1] == child["break"]["moves"]


@pytest.mark.parametrize("name, label", [(b'q"\\\n\xff\xc3\xa9', 'q\\"\\\\??\u00e9')])
def test_hostile_names(compile_c, name, label):
    os.rename(compile_c("odd", PROGRAM), name)
    subprocess.run([MEMSHIM.encode(), b"record", b"-q", b"./" + name], check=True)
    assert {program for _, program in export()} == {label}
