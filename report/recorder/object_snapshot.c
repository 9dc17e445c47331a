/* SPDX-License-Identifier: MIT */
#include "report/recorder/object_snapshot.h"

#include <errno.h>

#include "report/procfs/sysvipc.h"

struct object_survey {
	struct segment_snapshot *snapshot;
	bool by_key;
	uint32_t key;
};

bool object_snapshot_is_wanted(const struct segment_event *event)
{
	switch (event->kind) {
	case CALL_SEMGET:
	case CALL_MSGGET:
		return true;
	case CALL_SEMOP:
	case CALL_SEMTIMEDOP:
		return event->detail == E2BIG;
	case CALL_MSGSND:
		return event->detail == EINVAL;
	default:
		return false;
	}
}

static void object_survey_row(void *context, const struct kernel_object *row)
{
	struct object_survey *survey = context;
	struct segment_snapshot *snapshot = survey->snapshot;

	snapshot->used_segments++;
	snapshot->used_pages += row->kind == OBJECT_SEMAPHORES ? row->count : 0;
	if (!survey->by_key || row->key != survey->key)
		return;
	snapshot->shmid = row->id;
	snapshot->key = row->key;
	snapshot->size = row->kind == OBJECT_SEMAPHORES ? row->count : 0;
	snapshot->mode = row->mode;
	snapshot->owner_uid = row->owner_uid;
}

void object_snapshot_take(struct segment_snapshot *snapshot, const struct segment_event *event)
{
	bool is_get = event->kind == CALL_SEMGET || event->kind == CALL_MSGGET;
	bool is_set = event->kind != CALL_MSGGET && event->kind != CALL_MSGSND;
	struct object_survey survey = {.snapshot = snapshot};
	struct sysvipc_object_limits limits;

	sysvipc_object_limits(&limits);
	snapshot->limit_segments = is_set ? limits.sets : limits.queues;
	snapshot->limit_pages = is_set ? limits.semaphores : 0;
	snapshot->limit_size = !is_set  ? limits.message_bytes
			       : is_get ? limits.set_size
					: limits.operations;
	if (!is_get)
		return;
	survey.key = (uint32_t)event->u.get.key;
	survey.by_key = survey.key != 0;
	sysvipc_objects(is_set ? OBJECT_SEMAPHORES : OBJECT_QUEUE, object_survey_row, &survey);
}
