# SPDX-License-Identifier: MIT
"""
What this machine can do. A test that needs more than every machine has is marked: @needs("time namespaces"). Without
the feature the test is not collected, and the end of the run prints how many tests that were, and why. No test is
skipped. MEMSHIM_TESTS_WITHOUT="32-bit programs,huge pages": the machine counts as one without these.
"""

import collections
import contextlib
import ctypes
import fcntl
import functools
import mmap
import os
import pathlib
import platform
import shutil
import tempfile

import pytest

import harness

HUGE_BYTES, MADV_COLLAPSE = 2 << 20, 25
CLOCK_SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
# Writes "32" by int $0x80 and exits.
PROGRAM_32 = """
__asm__(".globl _start; _start: push $0x3233; mov $4, %eax; mov $1, %ebx; mov %esp, %ecx; mov $2, %edx; int $0x80;"
        "mov $1, %eax; xor %ebx, %ebx; int $0x80");
"""


def needs(*features):
    """The mark of a test that is collected only where all these features exist."""
    assert all(feature in FEATURES for feature in features), features
    return pytest.mark.needs(*features)


@contextlib.contextmanager
def pids_after(number):
    """
    The next process gets the pid after `number`, or a later one. Only one test at a time may do so: else two processes
    of one recording may get the same pid.
    """
    with open(__file__, encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as last:
            last.write(str(number))
        yield


def tried(*argv):
    """None when a command succeeds, else its last line."""
    try:
        done = harness.run(*argv)
    except OSError as error:
        return f"{argv[0]}: {error.strerror}"
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or [f"{argv[0]} failed"])[-1]


def try_root():
    return None if harness.IS_ROOT else "the tests do not run as root"


def try_x86_64():
    return None if platform.machine() == "x86_64" else f"this is {platform.machine()}"


def try_emulator():
    return "the other tests run there natively" if platform.machine() == "aarch64" else None


def try_32_bit():
    """Compiled, and executed: a kernel may have been built without CONFIG_IA32_EMULATION."""
    with tempfile.TemporaryDirectory() as folder:
        source, program = pathlib.Path(folder) / "word32.c", pathlib.Path(folder) / "word32"
        source.write_text(PROGRAM_32, encoding="ascii")
        if tried("cc", "-m32", "-nostdlib", "-static", "-o", program, source):
            return "no compiler for 32-bit programs"
        try:
            return None if harness.run(program).stdout == "32" else "a 32-bit program does not do its work"
        except OSError as error:
            return f"a 32-bit program cannot be executed: {error.strerror}"


def try_ends():
    return None if harness.ENDS_ARE_KEPT else "the kernel keeps no exit status in a pidfd before Linux 6.16"


def try_namespaces(*options):
    """Their use by root; a container may forbid it."""
    return try_root() or tried("unshare", *options, "true")


def try_clock_source():
    return try_namespaces("--mount") or (None if os.path.exists(CLOCK_SOURCE) else "the kernel names no clock source")


def try_huge_pages():
    """Huge pages of a file, on demand: Linux 6.1 and later, if memory is not fragmented."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    with tempfile.TemporaryFile(dir="/dev/shm") as file:
        os.posix_fallocate(file.fileno(), 0, 2 * HUGE_BYTES)
        at = libc.mmap(ctypes.c_void_p(0x7E0000000000), ctypes.c_size_t(2 * HUGE_BYTES), mmap.PROT_READ | mmap.PROT_WRITE,
                       mmap.MAP_SHARED, file.fileno(), ctypes.c_long(0))
        failed = libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(2 * HUGE_BYTES), MADV_COLLAPSE)
        error = ctypes.get_errno()
        libc.munmap(ctypes.c_void_p(at), ctypes.c_size_t(2 * HUGE_BYTES))
    return f"MADV_COLLAPSE on tmpfs: {os.strerror(error)}" if failed else None


def try_unsanitized():
    """Neither under a sanitizer, nor beside a build that is."""
    is_checked = b"__asan_report_" in pathlib.Path(harness.MEMSHIM).read_bytes()
    return "this build is a sanitizer's" if is_checked or harness.BUILD.name in ("asan", "ubsan", "tsan", "sanitized") else None


FEATURES = {
    "root": try_root,
    "x86-64": try_x86_64,
    "an emulator of aarch64": try_emulator,
    "32-bit programs": try_32_bit,
    "ends of processes": try_ends,
    "SO_PEERPIDFD": lambda: None if harness.LINUX >= (6, 5) else "the kernel has no SO_PEERPIDFD before Linux 6.5",
    "call stacks": lambda: None if harness.HAS_STACKS else "no call stacks before glibc 2.35",
    "user namespaces": lambda: try_namespaces("--user", "--map-root-user"),
    "pid namespaces": lambda: try_namespaces("--pid", "--fork"),
    "time namespaces": lambda: try_namespaces("--time", "--boottime", "1", "--fork"),
    "mount namespaces": lambda: try_namespaces("--mount"),
    "net namespaces": lambda: try_namespaces("--net"),
    "a clock source": try_clock_source,
    "huge pages": try_huge_pages,
    "no sanitizer": try_unsanitized,
    "go tool pprof": lambda: None if shutil.which("go") else "go is not installed: scripts/check consumers",
    "promtool": lambda: None if shutil.which("promtool") else "promtool is not installed: scripts/check consumers",
}


@functools.lru_cache(None)
def lacks(feature):
    """None if the feature exists, else why not."""
    if feature in os.environ.get("MEMSHIM_TESTS_WITHOUT", "").split(","):
        return "so MEMSHIM_TESTS_WITHOUT has it"
    return FEATURES[feature]()


def split(items):
    """(those that this machine can run, {why: how many it cannot})"""
    kept, left = [], collections.Counter()
    for item in items:
        missing = [f for mark in item.iter_markers("needs") for f in mark.args if lacks(f)]
        if missing:
            left[f"{missing[0]}: {lacks(missing[0])}"] += 1
        else:
            kept.append(item)
    return kept, left
