/* SPDX-License-Identifier: MIT */
#include "report/util/progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/util/now.h"

#define QUIET_NS 1000000000u
#define REDRAW_NS 100000000u

static struct {
	bool allowed, drawn;
	uint64_t begin_ns, drawn_ns;
	const char *what;
	unsigned percent;
} progress;

void progress_allow(void)
{
	const char *term = getenv("TERM");

	progress.allowed = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
	progress.begin_ns = now_ns();
}

void progress_wait(void)
{
	uint64_t now = progress.allowed && progress.what ? now_ns() : 0;

	if (now < progress.begin_ns + QUIET_NS || now < progress.drawn_ns + REDRAW_NS)
		return;
	progress.drawn_ns = now;
	progress.drawn = true;
	fprintf(stderr, "\rmemshim: %s, %u %%\033[K", progress.what, progress.percent);
	fflush(stderr);
}

void progress_step(const char *what, uint64_t done, uint64_t all)
{
	if (!progress.allowed)
		return;
	progress.what = what;
	progress.percent = all && done < all ? (unsigned)((double)done * 100 / (double)all) : 100;
	progress_wait();
}

void progress_clear(void)
{
	progress.what = NULL;
	if (!progress.drawn)
		return;
	progress.drawn = false;
	fputs("\r\033[K", stderr);
	fflush(stderr);
}
