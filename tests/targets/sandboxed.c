/* SPDX-License-Identifier: MIT */
/*
 * sandboxed strict: under seccomp's strict mode, only calls that need no system call are possible:
 * reading the break.
 *
 * sandboxed list [exit]: a filter kills the process for any system call but those of its calls,
 * write and exit. The program continues its calls, and operates on a semaphore set and a queue for
 * the first time. With `exit` it ends by exit(3), and so runs handlers and destructors.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/syscall.h>

#include "tests/targets/cycle.h"

static void say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		_exit(1);
}

static void allow_list(void)
{
#define ALLOW(nr) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_brk),
		ALLOW(SYS_shmget),
		ALLOW(SYS_shmat),
		ALLOW(SYS_shmdt),
		ALLOW(SYS_shmctl),
		ALLOW(SYS_semctl),
		ALLOW(SYS_semop),
		ALLOW(SYS_semtimedop),
		ALLOW(SYS_msgctl),
		ALLOW(SYS_msgsnd),
		ALLOW(SYS_msgrcv),
		ALLOW(SYS_write),
		ALLOW(SYS_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog filter = {sizeof code / sizeof *code, code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

static void make_calls(int cycles)
{
	struct cycle cycle = {.moves_break = true};

	for (int i = 0; i < 9 * cycles; i++)
		if (!cycle_step(&cycle))
			say("wrong\n");
}

static void operate(int semid, int msqid)
{
	struct sembuf up = {0, 1, 0}, beyond = {9, 1, 0};
	long message[2] = {1, 0};

	if (semop(semid, &up, 1) != 0 || semop(semid, &beyond, 1) == 0 ||
	    msgsnd(msqid, message, 8, 0) != 0 || msgrcv(msqid, message, 8, 0, 0) != 8 ||
	    msgrcv(msqid, message, 8, 0, IPC_NOWAIT) >= 0 || semctl(semid, 0, GETVAL) != 1)
		say("wrong\n");
	semctl(semid, 0, IPC_RMID);
	msgctl(msqid, IPC_RMID, NULL);
}

int main(int argc, char **argv)
{
	int semid, msqid;
	char *first;

	make_calls(1);
	first = sbrk(0);
	if (argc > 1 && strcmp(argv[1], "strict") == 0) {
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
		say(sbrk(0) == first ? "right\n" : "wrong\n");
		syscall(SYS_exit, 6);
	}
	semid = semget(IPC_PRIVATE, 1, 0600);
	msqid = msgget(IPC_PRIVATE, 0600);
	allow_list();
	make_calls(20);
	operate(semid, msqid);
	say("alive\n");
	if (argc > 2)
		exit(7);
	_exit(8);
}
