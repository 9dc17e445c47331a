/* SPDX-License-Identifier: MIT */
#include "report/util/big_stack.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/resource.h>

#define NEEDED_BYTES (2u << 20)

struct call {
	void (*work)(void *context);
	void *context;
};

static void *big_stack_run(void *context)
{
	struct call *call = context;

	call->work(call->context);
	return NULL;
}

static bool is_deep_enough(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= NEEDED_BYTES;
}

void call_on_big_stack(void (*work)(void *context), void *context)
{
	struct call call = {work, context};
	pthread_attr_t attributes;
	pthread_t thread;
	bool begun = false;

	if (!is_deep_enough() && pthread_attr_init(&attributes) == 0) {
		begun = pthread_attr_setstacksize(&attributes, NEEDED_BYTES) == 0 &&
			pthread_create(&thread, &attributes, big_stack_run, &call) == 0;
		pthread_attr_destroy(&attributes);
	}
	if (begun)
		pthread_join(thread, NULL);
	else
		work(context);
}
