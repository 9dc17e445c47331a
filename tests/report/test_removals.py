# SPDX-License-Identifier: MIT
"""Which process removed a segment of another session, and which segment got its key afterwards."""

import re

import pytest

import harness
import machine
from harness import Lines, Recording, memshim, run, target
from story import IPC_CREAT, KEY, Teller, kernel_rows, recorded

needs_root = machine.needs("root")


def findings(*kinds):
    return [f for f in Recording("memshim.data").report()["findings"] if f["kind"] in kinds]


def cleaner(compile_c, shmid, stat=True):
    """Removes an id that it did not create, as a clean-up routine that runs too early."""
    program = compile_c("cleaner", f"""
    #include <sys/shm.h>
    int main(void)
    {{
        struct shmid_ds d;
        return ({int(stat)} && shmctl({shmid}, IPC_STAT, &d) < 0) || shmctl({shmid}, IPC_RMID, 0) < 0;
    }}
    """)
    return harness.record(program, options=("-q",))


@needs_root
@pytest.mark.parametrize("stat", [True, False])
def test_removing_a_foreign_segment_in_use_is_a_warning(compile_c, stat):
    """The owner, outside the session, still has it attached: a warning with the remover's call stack and the creator."""
    with Lines(target("ledger")) as owner:
        shmid = Teller(owner).get(0x1234, 4096)
        Teller(owner).tell("at")
        recording = cleaner(compile_c, shmid, stat)
        finding, = findings("removed-strangers-object")
        assert (finding["severity"], finding["shmid"], finding["pid"]) == (
            "warning", shmid, recording.report()["processes"][0]["pid"])
        assert f"cleaner ({finding['pid']}) removed segment {shmid}, 4K, which this session did not create" in finding["text"]
        assert f"(created by ledger ({owner.process.pid})); 1 attachment was still in use then" in finding["text"]
        assert any(f["function"] == "main" for f in finding["stack"])
        assert kernel_rows()[shmid]["perms"] & 0o1000
        owner.end()


@needs_root
def test_removing_an_unused_foreign_segment_is_a_note(compile_c):
    """A server removes the unused segment of its predecessor: a note."""
    assert run("ipcmk", "-M", "8192").returncode == 0
    shmid, = kernel_rows()
    cleaner(compile_c, shmid)
    finding, = findings("removed-strangers-object")
    assert finding["severity"] == "note" and finding["text"].endswith("no other process had it attached")


def test_removing_a_segment_of_the_session_is_no_finding():
    """One process of the session creates it, another removes it: no finding."""
    with recorded() as lines:
        program = Teller(lines)
        program.get()
        program.tell("at")
        program.tell("fork")
        program.tell("rm")
        lines.end()
    assert not findings("removed-strangers-object", "removed-by-other")


@needs_root
def test_outsider_removes_what_is_attached():
    """The kernel marked the segment, and the log has no IPC_RMID: reported live, and also when another segment got the key."""
    with recorded() as lines:
        program = Teller(lines)
        first = program.get(KEY, 4096)
        program.tell("at")
        assert not findings("removed-by-other")
        assert run("ipcrm", "-m", first).returncode == 0
        finding, = findings("removed-by-other")
        assert (finding["severity"], finding["shmid"]) == ("warning", first)
        assert "was removed by a process outside the session while 1 attachment was in use" in finding["text"]
        second = program.get(KEY, 4096, IPC_CREAT | 0o600)
        assert second != first
        finding, = findings("removed-by-other")
        assert re.search(rf"segment {second} had the same key afterwards$", finding["text"]) or (
            f"segment {second} was then created under the same key by ledger" in finding["text"])
        history = memshim("report", "-m", first).stdout
        assert re.search(rf"Segment {second}, created by ledger \(\d+\) at \d+\.\d+, has had this key since\.", history)
        assert re.search(rf"Segment {first}, created by ledger .*, had this key before\.", memshim("report", "-m", second).stdout)
        program.tell("rm")
        lines.end()
    finding, = findings("removed-by-other")
    assert finding["shmid"] == first and "while 1 attachment was in use" in finding["text"]


@needs_root
def test_same_key_after_a_removal():
    """The report links a segment that the session removed to the next one with its key."""
    with recorded("sh", "-c", f"{target('ledger')}; exec perl -e '$| = 1; $i = shmget({KEY}, 0, 0); shmctl($i, 0, 0);"
                  f"$j = shmget({KEY}, 4096, 03600); print \"$i $j\\n\"; <STDIN>; shmctl($j, 0, 0)'") as lines:
        shmid = Teller(lines).get(KEY, 4096)
        Teller(lines).tell_last("exit 0")
        first, second = map(int, lines.process.stdout.readline().split())
        assert first == shmid
        lines.say("x")
        lines.end()
    finding, = findings("removed-by-other")
    assert finding["severity"] == "note"
    assert re.search(rf"segment {first}, created by ledger, was removed by perl \(\d+\); segment {second} was then created "
                     r"under the same key by perl \(\d+\)", finding["text"])


# ---- failed calls ----


def failures(call):
    return [f["text"] for f in findings("failed-call") if f": {call} failed" in f["text"]]


def perl(script):
    return harness.record("perl", "-e", script, options=("-q",))


@needs_root
def test_failed_removal_is_explained():
    """The report names the process that removed it, and when; or that no call in the log did."""
    recording = perl("$i = shmget(0, 4096, 01600); if (!fork) { shmctl($i, 0, 0); exit } wait; shmctl($i, 0, 0); $x = '';"
                     "shmctl($i, 2, $x)")
    child = recording.report()["processes"][-1]["pid"]
    text, = failures("shmctl")
    assert re.search(rf"shmctl failed 2 times with EINVAL; the first time: segment \d+ was removed \S+ \S+ before this call "
                     rf"by perl \({child}\)", text)
    perl("$i = shmget(0, 4096, 01600); system('env -u LD_PRELOAD ipcrm -m ' . $i); shmctl($i, 0, 0)")
    text, = failures("shmctl")
    assert re.search(r"segment \d+, created by perl \(\d+\) .* before this call, is gone; the log has no IPC_RMID of it", text)
    perl("shmctl(123456, 0, 0)")
    assert "no segment has the id 123456" in failures("shmctl")[0]


def set_limit(name, value):
    with open(f"/proc/sys/kernel/{name}", "w", encoding="ascii") as limit:
        limit.write(str(value))


@needs_root
def test_request_above_shmall_blames_no_program():
    """A request above kernel.shmall names no program as the cause."""
    set_limit("shmall", 20)
    for more in (False, True):
        if more:
            assert run("ipcmk", "-M", "4096").returncode == 0
        perl("shmget(0, 1 << 20, 01600)")
        text, = failures("shmget")
        assert text.endswith("the call asked for 256 pages, more than the 20 that kernel.shmall allows for all segments together")
    perl("shmget(0, 20 * 4096, 01600)")
    text, = failures("shmget")
    assert re.search(r"the call asked for 20 pages, and 1 of the 20 that kernel.shmall allows are in use; 1 of them, the most, by "
                     r"pid \d+, which had ended", text)
