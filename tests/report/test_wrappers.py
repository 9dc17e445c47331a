# SPDX-License-Identifier: MIT
"""Call sites name the function that wanted memory, and not the wrapper of malloc that it called."""

import json
import os

import pytest

import harness
from harness import memshim, record

HEAD = """
    #include <stdlib.h>
    #include <string.h>
    #define OWN __attribute__((noinline)) static void
    #define TAKE { void *p = malloc(n); if (!p) abort(); return memset(p, 1, 100); }
    #define GET(name) __attribute__((noinline)) static void *name(size_t n) TAKE
    static void *last;
    #define USER(name, get, count) OWN name(void) { for (int i = 0; i < count; i++) last = get(10000); __asm__ volatile(""); }
"""


def kept(program, *options):
    """Maps the place of each call site to the bytes that it kept."""
    record(program, options=("-q",))
    return kept_again(*options)


def kept_again(*options):
    found = {}
    for site in json.loads(memshim("report", "--json", *options).stdout)["sites"]:
        if site["kept_bytes"]:
            found[site["where"]] = found.get(site["where"], 0) + site["kept_bytes"]
    return found


@pytest.fixture
def program(compile_c):
    return lambda name, body: compile_c(name, HEAD + body, "-g", "-O1")


def test_a_wrapper_by_name(program):
    """Two users of one wrapper have rows of their own."""
    wraps = program("wraps", """
        GET(xmalloc) USER(parse, xmalloc, 900) USER(print, xmalloc, 20)
        int main(void) { print(); parse(); return last == 0; }""")
    found = kept(wraps)
    assert set(found) == {"parse ← xmalloc (wraps)", "print ← xmalloc (wraps)"}
    assert found["parse ← xmalloc (wraps)"] > 30 * found["print ← xmalloc (wraps)"]
    page = memshim("report", env={"LC_ALL": "C.UTF-8"}).stdout
    assert page.index("parse ← xmalloc") < page.index("print ← xmalloc")
    assert "parse < xmalloc" in memshim("report", env={"LC_ALL": "C"}).stdout


def test_wrappers_of_wrappers(program):
    """All of them are passed over; the one that the function called is named."""
    wraps = program("wraps", """
        GET(my_alloc)
        __attribute__((noinline)) static void *xcalloc(size_t n) { return memset(my_alloc(n), 2, 10); }
        USER(parse, xcalloc, 100)
        int main(void) { parse(); return last == 0; }""")
    assert set(kept(wraps)) == {"parse ← xcalloc (wraps)"}


OBTAIN = "GET(obtain) USER(one, obtain, 100) USER(two, obtain, 200) USER(three, obtain, 300)"


def test_a_wrapper_by_what_the_log_shows(program):
    """Three functions reach malloc through one that is in no call stack for anything else."""
    assert set(kept(program("wraps", OBTAIN + "int main(void) { one(); two(); three(); return last == 0; }"))) == {
        f"{name} ← obtain (wraps)" for name in ("one", "two", "three")}


@pytest.mark.parametrize("body", [
    pytest.param(OBTAIN + "int main(void) { one(); two(); return last == 0; }", id="two callers"),
    pytest.param("""
        GET(obtain2) USER(one, obtain2, 100) USER(two, obtain2, 200) USER(three, obtain2, 300)
        OWN obtain(int which) { if (which == 0) one(); else if (which == 1) two(); else if (which == 2) three();
            else for (int i = 0; i < 100; i++) last = malloc(10000); __asm__ volatile(""); }
        OWN a(void) { obtain(3); obtain(0); __asm__ volatile(""); } OWN b(void) { obtain(3); obtain(1); __asm__ volatile(""); }
        OWN c(void) { obtain(3); obtain(2); __asm__ volatile(""); }
        int main(void) { a(); b(); c(); return last == 0; }""", id="it calls other functions, too"),
])
def test_no_wrapper(program, body):
    found = kept(program("sound", body))
    assert "obtain (sound)" in found and not [where for where in found if where.endswith("← obtain (sound)")]


def test_no_function_but_wrappers(program):
    """Where nothing but a wrapper is known, it is named itself."""
    assert set(kept(program("lonely", "int main(void) { for (int i = 0; i < 100; i++) last = malloc(10000); return last == 0; }"))) == {
        "main (lonely)"}


def test_names_that_the_user_adds(program, tmp_path):
    wraps = program("wraps", OBTAIN + "int main(void) { one(); two(); return last == 0; }")
    assert set(kept(wraps)) == {"obtain (wraps)"}
    names = tmp_path / "names"
    names.write_text("# ours\n\n  obt*  \n", encoding="utf-8")
    for option in ("--wrapper=obtain", "--wrapper=obt*", f"--wrapper-file={names}"):
        assert set(kept_again(option)) == {
            "one ← obtain (wraps)", "two ← obtain (wraps)"}
    missing = memshim("report", f"--wrapper-file={tmp_path}/none")
    assert missing.returncode == 1 and "No such file" in missing.stderr


@pytest.mark.skipif(not harness.IS_ROOT, reason="only root can make a file of another user")
def test_a_file_of_another_user_is_refused(program, tmp_path):
    record(program("wraps", OBTAIN + "int main(void) { one(); return last == 0; }"), options=("-q",))
    names = tmp_path / "names"
    names.write_text("obtain\n", encoding="utf-8")
    os.chown(names, 12345, 12345)
    refused = memshim("report", f"--wrapper-file={names}")
    assert refused.returncode == 1 and "belongs to another user" in refused.stderr and not refused.stdout
    for options in ((f"--wrapper-file={names}", "--foreign"), ("--foreign", f"--wrapper-file={names}")):
        assert "one ← obtain  wraps.c" in memshim("report", *options).stdout
