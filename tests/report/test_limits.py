# SPDX-License-Identifier: MIT
"""Which limit refused memory: named even if the process freed its memory, or ended, before the recorder could read it."""

import re

import pytest

import harness
import second_observer
from harness import Recording, run

BLOCKS = """
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    static void *p[400000];
    int n = 0;
    char byte;
    while (n < 400000 && (p[n] = malloc(3000)))
        n++;
    if (strcmp(argv[1], "waits") == 0)
        return write(1, "full\\n", 5) != 5 || read(0, &byte, 1) < 0;
    if (strcmp(argv[1], "frees") == 0)
        while (n > 0)
            free(p[--n]);
    return 0;
}
"""

# Answers brk with an error, from the start (a command follows) or after a first move.
FILTERED = """
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_brk, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_shmget, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | atoi(argv[1])),
    };
    struct sock_fprog p = {5, f};
    char *at = argc > 2 ? NULL : sbrk(8192);
    static char line[4096];
    int used = 0;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p);
    if (argc > 2)
        return execvp(argv[2], argv + 2);
#define TELL(call) (errno = 0, used += sprintf(line + used, "%ld ", (long)(call)), used += sprintf(line + used, "%d\\n", errno))
    TELL((char *)sbrk(4096) == at + 8192);
    TELL(brk(at));
    TELL(syscall(SYS_brk, at));
    TELL(sbrk(4096));
    TELL(sbrk(-4096));
    TELL(sbrk(0));
    TELL(shmget(0, 4096, 0600));
    if (fork() == 0)
        return 0;
    wait(0);
    return write(1, line, used) != used;
}
"""


def failures(path="memshim.data"):
    return [f["text"] for f in Recording(path).report()["findings"] if f["kind"] == "failed-call"]


@pytest.mark.parametrize("what", ["frees", "ends"])
def test_data_limit_counts_all_private_memory(compile_c, what):
    """The heap alone is below the limit. Since Linux 4.7, other private memory counts, too."""
    harness.record("sh", "-c", f"ulimit -d 60000; exec {compile_c('blocks', BLOCKS)} {what}", options=("-q",))
    text, = failures()
    assert re.search(r"sbrk failed 1 time with ENOMEM: RLIMIT_DATA is 58\.\dM: it limits all private writable memory", text)
    assert "the call asked for 132K more" in text


@pytest.mark.parametrize("what", ["frees", "ends"])
def test_space_limit_after_the_process_ended(compile_c, what):
    harness.record("sh", "-c", f"ulimit -v 250000; exec {compile_c('blocks', BLOCKS)} {what}", options=("-q",))
    text, = failures()
    assert re.search(r"RLIMIT_AS is 244M, at least 24\dM are mapped, and the call asked for 132K more", text), text


def test_limits_are_told_where_the_cause_is_not_known(compile_c):
    """mlockall and RLIMIT_MEMLOCK refuse the memory: the limits that are set are named, and those that cannot be the cause."""
    program = compile_c("locks", """
    #include <sys/mman.h>
    #include <sys/resource.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    int main(void)
    {
        struct rlimit few = {65536, 65536};
        setrlimit(RLIMIT_MEMLOCK, &few);
        setgid(65534);
        setuid(65534);
        mlockall(MCL_FUTURE);
        char byte;
        sbrk(1 << 20);
        return write(1, "refused\\n", 8) != 8 || read(0, &byte, 1) < 0;
    }
    """)
    with harness.Lines(harness.MEMSHIM, "record", "-q", "--", program) as lines:
        lines.wait_for("refused")
        harness.wait_until(lambda: failures() and "RLIMIT_AS unlimited" in failures()[0], "the recorder has looked")
        lines.say("x")
        lines.end()
    text, = failures()
    assert "the call asked for 1M" in text and "RLIMIT_DATA was unlimited, RLIMIT_AS unlimited;" in text
    assert "not the cause: RLIMIT_DATA, RLIMIT_AS, a mapping above the break, the machine's memory" in text
    assert text.endswith("possible causes: RLIMIT_MEMLOCK after mlockall")


@pytest.mark.parametrize("error,name", [(1, "EPERM"), (38, "ENOSYS")])
def test_filter_against_brk(compile_c, error, name):
    """A seccomp filter refuses brk: libc's callers get what they get without the shim, and the break stays right."""
    program = compile_c("filtered", FILTERED)
    recording = harness.record(program, error, options=("-q",))
    assert recording.result.stdout == run(program, error).stdout != ""
    moves = recording.calls("--call=brk,sbrk")
    start = moves[0]["break"]["after"]
    assert {(e["break"]["before"], e["break"]["after"]) for e in moves[1:]} == {(start, start)}
    told = [(e["call"], e["errno"], e["kernel"]) for e in moves[1:] if e["origin"] == "direct"]
    assert told == [("sbrk", name, True), ("brk", name, True), ("brk", name, True), ("sbrk", "ENOMEM", False), ("sbrk", name, True)]
    assert [e["ret"] for e in moves[1:] if e["call"] == "brk"] == [0, -1], "what the callers got"
    process = recording.report()["processes"][0]
    assert process["break"]["current"] == process["break"]["peak"] == start and process["break"]["grown_bytes"] == 8192
    assert recording.report()["processes"][1]["break"]["current"] == start, "a child of fork cannot ask either"
    texts = "\n".join(failures())
    assert f"the kernel's brk never fails with {name}: a seccomp filter refused the call" in texts
    assert f"the kernel refuses brk with {name}, as a seccomp filter makes it do" in texts
    assert "libc refused it" not in texts and "0xffff" not in recording.events_text().replace("= 0xffff", "")
    assert ("never fails with EPERM: a seccomp filter" if error == 1 else "or a seccomp filter refused") in [
        t for t in failures() if "shmget" in t][0]


def test_filter_from_the_start(compile_c):
    """With a filter from the start, the break is the kernel's."""
    program = compile_c("filtered", FILTERED)
    recording = harness.record(program, 1, "/usr/bin/perl", "-e", "$x = 'x' x 500000; exit 3", options=("-q",), check=False)
    assert recording.result.returncode == 3
    report = recording.report()
    harness.complete(report)
    perl = report["processes"][-1]
    assert perl["exe"].endswith("perl") and perl["break"]["initial"] == perl["break"]["current"] == perl["break"]["peak"]
    assert 0 < int(perl["break"]["initial"], 16) < 1 << 47
    assert all("libc refused it" not in t for t in failures()) and "the kernel refuses brk with EPERM" in failures()[0]


@pytest.mark.parametrize("error", [1, 38])
def test_filter_by_two_observers(compile_c, error):
    second_observer.watch(compile_c("filtered", FILTERED), error)
