/* SPDX-License-Identifier: MIT */
/* Its header says what it is: the tables of /proc/sysvipc, beside /proc/sys/kernel. */
#include "report/session/ipc_usage.h"

#include <stddef.h>
#include <unistd.h>

#include "report/procfs/sysvipc.h"

static void ipc_usage_add_segment(void *context, const struct kernel_segment *segment)
{
	struct ipc_usage *rows = context;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	rows[LIMIT_SHMMNI].used++;
	rows[LIMIT_SHMALL].used += (segment->size + page - 1) / page;
}

static void ipc_usage_add_object(void *context, const struct kernel_object *object)
{
	struct ipc_usage *rows = context;

	if (object->kind == OBJECT_QUEUE) {
		rows[LIMIT_MSGMNI].used++;
		return;
	}
	rows[LIMIT_SEMMNI].used++;
	rows[LIMIT_SEMMNS].used += object->count;
}

void ipc_usage_read(struct ipc_usage rows[LIMIT_COUNT])
{
	struct sysvipc_limits limits;

	sysvipc_limits(&limits);
	rows[LIMIT_SHMMNI] = (struct ipc_usage){"SHMMNI", 0, limits.segments};
	rows[LIMIT_SHMALL] = (struct ipc_usage){"SHMALL", 0, limits.pages};
	rows[LIMIT_SEMMNI] = (struct ipc_usage){"SEMMNI", 0, limits.sets};
	rows[LIMIT_SEMMNS] = (struct ipc_usage){"SEMMNS", 0, limits.semaphores};
	rows[LIMIT_MSGMNI] = (struct ipc_usage){"MSGMNI", 0, limits.queues};
	if (!sysvipc_segments(ipc_usage_add_segment, rows))
		rows[LIMIT_SHMMNI].limit = rows[LIMIT_SHMALL].limit = 0;
	if (!sysvipc_objects(OBJECT_SEMAPHORES, ipc_usage_add_object, rows))
		rows[LIMIT_SEMMNI].limit = rows[LIMIT_SEMMNS].limit = 0;
	if (!sysvipc_objects(OBJECT_QUEUE, ipc_usage_add_object, rows))
		rows[LIMIT_MSGMNI].limit = 0;
}
