# SPDX-License-Identifier: MIT
"""
After the last test the run has left nothing in /dev/shm, in the IPC table, and no process. The process that started
the workers checks this; what it finds fails the run. A process of the run is known by its environment, which has the
run's token, or by its folder; a test's folder in /dev/shm by its name. Other files and objects have no token: another
run may make them at the same time, so they count only if no other run is under way.
"""

import fcntl
import os
import pathlib
import tempfile
import time

import harness

SHM = pathlib.Path("/dev/shm")
RUNS = pathlib.Path(tempfile.gettempdir()) / f"memshim-tests-{os.getuid()}.lock"
TOKEN = "TESTS_OF_MEMSHIM"
PATIENCE_S = 5  # for processes that are ending now
TABLES = {"shm": "shmid", "sem": "semid", "msg": "msqid"}


def read_files():
    """Name: inode, of this user's files in /dev/shm."""
    found = {}
    for path in SHM.iterdir():
        try:
            facts = path.lstat()
        except OSError:
            continue
        if facts.st_uid == os.getuid():
            found[path.name] = facts.st_ino
    return found


def read_objects():
    """(kind, id, ctime) of this user's objects in the IPC table."""
    found = set()
    for kind, name in TABLES.items():
        with open(f"/proc/sysvipc/{kind}", encoding="ascii") as table:
            head = next(table).split()
            rows = [dict(zip(head, line.split())) for line in table]
        found |= {(kind, int(row[name]), int(row["ctime"])) for row in rows if int(row["cuid"]) == os.getuid()}
    return found


def read_process(pid, folder, token):
    """"PID command" of a process of this run that is no worker; None for any other."""
    base = pathlib.Path("/proc") / str(pid)
    try:
        environment = (base / "environ").read_bytes()
        words = (base / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        cwd = os.readlink(base / "cwd")
    except OSError:  # it has ended, or is another user's
        return None
    is_ours = f"{TOKEN}={token}".encode() in environment or pathlib.Path(folder) in (pathlib.Path(cwd), *pathlib.Path(cwd).parents)
    is_worker = "execnet" in words or "resource_tracker" in words
    return f"{pid} {words}" if is_ours and not is_worker and words else None


class Watch:
    """From the first test to the last."""

    def __init__(self):
        self.token = f"{os.getpid()}-{time.time_ns()}"
        os.environ[TOKEN] = self.token
        self.lock = open(RUNS, "a", encoding="ascii")  # held until this process ends
        fcntl.flock(self.lock, fcntl.LOCK_SH)
        self.ipc = os.open("/proc/self/ns/ipc", os.O_RDONLY | os.O_CLOEXEC)
        self.files, self.objects = read_files(), read_objects()

    def is_only_run(self):
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            fcntl.flock(self.lock, fcntl.LOCK_SH)
            return False
        return True

    def look(self, folder, only_run):
        """A line for each object that is left."""
        files, objects = read_files(), read_objects()
        new = sorted(name for name, inode in files.items() if self.files.get(name) != inode)
        ours = [n for n in new if n.startswith(f"memshim-test-{self.token}-") or only_run and not n.startswith("memshim-test-")]
        found = [f"/dev/shm/{name}" for name in ours]
        found += [f"IPC table: {kind} {number}" for kind, number, _ in sorted(objects - self.objects) if only_run]
        others = [pid for pid in harness.pids() if pid != os.getpid()]
        return found + [f"process {line}" for line in (read_process(pid, folder, self.token) for pid in others) if line]

    def check(self, folder):
        """What is left, and stays."""
        if harness.IS_ROOT:  # the tests may have left this process in a namespace of their own
            harness.libc.setns(self.ipc, harness.CLONE_NEWIPC)
        end, only_run = time.monotonic() + PATIENCE_S, self.is_only_run()
        while (found := self.look(folder, only_run)) and time.monotonic() < end:
            time.sleep(0.05)
        return found
