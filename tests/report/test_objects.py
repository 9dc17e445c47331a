# SPDX-License-Identifier: MIT
"""Semaphore sets and message queues: who created, used and removed them, who waits, what is left, and reap."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

import harness
import machine
import tables
from harness import Lines, Recording, memshim, target
from reaping import reaped

HEAD = """
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>
static struct sembuf give = {0, 1, 0};
"""
LEAKS = HEAD + """
static __attribute__((noinline)) int make(int i)
{
    int semid = semget(IPC_PRIVATE, 2 + i, IPC_CREAT | 0600);
    return semop(semid, &give, 1);
}
int main(void)
{
    for (int i = 0; i < 3; i++)
        make(i);
    return msgsnd(msgget(0x6d71, IPC_CREAT | IPC_EXCL | 0600), &(long[2]){1}, 4, 0);
}
"""
# The user's family lives on: a child that never used the set, or one that did.
KEPT = HEAD + """
int main(int argc, char **argv)
{
    int semid, go[2];
    char line[2];
    if (pipe(go))
        return 1;
    semid = semget(IPC_PRIVATE, 1, 0600);
    if (fork() == 0) {
        close(go[1]);
        semop(semid, &give, 1);
        printf("used %d\\n", semid);
        fflush(stdout);
        return read(0, line, 2) < 0;
    }
    return 0;
}
"""
LIKELY = HEAD + """
int main(void)
{
    return semget(0x6d7365, 1, IPC_CREAT | 0600) < 0;
}
"""


def ids(kind):
    """The ids that the kernel has now: `sem` or `msg`."""
    with open(f"/proc/sysvipc/{kind}") as file:
        return [int(line.split()[1]) for line in list(file)[1:]]


def remove_all():
    for kind, option in (("sem", "-s"), ("msg", "-q")):
        for i in ids(kind):
            subprocess.run(("ipcrm", option, str(i)), check=True)


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    remove_all()


def leak(compile_c, options=()):
    return harness.record(compile_c("leaks", LEAKS), options=options)


def test_rows(compile_c):
    report = leak(compile_c).report()
    assert [s["nsems"] for s in report["semaphores"]] == [2, 3, 4] and [s["semid"] for s in report["semaphores"]] == ids("sem")
    for row in report["semaphores"]:
        assert (row["operations"], row["key"], row["mode"], row["waiting"], row["removed"]) == (1, "0x00000000", "0600", [], None)
        assert row["creator"]["cmdline"].endswith("leaks") and row["creator"]["stack"][0]["function"] == "make"
        assert (row["state"], row["leaked"], row["now"]) == ("present", True, {"state": "present"})
    queue, = report["queues"]
    assert (queue["key"], queue["sent"], queue["received"], queue["messages"], queue["bytes"]) == ("0x00006d71", 1, 0, 1, 4)
    assert queue["leaked"] and queue["creator"]["stack"][0]["function"] == "main"


def test_findings(compile_c):
    recording = leak(compile_c)
    found = {f["kind"]: f for f in recording.report()["findings"]}
    sets, queue = found["leaked-semaphores"], found["leaked-queue"]
    assert (sets["severity"], sets["count"], sets["ids"]) == ("error", 3, ids("sem"))
    assert sets["semid"] is None and sets["where"].startswith("make") and sets["command"] == "memshim reap"
    assert (queue["severity"], queue["msqid"], queue["semid"], queue["shmid"]) == ("error", ids("msg")[0], None, None)
    assert queue["command"] == f"memshim reap --msqid={queue['msqid']}"
    text = recording.report_text()
    assert "3 semaphore sets leaked" in text and "1 message queue leaked" in text and "SEMAPHORE SETS  3, 3 leaked" in text


def test_one_of_them(compile_c):
    """--semid and --msqid choose an object, also of an id that another kind has."""
    leak(compile_c)
    semid = ids("sem")[1]
    done = memshim("report", "--json", f"--semid={semid}", "memshim.data")
    report = json.loads(done.stdout)
    assert [s["semid"] for s in report["semaphores"]] == [semid] and not report["queues"] and not report["segments"]
    events = json.loads("[" + ",".join(memshim("events", "--json", f"--semid={semid}", "memshim.data").stdout.splitlines()) + "]")
    assert [e["call"] for e in events] == ["semget"] and events[0]["semid"] == semid
    done = memshim("report", "--msqid=1234567", "memshim.data")
    assert done.returncode == 1 and "message queue 1234567 is not in it" in done.stderr
    done = memshim("ipcs", f"--semid={semid}")
    assert done.returncode == 0 and f" {semid} " in done.stdout and done.stdout.count("IPC_PRIVATE") == 1
    assert memshim("ipcs", "--semid=1234567").returncode == 1


def test_creators_outlive_their_session(compile_c):
    """`ipcs` names them in any folder; a creator that only IPC_CREAT named is not known."""
    leak(compile_c)
    harness.record(compile_c("likely", LIKELY))
    table = json.loads(harness.run(harness.MEMSHIM, "ipcs", "--json", cwd="/").stdout)
    *sets, likely = table["semaphores"]
    assert [s["creator"]["program"] for s in sets] == ["leaks"] * 3 and likely["creator"] is None
    creator = table["queues"][0]["creator"]
    assert creator["program"] == "leaks" and not creator["runs"] and creator["site"].startswith("main (") and creator["pid"] > 0
    assert sets[0]["creator"]["site"].startswith("make (")
    assert [s["state"] for s in (*sets, likely)] == ["orphaned"] * 3 + [None], "of the last no creator is known"
    text = harness.run(harness.MEMSHIM, "ipcs", cwd="/").stdout
    assert text.count(f"[leaks {creator['pid']}]") == 4
    subprocess.run(("ipcrm", "-s", str(sets[0]["semid"])), check=True)
    assert [s["semid"] for s in json.loads(harness.run(harness.MEMSHIM, "ipcs", "--json", cwd="/").stdout)["semaphores"]] == ids("sem")


def test_creator_that_runs(compile_c):
    """While its session lives, `ipcs` knows it from the segment."""
    program = compile_c("runs", HEAD + "int main(void) { char line[2]; printf(\"%d\\n\", semget(IPC_PRIVATE, 7, 0600)); fflush(stdout);"
                                       "return read(0, line, 2) < 0; }")
    with Lines(program, env={"LD_PRELOAD": harness.SHIM}) as lines:
        semid = int(lines.wait_for(""))
        row, = json.loads(memshim("ipcs", "--json").stdout)["semaphores"]
        assert row["semid"] == semid and row["creator"]["program"] == "runs" and row["creator"]["runs"]
        assert row["creator"]["pid"] == lines.process.pid and (row["state"], row["users"], row["waiting"]) == ("unused", [], 0)
        lines.end()


def test_reap(compile_c):
    leak(compile_c)
    semid, left = ids("sem")[0], ids("sem")[1:]
    assert f"set {semid}" in reaped(memshim("reap", "memshim.data").stdout, "LEAKED") and len(ids("sem")) == 3
    done = memshim("reap", "--force", f"--semid={semid}", "memshim.data")
    assert done.returncode == 0 and reaped(done.stdout) == [f"set {semid}"]
    assert ids("sem") == left and len(ids("msg")) == 1
    done = memshim("reap", "--force", "memshim.data")
    assert done.returncode == 0 and "3 removed, 0 kept" in done.stdout
    assert ids("sem") == ids("msg") == []
    now = [s["now"] for s in Recording("memshim.data").report()["semaphores"]]
    assert [(n["state"], n["removed_by"]["program"]) for n in now] == [("removed", "memshim reap")] * 3


def test_reap_what_all_sessions_left(compile_c):
    """--orphans needs no session: the catalog names the recordings. An object without a recording is kept."""
    for name in ("one", "two", "three"):
        program = compile_c(name, LEAKS.replace("0x6d71", "IPC_PRIVATE"))
        assert harness.run(harness.MEMSHIM, "record", "-q", "-o", f"{name}.data", "--", program).returncode == 0
    os.unlink("three.data")
    assert len(ids("sem")) == 9 and memshim("reap", "--orphans", "one.data").returncode == 2
    done = harness.run(harness.MEMSHIM, "reap", "--orphans", cwd="/")
    assert done.returncode == 0 and "8 to be removed, 0 kept; --force removes" in done.stdout, done
    assert "4 more: the recordings of their sessions are gone" in done.stdout and len(ids("sem")) == 9
    done = harness.run(harness.MEMSHIM, "reap", "--orphans", "--force", cwd="/")
    assert done.returncode == 0 and "8 removed, 0 kept" in done.stdout and len(ids("sem")) == 3 and len(ids("msg")) == 1


@pytest.mark.parametrize("how", ["operated", "changed", "changed later", "another"])
def test_reap_keeps_what_was_used_since(compile_c, how):
    """A process that operates on the set or changes it after the session may need it."""
    leak(compile_c)
    semid = ids("sem")[0]
    use = compile_c("use", HEAD + """
        #include <stdlib.h>
        int main(int argc, char **argv)
        {
            int semid = atoi(argv[1]);
            char line[2];
            if (argv[2][0] == 'o')
                semop(semid, &give, 1);
            else if (argv[2][0] == 'c')
                semctl(semid, 0, SETVAL, 5);
            else
                semctl(semid, 0, IPC_RMID);
            puts("used");
            fflush(stdout);
            return read(0, line, 2) < 0;
        }""")
    if how == "changed later":
        left_s = int(time.time())
        harness.wait_until(lambda: time.time() > left_s + 1, "the kernel's time of change will be another")
    with Lines(use, semid, how) as user:
        user.wait_for("used")
        if "changed" in how:
            user.end()
        done = memshim("reap", "--force", f"--semid={semid}", "memshim.data")
        if how == "another":
            assert done.returncode == 1 and "no such object of this session exists any more" in done.stderr
        elif how == "operated":
            assert "kept" in done.stdout and "which" in done.stdout and semid in ids("sem")
        else:
            assert f"process {user.process.pid}, which is not of the session, used it" in done.stdout and semid in ids("sem")


def test_reap_keeps_what_a_relative_may_use(compile_c):
    """The creator has ended. Its child has the id, used it, and lives."""
    program = compile_c("kept", KEPT)
    with Lines(harness.MEMSHIM, "record", "-q", "-w", "--", program) as lines:
        semid = int(lines.wait_for("used").split()[1])
        harness.wait_until(lambda: [p["state"] for p in Recording("memshim.data").report()["processes"]].count("exited") == 1, "it ended")
        row, = Recording("memshim.data").report()["semaphores"]
        assert (row["semid"], row["leaked"], row["state"]) == (semid, False, "present")
        done = memshim("reap", "--force", "memshim.data")
        assert "kept" in done.stdout and "still runs" in done.stdout and ids("sem") == [semid]
        lines.end()
    row, = Recording("memshim.data").report()["semaphores"]
    assert row["leaked"]


def test_created_or_found(compile_c):
    """IPC_CREAT alone does not tell: a set that is older was found; one that is not may have been created."""
    program = compile_c("likely", LIKELY)
    harness.record(program)
    finding, = [f for f in Recording("memshim.data").report()["findings"] if f["kind"] == "leaked-semaphores"]
    assert finding["severity"] == "warning" and "named first by" in finding["text"]
    assert "it is not sure that this session created it" in memshim("reap", "memshim.data").stdout
    assert len(ids("sem")) == 1


def test_removed(compile_c):
    harness.record(target("operations"))
    report = Recording("memshim.data").report()
    row, = [s for s in report["semaphores"] if s["creator"]]
    assert row["state"] == "destroyed" and not row["leaked"] and row["removed"]["stack"][0]["function"] == "main"
    assert row["operations"] == 4 and (row["mode"], row["owner_uid"]) == ("0640", os.geteuid())
    queue, = report["queues"]
    assert (queue["sent"], queue["received"], queue["state"]) == (2, 2, "destroyed")
    assert not [f for f in report["findings"] if f["kind"].startswith("leaked")]
    assert "SEMAPHORE SETS  none is left" in Recording("memshim.data").report_text()


# ---- failures ----

MANY = HEAD + """
#include <stdlib.h>
int main(int argc, char **argv)
{
    for (int i = 0; i < atoi(argv[1]); i++)
        semget(IPC_PRIVATE, 2, 0600);
    return 0;
}
"""


@pytest.fixture
def kernel_sem():
    """Sets kernel.sem of the tests' own IPC namespace: SEMMSL, SEMMNS, SEMOPM, SEMMNI."""
    path = pathlib.Path("/proc/sys/kernel/sem")
    before = path.read_text(encoding="ascii")
    yield path.write_text
    path.write_text(before, encoding="ascii")


def failure(call, error):
    found, = [f for f in Recording("memshim.data").report()["findings"] if f["kind"] == "failed-call" and f"{call} failed" in f["text"]
              and f"with {error}" in f["text"]]
    return found


@machine.needs("root")
@pytest.mark.parametrize("limits,words", [
    ("250 32000 32 4", "all 4 semaphore sets that kernel.sem (SEMMNI) allows exist; 4 of them were created by 1 process of many"),
    ("250 8 32 400", "the call asked for 2 semaphores, and 8 of the 8 that kernel.sem (SEMMNS) allows are in use, in 4 sets; 4 of them")])
def test_no_space_for_a_set(compile_c, kernel_sem, limits, words):
    kernel_sem(limits)
    harness.record(compile_c("many", MANY), "6")
    found = failure("semget", "ENOSPC")
    assert words in found["text"] and found["count"] == 2 and found["severity"] == "warning"
    assert "memshim reap" in found["advice"]
    assert found["created_most_where"] == "main (many)"
    assert f"created most: 4 from {found['created_most_where']}" in memshim("report").stdout


@machine.needs("root")
def test_more_operations_than_allowed(compile_c, kernel_sem):
    kernel_sem("250 32000 3 400")
    harness.record(compile_c("four", HEAD + "int main(void) { struct sembuf four[4] = {{0, 1, 0}, {0, 1, 0}, {0, 1, 0}, {0, 1, 0}};"
                                            "return semop(semget(IPC_PRIVATE, 1, 0600), four, 4) == 0; }"))
    assert "the call passed 4 operations, and kernel.sem (SEMOPM) allows 3" in failure("semop", "E2BIG")["text"]


def test_failures_in_words():
    """What the log and the kernel know about each."""
    harness.record(target("operations"))
    report = Recording("memshim.data").report()
    pid = report["processes"][0]["pid"]
    semid = [s["semid"] for s in report["semaphores"] if s["creator"]][0]
    assert f"operated on semaphore 9, and semaphore set {semid} has 3" in failure("semop", "EFBIG")["text"]
    text = failure("semop", "EINVAL")["text"]
    assert f"semaphore set {semid} was removed" in text and f"before this call by operations ({pid})" in text
    assert "the message has 16M, and kernel.msgmax is" in failure("msgsnd", "EINVAL")["text"]
    assert f"has the key 0x00004d53 and was created by operations ({pid})" in failure("msgget", "EEXIST")["text"]
    assert "no semaphore set has the key 0x00004d54" in failure("semget", "ENOENT")["text"]
    assert failure("semop", "EFBIG")["headline"] == f"semop({semid}, {{9, -1}}) = EFBIG"
    assert failure("semop", "EFBIG")["semid"] == semid and failure("msgsnd", "EINVAL")["msqid"] is not None


FAILURES = [row[:3] for row in tables.rows("report/model/failures.def", "FAILURE")]
INJECTED = {"SEMOP": ("semtimedop", 1), "SEMTIMEDOP": ("semtimedop", 7)}  # libc's system call for semop; the seventh has a time


@pytest.mark.parametrize("call,error,severity", [row for row in FAILURES if row[0][:3] in ("SEM", "MSG")], ids="-".join)
def test_every_row(call, error, severity):
    """Each row of failures.def: the call, the error, the severity, the reason and the advice."""
    harness.need("strace")
    name, when = INJECTED.get(call, (call.lower(), 1))
    strace = ("strace", "-qq", "-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:error={error}:when={when}")
    harness.record(*strace, target("operations"), check=False)
    found, = [f for f in Recording("memshim.data").report()["findings"] if f["kind"] == "failed-call"
              and f["text"].startswith(f"operations: {call.lower()} failed 1 time with {error}: ") and f["count"] == 1][:1]
    assert found["severity"] == severity.lower() and found["advice"]
    assert "see the manual page" not in found["text"] and not found["text"].endswith(": ")


def test_removed_while_it_waits(compile_c):
    """EIDRM names the process that removed the set."""
    harness.record(compile_c("removed", HEAD + """
        int main(void)
        {
            int semid = semget(IPC_PRIVATE, 1, 0600);
            struct sembuf take = {0, -1, 0};
            if (fork() == 0)
                return semop(semid, &take, 1) == 0;
            while (semctl(semid, 0, GETNCNT) == 0)
                ;
            semctl(semid, 0, IPC_RMID);
            wait(0);
            return 0;
        }"""))
    report = Recording("memshim.data").report()
    parent, = [p for p in report["processes"] if not p["forked"]]
    text = failure("semop", "EIDRM")["text"]
    assert "was removed" in text and f"by removed ({parent['pid']})" in text


# ---- waits ----


def test_waits_live_and_dead():
    with Lines(harness.MEMSHIM, "record", "-q", "--", target("operations"), "wait") as lines:
        lines.wait_for("waits")
        harness.wait_until(lambda: all(Recording("memshim.data").report()[k][0]["waiting"] for k in ("semaphores", "queues")), "they wait")
        recording = Recording("memshim.data")
        report = recording.report()
        pid = report["processes"][0]["pid"]
        wait, = report["semaphores"][0]["waiting"]
        assert {k: wait[k] for k in ("pid", "tid", "call", "semnum", "op", "ended")} == {
            "pid": pid, "tid": pid, "call": "semop", "semnum": 2, "op": -1, "ended": False}
        other, = report["queues"][0]["waiting"]
        assert (other["pid"], other["call"], other["msgtyp"], other["last_pid"]) == (pid, "msgrcv", 7, None) and other["tid"] != pid
        harness.run("perl", "-e", f"msgsnd({report['queues'][0]['msqid']}, pack('l! a1', 1, 'x'), 0) // die")
        assert "    the last message was sent by process " in recording.report_text()
        assert f"({pid}) waits in semop for semaphore 2 (-1) of set" in recording.report_text()
        picture, uses = memshim("map", "-p", pid).stdout, json.loads(memshim("map", "--json", "-p", pid).stdout)["uses"]
        assert re.search(r"^ipc +set \d+: .*; waits in semop for semaphore 2 \(-1\)$", picture, re.M)
        assert {u["waits_in"] for u in uses} == {"semop", "msgrcv"}
        os.kill(pid, signal.SIGKILL)
        assert lines.end()[0] == 128 + signal.SIGKILL
    recording = Recording("memshim.data")
    wait, = recording.report()["semaphores"][0]["waiting"]
    assert (wait["call"], wait["semnum"], wait["ended"]) == ("semop", 2, True)
    assert f"({pid}) ended in semop for semaphore 2 (-1) of set" in recording.report_text()
    assert recording.report()["coverage"]["in_flight"] == 0


@pytest.mark.parametrize("count", [2, 5])
def test_processes_that_wait_for_each_other(count):
    with Lines(harness.MEMSHIM, "record", "-q", "--", target("philosophers"), count) as lines:
        lines.wait_for("stuck")
        recording = Recording("memshim.data")

        def cycles():
            return [f for f in recording.report()["findings"] if f["kind"] == "waits-long"]
        harness.wait_until(cycles, "each waits for the next")
        finding, = cycles()
        assert finding["severity"] == "warning" and f"{count} processes wait for each other" in finding["text"]
        pids = {p["pid"] for p in recording.report()["processes"] if p["forked"]}
        assert {int(pid) for pid in re.findall(r"\((\d+)\) waits", finding["text"])} == pids
        drawn = memshim("graph", "--color=never", "memshim.data", env={"COLUMNS": "120", "LC_ALL": "C.UTF-8"}).stdout
        semid = finding["semid"]
        assert f"semid {semid}, {count + 1} sem" in drawn and drawn.count("┌") == 1
        for pid in pids:
            assert re.search(rf"philosophers {pid} 3 ops waits ───▶|◀─── philosophers {pid} 3 ops waits", drawn), drawn
        uses = json.loads(memshim("graph", "--json", f"--semid={semid}", "memshim.data").stdout)["uses"]
        assert {u["pid"]: (u["operations"], u["waits"], u["live"]) for u in uses if u["waits"]} == {pid: (3, True, True) for pid in pids}
        dot = memshim("graph", "--format=dot", "memshim.data").stdout
        assert dot.count('[label="3 ops waits"]') == count and f"semid {semid}" in dot
        row, = json.loads(memshim("ipcs", "--json").stdout)["semaphores"]
        assert (row["state"], row["waiting"]) == ("waited for", count) and pids <= {user["pid"] for user in row["users"]}
        assert re.search(r"  waited for  philosophers \d+ +philosophers \d+", memshim("ipcs").stdout)
        holders = re.findall(r"^    changed last by philosophers \((\d+)\)$", memshim("report").stdout, re.M)
        assert {int(pid) for pid in holders} == pids, "each waits for what another took"
        os.kill(min(pids), signal.SIGKILL)
        harness.wait_until(lambda: not cycles(), "the cycle is broken")
        for pid in pids - {min(pids)}:
            os.kill(pid, signal.SIGKILL)
        lines.end()
