# SPDX-License-Identifier: MIT
"""Every key of the help page, typed on a running screen; each row of keys.def needs a test here."""

import re

import pytest

import first_screens
import harness
import tables
from harness import Recording, memshim, record, target
from story import kernel_rows, recorded
from test_top import VIEW_OF, rows_below, started, top

KEYS = {row[0]: [text.replace("\\\\", "\\") for text in row] for row in tables.rows("report/top/keys.def", "KEY")}
MANY = 40


@pytest.fixture(scope="module")
def many_script():
    return "; ".join(f"{target('calls')} {1 + i % 3}" for i in range(MANY)) + "; true"


@pytest.fixture
def screen(many_script):
    """An ended session with more processes than the screen can show."""
    record("sh", "-c", many_script, options=("-q",))
    with top("memshim.data") as terminal:
        terminal.wait_for("PROGRAM", "ended")
        yield terminal


def cursor(screen):
    """The line with the cursor."""
    found = [line for line in screen.screen()[4:-1] if line.startswith(">")]
    return found[0] if found else None


def first_row(screen, heading="PROGRAM"):
    return rows_below(screen.text(), heading)[0]


def wait_cursor(screen, is_right):
    harness.wait_until(lambda: is_right(cursor(screen)), "the cursor is there")


def view(key):
    def check(screen):
        screen.type("Tab" if key == "1" else "1")
        screen.type(key)
        screen.wait_for(VIEW_OF[key])
    return check


def next_view(screen):
    for heading in list(VIEW_OF.values())[1:] + ["PROGRAM"]:
        screen.type("Tab")
        screen.wait_for(heading)


def previous_view(screen):
    for heading in list(VIEW_OF.values())[:0:-1] + ["PROGRAM"]:
        screen.type("BTab")
        screen.wait_for(heading)


def enter_and_back(screen):
    for back in ("Escape", "BSpace"):
        screen.type("Enter")
        screen.wait_for("Process", "headroom", "Attachments")
        screen.type(back)
        screen.wait_for("PROGRAM")


def up_and_down(screen):
    rows = [line[1:] for line in screen.screen()[5:-1]]
    for key, row in (("Down", 1), ("j", 2), ("Up", 1), ("k", 0)):
        screen.type(key)
        wait_cursor(screen, lambda line, row=row: line and line[1:] == rows[row])


def pages(screen):
    before = first_row(screen)
    for down, up in (("NPage", "PPage"), ("C-f", "C-b")):
        screen.type(down, down)
        harness.wait_until(lambda: first_row(screen) != before, "a page down")
        screen.type(up, up, up)
        harness.wait_until(lambda: first_row(screen) == before, "a page up")


def ends(screen):
    before = first_row(screen)
    for bottom, first in (("G", "g"), ("End", "Home")):
        screen.type(bottom)
        harness.wait_until(lambda: (screen.screen()[-2] or " ")[0] == ">", "the last row")
        screen.type(first)
        harness.wait_until(lambda: first_row(screen) == before, "the first row")


def long_lines(screen):
    screen.type("4")
    long = screen.wait_for("EVENT")
    screen.type("Right", "Right")
    harness.wait_until(lambda: screen.text() != long, "moved")
    screen.type("Left", "Left")
    harness.wait_until(lambda: screen.text() == long, "moved back")


def sort(screen):
    for key in (">", "F6"):
        screen.type(key)
        screen.wait_for("sorted by PEAK" if key == ">" else "sorted by NET/S")
    screen.type("<", "<", "<", "<")
    screen.wait_for("sorted by PID")
    pids = [int(row[0]) for row in rows_below(screen.text(), "PROGRAM")]
    assert pids == sorted(pids)


def reverse(screen):
    screen.type("<", "<")
    screen.wait_for("sorted by PID")
    before = int(first_row(screen)[0])
    for key in ("R", "I"):
        screen.type(key)
        harness.wait_until(lambda: (int(first_row(screen)[0]) == before) == (key == "I"), "the other way round")


def filter_rows(screen):
    for key in ("/", "F4", "\\"):
        screen.type(key, "d", "a", "s", "h", "Enter")
        screen.wait_for("Filter: dash", "Esc removes it")
        assert {row[1] for row in rows_below(screen.text(), "PROGRAM")} == {"dash"}
        screen.type("Escape")
        screen.wait_without("Filter:")


def follow(screen):
    screen.type("F")
    screen.wait_for("the cursor follows its row")
    pid = cursor(screen)[1:].split()[0]
    screen.type("R")
    wait_cursor(screen, lambda line: line and line[1:].split()[0] == pid and screen.screen()[5] != line)
    screen.type("F")
    screen.wait_for("the cursor stays in its place")


def mark_and_unmark(screen):
    screen.type("j", "j", "j")
    rows = [line[1:] for line in screen.screen()[5:-1]]
    wait_cursor(screen, lambda line: line and line[1:] == rows[3])
    screen.type("m")
    harness.wait_until(lambda: screen.screen()[5] == "*" + rows[3], "marked, and first")
    screen.type("U")
    harness.wait_until(lambda: screen.screen()[5][1:] == rows[0], "no marks")


def units(screen):
    net = next(row[2] for row in rows_below(screen.text(), "PROGRAM") if row[2] != "0")
    assert net == "+132K"
    screen.type("u")
    harness.wait_until(lambda: any(re.fullmatch(r"\+\d{5,}", row[2]) for row in rows_below(screen.text(), "PROGRAM")), "bytes")
    screen.type("u")
    screen.wait_for(net)


def pause(screen):
    """While it is paused nothing changes, and no event is lost."""
    screen.type("q")
    screen.end()
    with recorded() as lines, started(lines) as teller, top("memshim.data") as live:
        live.wait_for("running")
        live.type("Space")
        live.wait_for("PAUSED")
        teller.tell("break", 1 << 20)
        live.type("4", "1")
        assert "+1M" not in live.wait_for("PAUSED", "PROGRAM")
        live.type("Space")
        live.wait_for("+1M", "live")


def faster_and_slower(screen):
    screen.type("+")
    screen.wait_for("every 0.1 s")
    screen.type("-")
    screen.wait_for("every 0.2 s")


def sessions(screen):
    screen.type("L")
    screen.wait_for("which session?")
    screen.type("Escape")
    screen.wait_for("PROGRAM")


def redraw(screen):
    before = screen.text()
    screen.type("C-l")
    harness.wait_until(lambda: screen.text() == before, "the same again")


def help_page(screen):
    for key in ("h", "?", "F1"):
        screen.type(key)
        text = screen.wait_for("Keys", "processes")
        screen.type("NPage")
        text += screen.wait_for("redraw the screen")
        for _, _, _, _, written, meaning in KEYS.values():
            assert written in text or meaning in text
        screen.type(key)
        screen.wait_for("PROGRAM")


def quits(screen):
    for key in ("q", "F10"):
        with top("memshim.data") as other:
            other.wait_for("PROGRAM")
            other.type(key)
            assert other.end() == 0
    screen.type("C-c")
    assert screen.end() == 0


def remove(screen):
    """Only a leaked segment is removed, and only after a yes."""
    screen.type("q")
    screen.end()
    script = f"printf 'get 77 8192 03600\\n' | {target('ledger')}"
    shmid = None
    for key, answer in (("x", "n"), ("F9", "y")):
        if not shmid:
            record("sh", "-c", script, options=("-q",))
            shmid, = kernel_rows()
        with top("--view=segments", "memshim.data") as other:
            other.wait_for("leaked")
            other.type(key)
            other.wait_for(f"Remove segment {shmid} (8K)? y removes it")
            other.type(answer)
            other.wait_for("nothing was removed" if answer == "n" else f"segment {shmid} was removed")
        assert (shmid in kernel_rows()) == (answer == "n")


CHECKS = {
    **{f"VIEW_{key}": view(key) for key in VIEW_OF}, "NEXT_VIEW": next_view, "PREVIOUS_VIEW": previous_view,
    "ENTER": enter_and_back, "BACK": enter_and_back, "UP": up_and_down, "DOWN": up_and_down, "PAGE_UP": pages, "PAGE_DOWN": pages,
    "TOP": ends, "BOTTOM": ends, "LEFT": long_lines, "RIGHT": long_lines, "SORT_BEFORE": sort, "SORT_NEXT": sort,
    "REVERSE": reverse, "FILTER": filter_rows, "FOLLOW": follow, "MARK": mark_and_unmark, "UNMARK": mark_and_unmark,
    "UNITS": units, "PAUSE": pause, "FASTER": faster_and_slower, "SLOWER": faster_and_slower, "REMOVE": remove,
    "SESSIONS": sessions, "REDRAW": redraw, "HELP": help_page, "QUIT": quits,
}


def test_every_key_has_its_check():
    assert set(CHECKS) == set(KEYS)


@pytest.mark.parametrize("key", {check: key for key, check in reversed(CHECKS.items())}.values())
def test_key(screen, key):
    CHECKS[key](screen)


def test_help_lists_them():
    text = memshim("help", "top", env={"COLUMNS": "200"}).stdout
    for _, _, _, _, written, meaning in KEYS.values():
        assert re.search(re.escape(written) + r" +" + re.escape(meaning), text), written


def test_a_segment_that_is_used_stays():
    with recorded() as lines, started(lines) as teller, top("--view=segments", "memshim.data") as screen:
        shmid = teller.get(size=8192)
        teller.tell("at")
        screen.wait_for("8K")
        screen.type("x")
        screen.wait_for(f"segment {shmid} stays")
        teller.tell("rm")


@pytest.mark.parametrize("attached,answer", [(False, "no longer exists"), (True, "is marked: the kernel removes it")])
def test_a_segment_that_is_removed_already(attached, answer):
    """Its creator still runs, which does not matter any more."""
    with recorded() as lines, started(lines) as teller, top("--view=segments", "memshim.data") as screen:
        shmid = teller.get(size=8192)
        if attached:
            teller.tell("at")
        teller.tell("rm")
        screen.wait_for("8K", "marked" if attached else "destroyed")
        screen.type("x")
        screen.wait_for(f"segment {shmid} {answer}")


@pytest.mark.parametrize("key,words", [("2", "Created by"), ("3", "main"), ("4", "main"), ("5", "removes it"), ("6", "Created by")])
def test_details(key, words):
    """Enter on a row of each list: the creator, the stack, the advice."""
    script = f"printf 'get 77 8192 03600\\nbreak 4096\\n' | {target('ledger')}"
    record("sh", "-c", script, options=("-q",))
    with top("memshim.data") as screen:
        screen.wait_for("PROGRAM")
        screen.type(key)
        screen.wait_for(VIEW_OF[key])
        screen.type("g")
        if key == "4":
            screen.type("/", *"sbrk(4096", "Enter")
            screen.wait_for("Filter: sbrk")
        screen.type("Enter")
        screen.wait_for(words)
    for shmid in kernel_rows():
        harness.libc.shmctl(shmid, 0, None)


def test_page_of_a_group(compile_c):
    """Enter on a finding about 500 segments: the first 16 ids, how many more there are, the advice and the place."""
    first_screens.leaks(compile_c)
    ids = [s["shmid"] for s in Recording("memshim.data").report()["segments"]]
    with top("memshim.data", "--view=findings") as screen:
        screen.wait_for("500 segments leaked", "seg500")
        screen.type("Enter")
        text = screen.wait_for("leaked-segment", "new_buffer", "Esc Back")
        page = " ".join(text.split())
        assert f"{', '.join(map(str, ids[:16]))} and 484 more" in page and "reap" in page
        assert str(ids[16]) not in page.split("and 484 more")[0].split()
        screen.type("Escape")
        screen.wait_for("SEVERITY", "500 segments leaked")
