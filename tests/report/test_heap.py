# SPDX-License-Identifier: MIT
"""Who keeps the heap: the break is last in, first out, so the log tells whose growth is left."""

import random

from harness import memshim, record
from story_model import Story

MIB = 1 << 20


def test_last_in_first_out():
    """A shrink gives back the newest growth, whichever call site added it."""
    story = Story().process(1, current=100, peak=300)
    story.moves(1, (7, 0, 100), (8, 100, 300), (9, 300, 100))
    seen = story.conclusions()
    assert seen.sites == {7: (100, 100, 100), 8: (0, 200, 200), 9: (0, 0, 0)}
    assert seen.unknown == (0, 0)


def test_part_of_a_piece():
    story = Story().process(1, current=150, peak=300)
    story.moves(1, (7, 0, 100), (8, 100, 300), (9, 300, 150))
    assert story.conclusions().sites == {7: (100, 100, 100), 8: (50, 200, 200), 9: (0, 0, 0)}


def test_the_peak_is_the_highest_break_and_not_the_end():
    story = Story().process(1, current=250, peak=300)
    story.moves(1, (7, 0, 100), (8, 100, 300), (9, 300, 50), (7, 50, 250))
    assert story.conclusions().sites == {7: (250, 100, 300), 8: (0, 200, 200), 9: (0, 0, 0)}


def test_a_later_peak_forgets_the_earlier_one():
    story = Story().process(1, current=0, peak=400)
    story.moves(1, (7, 0, 300), (9, 300, 0), (8, 0, 400), (9, 400, 0))
    assert story.conclusions().sites == {7: (0, 0, 300), 8: (0, 400, 400), 9: (0, 0, 0)}


def test_against_a_byte_for_byte_replay():
    """Random walks of the break: each byte is replayed on its own."""
    luck = random.Random(17)
    for _ in range(60):
        heap, peak, moves, grown = [], [], [], {}
        for _ in range(luck.randrange(1, 60)):
            before, stack = len(heap), luck.randrange(1, 6)
            after = luck.randrange(0, 50)
            moves.append((stack, before, after))
            grown[stack] = grown.get(stack, 0) + max(0, after - before)
            heap = heap[:after] + [stack] * (after - before)
            peak = list(heap) if len(heap) > len(peak) else peak
        story = Story().process(1, current=len(heap), peak=len(peak)).moves(1, *moves)
        assert story.conclusions().sites == {stack: (heap.count(stack), peak.count(stack), grown[stack]) for stack in grown}


def test_a_child_inherits():
    """What a child gives back of its parent's heap is not its own; what it adds is."""
    story = Story().process(1, current=300, peak=300).moves(1, (7, 0, 300))
    story.process(2, initial=300, current=250, peak=300).fork(2, 1)
    story.moves(2, (9, 300, 100), (8, 100, 250))
    assert story.conclusions().sites == {7: (300, 300, 300), 8: (150, 0, 150), 9: (0, 0, 0)}


def test_exec_drops_the_heap():
    story = Story().process(1, current=300, peak=300).moves(1, (7, 0, 300)).exec(1)
    story.process(2, current=50, peak=50).moves(2, (8, 0, 50))
    assert story.conclusions().sites == {7: (0, 300, 300), 8: (50, 50, 50)}


def test_moves_that_the_log_lost_are_unknown():
    """Events before the first one of the log, in a gap and after the last one."""
    story = Story().process(1, current=700, peak=700).lost(3)
    story.moves(1, (7, 200, 300), (8, 500, 600))
    seen = story.conclusions()
    assert seen.sites == {7: (100, 0, 100), 8: (100, 0, 100)}
    assert seen.unknown == (500, 700), "a peak after the last event may have had other pieces"


def test_a_move_without_a_stack_is_unknown():
    story = Story().process(1, current=300, peak=300).moves(1, (0, 0, 100), (7, 100, 300))
    seen = story.conclusions()
    assert seen.sites == {7: (200, 200, 200)} and seen.unknown == (100, 100)


RETAINED = """
    #include <unistd.h>
    #define OWN __attribute__((noinline)) static void
    OWN passes(void) { for (int i = 0; i < 40; i++) { sbrk(1 << 20); sbrk(-(1 << 20)); } __asm__ volatile(""); }
    OWN keeps(void) { for (int i = 0; i < 10; i++) sbrk(1 << 20); __asm__ volatile(""); }
    int main(void) { passes(); keeps(); passes(); }
"""


def test_the_place_that_keeps_comes_first(compile_c, tmp_path):
    recording = record(compile_c("keeper", RETAINED, "-g", "-O1"))
    first = recording.report()["sites"][0]
    assert first["where"].startswith("keeps") and first["kept_bytes"] == first["peak_bytes"] == 10 * MIB
    text = memshim("report", recording.path).stdout
    assert text.index("keeps ", text.index("CALL SITES")) < text.index("passes ", text.index("CALL SITES"))

    def flame(*options):
        path = tmp_path / "flame.svg"
        assert memshim("report", f"--flame={path}", *options, recording.path).returncode == 0
        return path.read_text(encoding="utf-8")

    assert "keeps" in flame() and "passes" not in flame(), "by default, what was kept"
    assert "passes" in flame("--flame-of=grown")
    assert "Who had memory at the peak: 11M" in flame("--flame-of=peak")
    refused = memshim("report", "--flame-of=most", recording.path)
    assert refused.returncode == 2 and "kept, peak, grown or shm" in refused.stderr


def test_a_segment_that_exists_is_kept_by_its_creator(compile_c):
    recording = record(compile_c("creator", """
        #include <sys/shm.h>
        __attribute__((noinline)) static int make(void) { int id = shmget(IPC_PRIVATE, 1 << 20, 0600); __asm__ volatile(""); return id; }
        __attribute__((noinline)) static void drop(void) { shmctl(make(), IPC_RMID, 0); __asm__ volatile(""); }
        int main(void) { drop(); drop(); make(); }
    """, "-g", "-O1"))
    try:
        kept = [site["kept_bytes"] for site in recording.report()["sites"] if site["call"] == "shmget"]
        assert max(kept) == sum(kept) == MIB
    finally:
        memshim("reap", "--force", recording.path)
