# SPDX-License-Identifier: MIT
"""
PostgreSQL with all its shared memory in System V segments: after each step, crashes included, the ledger agrees with
the kernel, and the findings agree with what happened.
"""

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import tempfile

import pytest

import harness
import machine
from harness import MEMSHIM, Lines, Recording, wait_until
from story import agree, kernel_rows

pytestmark = machine.needs("root")

AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
BACKENDS = 25
PATIENCE_S = 240  # of the whole story
SETTINGS = {
    "shared_memory_type": "sysv", "dynamic_shared_memory_type": "sysv", "shared_buffers": "4MB", "listen_addresses": "",
    "fsync": "off", "autovacuum": "off", "max_logical_replication_workers": 0, "max_connections": 40,
}


class Database:
    """One data directory, with a server under the recorder while `running`."""

    def __init__(self, folder):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        assert found, "postgresql: not installed: run scripts/check"
        self.folder, self.tools = folder, os.path.dirname(found[-1])
        done = harness.run(*AS_POSTGRES, f"{self.tools}/initdb", "-A", "trust", "--no-sync", "-D", f"{folder}/data", cwd=folder)
        assert done.returncode == 0, done.stderr

    @contextlib.contextmanager
    def running(self, name):
        """The lines of the server's log, and its recording."""
        settings = [word for key, value in SETTINGS.items() for word in ("-c", f"{key}={value}")]
        recording = Recording(f"{self.folder}/{name}")
        with Lines(*AS_POSTGRES, MEMSHIM, "record", "-q", "-w", "-o", recording.path, "--", f"{self.tools}/postgres",
                   "-D", f"{self.folder}/data", "-k", self.folder, *settings, cwd=self.folder, stderr=subprocess.STDOUT,
                   patience=PATIENCE_S) as lines:
            lines.wait_for("ready to accept connections")
            try:
                yield lines, recording
            finally:
                self.stop()

    def stop(self):
        """Ends what a failed test left running."""
        with contextlib.suppress(OSError), open(f"{self.folder}/data/postmaster.pid", encoding="ascii") as file:
            os.kill(int(file.readline()), signal.SIGKILL)

    def client(self):
        """A psql that answers on its standard output."""
        lines = Lines(f"{self.tools}/psql", "-qAtX", "-h", self.folder, "-U", "postgres", "-d", "postgres",
                      patience=PATIENCE_S)
        lines.__enter__()
        return lines


def ask(client, question):
    client.say(question)
    return client.process.stdout.readline().strip()


def at_rest(recording):
    """A report during which the kernel's table did not change."""
    reports = []

    def is_still():
        before = kernel_rows()
        reports.append(recording.report())
        return before == kernel_rows()

    wait_until(is_still, "no process attaches or detaches")
    agree(reports[-1])
    return reports[-1]


def present(report):
    return [s for s in report["segments"] if s["state"] in ("present", "marked")]


def main_segment(report):
    """The largest segment, which every process of the server has attached."""
    return max(present(report), key=lambda s: s["size"])


def made_by(pid, report):
    return [s for s in present(report) if s["creator"] and s["creator"]["pid"] == pid]


def serious(report):
    return [f for f in report["findings"] if f["severity"] != "note"]


@pytest.fixture
def database(own_world):
    folder = tempfile.mkdtemp(prefix="ms", dir="/tmp")  # a socket's path must be short
    shutil.chown(folder, "postgres")
    shutil.chown(own_world, "postgres")
    yield Database(folder)
    shutil.rmtree(folder, ignore_errors=True)


def test_backends(database):
    """Backends and parallel workers have their attachments by fork, without a call, and lose them at exit."""
    with database.running("clean") as (lines, recording):
        report = at_rest(recording)
        alone = main_segment(report)["nattch"]
        assert len(present(report)) > 1, "the main segment, and the dynamic ones"
        assert not any(s["leaked"] for s in report["segments"]), "unattached segments of helpers are the server's"
        clients = []
        for count in range(1, BACKENDS + 1):
            clients.append(database.client())
            assert ask(clients[-1], "select 1;") == "1"
            main = main_segment(at_rest(recording))
            assert main["nattch"] == alone + count == len(main["holders"]) and main["unaccounted"] == 0
        for client in clients[1:]:
            assert client.end()[0] == 0
        wait_until(lambda: main_segment(recording.report())["nattch"] == alone + 1, "the backends have ended")
        assert main_segment(at_rest(recording))["nattch_peak"] >= alone + BACKENDS

        leader = int(ask(clients[0], "select pg_backend_pid();"))
        clients[0].say("set force_parallel_mode = on; select pg_sleep(3600);")
        wait_until(lambda: [s["nattch"] for s in made_by(leader, recording.report())] == [2, 2], "a worker has joined")
        report = at_rest(recording)
        for segment in made_by(leader, report):
            assert (segment["attaches"], segment["inherited"]) == (2, 0), "the worker attaches them by their ids"
            assert leader in {h["pid"] for h in segment["holders"]}
        other = database.client()
        assert ask(other, f"select pg_cancel_backend({leader});") == "t"
        assert ask(clients[0], "select 2;") == "2"
        at_rest(recording)
        for client in (clients[0], other):
            client.end()
        os.kill(report["session"]["command_pid"], signal.SIGINT)
        assert lines.end()[0] == 0
    report = at_rest(recording)
    harness.complete(report)
    assert {s["state"] for s in report["segments"]} == {"destroyed"} and kernel_rows() == {}
    assert [f["text"] for f in serious(report)] == []


def test_deaths(database):
    """A killed backend ends all of them; the postmaster is killed; a new one starts with the old segments."""
    with database.running("first") as (lines, recording):
        report = at_rest(recording)
        first = main_segment(report)
        client = database.client()
        backend = int(ask(client, "select pg_backend_pid();"))
        os.kill(backend, signal.SIGKILL)
        lines.wait_for("ready to accept connections")
        client.end()
        wait_until(lambda: recording.process(pid=backend)["state"] == "killed", "the recorder knows how it ended")
        report = at_rest(recording)
        assert recording.process(pid=backend)["signal"] == 9
        states = {s["shmid"]: s["state"] for s in report["segments"]}
        second = main_segment(report)
        assert states[first["shmid"]] == "destroyed" and states[second["shmid"]] == "present"
        assert second["creator"]["pid"] == first["creator"]["pid"] == report["session"]["command_pid"]
        assert "leaked-segment" not in {f["kind"] for f in report["findings"]}

        os.kill(report["session"]["command_pid"], signal.SIGKILL)
        assert lines.end()[0] == 128 + 9
    report = at_rest(recording)
    leaked = {s["shmid"] for s in report["segments"] if s["leaked"]}
    assert leaked == set(kernel_rows()) and second["shmid"] in leaked
    assert {f["shmid"] for f in report["findings"] if f["kind"] == "leaked-segment"} == leaked
    assert {f["kind"] for f in serious(report)} == {"leaked-segment"}
    report_before = report

    with database.running("second") as (lines, again):
        report = at_rest(again)
        stale, = [s for s in report["segments"] if s["shmid"] == second["shmid"]]
        assert (stale["state"], stale["creator"]) == ("destroyed", None), "the new postmaster took the old one's away"
        assert stale["removed"]["pid"] == report["session"]["command_pid"]
        old = at_rest(recording)
        ours = [s for s in old["segments"] if s["shmid"] in leaked]
        assert {(s["state"], s["leaked"], s["now"]["state"]) for s in ours} == {("present", True, "removed")}
        assert [f["text"] for f in serious(old)] == [f["text"] for f in serious(report_before)], "the verdict stands"
        assert all("since been removed" in f["advice"] for f in serious(old))
        os.kill(report["session"]["command_pid"], signal.SIGINT)
        assert lines.end()[0] == 0
    assert serious(at_rest(again)) == [] and kernel_rows() == {}
