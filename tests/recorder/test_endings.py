# SPDX-License-Identifier: MIT
"""
The end of each process is known, even if the recorder asks late: here it is stopped while processes register, end,
and are waited for by their parents.
"""

import os
import pathlib
import signal
import socket
import struct

import pytest

import harness
import machine
from beside import needs_root
from harness import Lines, Recording, target, wait_until
from story import Teller, kernel_rows

pytestmark = machine.needs("ends of processes")
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

# A child for each word: N: _exit(N), -N: signal N; with "sh" before it, in a program of its own.
PARENT = r"""
use POSIX;
$| = 1;
print "ready\n";
<STDIN>;
for my $how (@ARGV) {
    my $pid = fork // die;
    if (!$pid) {
        exec("sh", "-c", $1 < 0 ? "kill $1 \$\$" : "exit $1") if $how =~ /^sh(.*)/;
        chroot("/proc/self") or die if $how eq "chroot";
        POSIX::setuid(65534) if $how eq "setuid";
        kill(-$how, $$) if $how < 0;
        POSIX::_exit($how =~ /^\d+$/ ? $how : fork // 9 ? 7 : 8);
    }
    waitpid($pid, 0);
}
print "done\n";
<STDIN>;
"""


def state_of(recorder):
    with open(f"/proc/{recorder}/stat", encoding="ascii") as stat:
        return stat.read().rpartition(")")[2].split()[0]


def stopped(recorder):
    os.kill(recorder, signal.SIGSTOP)
    wait_until(lambda: state_of(recorder) == "T", "it is stopped")


def told_while_stopped(*hows, wrapper=(), meanwhile=lambda: None):
    """The report of a recorder that was stopped during the run; `meanwhile` is called before and after the ends."""
    with Lines(harness.MEMSHIM, "record", "-q", *wrapper, "perl", "-e", PARENT, *hows) as lines:
        lines.wait_for("ready")
        stopped(lines.process.pid)
        meanwhile()
        lines.say()
        lines.wait_for("done")
        meanwhile()
        os.kill(lines.process.pid, signal.SIGCONT)
        assert lines.end() == (0, "")
    assert not os.listdir(os.environ["MEMSHIM_DIR"])
    return Recording("memshim.data").report()


def ends(report):
    return [(p["state"], p["exit_status"], p["signal"]) for p in report["processes"]]


def test_unseen_ends():
    report = told_while_stopped("3", "-9", "0", "-15", "sh5", "sh-9", "-11")
    assert ends(report)[0] == ("exited", 0, None)
    assert sorted(map(str, ends(report)[1:])) == sorted(map(str, [
        ("exited", 3, None), ("killed", None, 9), ("exited", 0, None), ("killed", None, 15), ("exec", None, None),
        ("exited", 5, None), ("exec", None, None), ("killed", None, 9), ("killed", None, 11)]))


def test_many_unseen_ends():
    """More ends than a short queue holds: each belongs to the right process."""
    report = told_while_stopped(*(str(i % 251) for i in range(600)))
    assert sorted(status for _, status, _ in ends(report)[1:]) == sorted(i % 251 for i in range(600))
    assert {state for state, _, _ in ends(report)} == {"exited"}


@needs_root
@pytest.mark.parametrize("how,wrapper", [("chroot", ()), ("setuid", ()), ("7", ("unshare", "-n")), ("7", ("unshare", "-pf"))])
def test_unseen_ends_elsewhere(how, wrapper):
    """A process that sees other files, or has other rights, another network or other pids, still connects."""
    report = told_while_stopped(how, wrapper=wrapper)
    assert ("exited", 7, None) in ends(report)
    assert {p["state"] for p in report["processes"] if p["end_ns"] is not None} <= {"exited", "exec"}


def test_more_processes_than_descriptors():
    """The recorder uses all descriptors that it may, and COMMAND keeps its own limit."""
    perl = ('pipe(R, W); for my $i (1 .. 150) { if (!fork) { close W; sysread R, my $x, 1; kill 9, $$ } } close W; 1 while wait != -1')
    script = f"ulimit -Sn; perl -e '{perl}'; exit 6"
    done = harness.run("bash", "-c", 'ulimit -Sn 40; exec "$@"', "bash", harness.MEMSHIM, "record", "-q", "bash", "-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (6, "40\n", "")
    forked = [p for p in Recording("memshim.data").report()["processes"] if p["forked"] and p["comm"] == "perl"]
    assert [(p["state"], p["signal"]) for p in forked if p["state"] != "exec"] == [("killed", 9)] * 150


def descriptors(recorder):
    return len(os.listdir(f"/proc/{recorder}/fd"))


def test_callers_who_never_register():
    """Connections that never register are dropped, and do not affect later ones."""
    script = '$| = 1; print "ready\n"; while (<STDIN>) { system("true"); print "ran\n" }'
    with Lines(harness.MEMSHIM, "record", "-q", "perl", "-e", script) as lines:
        recorder = lines.process.pid
        lines.wait_for("ready")
        session = harness.memshim("ls", "--no-headings").stdout.split()[0]
        before = descriptors(recorder)
        stopped(recorder)
        for _ in range(100):
            call(session, b"\xff" * 4)
        lines.say()
        lines.wait_for("ran")
        os.kill(recorder, signal.SIGCONT)
        wait_until(lambda: descriptors(recorder) >= before + 90, "all have been heard", lines.process)
        wait_until(lambda: descriptors(recorder) <= before + 2, "they are dropped", lines.process)
        assert lines.end()[0] == 0


LEAVES_ONE = r"""
system("true") for 1 .. 5;
my $parent = $$;
pipe my $registered, my $end;
if (!fork) { syswrite $end, "x"; 1 while getppid == $parent; exit 7 }
sysread $registered, my $byte, 1;
"""


def test_registration_right_before_the_end():
    """It registered right before COMMAND ended, and the recorder learns of it later: its end is still waited for."""
    said = []
    for _ in range(24):
        report = harness.record("perl", "-e", LEAVES_ONE, options=("-q",), env={"LD_PRELOAD": target("libslowclock.so")}).report()
        said += [(p["state"], p["exit_status"]) for p in report["processes"] if p["forked"] and p["comm"] == "perl"]
    assert said.count(("exited", 7)) >= 20, said


def test_exit_time_is_that_of_the_process():
    """Two processes that ran one after the other do not overlap, although the recorder notices the end later."""
    report = harness.record("sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do /bin/true; /bin/true; /bin/true; done", options=("-q",)).report()
    ran = sorted((p["start_ns"], p["end_ns"]) for p in report["processes"] if p["comm"] == "true")
    assert len(ran) == 27
    for (_, end), (start, _) in zip(ran, ran[1:]):
        assert end < start


WORKS_ON = """
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static volatile int rounds;
static char left[1 << 18]; /* for exit to write, after all handlers */
static void *work(void *unused)
{
    for (;; rounds++) {
        sbrk(4096);
        sbrk(-4096);
    }
    return unused;
}
int main(void)
{
    pthread_t thread;
    setvbuf(stdout, left, _IOFBF, sizeof left);
    for (int i = 0; i < 200000; i++)
        putchar('x');
    pthread_create(&thread, 0, work, 0);
    while (rounds < 9)
        ;
    exit(0);
}
"""


def test_calls_after_exit_move_the_end(compile_c):
    """A thread runs on while another is in exit(3): the end is after its last call."""
    program = compile_c("works-on", WORKS_ON, "-pthread")
    for i in range(10):
        recording = harness.record(program, options=("-q",), output=f"{i}.data")
        events = recording.events()
        assert events[-1]["call"] == "exit" and len(events) > 10


ATTENTIVE_AT = 4096 + 4  # of struct segment_shared, behind the header


def is_polling():
    segment, = pathlib.Path(os.environ["MEMSHIM_DIR"]).glob("record-*.seg")
    return struct.unpack_from("<I", segment.read_bytes(), ATTENTIVE_AT) == (1,)


def wakes(trace="trace"):
    return pathlib.Path(trace).read_text(encoding="ascii").count("FUTEX_WAKE, 2147483647")


def test_polling_recorder_is_not_woken():
    """Of processes in a row, the first wakes the recorder. After a pause it sleeps, and must be woken again."""
    script = '$| = 1; print "ready\n"; while (<STDIN>) { system("true") for 1 .. $_; print "ran\n" }'
    ran = 0

    def run(lines, count):
        nonlocal ran
        lines.say(str(count))
        lines.wait_for("ran")
        ran += count

    def one_wakes(lines):
        """The recorder may be polling because of the last one: then the next one wakes it."""
        wait_until(lambda: not is_polling(), "no process has connected for a while", lines.process)
        before = wakes()
        run(lines, 1)
        return wakes() > before

    with Lines("strace", "-f", "-o", "trace", "-e", "trace=futex", harness.MEMSHIM, "record", "-q", "perl", "-e", script) as lines:
        lines.wait_for("ready")
        for _ in range(2):
            wait_until(lambda: one_wakes(lines), "the first has woken it", lines.process)
        before = wakes()
        run(lines, 40)
        assert lines.end() == (0, "")
    assert wakes() - before < 80  # by the children of fork, and the programs that they executed
    assert len([p for p in Recording("memshim.data").report()["processes"] if p["comm"] == "true"]) == ran


def test_process_without_a_connection_wakes_the_recorder():
    """Under a seccomp filter no process connects: each one wakes the recorder, polling or not."""
    trace = ("strace", "-f", "--seccomp-bpf", "-o", "trace", "-e", "trace=futex,connect")
    done = harness.run(*trace, harness.MEMSHIM, "record", "-q", "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do /bin/true; done")
    assert done.returncode == 0
    assert pathlib.Path("trace").read_text(encoding="ascii").count("memshim/record") == 0
    assert wakes() >= 9


def call(session, said):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as outsider:
        outsider.connect(f"\0memshim/{session}")
        outsider.send(said)


@needs_root
def test_connection_of_an_unregistered_process():
    """Any process may connect, with any message. It is not taken for another process."""
    script = ("import socket, sys; [(lambda s: (s.connect(chr(0) + 'memshim/' + sys.argv[1]), s.send(bytes([i, 0, 0, 0]))))"
              "(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) for i in range(60)]")

    def meanwhile():
        session = harness.memshim("ls", "--no-headings").stdout.split()[0]
        for said in (b"", b"x", b"\xff" * 4, b"y" * 1000):
            call(session, said)
        assert harness.run(*NOBODY, "/usr/bin/python3", "-c", script, session).returncode == 0

    report = told_while_stopped("3", "-9", meanwhile=meanwhile)
    assert ends(report) == [("exited", 0, None), ("exited", 3, None), ("killed", None, 9)]


def test_it_outlives_the_recorder():
    """A process that outlives the recorder is shown as running, and as ended later, with its attachments."""
    script = f"exec 3<&0; {harness.target('ledger')} <&3 & until [ -e attached ]; do :; done"
    with Lines(harness.MEMSHIM, "record", "-q", "--", "sh", "-c", script) as lines:
        program = Teller(lines)
        shmid = program.get()
        program.tell("at")
        open("attached", "w", encoding="ascii").close()
        assert lines.process.wait(harness.PATIENCE_S) == 0
        report = Recording("memshim.data").report()
        left, = [p for p in report["processes"] if p["state"] == "running"]
        assert left["attached"]["now"] == 1 and not report["segments"][0]["leaked"]
        assert "has it attached" in harness.memshim("reap", "-m", shmid).stdout
        program.tell_last("exit 0")
        lines.process.stdout.read()
    wait_until(lambda: "running" not in {p["state"] for p in Recording("memshim.data").report()["processes"]}, "it has ended")
    report = Recording("memshim.data").report()
    left, = [p for p in report["processes"] if p["exe"] == harness.target("ledger") and p["state"] != "exec"]
    assert (left["state"], left["attached"]["now"], left["end_ns"]) == ("gone", 0, None)
    assert not report["segments"][0]["leaked"] and not any(a["live"] for a in report["attachments"]), "it was none at the end"
    assert not report["findings"] and not report["coverage"]["in_flight"]
    assert "1 removed, 0 kept" in harness.memshim("reap", "--force").stdout and shmid not in kernel_rows()


def test_what_executes_does_so_before_the_next_starts():
    recording = harness.record("sh", "-c", "exec env true", options=("-q",))
    assert [e["call"] for e in recording.events() if e["call"] in ("start", "exec", "exit")] == [
        "start", "exec", "start", "exec", "start", "exit"]
