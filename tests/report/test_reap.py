# SPDX-License-Identifier: MIT
"""
What `reap` keeps: each of its rules, by a segment that only this rule keeps, and its last checks before a removal.
What it removes and prints is in test_ipc_table.py; forged files are in test_reap_forged.py.
"""

import os
import pwd
import struct

import pytest

import damage
import harness
import machine
import turns
from harness import SHIM, Lines, Recording, memshim, record, run, target
from reaping import LEAK, as_user, kept, reaped, removed, story, user_prefix
from story import KEY, SHM_RDONLY, Teller, kernel_rows

PRELOAD = {"LD_PRELOAD": SHIM}
SMALL = {**PRELOAD, "MEMSHIM_LOG_SIZE": "64K"}  # 512 process slots
CHILDREN = 700
PRIVATE_LEAK = "shmget(0, 4096, 01600) // die;"

pytestmark = machine.needs("root")  # without an IPC namespace, all processes share the table


# ---- who may come back ----

# A daemon whose helper creates a segment for it and ends. Then come `argv[1]` short children.
DAEMON = """
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int ends[2], id = -1;
    char line[8];
    if (argc < 2 || pipe(ends))
        return 1;
    if (!fork()) {
        id = shmget(IPC_PRIVATE, 65536, IPC_CREAT | 0600);
        _exit(write(ends[1], &id, sizeof id) != sizeof id);
    }
    wait(0);
    if (read(ends[0], &id, sizeof id) != sizeof id)
        return 1;
    for (int i = 0; i < atoi(argv[1]); i++) {
        if (!fork())
            _exit(0);
        wait(0);
    }
    puts("served");
    fflush(stdout);
    if (read(0, line, sizeof line) < 0)
        return 1;
    puts(shmat(id, 0, 0) == (void *)-1 ? "GONE" : "ok");
    return 0;
}
"""


def test_creator_whose_slot_was_reused(compile_c):
    """The daemon may attach what its helper created, even if the helper's slot was reused."""
    with Lines(compile_c("daemon", DAEMON), CHILDREN, env=SMALL) as lines:
        lines.wait_for("served")
        segment, = Recording("default").report()["segments"]
        assert (segment["leaked"], segment["state"]) == (False, "present")
        assert segment["creator"]["exe"].endswith("/daemon") and segment["creator"]["cmdline"].endswith(f"/daemon {CHILDREN}")
        assert "leaked-segment" not in {f["kind"] for f in Recording("default").report()["findings"]}
        assert " daemon (" in kept("default", words="still runs")
        assert "daemon" in memshim("ipcs").stdout
        lines.say("go")
        assert lines.wait_for("") == "ok" and lines.end()[0] == 0
    segment, = Recording("default").report()["segments"]
    assert segment["leaked"] and segment["creator"]["exe"].endswith("/daemon")
    removed("default")


def test_creator_that_executes():
    """The creator's process runs on, with a program that the shim does not see."""
    script = PRIVATE_LEAK + "$| = 1; print qq(done\\n); exec 'env', '-i', 'cat'"
    with Lines("perl", "-e", script, env=PRELOAD) as lines:
        lines.wait_for("done")
        kept("default", words=f"perl ({lines.process.pid}), its creator, still runs")
        lines.end()
    removed("default")


CREATOR = """
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static char line[8];
static void *wait_in_thread(void *unused)
{
    exit(read(0, line, sizeof line) < 0 && unused);
}
static void wait_here(void)
{
    puts("done");
    fflush(stdout);
    _exit(read(0, line, sizeof line) < 0);
}
int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    pthread_t thread;
    if (shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600) < 0)
        return 1;
    if (strcmp(how, "first thread ends") == 0) {
        puts("done");
        fflush(stdout);
        pthread_create(&thread, 0, wait_in_thread, 0);
        pthread_exit(0);
    }
    if (strcmp(how, "vfork child exits") == 0) {
        if (vfork() == 0)
            exit(0);
        for (int i = 0; i < 700; i++)
            if (fork() == 0)
                _exit(0);
            else
                wait(0);
        wait_here();
    }
    if (strcmp(how, "raw clone") == 0) {
        puts("done");
        fflush(stdout);
        if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0)
            _exit(syscall(SYS_read, 0, line, sizeof line) < 0);
        return 0;
    }
    return 2;
}
"""


@pytest.mark.parametrize("how", ["first thread ends", "vfork child exits"])
def test_creator_that_seems_to_have_ended(compile_c, how):
    """The creator is a zombie in /proc whose other threads run, or its slot wrongly has an exit."""
    with Lines(compile_c("creator", CREATOR, "-pthread", "-w"), how, env=SMALL) as lines:
        lines.wait_for("done")
        if "thread" in how:
            stat = f"/proc/{lines.process.pid}/stat"
            harness.wait_until(lambda: ") Z " in open(stat, encoding="ascii").read(), "its first thread has ended")
        kept("default", words=f"creator ({lines.process.pid}), its creator, still runs")
        if "vfork" in how:
            slot = next(p for p in Recording("default").report()["processes"] if p["pid"] == lines.process.pid)
            assert slot["calls"]["shmget"]["ok"] == 1, "it keeps its slot, and its counters"
        lines.say("x")
        lines.end()
    removed("default")


@pytest.mark.parametrize("recorded", [False, True], ids=["by hand", "recorded"])
def test_relative_that_never_registered(compile_c, recorded):
    """A relative maps the session's segment and has no slot in it."""
    creator = compile_c("creator", CREATOR, "-pthread", "-w")
    command = (harness.MEMSHIM, "record", "-q", "--", creator) if recorded else (creator,)
    path = "memshim.data" if recorded else "default"
    with Lines(*command, "raw clone", env={} if recorded else PRELOAD) as lines:
        lines.wait_for("done")
        lines.process.wait(harness.PATIENCE_S)
        kept(path, words="mapped, and never registered")
        lines.say("x")
        lines.process.stdout.read()
    removed(path)


def test_relative_forked_after_the_recorder_left(compile_c):
    """A process that outlived its recorder may have forked children that no file lists."""
    program = compile_c("program", """
        #include <stdio.h>
        #include <sys/shm.h>
        #include <unistd.h>
        static void wait_for(int number)
        {
            char line;
            if (read(0, &line, 1) != 1 || fprintf(stderr, "%d\\n", number) < 0)
                _exit(1);
        }
        int main(void)
        {
            int registered[2];
            char line;
            if (shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600) < 0 || pipe(registered))
                return 1;
            if (fork())
                return read(registered[0], &line, 1) != 1;
            if (write(registered[1], "x", 1) != 1)
                return 1;
            wait_for(1);
            if (fork())
                _exit(0);
            wait_for(2);
            return 0;
        }""")
    ends = os.pipe()
    with Lines(harness.MEMSHIM, "record", "-q", "--", program, stderr=ends[1]) as lines:
        assert lines.process.wait(harness.PATIENCE_S) == 0
        left, = [p["pid"] for p in Recording("memshim.data").report()["processes"] if p["state"] == "running"]
        lines.process.stdin.write("a")
        lines.process.stdin.flush()
        assert os.read(ends[0], 2) == b"1\n"
        harness.wait_until(lambda: not os.path.exists(f"/proc/{left}"), "it has ended")
        kept(words="mapped, and never registered")
        lines.process.stdin.write("b")
        lines.process.stdin.flush()
        assert os.read(ends[0], 2) == b"2\n"
        lines.process.stdout.read()
    for end in ends:
        os.close(end)
    removed()


def test_creator_in_another_pid_namespace():
    """The creator did not note its end, and its pid means nothing in this namespace."""
    script = f"perl -e '{PRIVATE_LEAK} kill 9, $$'; true"
    run("unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", script, env=PRELOAD)
    assert len(kernel_rows()) == 1
    kept("default", words="it is not known whether perl (")


def test_creation_that_is_not_sure():
    """IPC_CREAT alone, by a pid of another namespace: another process may have created the segment."""
    run("unshare", "--pid", "--fork", "--mount-proc", "perl", "-e", f"shmget({KEY:#x}, 4096, 01600) // die", env=PRELOAD)
    assert len(kernel_rows()) == 1
    kept("default", words="it is not sure that this session created it")


@pytest.mark.parametrize("noise", [False, True], ids=["log", "ledger"])
def test_user_that_still_runs(compile_c, noise):
    """Another program attached it and may use it again, whether or not the log has that event."""
    run(*LEAK, env=SMALL)
    shmid, = kernel_rows()
    with Lines(target("ledger"), env=SMALL) as lines:
        user = Teller(lines)
        user.tell("use", shmid)
        user.tell("at")
        user.tell("dt")
        if noise:
            run(compile_c("noise", """
                #define _GNU_SOURCE
                #include <sched.h>
                #include <unistd.h>
                int main(void) {
                    for (int cpu = 0; cpu < 256; cpu++) {
                        cpu_set_t set;
                        CPU_ZERO(&set);
                        CPU_SET(cpu, &set);
                        if (sched_setaffinity(0, sizeof set, &set) == 0)
                            for (int i = 0; i < 3000; i++)
                                sbrk(i & 1 ? -4096 : 4096);
                    }
                    return 0;
                }"""), env=SMALL)
            assert not [e for e in Recording("default").events("--call=shmat")]
        kept("default", words=f"ledger ({lines.process.pid}), which may have attached it, still runs")
        lines.end()
    removed("default")


def test_untraced_user_that_still_runs():
    """The kernel has the pid of the process that attached or detached the segment last."""
    run(*LEAK, env=PRELOAD)
    shmid, = kernel_rows()
    with Lines(target("ledger")) as lines:
        outsider = Teller(lines)
        outsider.tell("use", shmid)
        outsider.tell("at", 0, SHM_RDONLY)
        outsider.tell("dt")
        kept("default", words=f"process {lines.process.pid}, which used it last, still runs")
        lines.end()
    removed("default")


# ---- missing data ----


class Live:
    """The bytes of a segment that was made without a recorder, and of its tables."""

    SHARED, PROCESSES, LEDGER = 0, 3, 6
    OPTIONS_AT = damage.AFTER_REGIONS + 4 + 4 + 8 + 8 + 2 * 24 + 8 + 8 + 8 + 4 + 4 + 4
    NO_SLOT_AT, UNSURE_AT = 128 + 8 * 4, 88
    FAMILY_AT, MAKER_FAMILY_AT = 116, 112

    def __init__(self, name="default"):
        self.path = f"{os.environ['MEMSHIM_DIR']}/{name}.seg"
        with open(self.path, "rb") as file:
            self.data = bytearray(file.read())

    def region(self, kind):
        return struct.unpack_from("=QQQ", self.data, 48 + 24 * kind)

    def put(self, kind, field, value):
        """Writes a field of 32 bits into each used record of a table."""
        start, size, count = self.region(kind)
        for at in range(start, start + size * count, size):
            if any(self.data[at:at + 16]):
                struct.pack_into("=I", self.data, at + field, value)

    def write(self):
        with open(self.path, "r+b") as file:
            file.write(self.data)


def test_family_that_is_not_known():
    run(*LEAK, env=PRELOAD)
    live = Live()
    live.put(live.PROCESSES, live.FAMILY_AT, 0)
    live.put(live.LEDGER, live.MAKER_FAMILY_AT, 0)
    live.write()
    kept("default", words="it is not known which processes were forked from its creator's program")


@turns.alone
@pytest.mark.parametrize("what", ["no slot", "unsure slots", "not followed"])
def test_processes_that_may_be_missing(what, compile_c, own_world):
    """Some processes have no slot: a process with unreadable maps may be one of them."""
    uid = 64321 + len(what)  # unused: processes of another user could not be inspected either
    os.chown(own_world, uid, uid)
    user = as_user(uid)
    hidden = compile_c("hidden", """
        #include <stdio.h>
        #include <sys/prctl.h>
        int main(void) { prctl(PR_SET_DUMPABLE, 0); puts("hidden"); fflush(stdout); return getchar() < 0; }
        """)
    assert user(*LEAK, env=PRELOAD).returncode == 0
    live = Live()
    if what == "not followed":
        options, = struct.unpack_from("=I", live.data, live.OPTIONS_AT)
        struct.pack_into("=I", live.data, live.OPTIONS_AT, options | 1)
    else:
        live.put(live.SHARED, live.NO_SLOT_AT if what == "no slot" else live.UNSURE_AT, 1)
    with Lines(*user_prefix(uid), hidden) as lines:
        lines.wait_for("hidden")
        dry = user(harness.MEMSHIM, "reap", "default").stdout
        assert "1 to be removed" in dry, "nothing is missing yet"
        live.write()
        # Of all processes that may be one, perhaps one of another test.
        kept("default", words=", which may be one, cannot be inspected", runner=user)
        lines.end()
    assert "1 removed" in user(harness.MEMSHIM, "reap", "--force", "default").stdout


# ---- whose it is ----


def test_file_of_another_user(user, tmp_path_factory):
    """Root's recording is readable, but no segment is removed because of it."""
    folder = tmp_path_factory.mktemp("roots", numbered=True)
    folder.chmod(0o700)
    record(*story("uid 65534", f"get {KEY} 4096 {0o3600}"), options=("-q",), env={"MEMSHIM_DIR": str(folder)})
    os.chmod("memshim.data", 0o644)
    kept("memshim.data", words="the session's file belongs to user 0", runner=user)


def name_of(uid):
    return pwd.getpwuid(uid).pw_name


@pytest.mark.parametrize("what", ["created", "given"])
def test_segment_of_another_user(what):
    """Root removes another user's segment only when it names it, and the output names the owner."""
    if what == "created":
        record(*story("uid 65534", f"get {KEY} 4096 {0o3600}"), options=("-q",))
        words, whose = "created by user 65534; name it with -m to remove it", f"  {name_of(65534)}\n"
    else:
        record(*story(f"get {KEY} 4096 {0o3600}", "set 384 65534"), options=("-q",))
        words, whose = "it was given to another user: user 65534; name it", f"  {name_of(65534)}, created by {name_of(0)}\n"
    kept(words=words)
    shmid, = kernel_rows()
    assert whose in memshim("reap", "-m", shmid).stdout
    assert whose in removed("-M", f"{KEY:#x}") and not kernel_rows()


# ---- right before the removal ----


@pytest.mark.parametrize("race,words", [("1:attach", "a process has attached it meanwhile"),
                                        ("1:set", "a process has changed it meanwhile"), ("1:use", "a process has used it meanwhile"),
                                        ("3:use", "a process has used it meanwhile")])
def test_segment_used_before_removal_is_kept(race, words):
    record(*LEAK, options=("-q",))
    before = set(kernel_rows())
    done = memshim("reap", "--force", env={"LD_PRELOAD": target("libracing.so"), "RACE": race, "RACE_LOG": "1"})
    assert done.returncode == 1 and words in done.stdout and not reaped(done.stdout), done
    assert done.stderr == ("" if race[0] == "1" else "set set "), "whom it is in use by is not shut out meanwhile"
    assert set(kernel_rows()) == before and kernel_rows()[before.pop()]["perms"] & 0o777 == 0o600, "it has its mode"


def test_marked_already():
    """A marked segment exists until its last detach."""
    run(*LEAK, env=PRELOAD)
    shmid, = kernel_rows()
    with Lines(target("ledger")) as lines:
        outsider = Teller(lines)
        outsider.tell("use", shmid)
        outsider.tell("at")
        outsider.tell("rm")
        kept("default", words="already marked: the kernel removes it at its last detach")
        lines.end()
