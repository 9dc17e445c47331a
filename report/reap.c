/* SPDX-License-Identifier: MIT */
/*
 * The model says what leaked; but between that look and a removal anything may happen, so each
 * segment is asked for once more, by its id, and must still be the same one: key, creation time,
 * size and makers are compared, and nobody may have it attached. Then its mode is taken away, so
 * that nobody can attach it any more, it is asked for a last time, and only then removed, or given
 * its mode back. An id is not used again for the next 32,768 segments.
 */
#include "report/reap.h"

#include <errno.h>
#include <string.h>
#include <sys/shm.h>

/* Null when it is the very segment that the kernel showed before, and unused; else why it is kept.
 */
static const char *check(const struct model_segment *segment, struct shmid_ds *now)
{
	const struct kernel_segment *then = &segment->kernel;

	if (shmctl(segment->shmid, IPC_STAT, now) != 0)
		return errno == EINVAL || errno == EIDRM ? "it is gone already" : strerror(errno);
	if ((uint32_t)now->shm_perm.__key != then->key || now->shm_segsz != then->size ||
	    (uint64_t)now->shm_ctime != then->changed || now->shm_cpid != then->creator_pid ||
	    now->shm_perm.cuid != then->creator_uid)
		return "it is another segment by now";
	if (now->shm_nattch != 0)
		return "somebody has attached it meanwhile";
	return NULL;
}

static bool is_attached(int shmid)
{
	struct shmid_ds now;

	return shmctl(shmid, IPC_STAT, &now) != 0 || now.shm_nattch != 0;
}

const char *reap_remove(const struct model_segment *segment)
{
	struct shmid_ds now, closed;
	const char *why = check(segment, &now);

	if (why)
		return why;
	closed = now;
	closed.shm_perm.mode = 0;
	if (shmctl(segment->shmid, IPC_SET, &closed) != 0)
		return strerror(errno);
	if (is_attached(segment->shmid)) {
		shmctl(segment->shmid, IPC_SET, &now);
		return "somebody has attached it meanwhile";
	}
	return shmctl(segment->shmid, IPC_RMID, NULL) == 0 ? NULL : strerror(errno);
}

const char *reap_why_kept(const struct model *model, const struct model_segment *segment)
{
	if (segment->created == CREATED_NOT)
		return "this session did not make it";
	if (segment->created != CREATED_SURELY)
		return "it is not sure that this session made it";
	if (!model->session.same_ipc)
		return "it belongs to another machine, another boot or another IPC namespace";
	if (segment->state == SEGMENT_MARKED)
		return "it is marked for removal, and goes with its last attachment";
	if (segment->in_kernel && segment->kernel.nattch)
		return "somebody has it attached";
	return segment->leaked ? NULL
			       : "its maker, or a process forked from the same program, still runs";
}
