/* SPDX-License-Identifier: MIT */
#include "report/reader/mapping_guard.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "preload/common/raw.h"

static __thread sigjmp_buf *volatile way_back; /* null: the fault is not in guard_run */

static struct {
	char *base;
	size_t bytes;
	uintptr_t page_bytes;
	volatile sig_atomic_t replaced;
} kept;

/* Runs in any thread. It calls no libc function, so errno is unchanged. */
static bool replace_page(char *at)
{
	long page = (long)((uintptr_t)at & ~(kept.page_bytes - 1));

	if (!kept.base || at < kept.base || at >= kept.base + kept.bytes)
		return false;
	kept.replaced = 1;
	return raw_call6(SYS_mmap, page, (long)kept.page_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page;
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
	(void)context;
	if (way_back)
		siglongjmp(*way_back, 1);
	if (replace_page(info->si_addr))
		return;
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static void mapping_guard_install(void)
{
	/* SA_NODEFER: the handler jumps out; to restore the mask costs a call a batch. */
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_NODEFER | SA_SIGINFO};

	sigaction(SIGBUS, &action, NULL);
}

static void install_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, mapping_guard_install);
}

void guard_replace(void *base, size_t bytes)
{
	install_once();
	kept.base = base;
	kept.bytes = bytes;
	kept.page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	if (base)
		kept.replaced = 0;
}

bool guard_has_replaced(void)
{
	return kept.replaced;
}

bool guard_run(void (*work)(void *), void *context)
{
	sigjmp_buf here;

	install_once();
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
