/* SPDX-License-Identifier: MIT */
#include "report/procfs/sysvipc.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/msg.h>
#include <sys/sem.h>

/* ---- segments ---- */

/* Pages in memory and in swap came to the table with Linux 2.6.34: they may be missing. */
static bool parse_segment(const char *line, struct kernel_segment *out)
{
	struct kernel_segment row = {0};
	unsigned long long size, nattch, attached, detached, changed, resident = 0, swapped = 0;
	int key;

	if (sscanf(line, "%d %d %o %llu %d %d %llu %u %u %u %u %llu %llu %llu %llu %llu", &key,
		   &row.shmid, &row.mode, &size, &row.creator_pid, &row.last_pid, &nattch,
		   &row.owner_uid, &row.owner_gid, &row.creator_uid, &row.creator_gid, &attached,
		   &detached, &changed, &resident, &swapped) < 14)
		return false;
	row.key = (uint32_t)key;
	row.size = size;
	row.nattch = nattch;
	row.attached = attached;
	row.detached = detached;
	row.changed = changed;
	row.resident_bytes = resident;
	row.swap_bytes = swapped;
	*out = row;
	return true;
}

bool sysvipc_segments(void (*visit)(void *context, const struct kernel_segment *segment),
		      void *context)
{
	FILE *file = fopen("/proc/sysvipc/shm", "re");
	struct kernel_segment row;
	char line[512];

	while (file && fgets(line, sizeof line, file))
		if (parse_segment(line, &row))
			visit(context, &row);
	if (file)
		fclose(file);
	return file != NULL;
}

/* ---- queues and semaphores ---- */

static bool parse_queue(const char *line, struct kernel_object *row)
{
	unsigned long long bytes, count, used, taken, changed;
	int key;

	if (sscanf(line, "%d %d %o %llu %llu %d %d %u %u %u %u %llu %llu %llu", &key, &row->id,
		   &row->mode, &bytes, &count, &row->sent_pid, &row->taken_pid, &row->owner_uid,
		   &row->owner_gid, &row->creator_uid, &row->creator_gid, &used, &taken,
		   &changed) < 14)
		return false;
	row->key = (uint32_t)key;
	row->bytes = bytes;
	row->count = count;
	row->used = used;
	row->taken = taken;
	row->changed = changed;
	return true;
}

static bool parse_semaphores(const char *line, struct kernel_object *row)
{
	unsigned long long count, used, changed;
	int key;

	if (sscanf(line, "%d %d %o %llu %u %u %u %u %llu %llu", &key, &row->id, &row->mode, &count,
		   &row->owner_uid, &row->owner_gid, &row->creator_uid, &row->creator_gid, &used,
		   &changed) < 10)
		return false;
	row->key = (uint32_t)key;
	row->count = count;
	row->used = used;
	row->changed = changed;
	return true;
}

bool sysvipc_objects(enum kernel_object_kind kind,
		     void (*visit)(void *context, const struct kernel_object *object),
		     void *context)
{
	bool queues = kind == OBJECT_QUEUE;
	FILE *file = fopen(queues ? "/proc/sysvipc/msg" : "/proc/sysvipc/sem", "re");
	char line[512];

	while (file && fgets(line, sizeof line, file)) {
		struct kernel_object row = {.kind = kind};

		if (queues ? parse_queue(line, &row) : parse_semaphores(line, &row))
			visit(context, &row);
	}
	if (file)
		fclose(file);
	return file != NULL;
}

struct all_visit {
	void (*visit)(void *context, const struct kernel_segment *object);
	void *context;
};

static void sysvipc_give_object(void *context, const struct kernel_object *row)
{
	const struct all_visit *all = context;
	bool is_set = row->kind == OBJECT_SEMAPHORES;
	struct kernel_segment object = {
		.kind = is_set ? KERNEL_SET : KERNEL_QUEUE,
		.shmid = row->id,
		.key = row->key,
		.mode = row->mode,
		.size = is_set ? row->count : 0,
		.last_pid = row->sent_pid,
		.received_pid = row->taken_pid,
		.owner_uid = row->owner_uid,
		.owner_gid = row->owner_gid,
		.creator_uid = row->creator_uid,
		.creator_gid = row->creator_gid,
		.nattch = is_set ? 0 : row->count,
		.attached = row->used,
		.detached = row->taken,
		.changed = row->changed,
		.resident_bytes = row->bytes,
	};

	all->visit(all->context, &object);
}

bool sysvipc_all(void (*visit)(void *context, const struct kernel_segment *object), void *context)
{
	struct all_visit all = {visit, context};

	sysvipc_objects(OBJECT_SEMAPHORES, sysvipc_give_object, &all);
	sysvipc_objects(OBJECT_QUEUE, sysvipc_give_object, &all);
	return sysvipc_segments(visit, context);
}

int32_t sysvipc_last_pid(int32_t semid, int32_t semnum)
{
	int pid = semctl(semid, semnum, GETPID);

	return pid > 0 ? pid : 0;
}

uint32_t sysvipc_waiting(int32_t semid, uint64_t nsems)
{
	uint32_t waiting = 0;

	for (int i = 0; i < 256 && (uint64_t)i < nsems; i++) {
		int count = semctl(semid, i, GETNCNT), zero = semctl(semid, i, GETZCNT);

		waiting += (count > 0 ? (uint32_t)count : 0) + (zero > 0 ? (uint32_t)zero : 0);
	}
	return waiting;
}

int32_t sysvipc_last_queue_pid(int32_t msqid, bool sent)
{
	struct msqid_ds queue;

	if (msgctl(msqid, IPC_STAT, &queue) != 0)
		return 0;
	return sent ? queue.msg_lspid : queue.msg_lrpid;
}

/* ---- limits ---- */

static uint64_t read_limit(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long long value = 0;

	if (file && fscanf(file, "%llu", &value) != 1)
		value = 0;
	if (file)
		fclose(file);
	return value;
}

/* "SEMMSL SEMMNS SEMOPM SEMMNI" */
static void read_semaphore_limits(struct sysvipc_limits *limits)
{
	FILE *file = fopen("/proc/sys/kernel/sem", "re");
	unsigned long long semaphores = 0, sets = 0;

	if (file && fscanf(file, "%*u %llu %*u %llu", &semaphores, &sets) != 2)
		semaphores = sets = 0;
	if (file)
		fclose(file);
	limits->semaphores = semaphores;
	limits->sets = sets;
}

void sysvipc_limits(struct sysvipc_limits *limits)
{
	read_semaphore_limits(limits);
	limits->queues = read_limit("/proc/sys/kernel/msgmni");
	limits->segments = read_limit("/proc/sys/kernel/shmmni");
	limits->pages = read_limit("/proc/sys/kernel/shmall");
	limits->size_bytes = read_limit("/proc/sys/kernel/shmmax");
}

void sysvipc_object_limits(struct sysvipc_object_limits *limits)
{
	FILE *file = fopen("/proc/sys/kernel/sem", "re");
	unsigned long long number[4] = {0};

	if (file && fscanf(file, "%llu %llu %llu %llu", &number[0], &number[1], &number[2],
			   &number[3]) != 4)
		number[0] = number[1] = number[2] = number[3] = 0;
	if (file)
		fclose(file);
	*limits = (struct sysvipc_object_limits){
		.set_size = number[0],
		.semaphores = number[1],
		.operations = number[2],
		.sets = number[3],
		.queues = read_limit("/proc/sys/kernel/msgmni"),
		.message_bytes = read_limit("/proc/sys/kernel/msgmax"),
		.queue_bytes = read_limit("/proc/sys/kernel/msgmnb"),
	};
}

bool sysvipc_rmid_forced(void)
{
	return read_limit("/proc/sys/kernel/shm_rmid_forced") != 0;
}
