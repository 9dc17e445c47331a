# SPDX-License-Identifier: MIT
"""The question before a removal is about one object of one session, and not about another one in its place."""

import pytest

import harness
from harness import record, target
from story import kernel_rows
from test_top import top


def leak(key):
    """A recording of a session that left one segment; the segment's id."""
    before = set(kernel_rows())
    record("sh", "-c", f"printf 'get {key} 8192 03600\\n' | {target('ledger')}", options=("-q",))
    shmid, = set(kernel_rows()) - before
    return shmid


@pytest.fixture
def asked():
    """A screen that asks whether to remove what the first session left."""
    shmid = leak(77)
    with top("--view=segments", "memshim.data") as screen:
        screen.wait_for("leaked", str(shmid))
        screen.type("x")
        screen.wait_for(f"Remove segment {shmid} (8K)? y removes it")
        yield screen, shmid
    for left in kernel_rows():
        harness.libc.shmctl(left, 0, None)


def test_another_session_withdraws_it(asked):
    screen, first = asked
    second = leak(78)
    screen.wait_for("a new session has begun here", str(second))
    screen.type("y", "4", "2")
    screen.wait_for("SHMID", str(second))
    assert {first, second} <= set(kernel_rows())


def test_another_session_with_the_same_key_and_size_withdraws_it(asked):
    screen, first = asked
    harness.libc.shmctl(first, 0, None)
    second = leak(77)
    screen.wait_for("a new session has begun here", str(second))
    screen.type("y", "4", "2")
    screen.wait_for("SHMID", str(second))
    assert second in kernel_rows()


def test_any_other_key_withdraws_it(asked):
    screen, first = asked
    screen.type("j")
    screen.wait_for("nothing was removed")
    screen.type("y", "4", "2")
    screen.wait_for("SHMID")
    assert first in kernel_rows()


def test_yes_removes_what_it_asked_about(asked):
    screen, first = asked
    screen.type("y")
    screen.wait_for(f"segment {first} was removed")
    assert first not in kernel_rows()


def test_another_segment_with_the_key_is_kept(asked):
    """The kernel has another segment under that key now, and the session ended long ago."""
    screen, first = asked
    harness.libc.shmctl(first, 0, None)
    second = harness.libc.shmget(77, 8192, 0o3600)
    screen.wait_for("removed since")
    screen.type("y", "4", "2")
    screen.wait_for("SHMID")
    assert kernel_rows().keys() == {second}
