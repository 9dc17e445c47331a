/* SPDX-License-Identifier: MIT */
/*
 * held: makes calls, and then a call that the kernel holds until the end: a seccomp filter passes
 * it to a supervisor that never answers. Prints "held" and its pid when the call has begun.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/targets/cycle.h"

static int hold_shmget(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_shmget, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {sizeof code / sizeof *code, code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &filter);
}

static void *make_call(void *unused)
{
	(void)unused;
	shmget(IPC_PRIVATE, 4096, 0600);
	return NULL;
}

int main(void)
{
	struct cycle cycle = {.moves_break = true};
	struct pollfd listener = {.events = POLLIN};
	pthread_t thread;

	for (int i = 0; i < 9; i++)
		cycle_step(&cycle);
	listener.fd = hold_shmget();
	pthread_create(&thread, NULL, make_call, NULL);
	poll(&listener, 1, -1);
	printf("held %d\n", (int)getpid());
	fflush(stdout);
	pthread_join(thread, NULL);
	return 0;
}
