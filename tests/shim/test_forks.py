# SPDX-License-Identifier: MIT
"""A child's attachments are those in its /proc/PID/maps, whatever another thread of its parent was doing."""

import pytest

import harness

# A thread detaches while strace delays it before or after the kernel's part; meanwhile the program forks.
FORKS_AMID_SHMDT = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static void *at;
static volatile int tid;
static void *detach(void *unused)
{
    tid = gettid();
    return shmdt(at) ? at : unused;
}
static int attached(void)
{
    char line[512];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        count += strstr(line, "/SYSV") != NULL;
    fclose(maps);
    return count;
}
static int is_detaching(void)
{
    char path[64];
    int number = -1;
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", tid);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%d", &number) != 1)
            number = -1;
        fclose(file);
    }
    return number == SYS_shmdt;
}
int main(int argc, char **argv)
{
    int id = shmget(IPC_PRIVATE, 4096, 0600), left = atoi(argv[1]);
    pthread_t thread;
    at = shmat(id, 0, 0);
    shmctl(id, IPC_RMID, 0);
    pthread_create(&thread, 0, detach, 0);
    while (!tid || !is_detaching() || attached() != left)
        ;
    if (fork() == 0) {
        printf("%d\n", attached());
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    pthread_join(thread, 0);
    return 0;
}
"""


@pytest.mark.parametrize("delay,left", [("delay_enter", 1), ("delay_exit", 0)])
def test_fork_while_a_thread_is_in_shmdt(compile_c, delay, left):
    """Before the kernel detaches, the child gets a copy; afterwards it does not."""
    harness.need("strace")
    program = compile_c("forks", FORKS_AMID_SHMDT, "-pthread", "-D_GNU_SOURCE")
    slow = ("strace", "-f", "-o", "/dev/null", "-e", "trace=shmdt", "-e", f"inject=shmdt:{delay}=1000000")
    recording = harness.record(program, left, options=("-q", "-w"), before=slow)
    assert recording.result.stdout == f"{left}\n"
    report = recording.report()
    child, = [p for p in report["processes"] if p["forked"]]
    assert (child["attached"]["inherited"], child["attached"]["peak_bytes"]) == (left, 4096 * left)
    segment, = report["segments"]
    assert (segment["attaches"], segment["detaches"], segment["inherited"]) == (1, 1, left)
