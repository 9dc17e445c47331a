/* SPDX-License-Identifier: MIT */
#include "report/reader/guard.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

static __thread sigjmp_buf *volatile way_back; /* null: the fault is not ours */

static void on_fault(int signal_number)
{
	if (way_back)
		siglongjmp(*way_back, 1);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static void install(void)
{
	/* SA_NODEFER: we leave by jumping, and the mask is not worth a system call per batch. */
	struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};

	sigaction(SIGBUS, &action, NULL);
}

bool guard_run(void (*work)(void *), void *context)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	sigjmp_buf here;

	pthread_once(&once, install);
	if (sigsetjmp(here, 0) != 0) {
		way_back = NULL;
		return false;
	}
	way_back = &here;
	work(context);
	way_back = NULL;
	return true;
}

struct copy {
	void *to;
	const void *from;
	size_t bytes;
};

static void copy_now(void *context)
{
	const struct copy *copy = context;

	memcpy(copy->to, copy->from, copy->bytes);
}

bool guard_copy(void *to, const void *from, size_t bytes)
{
	struct copy copy = {to, from, bytes};

	return guard_run(copy_now, &copy);
}
