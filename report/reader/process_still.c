/* SPDX-License-Identifier: MIT */
/* Whether a session's process still runs. Reap depends on it: a wrong answer destroys data. */
#include "report/procfs/alive.h"
#include "report/reader/reader_internal.h"

/* Asks the kernel, where the process's pid in this namespace is known for certain. */
static enum still ask_kernel(const struct source *source, const struct source_asked *asked)
{
	uint64_t session = source_header(source)->pid_namespace;
	uint64_t own = source->own_pid_namespace;
	bool here = session != 0 && session == own;

	if (!source->facts.same_boot)
		return STILL_UNKNOWN;
	if (here && asked->host_pid)
		return alive_still(asked->host_pid, asked->start_time);
	if (asked->pid_namespace == 0 ? here : own != 0 && asked->pid_namespace == own)
		return alive_still(asked->pid, asked->start_time);
	return STILL_UNKNOWN;
}

/*
 * Where the kernel cannot be asked, the slot's state answers: the recorder wrote the end, or,
 * without a recorder, the process wrote its own. An exec ends no process.
 */
enum still source_process_still(const struct source *source, const struct source_asked *asked)
{
	enum still still = ask_kernel(source, asked);

	if (still != STILL_UNKNOWN)
		return still;
	return asked->state == PROCESS_EXITED || asked->state == PROCESS_KILLED ||
			       asked->state == PROCESS_GONE
		       ? STILL_ENDED
		       : STILL_UNKNOWN;
}

enum still source_recorders_pid_still(const struct source *source, int32_t pid, uint64_t start_time)
{
	struct source_asked asked = {.pid = pid, .start_time = start_time};

	return ask_kernel(source, &asked);
}

enum still source_image_still(enum still process, uint32_t state)
{
	return state == PROCESS_EXEC ? STILL_ENDED : process;
}
