# SPDX-License-Identifier: MIT
"""
Which tests run at the same time. `make check` has several workers (pytest-xdist); a test marked `alone` measures
time, or looks at all processes of the machine, and runs while no other test of the run does. There are two locks: a
test holds `tests` shared, or exclusively if it is alone. Each takes `turn` first and releases it when it has `tests`,
so a test that waits to be alone is not overtaken again and again.
"""

import contextlib
import fcntl
import os
import pathlib

import pytest

# The longest tests begin first, so that no worker has one left at the end.
LONGEST = ("test_sanitizers.py", "test_two_observers.py::test_x_server", "test_killed.py::test_recorder_killed",
           "test_top_real.py::test_postgresql", "test_protocol.py::test_as_it_is", "test_lints.py::test_all_lints")

# More tests that take long, for -m "not slow".
SLOW = (*LONGEST, "test_bench.py", "test_ledger.py::test_4000_segments", "test_killed.py", "test_many.py", "test_database.py",
        "test_aarch64.py", "test_two_observers.py::test_postgresql", "test_damage.py::test_every_byte_of_the_header",
        "test_damage.py::test_odd_numbers", "test_faults.py::test_recorder", "test_live_readers.py", "test_valgrind",
        "test_walks.py::test_loading_in_threads", "test_walks.py::test_damaged_tables", "test_record.py::test_100_recorders")

alone = pytest.mark.alone


def is_slow(item):
    return any(name in item.nodeid for name in SLOW)


def is_alone(item):
    return item.get_closest_marker("alone") is not None


def sort(items):
    """The longest first; last, in one group, those that run alone."""
    def rank(item):
        if is_alone(item):
            return len(LONGEST) + 1
        return next((i for i, name in enumerate(LONGEST) if name in item.nodeid), len(LONGEST))

    for item in items:
        if is_alone(item):
            item.add_marker(pytest.mark.xdist_group("alone"))
    items.sort(key=rank)


@contextlib.contextmanager
def held(path, how):
    with open(path, "a", encoding="ascii") as file:
        fcntl.flock(file, how)
        yield


@contextlib.contextmanager
def turn(folder, by_itself):
    """Holds the locks while a test runs. A run without workers has one test at a time anyway."""
    if not os.environ.get("PYTEST_XDIST_WORKER"):
        yield
        return
    folder = pathlib.Path(folder)
    with contextlib.ExitStack() as until_test_ends:
        with held(folder / "turn.lock", fcntl.LOCK_EX):
            until_test_ends.enter_context(held(folder / "tests.lock", fcntl.LOCK_EX if by_itself else fcntl.LOCK_SH))
        yield
