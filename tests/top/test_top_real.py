# SPDX-License-Identifier: MIT
"""The live screen with real programs, while they run: its numbers are the report's."""

import glob
import os
import re
import shutil
import tempfile

import harness
import machine
from harness import MEMSHIM, Lines, Recording, memshim
from test_top import rows_below, top

USER = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")


def once(view, path):
    done = memshim("top", "--once", "-b", f"--view={view}", *harness.foreign(path), path, env={"COLUMNS": "200"})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout + "\n"


def still(report):
    """The part of a report that does not change while the program is idle."""
    return report["processes"], report["segments"], report["coverage"]


def look(path):
    """A report and the screens of the same moment: two equal reports enclose them."""
    for _ in range(200):
        before = Recording(path).report()
        screens = {view: once(view, path) for view in ("processes", "segments", "findings")}
        if still(before) == still(Recording(path).report()):
            return before, screens
    raise AssertionError("there was no quiet moment")


def assert_same(path):
    """Processes, segments and events of a live session are those of the report."""
    report, screens = look(path)
    assert report["session"]["state"] == "live"
    rows = (" ".join(row) for row in rows_below(screens["processes"], "PROGRAM"))
    shown = {re.match(r"(\d+) ([\w.]+).*? (0x\w+) (\S+) (\d+) ", row).groups() for row in rows}
    assert shown == {(str(p["pid"]), os.path.basename(p["exe"]), p["break"]["current"], f"{p['break']['net_bytes']:+d}",
                      str(p["break"]["peak_bytes"])) for p in report["processes"]}
    rows = rows_below(screens["segments"], "SHMID")
    assert [int(row[0]) for row in rows] == [s["shmid"] for s in report["segments"]]
    live = [a["shmid"] for a in report["attachments"] if a["live"]]
    for row, segment in zip(rows, report["segments"]):
        gone = segment["state"] in ("destroyed", "vanished")
        assert row[4] == ("-" if gone else str(segment["nattch"])), row
        assert int(row[7]) == live.count(segment["shmid"]), (row, "holders")
    assert f"Coverage full, {report['coverage']['events']:,} events, none lost" in screens["findings"]


@machine.needs("root")
def test_postgresql_under_load(own_world):
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    assert found, "postgresql: not installed: run scripts/check"
    folder = tempfile.mkdtemp(prefix="ms", dir="/tmp")  # a socket's path must be short
    shutil.chown(folder, "postgres")
    shutil.chown(own_world, "postgres")
    script = f"""export PATH={os.path.dirname(found[-1])}:$PATH PGHOST={folder} PGDATABASE=postgres
        initdb -A trust --no-sync -D data >/dev/null
        pg_ctl -D data -l log -w start -o "-k {folder} -c listen_addresses= -c fsync=off -c shared_buffers=8MB \
            -c shared_memory_type=sysv -c dynamic_shared_memory_type=sysv -c autovacuum=off" >/dev/null
        pgbench -i -q -s 1 2>/dev/null >/dev/null
        echo ready; read word
        pgbench -n -c 4 -T 600 >/dev/null 2>&1 &
        read word; kill -TERM $!; wait $! || true; echo quiet; read word
        pg_ctl -D data -m fast -w stop >/dev/null"""
    try:
        with Lines(*USER, MEMSHIM, "record", "-q", "-w", "-o", "pg.data", "--", "sh", "-c", script, cwd=folder,
                   env={"HOME": folder}, patience=600) as lines:
            lines.wait_for("ready")
            path = f"{folder}/pg.data"
            with top("--foreign", path, columns=120, lines=40) as screen:
                screen.wait_for("postgres", "running", "live")
                lines.say()
                screen.type("/", *"pgbench", "Enter")
                screen.wait_for("pgbench", "running")
                screen.type("Escape", "2")
                screen.wait_for("SHMID", "present", "postgres")
                lines.say()
                lines.wait_for("quiet")
                assert_same(path)
                lines.say()
                assert lines.end()[0] == 0
                screen.wait_for("the session has ended")
                screen.wait_for("destroyed")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_growing_python():
    program = """if True:
        import sys
        kept = []
        for line in sys.stdin:
            kept.append([bytearray(900) for _ in range(2000)])
            print('grown', flush=True)"""
    with Lines(MEMSHIM, "record", "-q", "-o", "py.data", "--", "/usr/bin/python3", "-c", program) as lines:
        lines.say()
        lines.wait_for("grown")
        with top("py.data") as screen:
            screen.wait_for("python3", "running")
            screen.type("Enter")
            screen.wait_for("Process", "malloc:")
            before = screen.text()
            for _ in range(20):
                lines.say()
                lines.wait_for("grown")
            harness.wait_until(lambda: screen.text() != before, "it grows before one's eyes")
            assert_same("py.data")
            screen.wait_for("+3")
            assert lines.end()[0] == 0
            screen.wait_for("ended")
