# SPDX-License-Identifier: MIT
"""The live screen in a real terminal: it shows what the report shows, and each key works."""

import contextlib
import errno
import os
import re
import signal

import pytest

import harness
import tables
from harness import MEMSHIM, Lines, Recording, memshim, record, target
from story import KEY, Teller, kernel_rows, recorded
from terminal import Terminal

VIEWS = [row[1] for row in tables.rows("report/top/views.def", "VIEW")]
KEYS = {row[0]: row[4] for row in tables.rows("report/top/keys.def", "KEY")}
QUICK = ("-d", "0.1")
VIEW_OF = {"1": "PROGRAM", "2": "SHMID", "3": "WHERE", "4": "EVENT", "5": "SEVERITY", "6": "KIND"}


def top(*argv, **options):
    return Terminal(MEMSHIM, "top", *QUICK, *argv, **options)


def rows_below(text, heading):
    """The rows of the list below the line with this heading."""
    lines = text.split("\n")
    begin = next(i for i, line in enumerate(lines) if heading in line)
    end = next((i for i, line in enumerate(lines) if i > begin and line[:2] in ("──", "--")), -1)
    return [line[1:].split() for line in lines[begin + 1:end] if line.strip()]


@contextlib.contextmanager
def recording_of(lines, output="memshim.data"):
    """The recording, as soon as it can be read."""
    harness.wait_until(lambda: memshim("events", output).returncode == 0, "it records", lines.process)
    yield


@contextlib.contextmanager
def started(lines, output="memshim.data"):
    """A story that a recorder has begun to record."""
    teller = Teller(lines)
    teller.tell("break", 0)
    with recording_of(lines, output):
        yield teller


@pytest.fixture
def three():
    """A recording of three programs: a failed call, a leak, and moves of the break."""
    script = f"{target('calls')} 3; {target('calls')} 1; printf 'get 77 8192 01600\\nget 77 1 03600\\n' | {target('ledger')}; true"
    recording = record("sh", "-c", script, options=("-q",))
    yield recording
    for shmid in kernel_rows():
        harness.libc.shmctl(shmid, 0, None)


# ---- numbers ----

def test_each_step_appears_on_the_screen():
    """Each step of the program appears on the screen: break, segments, events, as in the report."""
    with recorded() as lines, started(lines) as teller, top("memshim.data") as screen:
        screen.wait_for("ledger", "running", "live")
        teller.tell("break", 1 << 20)
        screen.wait_for("+1M")
        shmid = teller.get(size=65536)
        teller.tell("at")
        screen.type("2")
        text = screen.wait_for("SHMID", f"0x{KEY:08x}")
        row, = rows_below(text, "SHMID")
        assert row[:4] == [str(shmid), f"0x{KEY:08x}", "64K", "1"]
        teller.tell("rm")
        screen.wait_for("marked")
        screen.type("4")
        screen.wait_for("sbrk(1048576)", "shmctl(", "IPC_RMID")
        teller.tell("dt")
        screen.wait_for("shmdt(")
        screen.type("2")
        screen.wait_for("destroyed")
        assert lines.end()[0] == 0
        screen.wait_for("ended", "the session has ended")
        screen.type("1")
        screen.wait_for("exit 0")


def test_head_and_tab_count_the_same_events():
    with Lines(MEMSHIM, "record", "-q", target("calls"), "2000000") as lines, recording_of(lines), top("memshim.data") as screen:
        screen.wait_for("Coverage")
        for _ in range(30):
            text = screen.text()
            head, tab = re.search(r"Coverage \S+, ([\d,]+) events", text), re.search(r"4 Even\w* ([\d,]+)", text)
            assert head and tab and head.group(1) == tab.group(1), text
        lines.process.terminate()


@pytest.mark.parametrize("language, mark", [("C.UTF-8", "…"), ("C", "...")])
def test_what_does_not_fit_is_marked(language, mark):
    """The command in the title, and the last column: a reader sees that there is more."""
    record("perl", "-e", "shmget(7, 0, 01600)", "a-long-word " * 20, options=("-q",))
    for view in ("processes", "findings"):
        text = memshim("top", "--once", "-d", "1", f"--view={view}", env={"COLUMNS": "80", "LC_ALL": language}).stdout.splitlines()
        assert re.search(rf"a-l?\S*{re.escape(mark)}  ended, ", text[0]), text[0]
    assert text[-1].rstrip().endswith(mark) or "failed-call" in text[-1]


def test_new_findings_are_announced():
    """A new finding appears in the last line, in the tab's colour, and in the list."""
    with recorded() as lines, started(lines) as teller, top("memshim.data") as screen:
        screen.wait_for("running")
        assert "Findings 1" not in screen.text()
        assert teller.get(size=0) == -errno.EINVAL
        screen.wait_for("new: failed-call: ledger: shmget failed 1 time with EINVAL", "Findings 1")
        screen.type("5")
        screen.wait_for("warning", "failed-call")


def test_processes_are_the_reports(three):
    report = three.report()
    text = memshim("top", "--once", "-b", three.path, env={"COLUMNS": "160"}).stdout
    seen = rows_below(text + "\n", "PROGRAM")
    wanted = [[str(p["pid"]), os.path.basename(p["exe"]), p["break"]["current"], f"{p['break']['net_bytes']:+d}",
               str(p["break"]["peak_bytes"])] for p in report["processes"]]
    assert sorted(row[:5] for row in seen) == sorted(wanted)


def test_segments_sites_findings_are_the_reports(three):
    report = three.report()
    text = memshim("top", "--once", "--view=segments", three.path, env={"COLUMNS": "120"}).stdout
    assert [int(r[0]) for r in rows_below(text + "\n", "SHMID")] == [s["shmid"] for s in report["segments"]]
    text = memshim("top", "--once", "--view=findings", three.path, env={"COLUMNS": "200"}).stdout
    assert [(r[0], r[1]) for r in rows_below(text + "\n", "SEVERITY")] == [
        (f["severity"], f["kind"]) for f in report["findings"]]
    text = memshim("top", "--once", "--view=sites", "-b", three.path, env={"COLUMNS": "200"}).stdout
    moves = [r for r in rows_below(text + "\n", "WHERE") if "sbrk" in r or "brk" in r]
    for column, field in enumerate(("kept_bytes", "bytes")):
        assert sum(int(r[column]) for r in moves) == sum(s[field] for s in report["sites"] if s["call"] in ("brk", "sbrk"))


def test_events_are_those_of_events(three):
    text = memshim("top", "--once", "--view=events", three.path, env={"COLUMNS": "200"}).stdout
    shown = [(r[0], int(r[1])) for r in rows_below(text + "\n", "EVENT")]
    assert shown == [(f"{e['time_ns'] / 1e9:.6f}", e["pid"]) for e in three.events()]


def test_keys_work_during_a_flood_and_sums_agree():
    """Keys work while a program moves its break as fast as it can; the final numbers are the report's."""
    harness.need("stress-ng")
    flood = [MEMSHIM, "record", "-q", "-o", "flood.data", "--", "stress-ng", "--brk", "1", "--brk-ops", "400000", "--no-rand-seed"]
    with Lines(*flood) as lines, recording_of(lines, "flood.data"), top("flood.data") as screen:
        screen.wait_for("stress-ng", "running")
        for key, heading in VIEW_OF.items():
            screen.type(key)
            screen.wait_for(heading)
        assert lines.end()[0] == 0
        report = Recording("flood.data").report()
        screen.wait_for("the session has ended")
        screen.type("1")
        screen.wait_for(f"{report['coverage']['events']:,} events, none lost", "exit 0")
    assert report["coverage"]["events"] > 400000
    harness.complete(report)


def test_screen_never_writes():
    """The segment is mapped read-only, no process is traced, no descriptor is open for writing."""
    with recorded() as lines, started(lines) as teller, top("memshim.data") as screen:
        teller.get()
        screen.wait_for("running")
        with open(f"/proc/{screen.pid}/maps", encoding="utf-8") as maps:
            mapped = [line.split()[1] for line in maps if ".seg" in line]
        assert mapped and set(mapped) <= {"r--s", "r--p"}
        pid, = (p["pid"] for p in Recording("memshim.data").report()["processes"])
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            assert "TracerPid:\t0\n" in status.read()


# ---- which session ----

def test_it_picks_the_only_live_one():
    with recorded(output="one.data") as lines, started(lines, "one.data"), top() as screen:
        screen.wait_for("ledger", "running")


def test_several_live_ones_to_pick_from():
    with recorded(output="one.data") as first, recorded(target("ledger"), "second", output="two.data") as second:
        with started(first, "one.data"), started(second, "two.data"), top(columns=160) as screen:
            screen.wait_for("which session?", "ledger second", "live")
            screen.type("/", *"second", "Enter", "Enter")
            screen.wait_for("memshim top", "ledger second", "live", "running")
            screen.type("L")
            screen.wait_for("which session?")
            screen.type("Escape")
            screen.wait_for("running")


def test_by_process():
    with recorded() as lines, started(lines):
        pid, = (p["pid"] for p in Recording("memshim.data").report()["processes"])
        with top("-p", pid) as screen:
            screen.wait_for("ledger", "live", str(pid))
            text = memshim("top", "--once", "-p", pid).stdout
            assert "ledger" in text and str(pid) in text


def test_another_session_in_its_place():
    record(target("calls"), 1, options=("-q",))
    with top("memshim.data") as screen:
        screen.wait_for("calls", "ended")
        record("true", options=("-q",))
        screen.wait_for("a new session has begun here", "true")


# ---- ends ----

@pytest.mark.parametrize("whom", ["target", "recorder"])
def test_killed(whom):
    with recorded() as lines, started(lines) as teller, top("memshim.data") as screen:
        teller.tell("break", 4096)
        screen.wait_for("running")
        pid, = (p["pid"] for p in Recording("memshim.data").report()["processes"])
        if whom == "target":
            os.kill(pid, signal.SIGKILL)
            screen.wait_for("ended", "SIGKILL")
        else:
            os.kill(lines.process.pid, signal.SIGKILL)
            screen.wait_for("live", "running")
            os.kill(pid, signal.SIGKILL)
            screen.wait_for("abandoned", "gone")
        screen.type("4")
        screen.wait_for("sbrk(4096)")


def test_its_file_is_removed():
    """The mapping stays, and the screen works until the end."""
    with Lines(target("calls"), "2", "wait", env={"LD_PRELOAD": harness.SHIM}) as lines:
        lines.wait_for("wrong: 0")
        with top("default") as screen:
            screen.wait_for("calls", "running")
            os.unlink(os.path.join(os.environ["MEMSHIM_DIR"], "default.seg"))
            lines.end()
            screen.wait_for("ended", "exit 0")


def test_terminal_closed():
    record("true", options=("-q",))
    with top("memshim.data") as screen:
        screen.wait_for("true")
        pid = screen.pid
        screen._tmux("kill-server")
        harness.wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "it has ended")


def test_stopped_for_a_while():
    """After a stop, the screen says how many events passed; at the end all are counted."""
    command = [MEMSHIM, "record", "-q", "--log-size=512K", "-o", "memshim.data", "--", target("ledger")]
    with Lines(*command) as lines, started(lines) as teller, top("memshim.data") as screen:
        screen.wait_for("running")
        os.kill(screen.pid, signal.SIGSTOP)
        for _ in range(20000):
            teller.tell("break", 4096)
        os.kill(screen.pid, signal.SIGCONT)
        screen.wait_for("+78.1M", "too fast for this screen")
        assert lines.end()[0] == 0
        text = screen.wait_for("the session has ended")
        report = Recording("memshim.data").report()
        harness.complete(report)
        assert f"{report['coverage']['events']:,} events, none lost" in text
        assert "too fast" not in text


def test_ended_while_the_session_goes_on():
    """The end of a process stays on the screen at every refresh."""
    script = f"printf 'kill\n' | {target('ledger')}; exec {target('ledger')}"
    with recorded("sh", "-c", script) as lines, started(lines) as teller, top("memshim.data", "--view=events") as screen:
        screen.wait_for("killed by SIGKILL")
        screen.type("1")
        for _ in range(4):
            screen.wait_for("SIGKILL", "running", "live")
            teller.tell("break", 4096)
            screen.type("4")
            screen.wait_for("EVENT")
            screen.type("1")


# ---- screens of all kinds ----

@pytest.mark.parametrize("columns,lines", [(40, 10), (80, 24), (132, 43), (200, 60)])
def test_sizes(three, columns, lines):
    with top(three.path, columns=columns, lines=lines) as screen:
        for key, heading in VIEW_OF.items():
            screen.type(key)
            screen.wait_for(heading if columns > 40 else heading[:5])
            assert all(len(line) <= columns for line in screen.screen())


def test_resized_while_it_runs(three):
    with top(three.path) as screen:
        screen.wait_for("PROGRAM")
        for columns, lines in ((40, 10), (200, 60), (20, 5), (80, 24)):
            screen.resize(columns, lines)
            screen.wait_for("too small" if columns == 20 else "PROGRAM")
        screen.wait_for("BREAK IN TIME", "h Help")


@pytest.mark.parametrize("term", ["vt100", "xterm-256color", "linux", "screen"])
def test_terminals(three, term, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    with top(three.path, term=term) as screen:
        screen.wait_for("PROGRAM")
        colored = "\x1b[32m" in screen.colored()
        assert colored == (term != "vt100")


def test_without_colour(three):
    with top(three.path) as screen:  # NO_COLOR is set
        screen.wait_for("PROGRAM")
        assert not re.search("\x1b\\[3[0-8]", screen.colored())


def test_without_utf8(three, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    text = memshim("top", "--once", three.path).stdout
    assert "PROGRAM" in text and text.isascii()
    assert "#" in text, "the chart is drawn"
    with top(three.path) as screen:
        assert screen.wait_for("PROGRAM", "exit 0").isascii()


def test_escapes_in_names(tmp_path):
    name = tmp_path / "a\x1b[31mred\x07"
    name.symlink_to(target("calls"))
    record(name, 1, options=("-q",))
    text = memshim("top", "--once", "--view=events").stdout
    assert "\x1b" not in text and "\x07" not in text
    with top("memshim.data") as screen:
        screen.wait_for("calls")
        assert "\x1b[31m" not in screen.colored()


# ---- the command line ----

@pytest.mark.parametrize("argv,words", [
    (("nosuch.data",), ("nosuch.data",)), ((), ("not a terminal", "--once")), (("--sort=nonsense",), ("--sort", "nonsense"))])
def test_refusals(three, argv, words):
    done = memshim("top", *argv)
    assert done.returncode == (2 if argv and argv[0].startswith("--sort") else 1) and done.stdout == ""
    assert done.stderr.count("\n") == 1 and all(word in done.stderr for word in words)


def test_unknown_terminal(three):
    with top(three.path, term="no-such-terminal") as screen:
        assert screen.end() == 1
        screen._tmux("resize-window", "-x", "120")
        assert "TERM: no-such-terminal" in screen.text()


def test_refreshes_are_counted(three):
    with top("-n", "3", three.path) as screen:
        assert screen.end() == 0


def test_ends_by_ctrl_c(three):
    with top(three.path) as screen:
        screen.wait_for("PROGRAM")
        screen.type("C-c")
        assert screen.end() == 0


def test_sort_and_filters(three):
    pids = [p["pid"] for p in three.report()["processes"]]
    text = memshim("top", "--once", f"--pid={pids[-1]}", three.path).stdout
    assert [int(r[0]) for r in rows_below(text + "\n", "PROGRAM")] == [pid for pid in pids if pid == pids[-1]]
    text = memshim("top", "--once", "--exe=calls", "--sort=pid", three.path).stdout
    found = [int(r[0]) for r in rows_below(text + "\n", "PROGRAM")]
    assert found == sorted(p["pid"] for p in three.report()["processes"] if p["exe"].endswith("/calls"))


def test_events_of_a_kind(three):
    text = memshim("top", "--once", "--view=events", "--call=shmget", three.path, env={"COLUMNS": "160"}).stdout
    shown = rows_below(text + "\n", "EVENT")
    assert len(shown) == len(three.events("--call=shmget")) and all("shmget(" in " ".join(row) for row in shown)
    text = memshim("top", "--once", "--view=events", "-Z", three.path, env={"COLUMNS": "160"}).stdout
    failed = three.events("-Z")
    assert failed and len(rows_below(text + "\n", "EVENT")) == len(failed)


def test_one_screen_as_high_as_asked(three):
    whole = memshim("top", "--once", three.path).stdout.splitlines()
    text = memshim("top", "--once", three.path, env={"LINES": "8"}).stdout.splitlines()
    assert len(text) == 7 and set(text) < set(whole)


def test_once_shows_recent_rates():
    """A process that grew and is idle now has no growth rate, whatever its mean is."""
    def growth():
        text = memshim("top", "--once", "memshim.data", env={"COLUMNS": "160"}).stdout
        column = re.split(" {2,}", next(line for line in text.split("\n") if "NET/S" in line).strip()).index("NET/S")
        return [row[column] for row in rows_below(text, "NET/S")]

    with recorded() as lines, started(lines) as teller:
        for size in (64 << 20, 32 << 20):
            teller.tell("break", size)
            harness.wait_until(lambda: growth()[0].startswith("+"), "it has grown", lines.process)
            harness.wait_until(lambda: growth() == ["0"], "it is idle", lines.process)
