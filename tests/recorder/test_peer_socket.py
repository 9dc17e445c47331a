# SPDX-License-Identifier: MIT
"""The recorder's socket: any process on the machine may connect, but only processes of the session change anything."""

import errno
import os
import pathlib
import signal
import socket

import pytest

import harness
import machine
from beside import needs_root
from harness import Lines, Recording, target, wait_until
from test_endings import NOBODY, descriptors, stopped, told_while_stopped, ends
from test_identities import PEER_CRED, PEER_PIDFD, identities, is_known

OUTSIDER = ("setpriv", "--reuid=65533", "--regid=65533", "--clear-groups")
FLOOD_S = 60  # longer than any test waits: a recording ends before the flood
CROWD = str(harness.BUILD / "tests" / "units" / "crowd")


def session():
    segment, = pathlib.Path(os.environ["MEMSHIM_DIR"]).glob("record-*.seg")
    return segment.stem


def segment_path():
    segment, = pathlib.Path(os.environ["MEMSHIM_DIR"]).glob("record-*.seg")
    return str(segment)


def crowd(*words):
    done = harness.run(CROWD, *words)
    assert done.returncode == 0, done
    return [int(number) for number in done.stdout.split()]


def test_a_turn_accepts_a_bounded_number():
    """A peer connects for each one that the turn accepts: the turn ends."""
    whole, looked, _, kept, _ = crowd("endless")
    assert (whole, kept) == (1, 0) and 0 < looked < 10000


def test_a_turn_stops_when_it_is_told_to():
    """The flag is looked at after each connection, although the next one waits."""
    assert crowd("stop") == [0, 3, 0, 0, 0]


@needs_root
def test_a_turn_checks_few_pids_of_another_user():
    """All connections of a user without a process in the session are closed; only some of them cost a look at a pid."""
    whole, looked, checked, kept, _ = crowd("strangers", 65533)
    assert (whole, looked, kept) == (1, 64, 0) and 0 < checked < 10


def test_a_flood_drops_no_claim_of_another_process():
    """Nor does it take more than its part of the descriptors."""
    whole, looked, _, kept, is_there = crowd("flood")
    assert (whole, is_there) == (1, 1) and looked == 3001 and 1 < kept < 200


def flood(prefix, *how):
    """Two processes that connect until the socket is closed."""
    return Lines(*prefix, target("knock"), session(), FLOOD_S, 2, *how)


@needs_root
@pytest.mark.parametrize("prefix", [(), OUTSIDER], ids=["same user", "another user"])
@pytest.mark.parametrize("how", [(), ("hold",)], ids=["again and again", "held"])
def test_flood(prefix, how):
    """A recording during the flood ends in time, with every end known."""
    script = 'print "ready\n"; <STDIN>; for my $i (1 .. 20) { if (!fork) { exit $i } wait } print "done\n"; <STDIN>'
    with Lines(harness.MEMSHIM, "record", "-q", "--no-compress", "perl", "-e", "$| = 1;" + script) as lines:
        lines.wait_for("ready")
        with flood(prefix, *how) as knocks:
            knocks.wait_for("knocks")
            lines.say()
            lines.wait_for("done")
            assert lines.end() == (0, "")
            assert knocks.process.poll() is None or knocks.wait_for("gone")
    report = Recording("memshim.data").report()
    assert sorted(p["exit_status"] for p in report["processes"]) == list(range(21))
    assert {row["effective_uid"] for row in identities().values()} == {os.geteuid()}


@needs_root
@pytest.mark.parametrize("prefix", [(), OUTSIDER], ids=["same user", "another user"])
def test_flood_does_not_keep_a_signal_away(prefix):
    """SIGTERM is forwarded to COMMAND, and a second one ends the recorder."""
    with Lines(harness.MEMSHIM, "record", "-q", "--no-compress", "sh", "-c", "echo ready; exec sleep 100") as lines:
        lines.wait_for("ready")
        with flood(prefix) as knocks:
            knocks.wait_for("knocks")
            os.kill(lines.process.pid, signal.SIGTERM)
            assert lines.process.wait(FLOOD_S / 2) == 128 + signal.SIGTERM


CONNECT = """
import socket, sys
held = []
for i in range(int(sys.argv[2])):
    held.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    held[-1].connect(chr(0) + 'memshim/' + sys.argv[1])
    if sys.argv[3] == 'say':
        held[-1].send(bytes([i % 40, 0, 0, 0]))
print('connected', flush=True)
if sys.argv[4] == 'hold':
    sys.stdin.read()
"""


def connect(prefix, count, say="say", hold="go"):
    return Lines(*prefix, "/usr/bin/python3", "-c", CONNECT, session(), count, say, hold)


@needs_root
def test_another_user_takes_no_descriptor():
    """Connections of a user without a process in the session are closed."""
    script = '$| = 1; print "ready\n"; while (<STDIN>) { system("true"); print "ran\n" }'
    with Lines(harness.MEMSHIM, "record", "-q", "--no-compress", "perl", "-e", script) as lines:
        recorder = lines.process.pid
        lines.wait_for("ready")
        lines.say()
        lines.wait_for("ran")
        before = descriptors(recorder)
        stopped(recorder)
        with connect(OUTSIDER, 300, "silent", "hold") as outsider:
            outsider.wait_for("connected")
            lines.say()
            lines.wait_for("ran")
            os.kill(recorder, signal.SIGCONT)
            for _ in range(200):
                lines.say()
                lines.wait_for("ran")
            # A recorder that is behind still holds ended processes.
            wait_until(lambda: descriptors(recorder) < before + 20, "it holds none of them")
        assert lines.end()[0] == 0


@needs_root
def test_claims_of_another_user_change_nothing():
    """They come first, and name exactly the instances that come later."""
    def meanwhile():
        with connect(OUTSIDER, 1000) as outsider:
            outsider.wait_for("connected")
            outsider.end()

    report = told_while_stopped("3", "-9", "0", "sh5", wrapper=("--no-compress",), meanwhile=meanwhile)
    assert sorted(map(str, ends(report))) == sorted(map(str, [
        ("exited", 0, None), ("exited", 3, None), ("killed", None, 9), ("exited", 0, None), ("exec", None, None), ("exited", 5, None)]))
    assert {row["effective_uid"] for row in identities().values()} == {0}


@needs_root
def test_a_dropped_worker_is_heard_among_another_users_claims():
    """The worker's new user was unknown to the recorder before it connected."""
    def meanwhile():
        with connect(OUTSIDER, 1000) as outsider:
            outsider.wait_for("connected")
            outsider.end()

    report = told_while_stopped("setuid", "3", wrapper=("--no-compress",), meanwhile=meanwhile)
    assert ("exited", 7, None) in ends(report) and ("exited", 3, None) in ends(report)
    assert {row["effective_uid"] for row in identities().values()} == {0, 65534}


def test_descriptors_run_out():
    """A process that holds many connections does not take the descriptors that the recorder needs."""
    script = '$| = 1; print "ready\n"; while (<STDIN>) { for my $i (1 .. 9) { if (!fork) { exit $i } wait } print "ran\n" }'
    record = (harness.MEMSHIM, "record", "-q", "perl", "-e", script)
    with Lines("bash", "-c", 'ulimit -n 80; exec "$@"', "bash", *record) as lines:
        lines.wait_for("ready")
        with connect((), 200, "silent", "hold") as held:
            held.wait_for("connected")
            for _ in range(3):
                lines.say()
                lines.wait_for("ran")
            assert descriptors(lines.process.pid) < 70
            held.end()
        assert lines.end()[0] == 0
    report = Recording("memshim.data").report()
    assert sorted(p["exit_status"] for p in report["processes"]) == sorted([0, *list(range(1, 10)) * 3])


@pytest.mark.parametrize("said", [pytest.param(errno.ENOPROTOOPT, id="without SO_PEERPIDFD"),
                                  pytest.param(0, id="with it", marks=machine.needs("SO_PEERPIDFD"))])
def test_kernel_without_peer_pidfd(said):
    """Before Linux 6.5: SO_PEERCRED, then pidfd_open(2) of a process that still exists."""
    wrapper = (target("answers"), socket.SOL_SOCKET, 77, said) if said else ()
    with Lines(*wrapper, harness.MEMSHIM, "record", "-q", "--no-compress", "sh", "-c", "echo ready; read x; exit 0") as lines:
        lines.wait_for("ready")
        # Not COMMAND's child: those have the filter, and do not connect.
        environment = {"LD_PRELOAD": harness.SHIM, "MEMSHIM_SESSION": segment_path()}
        with Lines("perl", "-e", '$| = 1; print "$$\n"; <STDIN>; exit 5', env=environment) as other:
            pid = int(other.wait_for(""))
            wait_until(lambda: is_known(pid), "it is identified", lines.process)
            other.say()
            assert other.end()[0] == 5
        assert lines.end()[0] == 0
    row, = [row for row in identities().values() if row["pid"] == pid]
    assert row["proof"] == (PEER_CRED if said else PEER_PIDFD)
    assert (row["effective_uid"], row["real_uid"]) == (os.geteuid(), os.getuid())
    assert row["start_time"] > 0 and row["flags"] & 1
