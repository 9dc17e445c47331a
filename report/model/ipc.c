/* SPDX-License-Identifier: MIT */
#include "report/model/ipc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>

#include "report/util/array.h"

#define ROWS_MAX (1u << 20)

/* Makes room for one more row; false, with no_memory set, where there is none. */
#define IPC_RESERVE(table, rows, capacity, count)                              \
	(((count) < ROWS_MAX && ARRAY_RESERVE(rows, capacity, (count) + 1)) || \
	 !((table)->no_memory = true))

void ipc_add_segment(struct ipc_table *table, const struct kernel_segment *segment)
{
	if (IPC_RESERVE(table, table->segments, table->segment_capacity, table->segment_count))
		table->segments[table->segment_count++] = (struct ipc_segment){
			.kernel = *segment, .creator.pid = segment->creator_pid};
}

void ipc_add_object(struct ipc_table *table, const struct kernel_object *object)
{
	if (IPC_RESERVE(table, table->objects, table->object_capacity, table->object_count))
		table->objects[table->object_count++] = (struct ipc_object){.kernel = *object};
}

void ipc_add_holder(struct ipc_table *table, const struct kernel_holder *holder)
{
	if (holder->shmid >= 0 &&
	    IPC_RESERVE(table, table->holders, table->holder_capacity, table->holder_count))
		table->holders[table->holder_count++] = *holder;
}

static int by_id(const void *a, const void *b)
{
	int32_t x = ((const struct ipc_segment *)a)->kernel.shmid;
	int32_t y = ((const struct ipc_segment *)b)->kernel.shmid;

	return x < y ? -1 : x > y;
}

static int by_segment(const void *a, const void *b)
{
	const struct kernel_holder *x = a, *y = b;

	if (x->shmid != y->shmid)
		return x->shmid < y->shmid ? -1 : 1;
	if (x->other_ipc != y->other_ipc)
		return x->other_ipc ? 1 : -1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/*
 * A process keeps its attachments when it moves to another IPC namespace, and the kernel still
 * counts them. Its mapping may also be of a segment with the same id and size in that namespace. So
 * such mappings are counted only if the kernel counts as many attachments more than were found:
 * otherwise it is not known whose they are. Those that are counted come first.
 */
static void count_holders(struct ipc_table *table, struct ipc_segment *segment, uint32_t end)
{
	struct kernel_holder *holders = table->holders + segment->first_holder, row;
	uint64_t pages = (segment->kernel.size + 4095) & ~4095ull;
	uint32_t own = 0, elsewhere = 0;

	for (uint32_t i = 0; i < end - segment->first_holder; i++) {
		if (!holders[i].other_ipc) {
			own++;
		} else if (holders[i].end - holders[i].start == pages) {
			row = holders[own + elsewhere];
			holders[own + elsewhere++] = holders[i];
			holders[i] = row;
		}
	}
	segment->holder_count = own;
	if (own + (uint64_t)elsewhere <= segment->kernel.nattch)
		segment->other_count = elsewhere;
}

void ipc_finalize(struct ipc_table *table)
{
	uint32_t holder = 0;

	if (table->segment_count)
		qsort(table->segments, table->segment_count, sizeof *table->segments, by_id);
	if (table->holder_count)
		qsort(table->holders, table->holder_count, sizeof *table->holders, by_segment);
	for (uint32_t i = 0; i < table->segment_count; i++) {
		struct ipc_segment *segment = &table->segments[i];

		while (holder < table->holder_count &&
		       table->holders[holder].shmid < segment->kernel.shmid)
			holder++;
		segment->first_holder = holder;
		while (holder < table->holder_count &&
		       table->holders[holder].shmid == segment->kernel.shmid)
			holder++;
		count_holders(table, segment, holder);
	}
}

struct ipc_segment *ipc_find(const struct ipc_table *table, int32_t shmid)
{
	struct ipc_segment wanted = {.kernel.shmid = shmid};

	return table->segment_count ? bsearch(&wanted, table->segments, table->segment_count,
					      sizeof wanted, by_id)
				    : NULL;
}

struct ipc_object *ipc_find_object(const struct ipc_table *table, enum object_kind kind, int32_t id)
{
	enum kernel_object_kind wanted = kind == MESSAGE_QUEUE ? OBJECT_QUEUE : OBJECT_SEMAPHORES;

	for (uint32_t i = 0; kind != SHARED_MEMORY && i < table->object_count; i++)
		if (table->objects[i].kernel.kind == wanted && table->objects[i].kernel.id == id)
			return &table->objects[i];
	return NULL;
}

void ipc_add_user(struct ipc_object *object, int32_t pid, const char *program)
{
	struct ipc_user *user = &object->users[object->user_count];

	for (uint32_t i = 0; i < object->user_count && i < IPC_USERS; i++)
		if (object->users[i].pid == pid)
			return;
	if (object->user_count++ >= IPC_USERS)
		return;
	user->pid = pid;
	snprintf(user->program, sizeof user->program, "%.16s", program);
}

bool ipc_is_of_object_row(const struct ipc_object *object, const struct ledger_facts *row,
			  uint64_t since_s)
{
	bool is_set = object->kernel.kind == OBJECT_SEMAPHORES;

	return row->creator && !row->removed && row->key == object->kernel.key &&
	       (row->key == IPC_PRIVATE || (row->flags & IPC_CREAT && row->flags & IPC_EXCL)) &&
	       (!is_set || row->size == object->kernel.count) &&
	       object->kernel.changed + 1 >= since_s;
}

bool ipc_is_of_row(const struct ipc_segment *segment, const struct ledger_facts *row)
{
	bool marked = segment->kernel.mode & 01000; /* the kernel has cleared its key */

	return row->creator && row->removed == marked &&
	       (marked || row->key == segment->kernel.key) &&
	       (row->key == IPC_PRIVATE || row->flags & IPC_CREAT);
}

bool ipc_wants_object(const struct filter *filter, const struct kernel_object *object)
{
	enum object_kind kind = object->kind == OBJECT_QUEUE ? MESSAGE_QUEUE : SEMAPHORE_SET;

	if (filter->by_id && (filter->kind != kind || filter->id != object->id))
		return false;
	return !filter->by_key || object->key == filter->key;
}

bool ipc_wants(const struct filter *filter, const struct ipc_segment *segment)
{
	if (filter->by_id && (filter->kind != SHARED_MEMORY || filter->id != segment->kernel.shmid))
		return false;
	return !filter->by_key || segment->kernel.key == filter->key;
}

void ipc_free(struct ipc_table *table)
{
	free(table->segments);
	free(table->objects);
	free(table->holders);
	memset(table, 0, sizeof *table);
}
