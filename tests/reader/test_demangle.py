# SPDX-License-Identifier: MIT
"""Demangled names are those of the source."""

import random

import harness
from harness import record, run

UNIT = str(harness.BUILD / "tests" / "units" / "demangle")

NAMES = {
    "main": "main",
    "_ZN5outer4PoolIiE4takeEi": "outer::Pool<int>::take(int)",
    "_ZNSt6vectorIiSaIiEE9push_backERKi": "std::vector<int, std::allocator<int> >::push_back(int const&)",
    # Rust, as it was
    "_ZN4core3fmt5write17h0123456789abcdefE": "core::fmt::write",
    "_ZN4core3ptr42drop_in_place$LT$alloc..string..String$GT$17h0123456789abcdefE":
        "core::ptr::drop_in_place<alloc::string::String>",
    "_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar17h930b740aa94f1d3aE":
        "<Test + 'static as foo::Bar<Test>>::bar",
    # Rust, as it is: RFC 2603
    "_RNvC6_123foo3bar": "123foo::bar",
    "_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_": "cc::spawn::{closure#0}::{closure#0}",
    "_RNCINkXs25_NgCsbmNqQUJIY6D_4core5sliceINyB9_4IterhENuNgNoBb_4iter8iterator8Iterator9rpositionNCNgNpB9_6memchr7memrchrs_0E0Bb_":
        "<core::slice::Iter<u8> as core::iter::iterator::Iterator>::rposition::<core::slice::memchr::memrchr::"
        "{closure#1}>::{closure#0}",
    "_RINbNbCskIICzLVDPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_ECs1iopQbuBiw2_3std":
        "alloc::alloc::box_free::<dyn alloc::boxed::FnBox<(), Output = ()>>",
    "_RNvMC0INtC8arrayvec8ArrayVechKj7b_E3new": "<arrayvec::ArrayVec<u8, 123>>::new",
    "_RINvC1a1fFUKCRShQcEuE": 'a::f::<unsafe extern "C" fn(&[u8], &mut char)>',
    "_RINvC1a1fTPhOxAmj4_EKb1_Kan7f_E": "a::f::<(*const u8, *mut i64, [u32; 4]), true, -127>",
    "_RINvC1a1fFG_RL0_hERL0_hE": "a::f::<for<'a> fn(&'a u8) -> &'a u8>",
    "_RNvNtC1a1b1c.llvm.1234": "a::b::c",
    "_RNvNvC1a1f1gB_": "a::f::g",
    # neither
    "_R": "_R", "_RNvC": "_RNvC", "_RNvB_1a": "_RNvB_1a", "_Z": "_Z", "_RNvC99999a": "_RNvC99999a",
}


def demangle(*names):
    done = run(UNIT, stdin=None, input="\n".join(names) + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_names():
    assert dict(zip(NAMES, demangle(*NAMES))) == NAMES


def test_names_that_are_damaged():
    """Any name ends in limited time and output, without a crash."""
    chance, letters = random.Random(20261124), "_RNvCIMXYBEKTFGDLspu0123456789abcshjAQOS."
    names = []
    for _ in range(20000):
        name = list(chance.choice([n for n in NAMES if n.startswith("_R")]))
        for _ in range(chance.randrange(1, 6)):
            name[chance.randrange(2, len(name)) if len(name) > 2 else 1] = chance.choice(letters)
        names.append("".join(name))
    assert len(demangle(*names)) == len(names)


def test_a_name_that_multiplies():
    """Each part doubles the text of the one before: the demangler stops in time."""
    pairs = "".join(f"TB{at}_B{at}_E" for at in "0123456789abcdefghijklmnopqrstuvw")
    assert demangle(f"_RINvC1a1f{pairs}E")[0].startswith("_R")


def test_in_a_stack(compile_c):
    """Call stacks have names as in the source of these languages."""
    program = compile_c("mangled", """
        #include <unistd.h>
        #define NAMED(name) __asm__(name) __attribute__((noinline))
        static void take(void) NAMED("_RNvMNtC5moves4poolINtB2_4PoolsE4take");
        static void run(void) NAMED("_ZN5moves3run17h0123456789abcdefE");
        static void fill(void) NAMED("_ZN5outer4PoolIiE4fillEi");
        static void take(void) { sbrk(4096); __asm__ volatile(""); }
        static void run(void) { take(); __asm__ volatile(""); }
        static void fill(void) { run(); __asm__ volatile(""); }
        int main(void) { fill(); }
    """)
    recording = record(program)
    move, = [e for e in recording.calls("--call=sbrk") if e["origin"] == "direct"]
    assert [frame["function"] for frame in move["stack"]][:4] == [
        "<moves::pool::Pool<i16>>::take", "moves::run", "outer::Pool<int>::fill(int)", "main"]
    assert "<moves::pool::Pool<i16>>::take (mangled)" in recording.report_text()
