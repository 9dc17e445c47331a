/* SPDX-License-Identifier: MIT */
#include "report/procfs/alive.h"

#include <errno.h>
#include <signal.h>

#include "report/procfs/proc.h"
#include "report/procfs/timens.h"

enum answer { ANSWER_NONE, ANSWER_ENDED, ANSWER_RUNS };

/* A process whose first thread has ended is a zombie in /proc while its other threads run. */
static enum answer alive_read_stat(int32_t pid, uint64_t *start_time)
{
	struct proc_facts facts;

	if (pid <= 0 || !proc_facts(pid, &facts) || facts.start_time == 0)
		return ANSWER_NONE;
	*start_time = facts.start_time;
	return facts.state == 'X' || (facts.state == 'Z' && facts.threads <= 1) ? ANSWER_ENDED
										: ANSWER_RUNS;
}

uint64_t alive_start(int32_t pid, uint64_t start_time)
{
	uint64_t start;

	if (alive_read_stat(pid, &start) != ANSWER_RUNS)
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
	answer = alive_read_stat(pid, &start);
	if (answer == ANSWER_NONE)
		return kill(pid, 0) != 0 && errno == ESRCH ? STILL_ENDED : STILL_UNKNOWN;
	if (answer == ANSWER_ENDED)
		return STILL_ENDED;
	if (start_time == 0)
		return STILL_UNKNOWN; /* it may be another process with this pid */
	return timens_same_start(pid, start, start_time) ? STILL_RUNS : STILL_ENDED;
}
