/* SPDX-License-Identifier: MIT */
#include "report/procfs/alive.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "preload/common/files.h"
#include "report/procfs/timens.h"

enum answer { ANSWER_NONE, ANSWER_ENDED, ANSWER_RUNS };

/*
 * What /proc/PID/stat says, and the start time. A process whose first thread has ended is a zombie
 * there while its other threads run.
 */
static enum answer read_stat(int32_t pid, uint64_t *start_time)
{
	char path[64], text[1024];
	const char *at;
	unsigned long long start = 0;
	long threads = 0;
	char state = 'X';

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	if (pid <= 0 || sys_read_file(path, text, sizeof text) <= 0 || !(at = strrchr(text, ')')) ||
	    sscanf(at + 1,
		   " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d "
		   "%llu",
		   &state, &threads, &start) != 3)
		return ANSWER_NONE;
	*start_time = start;
	return state == 'X' || (state == 'Z' && threads <= 1) ? ANSWER_ENDED : ANSWER_RUNS;
}

uint64_t alive_start(int32_t pid, uint64_t start_time)
{
	uint64_t start;

	if (read_stat(pid, &start) != ANSWER_RUNS)
		return 0;
	return start_time == 0 || timens_same_start(pid, start, start_time) ? start : 0;
}

bool alive_process(int32_t pid, uint64_t start_time)
{
	return alive_start(pid, start_time) != 0;
}

enum still alive_still(int32_t pid, uint64_t start_time)
{
	enum answer answer;
	uint64_t start;

	if (pid <= 0)
		return STILL_UNKNOWN;
	answer = read_stat(pid, &start);
	if (answer == ANSWER_NONE)
		return kill(pid, 0) != 0 && errno == ESRCH ? STILL_ENDED : STILL_UNKNOWN;
	if (answer == ANSWER_ENDED)
		return STILL_ENDED;
	if (start_time == 0)
		return STILL_UNKNOWN; /* it may be another process with this pid */
	return timens_same_start(pid, start, start_time) ? STILL_RUNS : STILL_ENDED;
}
