/* SPDX-License-Identifier: MIT */
/*
 * The model says what leaked; but between that look and a removal anything may happen, so each
 * segment is asked for once more, by its id, and must still be the same one: key, creation time,
 * size and makers are compared, and nobody may have it attached. Then its mode is taken away, so
 * that nobody but root can attach it any more, it is asked for a last time, and only then removed,
 * or given its mode back. An id is not used again for the next 32,768 segments, unless it is asked
 * for by kernel.shm_next_id.
 */
#include "report/session/reap.h"

#include <errno.h>
#include <string.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#include "report/procfs/alive.h"

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15 /* Linux 4.17 */
#endif

#define SHM_DEST_BIT 01000 /* the kernel's mark for removal, in the mode */

static const char gone[] = "it is gone already";
static const char another[] = "it is another segment by now";
static const char attached[] = "somebody has attached it meanwhile";

static bool is_same(const struct shmid_ds *now, const struct kernel_segment *then)
{
	return (uint32_t)now->shm_perm.__key == then->key && now->shm_segsz == then->size &&
	       now->shm_cpid == then->creator_pid && now->shm_perm.cuid == then->creator_uid;
}

static const char *why_not_asked(void)
{
	return errno == EINVAL || errno == EIDRM ? gone : strerror(errno);
}

/* As IPC_STAT, which needs the right to read: by the id's index in the kernel's table. */
static bool ask(int shmid, struct shmid_ds *now)
{
	static const int index_bits[] = {15, 24}; /* ipc/util.h: IPCMNI_SHIFT, and extended */

	for (int i = 0; i < 2; i++)
		if (shmctl(shmid & ((1 << index_bits[i]) - 1), SHM_STAT_ANY, now) == shmid)
			return true;
	return shmctl(shmid, IPC_STAT, now) == 0;
}

/* Null when it is the very segment that the kernel showed before, and unused; else why it is kept.
 */
static const char *check(const struct model_segment *segment, struct shmid_ds *now)
{
	const struct kernel_segment *then = &segment->current;

	if (!ask(segment->shmid, now))
		return why_not_asked();
	if (!is_same(now, then) || (uint64_t)now->shm_ctime != then->changed)
		return another;
	return now->shm_nattch ? attached : NULL;
}

/* Its mode is gone: null when nothing else has changed. */
static const char *check_last(const struct model_segment *segment)
{
	struct shmid_ds now;

	if (!ask(segment->shmid, &now))
		return why_not_asked();
	if (!is_same(&now, &segment->current))
		return another;
	return now.shm_nattch ? attached : NULL;
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
	why = check_last(segment);
	if (!why && shmctl(segment->shmid, IPC_RMID, NULL) != 0)
		why = strerror(errno);
	if (why && why != gone && why != another)
		shmctl(segment->shmid, IPC_SET, &now);
	return why;
}

/*
 * Who attached or detached it last may come back to it; a process that began later has only its
 * pid.
 */
static bool last_user_runs(const struct kernel_segment *segment)
{
	uint64_t used_s = segment->attached > segment->detached ? segment->attached
								: segment->detached;
	uint64_t start = segment->last_pid > 0 ? alive_start(segment->last_pid, 0) : 0;
	struct timespec now, up;

	if (!start || !used_s)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return (uint64_t)(now.tv_sec - up.tv_sec) + start / (uint64_t)sysconf(_SC_CLK_TCK) <=
	       used_s + 1;
}

const char *reap_why_kept(const struct model *model, const struct model_segment *segment,
			  bool by_name)
{
	if (segment->created == CREATED_NOT)
		return "this session did not make it";
	if (segment->created != CREATED_SURELY)
		return "it is not sure that this session made it";
	if (!model->session.same_ipc || segment->space || segment->elsewhere)
		return "it belongs to another machine, another boot or another IPC namespace";
	if (segment->presence == PRESENCE_REMOVED)
		return gone;
	if (segment->presence == PRESENCE_UNKNOWN)
		return segment->in_kernel ? "it is not surely the same segment"
					  : "what became of it by the session's end is not known";
	if (segment->current.owner_uid != segment->kernel.owner_uid)
		return "it was given to another user after the session's end";
	if (segment->current.mode & SHM_DEST_BIT)
		return "marked already: it goes with its last attachment";
	if (segment->current.nattch)
		return "somebody has it attached";
	if (last_user_runs(&segment->current))
		return "the process that used it last still runs";
	if (model->session.segment_missing)
		return "the session's own segment is gone: nobody can say whether its maker still "
		       "runs";
	if (segment->leaked_now)
		return NULL;
	if (segment->orphaned_now)
		return by_name ? NULL
			       : "orphaned: its creator ended, but a relative of it that never "
				 "used the segment still runs; name it with -m to remove it";
	return "its maker, or a process forked from the same program, still runs";
}
