# SPDX-License-Identifier: MIT
"""Sums that must be right: breaks, counters, tables; in real runs, with lost events, and in a live process."""

import collections

import pytest

import harness
from harness import Lines, record

PROGRAMS = {
    "shell": ("sh", "-c", "ls -l /usr/bin | sort | tail -n 1; seq 20000 | wc -l"),
    "python": ("/usr/bin/python3", "-c", "import json; json.loads(json.dumps({str(i): [i] * 9 for i in range(9000)}))"),
    "attachments": (harness.target("threads"),),
    "perl": ("perl", "-e", 'my %h; for (1 .. 3) { fork or last } $h{$_} = "x" x 50 for 1 .. 9000; 1 while wait != -1'),
}

# Attaches, forks, detaches in the child, ends without detaching; brk and sbrk, refused ones too.
STORY = r"""
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    int ids[4];
    char *at[4];
    for (int i = 0; i < 4; i++) {
        ids[i] = shmget(IPC_PRIVATE, 4096 * (i + 1), 0600);
        at[i] = shmat(ids[i], NULL, i % 2 ? SHM_RDONLY : 0);
    }
    for (int i = 0; i < 5; i++)
        free(malloc(200000 * (i + 1) % 130000));
    sbrk(12288), sbrk(-4096), brk(sbrk(0)), brk((char *)sbrk(0) + 8192), sbrk(1L << 60), brk((void *)1);
    if (fork() == 0) {
        shmdt(at[0]), shmdt(at[1]), shmdt(at[1]);
        shmat(ids[2], NULL, 0);
        _exit(0);
    }
    wait(NULL);
    shmdt(at[3]);
    for (int i = 0; i < 4; i++)
        shmctl(ids[i], IPC_RMID, NULL);
    return 0;
}
"""


def by_process(recording):
    """(pid, image) -> its events, in order."""
    events = collections.defaultdict(list)
    for event in recording.events():
        events[event["pid"], event["image"]].append(event)
    return events


def check_break(process, events):
    told = process["break"]
    moves = [e for e in events if e["call"] in ("brk", "sbrk")]
    at = int(told["initial"], 16)
    peak = at
    for event in moves:
        assert int(event["break"]["before"], 16) == at
        at += event["break"]["delta"]
        assert int(event["break"]["after"], 16) == at
        peak = max(peak, at)
    done = [e["break"]["delta"] for e in moves if e["errno"] is None]
    assert at == int(told["current"], 16)
    assert peak == int(told["peak"], 16)
    assert told["net_bytes"] == at - int(told["initial"], 16)
    assert told["peak_bytes"] == peak - int(told["initial"], 16)
    assert told["grown_bytes"] == sum(d for d in done if d > 0)
    assert told["shrunk_bytes"] == -sum(d for d in done if d < 0)
    assert told["moves"] == len(done)
    assert (told["grows"], told["shrinks"]) == (sum(d > 0 for d in done), sum(d < 0 for d in done))
    assert told["failures"] == len(moves) - len(done)
    for origin in ("malloc", "direct"):
        own = [e["break"]["delta"] for e in moves if e["origin"] == origin and e["errno"] is None]
        assert told["by_origin"][origin]["moves"] == len(own)
        assert told["by_origin"][origin]["grown_bytes"] == sum(d for d in own if d > 0)


def check_counters(process, events):
    for call in harness.CALLS:
        own = [e for e in events if e["call"] == call]
        assert process["calls"][call] == {"ok": sum(e["errno"] is None for e in own),
                                          "failed": sum(e["errno"] is not None for e in own)}, call


def replay_attachments(events):
    """(pid, image) -> the most attachments at one time; shmid -> [attaches, detaches, inherited]."""
    held, peak = collections.defaultdict(dict), collections.Counter()
    segments = collections.defaultdict(lambda: [0, 0, 0])
    for event in events:
        who = (event["pid"], event["image"])
        if event["call"] == "fork":
            parents = [w for w in held if w[0] == event["parent_pid"]]
            held[who] = dict(held[max(parents)]) if parents else {}
            assert len(held[who]) == event["attachments"]
            for shmid in held[who].values():
                segments[shmid][2] += 1
        elif event.get("errno") is None and event["call"] == "shmat":
            held[who][event["address"]] = event["shmid"]
            segments[event["shmid"]][0] += 1
        elif event.get("errno") is None and event["call"] == "shmdt":
            segments[held[who].pop(event["address"])][1] += 1
        elif event["call"] in ("exit", "exec"):
            assert len(held[who]) == event["attachments"]
            held[who] = {}
        peak[who] = max(peak[who], len(held[who]))
    return peak, segments


def check(recording):
    report = recording.report()
    harness.complete(report)
    events = by_process(recording)
    for process in report["processes"]:
        own = events[process["pid"], process["image"]]
        check_break(process, own)
        check_counters(process, own)
    assert report["coverage"]["events"] == sum(len(e) for e in events.values())
    peak, segments = replay_attachments(recording.events())
    for process in report["processes"]:
        assert process["attached"]["peak"] == peak[process["pid"], process["image"]]
        assert process["attached"]["now"] == 0
    for segment in report["segments"]:
        assert [segment["attaches"], segment["detaches"], segment["inherited"]] == segments[segment["shmid"]]
    return report


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs(program):
    check(record(*PROGRAMS[program]))


def test_story(compile_c):
    report = check(record(compile_c("story", STORY)))
    parent, child = report["processes"]
    assert (parent["attached"]["peak"], child["attached"]["peak"], child["attached"]["inherited"]) == (4, 4, 4)
    assert [s["state"] for s in report["segments"]] == ["destroyed"] * 4


def test_a_move_that_moves_nothing(compile_c):
    """A successful call that does not move the break is no move."""
    program = compile_c("stays", r"""
        #include <unistd.h>
        int main(void) { sbrk(4096); for (int i = 0; i < 8; i++) brk(sbrk(0)); brk((void *)1); return 0; }""")
    recording = record(program)
    process, = recording.report()["processes"]
    told = process["break"]
    assert (told["moves"], told["grows"], told["shrinks"], told["queries"]) == (10, 1, 0, 8)
    assert "the break moved 1 time, +4K -0" in recording.result.stderr
    assert "10 moves: grown by 4K, given back 0, 9 moved nothing, 8 only asked" in recording.report_text()


def test_the_kernels_own_break(compile_c):
    """In a stopped process, the sum is the end of its [heap]."""
    program = compile_c("held-still", r"""
        #include <stdio.h>
        #include <stdlib.h>
        #include <unistd.h>
        int main(void)
        {
            for (int i = 0; i < 300; i++) malloc(9000);
            sbrk(3 << 12); sbrk(-4096);
            puts("ready"); fflush(stdout);
            return getchar() == EOF;
        }""")
    with Lines(harness.MEMSHIM, "record", "-q", "-o", "live.data", "--", program) as running:
        running.wait_for("ready")
        recording = harness.Recording("live.data")
        process = recording.process(state="running")
        maps = open(f"/proc/{process['pid']}/maps").read().splitlines()
        heap = next(line for line in maps if line.endswith("[heap]")).split()[0].split("-")
        assert process["break"]["current"] == "0x" + heap[1]
        assert process["break"]["initial"] == "0x" + heap[0]
        assert recording.report()["coverage"]["unseen_moves"] == 0
        running.say()
        assert running.end()[0] == 0


def test_what_is_lost_is_counted(compile_c):
    """A log of 8 KiB and a fast writer: events are lost, and the counters stay exact."""
    program = compile_c("flood", r"""
        #include <unistd.h>
        int main(void) { for (int i = 0; i < 150000; i++) { sbrk(4096); sbrk(-4096); } return 0; }""")
    recording = record(program, options=("--log-size=8K", "-k", "0"))
    report = recording.report()
    process, = report["processes"]
    assert process["calls"]["sbrk"] == {"ok": 300000, "failed": 0}
    assert process["break"]["grown_bytes"] == process["break"]["shrunk_bytes"] == 150000 * 4096
    lost = report["coverage"]["lost"]
    assert lost["overwritten"] > 0
    logged = sum(e["call"] == "sbrk" for e in recording.events())
    assert 300000 <= logged + lost["overwritten"] + lost["torn"] <= 300000 + 2  # the lifecycle events
    assert any(f["kind"] == "lost-events" for f in report["findings"])
    assert "lost" in recording.report_text()


def test_children_of_a_thread_that_moves_the_break(compile_c):
    """The kernel copies its own break at fork; a thread may not have stored its latest move yet."""
    text = """
    #include <pthread.h>
    #include <stdio.h>
    #include <sys/syscall.h>
    #include <sys/wait.h>
    #include <unistd.h>
    static volatile int over;
    static void *move(void *unused)
    {
        for (int i = 0; !over && i < 1000000; i++)
            sbrk(4096);
        return unused;
    }
    int main(void)
    {
        pthread_t thread;
        pthread_create(&thread, 0, move, 0);
        for (int i = 0; i < 50; i++) {
            if (fork() == 0) {
                char text[64];
                int length = snprintf(text, sizeof text, "%d %#lx\\n", getpid(), syscall(SYS_brk, 0));
                _exit(write(1, text, length) != length);
            }
            wait(0);
        }
        over = 1;
        return pthread_join(thread, 0);
    }
    """
    recording = harness.record(compile_c("movers", text, "-pthread"), options=("-q",))
    told = dict(line.split() for line in recording.result.stdout.splitlines())
    seen = {str(p["pid"]): p["break"]["current"] for p in recording.report()["processes"] if p["forked"]}
    assert len(told) == 50 and seen == told


def test_inherited_from_a_parent_that_goes_on_at_once(compile_c):
    """A child has what its parent had at the fork, not at the child's registration."""
    text = """
    #include <stdlib.h>
    #include <sys/shm.h>
    #include <sys/wait.h>
    #include <unistd.h>
    int main(void)
    {
        int first = shmget(IPC_PRIVATE, 4096, 0600), second = shmget(IPC_PRIVATE, 8192, 0600);
        for (int i = 0; i < 20; i++) {
            void *had = shmat(first, 0, 0);
            if (fork() == 0)
                exit(0);
            shmdt(had);
            shmdt(shmat(second, 0, 0));
            wait(0);
        }
        shmat(first, 0, 0);
        if (fork() == 0) {
            shmctl(first, IPC_RMID, 0);
            _exit(shmctl(second, IPC_RMID, 0));
        }
        return 0;
    }
    """
    report = harness.record(compile_c("goes_on", text), options=("-q", "-w")).report()
    first, second = report["segments"]
    assert (first["inherited"], first["attaches"], first["detaches"], first["nattch_peak"]) == (21, 21, 20, 2)
    assert (second["inherited"], second["attaches"], second["detaches"], second["nattch_peak"]) == (0, 20, 20, 1)
    copies = [a for a in report["attachments"] if a["how"] == "fork"]
    assert {(a["shmid"], a["ended_by"]) for a in copies} == {(first["shmid"], "exit")} and len(copies) == 21
    assert all(p["start_ns"] <= p["end_ns"] for p in report["processes"])


def test_children_of_a_program_whose_threads_attach(compile_c):
    """The exact time of the copy is not known; the child has counted its attachments."""
    text = """
    #include <pthread.h>
    #include <sys/shm.h>
    #include <sys/wait.h>
    #include <unistd.h>
    static int id;
    static volatile int over;
    static void *attach(void *unused)
    {
        void *at[20];
        while (!over) {
            for (int i = 0; i < 20; i++)
                at[i] = shmat(id, 0, 0);
            for (int i = 0; i < 20; i++)
                shmdt(at[i]);
        }
        return unused;
    }
    int main(void)
    {
        pthread_t thread;
        id = shmget(IPC_PRIVATE, 4096, 0600);
        pthread_create(&thread, 0, attach, 0);
        for (int i = 0; i < 100; i++) {
            if (fork() == 0)
                _exit(0);
            wait(0);
        }
        over = 1;
        return pthread_join(thread, 0) || shmctl(id, IPC_RMID, 0);
    }
    """
    report = harness.record(compile_c("attachers", text, "-pthread"), options=("-q", "--log-size=256M")).report()
    had = [p["attached"] for p in report["processes"] if p["forked"]]
    assert len(had) == 100 and any(a["inherited"] for a in had)
    assert [a["peak_bytes"] for a in had] == [4096 * a["inherited"] for a in had]


def test_a_signal_right_after_the_fork(compile_c):
    """A signal handler's hook registers the child before libc does: it registers once."""
    text = """
    #include <signal.h>
    #include <sys/wait.h>
    #include <unistd.h>
    static void handler(int signal) { sbrk(signal); }
    int main(void)
    {
        signal(SIGUSR1, handler);
        setpgid(0, 0);
        pid_t bomber = fork();
        if (bomber == 0) {
            signal(SIGUSR1, SIG_IGN);
            for (;;) {
                kill(-getpgrp(), SIGUSR1);
                usleep(20);
            }
        }
        for (int i = 0; i < 100; i++) {
            pid_t child = fork();
            if (child == 0)
                _exit(0);
            while (waitpid(child, 0, 0) < 0)
                ;
        }
        kill(bomber, SIGKILL);
        return waitpid(bomber, 0, 0) != bomber;
    }
    """
    pids = [p["pid"] for p in harness.record(compile_c("hit", text), options=("-q",)).report()["processes"]]
    assert len(pids) == len(set(pids)) == 102
