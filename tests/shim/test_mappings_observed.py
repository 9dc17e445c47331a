# SPDX-License-Identifier: MIT
"""
`record --anonymous`: strace and memshim see the same mmap, munmap, mremap and mprotect calls of real programs. Without the
option, the code of libc's functions is as it was.
"""

import os
import re

import pytest

import harness
import mapping_observer
from harness import need, record, run, target

PYTHON = "import json, threading; x = [[i] * 100 for i in range(20000)]; del x; threading.Thread(target=bytearray, args=(1 << 22,)).start()"
LIBRARIES = "/usr/lib/x86_64-linux-gnu/"


def purposes(recording):
    """(origin, area) -> how many successful mmaps of private anonymous memory."""
    found = {}
    for event in recording.events("--call=mmap"):
        if event["errno"] is None and {"MAP_PRIVATE", "MAP_ANONYMOUS"} <= {*event["args"]["flags"]}:
            purpose = event["origin"], event.get("area")
            found[purpose] = found.get(purpose, 0) + 1
    return found


def test_each_call():
    """By name, by libc's entries, by syscall(2), from malloc and threads, and in a child."""
    recording, count = mapping_observer.watch(target("mapped_memory"))
    assert recording.result.stdout == "" and count > 40
    found = purposes(recording)
    assert found["stack", None] == 4 and found["malloc", "arena"] and found["malloc", "block"]
    ended = {(e["call"], e.get("origin"), e.get("area")) for e in recording.events("--call=munmap,mremap,mprotect")
             if e["errno"] is None}
    assert ended >= {("munmap", "direct", None), ("munmap", "malloc", "arena"), ("munmap", "malloc", "block"), ("munmap", None, None),
                     ("mremap", "direct", None), ("mprotect", "stack", None), ("mprotect", "malloc", "arena")}, ended
    refused = {(e["call"], e["errno"], e["kernel"]) for e in recording.events("-Z")}
    assert refused >= {("mmap", "EEXIST", True), ("mmap", "EINVAL", False), ("mmap", "EINVAL", True), ("munmap", "EINVAL", True),
                       ("mremap", "EINVAL", True), ("mremap", "EINVAL", False), ("mprotect", "EINVAL", True)}
    parent = next(p for p in recording.report()["processes"] if p["image"] == 0 and p["calls"]["mprotect"]["ok"])
    assert parent["calls"]["madvise"] == {"ok": 3 + 4, "failed": 1}


@pytest.mark.parametrize("command", [
    ("/usr/bin/python3", "-c", PYTHON),
    ("perl", "-e", "my @x = map { 'y' x 2000000 } 1 .. 20; my %h = map { $_ => [1 .. 50] } 1 .. 5000;"),
    ("php", "-r", "$x = range(1, 200000); unset($x);"),
    ("node", "-e", "let x = []; for (let i = 0; i < 1e6; i++) x.push({i})"),
    ("java", "-Xmx128m", "-version"),
], ids=lambda command: os.path.basename(command[0]))
def test_real_programs(command):
    need(command[0])
    mapping_observer.watch(*command)


def test_chromium():
    """Processes of several kinds, which the browser kills at its end."""
    need("chromium")
    _, count = mapping_observer.watch("chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={os.getcwd()}/profile",
                                      "--dump-dom", "data:text/html,<p>text", options=("-w",), killed=True)
    assert count > 1000


def test_sort(tmp_path):
    """It sorts in several threads."""
    (tmp_path / "lines").write_text("".join(f"{i * 7919 % 100003} text\n" for i in range(200000)))
    recording, count = mapping_observer.watch("sort", "--parallel=4", "-S", "64M", "-o", "sorted", "lines", env={"LC_ALL": "C"})
    assert count > 3 and purposes(recording)["stack", None]


@pytest.mark.parametrize("library", ["libjemalloc.so.2", "libtcmalloc_minimal.so.4"])
def test_other_allocators(library):
    """Their mappings are direct: libc's malloc did not make them."""
    if not os.path.exists(LIBRARIES + library):
        pytest.fail(f"{library}: not installed: run scripts/check")
    recording, _ = mapping_observer.watch("/usr/bin/python3", "-c", PYTHON, env={"LD_PRELOAD": LIBRARIES + library})
    if library.startswith("libjemalloc"):
        assert purposes(recording)["direct", None] and ("malloc", "arena") not in purposes(recording)
        allocators = {site["allocator"] for site in recording.report()["sites"] if site["call"] == "mmap" and site["bytes"]}
        assert "jemalloc" in allocators and re.search(r" mmap +jemalloc ", recording.report_text("--all"))


CODE = r"""
#include <dlfcn.h>
#include <stdio.h>
int main(void)
{
    const char *const names[] = {"mmap", "mmap64", "munmap", "mremap", "mprotect", "madvise", "brk"};
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    for (int i = 0; i < 7; i++) {
        unsigned char *code = dlsym(libc, names[i]);
        printf("%s %d ", names[i], dlsym(RTLD_DEFAULT, names[i]) == code);
        for (int k = 0; k < 20; k++)
            printf("%02x", code[k]);
        puts("");
    }
}
"""


def test_without_the_option_nothing_changes(compile_c):
    """The functions have their own code, and their names lead to it: a call takes not even a branch more."""
    program = compile_c("code", CODE, "-O1")
    plain = run(program).stdout.splitlines()
    watched = record(program).result.stdout.splitlines()
    assert plain[:6] == watched[:6] and all(line.split()[1] == "1" for line in watched[:6])
    assert plain[6] != watched[6]
    full = record(program, options=("-a",)).result.stdout.splitlines()
    assert not {*plain} & {*full[:6]} and all(line.split()[1] == "1" for line in full[:6])
    recording = record(target("mapped_memory"))
    for process in recording.report()["processes"]:
        assert not any(sum(process["calls"][call].values()) for call in harness.MAPPING_CALLS)
    assert not recording.events("--call=mmap,munmap,mremap,mprotect")


def test_result_is_the_same():
    assert run(target("mapped_memory")).returncode == 0
    assert record(target("mapped_memory"), options=("-a", "-k", 0)).result.stdout == ""


def test_by_hand():
    """The session's creator decides. With MEMSHIM_PATCH=0, no call is seen."""
    shim = {"LD_PRELOAD": harness.SHIM}
    for session, seen, environment in (("on", True, {"MEMSHIM_ANONYMOUS": "1"}), ("off", False, {}),
                                       ("code", False, {"MEMSHIM_ANONYMOUS": "1", "MEMSHIM_PATCH": "0"})):
        done = run(target("mapped_memory"), env={**shim, "MEMSHIM_SESSION": session, **environment})
        assert done.returncode == 0, done
        recording = harness.Recording(os.path.join(os.environ["MEMSHIM_DIR"], session + ".seg"))
        assert bool(recording.events("--call=mmap")) == seen


def test_log_wraps(compile_c):
    """The counters are exact when the log is not."""
    program = compile_c("maps", """
        #include <sys/mman.h>
        int main(void)
        {
            for (int i = 0; i < 5000; i++)
                if (munmap(mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 8192))
                    return 1;
            return 0;
        }""")
    recording = record(program, options=("-a", "--log-size=8K"))
    process = recording.process(image=0)
    assert process["calls"]["mmap"]["ok"] >= 5000 and process["calls"]["munmap"] == {"ok": 5000, "failed": 0}
