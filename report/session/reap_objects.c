/* SPDX-License-Identifier: MIT */
#include "report/session/reap_objects.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

#include "report/procfs/proc.h"

union semun {
	int val;
	struct semid_ds *set;
};

/* What identifies an object, and shows that it was used. */
struct object_status {
	struct semid_ds set;
	struct msqid_ds queue;
	struct ipc_perm perm;
	uint64_t size, used, received, changed;
};

/* ---- reading ---- */

/*
 * SEM_STAT_ANY and MSG_STAT_ANY take an index of the kernel's table and, unlike IPC_STAT, need no
 * permission.
 */
static int object_stat(const struct model_segment *object, void *status)
{
	static const int index_bits[] = {15, 24}; /* ipc/util.h: IPCMNI_SHIFT, and extended */
	bool is_set = object->kind == SEMAPHORE_SET;
	union semun set = {.set = status};

	for (int i = 0; i < 2; i++) {
		int index = object->shmid & ((1 << index_bits[i]) - 1);

		if ((is_set ? semctl(index, 0, SEM_STAT_ANY, set)
			    : msgctl(index, MSG_STAT_ANY, status)) == object->shmid)
			return 0;
	}
	return is_set ? semctl(object->shmid, 0, IPC_STAT, set)
		      : msgctl(object->shmid, IPC_STAT, status);
}

/* 0 or errno. */
static int object_read(const struct model_segment *object, struct object_status *now)
{
	bool is_set = object->kind == SEMAPHORE_SET;

	memset(now, 0, sizeof *now);
	if (object_stat(object, is_set ? (void *)&now->set : (void *)&now->queue) != 0)
		return errno;
	now->perm = is_set ? now->set.sem_perm : now->queue.msg_perm;
	now->size = is_set ? now->set.sem_nsems : 0;
	now->used = (uint64_t)(is_set ? now->set.sem_otime : now->queue.msg_stime);
	now->received = (uint64_t)(is_set ? 0 : now->queue.msg_rtime);
	now->changed = (uint64_t)(is_set ? now->set.sem_ctime : now->queue.msg_ctime);
	return 0;
}

static const char *object_why_unread(int error)
{
	return error == EINVAL || error == EIDRM ? "it is gone already" : strerror(error);
}

/* Null when it is still the same one, and nobody has used it since `current` was read. */
static const char *object_why_other(const struct model_segment *object,
				    const struct object_status *now)
{
	const struct kernel_segment *then = &object->current;

	if ((uint32_t)now->perm.__key != then->key || now->size != then->size ||
	    now->perm.cuid != then->creator_uid)
		return object->kind == SEMAPHORE_SET ? "it is another set now"
						     : "it is another queue now";
	return now->used != then->attached || now->received != then->detached
		       ? "a process has used it meanwhile"
		       : NULL;
}

/* ---- who used it ---- */

static uint64_t wall_second_of_start(uint64_t start)
{
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return (uint64_t)(now.tv_sec - up.tv_sec) + start / (uint64_t)sysconf(_SC_CLK_TCK);
}

static bool may_still_run(int32_t pid, uint64_t used_s)
{
	uint64_t start;

	if (pid <= 0 || alive_still(pid, 0) == STILL_ENDED)
		return false;
	start = alive_start(pid, 0);
	return start == 0 || wall_second_of_start(start) <= used_s + 1;
}

int32_t reap_object_last_user(const struct model_segment *object)
{
	struct object_status now;

	if (object_read(object, &now) != 0)
		return -1;
	if (object->kind == MESSAGE_QUEUE) {
		if (now.used && may_still_run(now.queue.msg_lspid, now.used))
			return now.queue.msg_lspid;
		return now.received && may_still_run(now.queue.msg_lrpid, now.received)
			       ? now.queue.msg_lrpid
			       : 0;
	}
	for (uint64_t i = 0; now.used && i < now.size; i++) {
		int32_t pid = semctl(object->shmid, (int)i, GETPID);

		if (pid < 0)
			return -1;
		if (may_still_run(pid, now.used))
			return pid;
	}
	return 0;
}

static bool reap_knows_pid(const struct model *model, int32_t pid)
{
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++)
		if (model->processes.by_instance[i] &&
		    model_pid_here(model, &model->processes.by_instance[i]->facts) == pid)
			return true;
	return false;
}

static int32_t reap_pid_outside(const struct model *model, int32_t pid)
{
	return pid > 0 && !reap_knows_pid(model, pid) ? pid : 0;
}

int32_t reap_object_stranger(const struct model *model, const struct model_segment *object)
{
	struct object_status now;
	int32_t pid = 0;

	if (!model->session.same_pids || object_read(object, &now) != 0)
		return 0;
	if (object->kind == MESSAGE_QUEUE) {
		pid = reap_pid_outside(model, now.queue.msg_lspid);
		return pid ? pid : reap_pid_outside(model, now.queue.msg_lrpid);
	}
	for (uint64_t i = 0; i < now.size && !pid; i++)
		pid = reap_pid_outside(model, semctl(object->shmid, (int)i, GETPID));
	return pid;
}

bool reap_object_is_awaited(const struct model_segment *object)
{
	if (object->kind != SEMAPHORE_SET)
		return false; /* the kernel does not tell; a process that waits has not ended */
	for (uint64_t i = 0; i < object->current.size; i++)
		if (semctl(object->shmid, (int)i, GETNCNT) != 0 ||
		    semctl(object->shmid, (int)i, GETZCNT) != 0)
			return true;
	return false;
}

/* ---- the removal ---- */

static int object_set_mode(const struct model_segment *object, struct object_status *status,
			   unsigned short mode)
{
	status->set.sem_perm.mode = mode;
	status->queue.msg_perm.mode = mode;
	return object->kind == SEMAPHORE_SET
		       ? semctl(object->shmid, 0, IPC_SET, (union semun){.set = &status->set})
		       : msgctl(object->shmid, IPC_SET, &status->queue);
}

static int object_remove(const struct model_segment *object)
{
	return object->kind == SEMAPHORE_SET ? semctl(object->shmid, 0, IPC_RMID)
					     : msgctl(object->shmid, IPC_RMID, NULL);
}

/* Its mode is 0 now: only root can use it. Null when nobody has used it before. */
static const char *object_check_last(const struct model_segment *object)
{
	struct object_status now;
	int error = object_read(object, &now);

	return error ? object_why_unread(error) : object_why_other(object, &now);
}

const char *reap_object_remove(const struct model_segment *object)
{
	struct object_status before;
	int error = object_read(object, &before);
	unsigned short mode = before.perm.mode;
	const char *why;

	if (error)
		return object_why_unread(error);
	why = object_why_other(object, &before);
	if (!why && before.changed != object->current.changed)
		why = "a process has changed it meanwhile";
	if (!why && reap_object_is_awaited(object))
		why = "a process waits for it";
	if (why)
		return why;
	if (object_set_mode(object, &before, 0) != 0)
		return strerror(errno);
	why = object_check_last(object);
	if (!why && object_remove(object) == 0)
		return NULL;
	if (!why)
		why = strerror(errno);
	object_set_mode(object, &before, mode);
	return why;
}
