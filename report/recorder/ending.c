/* SPDX-License-Identifier: MIT */
#include "report/recorder/ending.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#include "report/procfs/proc.h"
#include "report/procfs/timens.h"

/* linux/pidfd.h since Linux 6.13, its exit_code since 6.15; older ones answer ENOTTY. */
struct pidfd_answer {
	uint64_t mask;
	uint64_t cgroup_id;
	uint32_t ids[11];
	int32_t exit_code; /* as wait(2) has it */
};
#define PIDFD_ASK _IOWR(0xFF, 11, struct pidfd_answer)
#define PIDFD_EXIT (1u << 3)

static bool ask_zombie(pid_t pid, uint64_t start_time, int *wait_status)
{
	struct proc_facts facts;

	if (!proc_facts(pid, &facts) || facts.state != 'Z' || !proc_may_look(pid) ||
	    (start_time != 0 && !timens_same_start(pid, facts.start_time, start_time)))
		return false;
	*wait_status = facts.exit_code;
	return true;
}

enum ending ending_ask(pid_t pid, uint64_t start_time, int fd, int *wait_status)
{
	struct pidfd_answer answer = {.mask = PIDFD_EXIT};

	if (ask_zombie(pid, start_time, wait_status))
		return ENDING_KNOWN;
	if (fd < 0)
		return ENDING_NEVER;
	if (ioctl(fd, PIDFD_ASK, &answer) != 0)
		return errno == ESRCH ? ENDING_LATER : ENDING_NEVER;
	*wait_status = answer.exit_code;
	return answer.mask & PIDFD_EXIT ? ENDING_KNOWN : ENDING_LATER;
}
