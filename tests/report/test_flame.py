# SPDX-License-Identifier: MIT
"""The flame graph in a real browser: drawn, zoomed and searched."""

import pytest

import browser
import harness
from harness import memshim, record

PROGRAM = """
    #include <stdlib.h>
    #include <unistd.h>
    #define OWN __attribute__((noinline)) static void
    OWN take(long n) { if (sbrk(n) == (void *)-1) abort(); __asm__ volatile(""); }
    OWN small(void) { take(1 << 16); __asm__ volatile(""); }
    OWN large(void) { take(3 << 16); __asm__ volatile(""); }
    OWN both(void) { small(); large(); __asm__ volatile(""); }
    int main(void) { both(); large(); }
"""

# The visible part of the picture: name -> its boxes, as x and width.
BOXES = """
    const seen = {};
    for (const f of document.querySelectorAll("#frames > .f")) {
        const rect = f.querySelector("rect").getBoundingClientRect();
        if (rect.width === 0) continue;
        const name = f.querySelector("title").textContent.split(/[ :]/)[0];
        (seen[name] = seen[name] || []).push([rect.x, rect.width, f.querySelector("text").textContent]);
    }
    return seen;
"""
BOX = """
    return [...document.querySelectorAll("#frames > .f")].find(
        (f) => f.querySelector("title").textContent.startsWith(arguments[0] + " ")).querySelector("rect")
"""
TEXT = "return document.getElementById(arguments[0]).textContent"
HITS = """return [...document.querySelectorAll(".f.hit title")].map((t) => t.textContent.split(/[ :]/)[0])"""


@pytest.fixture
def drawing(compile_c, tmp_path):
    recording = record(compile_c("grows", PROGRAM, "-g"))
    path = tmp_path / "out.svg"
    assert memshim("report", f"--flame={path}", recording.path).returncode == 0
    return path


@pytest.fixture
def page(drawing, tmp_path):
    one = browser.Browser(tmp_path / "profile")
    one.open(drawing)
    yield one
    one.close()


def widths(page):
    """Maps a name to the width of all its boxes, as a share of the whole."""
    boxes = page.run(BOXES)
    whole = max(width for found in boxes.values() for _, width, _ in found)
    return {name: sum(width for _, width, _ in found) / whole for name, found in boxes.items()}


def test_in_a_browser(page):
    """Of 448 KiB, 64 are by small and twice 192 by large: the boxes have these widths, each above its caller."""
    whole = page.run("return document.documentElement.clientWidth")
    shares = widths(page)
    total = shares["grows"] * whole
    assert abs(total - whole) < 2, "as wide as the window"
    assert abs(shares["small"] * 6 - shares["large"]) < 0.02
    assert abs(shares["both"] - shares["small"] * 4) < 0.02
    assert "take (grows)" in [label for _, _, label in page.run(BOXES)["take"]]

    page.point_at(page.run(BOX, "small"))
    assert page.run(TEXT, "details").startswith("small (grows): 64K, 14.29%")
    page.click(page.run(BOX, "small"))
    near = widths(page)
    assert near["small"] > 0.99 and near["take"] > 0.99, "as wide as the picture, with all above it"
    assert near["main"] > 0.99 and "large" not in near, "its callers are there, others are not"
    assert page.run("return reset.getAttribute('visibility')") == "visible"

    page.press(browser.ESCAPE)
    assert widths(page) == shares
    page.click(page.run(BOX, "both"))
    page.click(page.run("return document.getElementById('reset')"))
    assert widths(page) == shares
    assert page.run("return reset.getAttribute('visibility')") == "hidden"


def test_search(page):
    page.press("/")
    page.answer("^lar")
    assert page.run(HITS) == ["large", "large"]
    shares = widths(page)
    assert page.run(TEXT, "found") == f"2 matches, {100 * shares['large']:.1f}%"
    page.click(page.run("return document.getElementById('search')"))
    page.answer("no such name")
    assert page.run(HITS) == [] and page.run(TEXT, "found") == "0 matches, 0.0%"
    page.press("f", holding="\ue009")
    page.answer("(")
    assert page.run(TEXT, "found") == "not a regular expression: ("
    page.press("/")
    page.answer("both")
    assert page.run(HITS) == ["both"]
    page.press(browser.ESCAPE)
    assert page.run(HITS) == [] and page.run(TEXT, "found") == ""


def test_another_window(page):
    """The drawing fits a resized window, zoomed or not, and letters keep their size."""
    page.click(page.run(BOX, "both"))
    for width in (900, 1700):
        page.resize(width, 700)
        whole = page.run("return document.documentElement.clientWidth")
        harness.wait_until(lambda: abs(page.run(BOXES)["both"][0][1] - whole) < 2, "the page has heard of it")
        x, wide, _ = page.run(BOXES)["both"][0]
        assert abs(x) < 1 and abs(wide - whole) < 2
    assert page.run("return getComputedStyle(document.getElementById('command')).fontSize") == "12px"


def test_nothing_to_show(tmp_path):
    recording = record("/bin/true", options=("-k", "0"))
    assert memshim("report", "--flame=none.svg", recording.path).returncode == 0
    page = browser.Browser(tmp_path / "profile")
    try:
        page.open(tmp_path / "none.svg")
        assert "No call stack asked for memory." in page.run("return document.documentElement.textContent")
        page.press(browser.ESCAPE)
    finally:
        page.close()


def test_labels_without_a_script(drawing):
    """A viewer without scripts shows the labels."""
    text = drawing.read_text()
    assert ">take (grows)</text>" in text and 'width="1200"' in text


def test_folded_stacks_count_a_segment_once():
    """shmget and shmat of one segment are the same memory; both are among the calls."""
    script = "$i = shmget(0, 65536, 01600); shmread($i, $x, 0, 1) or die; shmctl($i, 0, 0)"
    record("perl", "-e", script, options=("-q",))
    calls = ("shmget", "shmat")

    def values(*options):
        lines = [line.rsplit(" ", 1) for line in memshim("export", "--format=folded", *options).stdout.splitlines()]
        return {stack.rsplit(";", 1)[1]: int(value) for stack, value in lines if stack.endswith(calls)}
    assert values() == {"shmget": 65536}
    assert values("--counts") == {"shmget": 1, "shmat": 1}
