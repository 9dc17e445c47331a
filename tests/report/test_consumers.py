# SPDX-License-Identifier: MIT
"""Exports in the programs that they are made for. `scripts/check consumers` installs these; elsewhere they are not collected."""

import os
import re
import subprocess

import pytest

import harness
from harness import memshim, record
from machine import needs

PROMETHEUS = harness.TOP / "scripts" / "prometheus"
PROGRAM = """
    #include <stdlib.h>
    #include <string.h>
    #include <sys/shm.h>
    #include <unistd.h>
    #define OWN __attribute__((noinline)) static void
    static inline __attribute__((always_inline)) void inner(long n) { if (sbrk(n) == (void *)-1) abort(); }
    OWN take(long n) { inner(n); __asm__ volatile(""); }
    __attribute__((noinline)) static void *xmalloc(size_t n) { void *p = malloc(n); if (!p) abort(); return memset(p, 1, n); }
    OWN parse(void) { for (int i = 0; i < 50; i++) *(char *)xmalloc(20000) = 1; }
    int main(int argc, char **argv)
    {
        parse();
        take(argc << 20);
        return shmget(IPC_PRIVATE, 8192, 0600) < 0 || shmget(0x7e57, 1, 0) >= 0;
    }
"""


@pytest.fixture
def program(compile_c):
    return compile_c("grows", PROGRAM, "-g", "-O1")


def pprof(*argv):
    done = harness.run("go", "tool", "pprof", *argv, env={"HOME": ".", "PPROF_TMPDIR": "."})
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout


def export(name):
    assert memshim("export", "--format=pprof", "-o", name).returncode == 0
    return name


def flat(text):
    """{function: bytes} of -top with -unit=B."""
    rows = re.findall(r"^ *(\S+)B? +[\d.]+% +[\d.]+% +(\S+)B? +[\d.]+%  (.+?)(?: \(inline\))?$", text, re.M)
    return {name: (float(own.rstrip("B")), float(whole.rstrip("B"))) for own, whole, name in rows}


@needs("go tool pprof")
def test_pprof_shows_the_numbers_of_the_report(program):
    report = record(program).report()
    profile = export("one.pb.gz")
    head = pprof("-top", "-unit=B", "-sample_index=grown_space", profile)
    rows = flat(head)
    assert "File: grows" in head and "Build ID: " in head
    assert rows["main"][1] == report["processes"][0]["break"]["grown_bytes"]
    assert rows["take"] == (0, 1 << 20) and rows["inner"] == (1 << 20, 1 << 20)
    moves = pprof("-top", "-sample_index=moves", profile)
    assert re.search(r"Total samples = (\d+)", moves).group(1) == str(report["processes"][0]["break"]["moves"])
    tags = pprof("-tags", "-unit=B", "-sample_index=grown_space", profile)
    direct = report["processes"][0]["break"]["by_origin"]["direct"]["grown_bytes"]
    assert re.search(rf"origin: .*\n(?:.*\n)*? +{direct}(?:\.0)?B .*: direct\n", tags)
    assert "parse \u2190 xmalloc  grows.c:" in tags


@needs("go tool pprof")
def test_pprof_compares_two_recordings(program):
    record(program)
    base = export("base.pb.gz")
    record(program, "two", "three")
    rows = flat(pprof("-top", "-unit=B", "-sample_index=grown_space", f"-diff_base={base}", export("more.pb.gz")))
    assert rows["take"][1] == 2 << 20 and rows.get("parse", (0, 0))[1] == 0


@needs("promtool")
def test_promtool_takes_the_metrics(program):
    record(program)
    text = memshim("export", "--format=prometheus").stdout
    done = subprocess.run(["promtool", "check", "metrics"], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    assert (done.returncode, done.stdout) == (0, "")


@needs("promtool")
def test_promtool_makes_a_block_of_the_history(program):
    """And gives back the numbers that were exported."""
    record(program)
    text = memshim("export", "--format=openmetrics").stdout
    open("history", "w", encoding="utf-8").write(text)
    done = harness.run("promtool", "tsdb", "create-blocks-from", "openmetrics", "history", "blocks")
    assert done.returncode == 0, done
    os.mkdir("blocks/wal")  # dump wants a whole database
    done = harness.run("promtool", "tsdb", "dump", "blocks")
    dumped = re.findall(r'__name__="memshim_break_bytes".* (\S+) (\d+)$', done.stdout, re.M)
    told = re.findall(r"^memshim_break_bytes\{.* (\d+) (\d+)\.(\d+)$", text, re.M)
    assert [(float(value), time) for value, time in dumped] == [(float(value), s + ms) for value, s, ms in told] != []


@needs("promtool")
def test_the_alert_rules():
    """Their own tests pass; and each rule has one."""
    for argv in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts-test.yml")):
        done = harness.run("promtool", *argv, cwd=PROMETHEUS)
        assert done.returncode == 0 and "SUCCESS" in done.stdout, done
    alerts = re.findall(r"- alert: (\w+)", (PROMETHEUS / "alerts.yml").read_text())
    assert alerts and set(alerts) == set(re.findall(r"alertname: (\w+)", (PROMETHEUS / "alerts-test.yml").read_text()))


def test_the_rules_and_the_console_name_metrics_that_exist():
    named = set()
    for file in ("alerts.yml", "memshim.html"):
        named |= set(re.findall(r"\bmemshim_\w+", (PROMETHEUS / file).read_text()))
    metrics = set(re.findall(r"^METRIC\(\w+, (\w+),", (harness.TOP / "report" / "export" / "metrics.def").read_text(), re.M))
    assert named and named <= metrics
