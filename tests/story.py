# SPDX-License-Identifier: MIT
"""
Stories of shared memory: programs that follow instructions (tests/targets/ledger.c), one word at a time, with memshim
or without it, and the kernel's view at each step.
"""

import os
import re

import harness
from harness import Lines, target

IPC_CREAT, IPC_EXCL, SHM_RDONLY, SHM_RND, SHM_REMAP = 0o1000, 0o2000, 0o10000, 0o20000, 0o40000
NEW = IPC_CREAT | IPC_EXCL | 0o600
KEY = 0x6D656D10


class Teller:
    """A running ledger program, or several under one recorder, one after the other."""

    def __init__(self, lines):
        self.lines = lines

    def tell(self, *words):
        """Sends a word. Returns the answer: a number, or -errno."""
        self.lines.say(" ".join(str(w) for w in words))
        answer = self.lines.process.stdout.readline().split()
        assert answer, f"it ended at {words}"
        return -int(answer[2]) if answer[0] == "-1" else int(answer[0], 16)

    def tell_last(self, *words):
        self.lines.say(" ".join(str(w) for w in words))

    def get(self, key=KEY, size=4096, flags=NEW):
        return self.tell("get", key, size, flags)


def recorded(*command, output="memshim.data"):
    """Lines of `memshim record` over a ledger program."""
    return Lines(harness.MEMSHIM, "record", "-q", "-w", "-o", output, "--", *(command or (target("ledger"),)))


def kernel_rows():
    """shmid: the kernel's row, by column."""
    with open("/proc/sysvipc/shm", encoding="ascii") as table:
        head = next(table).split()
        rows = [dict(zip(head, line.split())) for line in table]
    return {int(row["shmid"]): {k: int(v, 8 if k == "perms" else 10) for k, v in row.items()} for row in rows}


def kernel_holders():
    """shmid: the sorted (pid, address, read-only) of all /proc/PID/maps."""
    found = {}
    for pid in harness.pids():
        try:
            if os.stat(f"/proc/{pid}/ns/ipc").st_ino != os.stat("/proc/self/ns/ipc").st_ino:
                continue
            with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
                lines = [line for line in maps if " /SYSV" in line]
        except OSError:
            continue
        for line in lines:
            start, rights, inode = re.match(r"(\w+)-\w+ (\S+) \S+ \S+ (\d+)", line).groups()
            found.setdefault(int(inode), []).append((pid, int(start, 16), rights[1] != "w"))
    return {shmid: sorted(holders) for shmid, holders in found.items()}


def agree(report):
    """
    For each segment in the report, the present facts and the holders agree with the kernel. So do state and nattch in
    a live session; in an ended one they stay as they were at its end.
    """
    goes_on = report["session"]["state"] == "live"
    rows, holders = kernel_rows(), kernel_holders()
    latest = {s["shmid"]: s for s in report["segments"]}
    for shmid, segment in latest.items():
        row = rows.get(shmid)
        if row is None:
            assert segment["now"] == {"state": "removed", "nattch": 0}, segment
            assert not goes_on or segment["state"] in ("destroyed", "vanished"), segment
            continue
        assert segment["now"] == {"state": "present", "nattch": row["nattch"]}, segment
        assert not goes_on or segment["state"] == ("marked" if row["perms"] & 0o1000 else "present"), segment
        assert not goes_on or (segment["size"], segment["nattch"]) == (row["size"], row["nattch"]), segment
        seen = sorted((h["pid"], int(h["address"], 16), h["readonly"]) for h in segment["holders"])
        assert seen == holders.get(shmid, []), segment
        assert segment["unaccounted"] == row["nattch"] - len(seen)
        traced = {h["pid"] for h in segment["holders"] if h["traced"]}
        ours = sorted((a["pid"], int(a["address"], 16), a["readonly"]) for a in report["attachments"]
                      if a["live"] and a["shmid"] == shmid)
        assert ours == [h for h in seen if h[0] in traced], "the ledger's holders are the kernel's"
