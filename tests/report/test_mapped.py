# SPDX-License-Identifier: MIT
"""The account of memory past the break: its sums are the kernel's, and each byte is charged to the site that took it."""

import os
import random
import re

import pytest

import harness
import machine
from harness import Lines, MEMSHIM, Recording, memshim, record, target
from story_model import Story

needs_stacks = machine.needs("call stacks")
PURPOSES = ("direct", "arena", "block", "stack")
KIB, MIB = 1 << 10, 1 << 20


def anonymous_bytes(pid):
    """The private anonymous mappings of a process, except heap and stack."""
    total = 0
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        for line in file:
            begin, end, flags, name = re.match(r"(\w+)-(\w+) (....) \S+ \S+ \S+ *(.*)", line).groups()
            if flags[3] == "p" and (not name or name.startswith("[anon")):
                total += int(end, 16) - int(begin, 16)
    return total


def account_bytes(pid):
    report = Recording(live_segment()).report()
    mapped = next(p for p in report["processes"] if p["pid"] == pid)["mapped"]
    return sum(mapped[purpose]["kept_bytes"] + mapped[purpose]["reserved_bytes"] for purpose in PURPOSES)


def live_segment():
    folder = os.environ["MEMSHIM_DIR"]
    name, = [name for name in os.listdir(folder) if name.endswith(".seg")]
    return os.path.join(folder, name)


def test_sums_are_the_kernels():
    """Byte for byte, while the process waits."""
    with Lines(MEMSHIM, "record", "-q", "-a", "--", target("mapped_memory"), "wait") as lines:
        lines.wait_for("begins")
        pid = next(p["pid"] for p in Recording(live_segment()).report()["processes"] if p["comm"] == "mapped_memory")
        before = anonymous_bytes(pid), account_bytes(pid)
        lines.say("")
        lines.wait_for("done")
        after = anonymous_bytes(pid), account_bytes(pid)
        lines.say("")
        lines.end()
    assert after[0] - before[0] == after[1] - before[1] > 4 * 8 * MIB


ACCOUNT = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#define NOINLINE __attribute__((noinline, noclone))
NOINLINE char *take(size_t bytes)
{
    char *at = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    __asm__ volatile("");
    return at;
}
NOINLINE void give(char *at, size_t bytes) { munmap(at, bytes); __asm__ volatile(""); }
NOINLINE char *grow(char *at) { at = mremap(at, 65536, 4 << 20, MREMAP_MAYMOVE); __asm__ volatile(""); return at; }
NOINLINE void *block(void) { void *at = malloc(1 << 20); __asm__ volatile(""); return at; }
NOINLINE void *work(void *at) { at = malloc(100000); __asm__ volatile(""); return at; }
int main(int argc, char **argv)
{
    pthread_t thread;
    char *a = take(1 << 20), *b = take(65536);
    give(a + 4096, 8192);
    b = grow(b);
    block();
    pthread_create(&thread, 0, work, 0);
    pthread_join(thread, 0);
    if (fork() == 0) {
        give(b, 4 << 20);
        take(12288);
        _exit(0);
    }
    wait(0);
    if (argc > 1)
        execl("/bin/true", "true", (char *)0);
    return 0;
}
"""


def sites_of(recording):
    """(function, call) -> its site, with the sums of all its call stacks."""
    sites = {}
    for site in recording.report()["sites"]:
        first = sites.setdefault((site["where"].split(" ")[0], site["call"]), site)
        for name in ("bytes", "given_back_bytes", "kept_bytes", "peak_bytes") if first is not site else ():
            first[name] += site[name]
    return sites


@pytest.fixture
def account(compile_c):
    return compile_c("account", ACCOUNT, "-pthread")


@needs_stacks
def test_bytes_are_charged_to_the_site_that_took_them(account):
    """A child inherits: what it gives back was not its own. mremap moves what others took."""
    recording = record(account, options=("-a",))
    sites = sites_of(recording)
    took = sites["take", "mmap"]
    assert took["bytes"] == MIB + 64 * KIB + 12 * KIB and took["given_back_bytes"] == 8 * KIB
    assert took["kept_bytes"] == MIB + 64 * KIB - 8 * KIB + 12 * KIB
    grew = sites["grow", "mremap"]
    assert (grew["bytes"], grew["given_back_bytes"], grew["kept_bytes"]) == (4 * MIB - 64 * KIB, 0, 4 * MIB - 64 * KIB)
    block = sites["block", "mmap"]
    assert block["origin"] == "malloc" and block["area"] == "block" and block["kept_bytes"] == MIB + 4 * KIB
    work = sites["work", "mprotect"]
    assert work["area"] == "arena" and 100000 < work["kept_bytes"] < MIB
    stacks = [s for s in sites.values() if s["origin"] == "stack"]
    assert sum(s["kept_bytes"] for s in stacks) >= MIB
    assert not any(s["bytes"] for key, s in sites.items() if key[1] == "munmap")
    parent, child = sorted(recording.report()["processes"], key=lambda p: p["start_ns"])
    assert child["mapped"]["direct"]["kept_bytes"] == parent["mapped"]["direct"]["kept_bytes"] - 4 * MIB + 12 * KIB
    assert child["mapped"]["direct"]["taken_bytes"] == 12 * KIB and child["mapped"]["direct"]["given_back_bytes"] == 0
    assert parent["mapped"]["arena_heaps"] == 1


@needs_stacks
def test_exec_drops_all(account):
    sites = sites_of(record(account, "exec", options=("-a", "-w")))
    assert sites["take", "mmap"]["kept_bytes"] == 12 * KIB, "what the child kept"
    assert sites["take", "mmap"]["peak_bytes"] == MIB + 64 * KIB + 12 * KIB
    assert sites["block", "mmap"]["kept_bytes"] == 0


@needs_stacks
def test_flame_graph_and_page(account):
    recording = record(account, options=("-a",))
    page = recording.report_text()
    assert re.search(r"\nMEMORY .*\n.*KEPT.*PEAK.*TAKEN.*GIVEN BACK.*\n(.*\n){4,5}  Heaps of arenas at the end: 1\n", page), page
    assert memshim("report", "--flame=flame.svg", recording.path).returncode == 0
    with open("flame.svg", encoding="utf-8") as file:
        flame = file.read()
    assert "take" in flame and "grow" in flame and "block" in flame


def test_without_the_option(account):
    recording = record(account)
    assert all(p["mapped"] is None for p in recording.report()["processes"])
    assert "\nMEMORY" not in recording.report_text()


REFUSED = """
#define _GNU_SOURCE
#include <sys/mman.h>
int main(void)
{
    char *at = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int refused = mmap(at, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED;
    refused += mremap(at, 4096, 8192, 0) == MAP_FAILED; /* it cannot grow where it is */
    refused += mmap(0, 1ul << 52, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED;
    refused += mremap(at, 4096, 1ul << 45, MREMAP_MAYMOVE) == MAP_FAILED; /* more than all memory */
    munmap(at, 4096);
    refused += mprotect(at, 8192, PROT_NONE) == -1;
    return refused != 5;
}
"""


def test_refused_mappings(compile_c):
    """Address space that ran out is a finding. What programs try on purpose is none."""
    recording = record(compile_c("refused", REFUSED), options=("-a",))
    findings = {f["text"].split()[1]: f for f in recording.report()["findings"]}
    assert sorted(findings) == ["mmap", "mprotect", "mremap"]
    assert {(f["kind"], f["severity"]) for f in findings.values()} == {("failed-call", "warning")}
    assert all("address space" in findings[call]["text"] for call in ("mmap", "mremap"))
    assert "part of the range is not mapped" in findings["mprotect"]["text"]


THREAD = """
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void *work(void *x)
{
    for (int i = 0; i < 60000; i++)
        memset(malloc(1024), 1, 1024);
    return x;
}
int main(void)
{
    pthread_t thread;
    pthread_create(&thread, 0, work, 0);
    pthread_join(thread, 0);
    puts("done");
    fflush(stdout);
    return getchar() == EOF;
}
"""


@needs_stacks
def test_first_screen_leads_to_the_rest(compile_c):
    """It does not call the break the largest heap, and says how to see more; the next recording shows the caller."""
    program = compile_c("thread", THREAD, "-pthread")
    sampled = lambda: any(f["kind"] == "past-the-break" for f in Recording("memshim.data").report()["findings"])
    for options, verdict in (((), f"  next: memshim record -a -- {program}\n"),
                             (("-a",), "  next: memshim report --flame=heap.svg --exe=thread\n")):
        with Lines(MEMSHIM, "record", "-q", *options, "--", program) as lines:
            lines.wait_for("done")
            harness.wait_until(sampled, "the recorder sampled it")
            lines.say("")
            lines.end()
        page = Recording("memshim.data").report_text()
        assert "M past the break" in page and verdict in page and "largest heap" not in page
        assert " anonymous; the break is up to 0 %" in page
    assert re.search(r"\n *\d+(\.\d)?M .* mprotect +arena +work \(thread\)\n", page), page
    assert re.search(r"\n *\d+(\.\d)?M .*malloc: arenas of threads\n", page), page


PAGE = 4096


class Pages:
    """The same account, page by page: page -> (site, accessible)."""

    def __init__(self):
        self.pages, self.taken = {}, {}

    def take(self, page, site):
        self.pages[page] = (site, True)
        self.taken[site] = self.taken.get(site, 0) + PAGE

    def map(self, site, first, count):
        for page in range(first, first + count):
            self.take(page, site)

    def unmap(self, _, first, count):
        for page in range(first, first + count):
            self.pages.pop(page, None)

    def protect(self, site, first, count, accessible):
        for page in range(first, first + count):
            if page in self.pages and self.pages[page][1] != accessible:
                self.pages[page] = (site, False)
                if accessible:
                    self.take(page, site)

    def remap(self, site, first, old, new, to):
        known = first in self.pages
        accessible = known and self.pages[first][1]
        moved = [self.pages.pop(page, None) for page in range(first, first + old)][:new]
        for page in range(to, to + new):
            self.pages.pop(page, None)
        if not known:
            return
        self.pages.update({to + i: page for i, page in enumerate(moved) if page})
        for page in range(to + len(moved), to + new):
            if accessible:
                self.take(page, site)
            else:
                self.pages[page] = (site, False)

    def kept(self, site):
        return sum(PAGE for of, accessible in self.pages.values() if of == site and accessible)


@pytest.mark.parametrize("seed", range(40))
def test_random_calls(seed):
    """The pieces of the model and a table of all pages agree about each site."""
    rng, story, pages = random.Random(seed), Story().process(1, end=5000), Pages()
    for at_ms in range(1, 300):
        site, first, count = rng.randint(1, 6), rng.randrange(60), rng.randint(1, 12)
        kind = rng.choice(("map", "map", "unmap", "protect", "remap"))
        site += 10 * ("map", "unmap", "protect", "remap").index(kind)  # calls of one kind and stack are a site
        words = {"protect": [rng.randrange(2)], "remap": [rng.randint(1, 12) * PAGE, rng.choice((first, 100 + rng.randrange(60))) * PAGE]}
        more = words.get(kind, [])
        if kind == "remap" and not all(page in pages.pages for page in range(first, first + count)):
            continue  # the kernel refuses it
        story.tell(kind, 1, at_ms, site, first * PAGE, count * PAGE, *more)
        getattr(pages, kind)(site, first, count, *(word // PAGE if kind == "remap" else bool(word) for word in more))
    sites = story.conclusions().sites
    assert {site: (kept, taken) for site, (kept, _, taken) in sites.items() if taken} == {
        site: (pages.kept(site), taken) for site, taken in pages.taken.items()}
