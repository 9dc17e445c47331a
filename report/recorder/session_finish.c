/* SPDX-License-Identifier: MIT */
#include "report/recorder/session_finish.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "report/recorder/drain.h"
#include "report/recorder/drain_struct.h"
#include "report/recorder/identity.h"
#include "report/recorder/left_objects.h"
#include "report/recorder/operations.h"
#include "report/recorder/session_create.h"
#include "report/recorder/slots.h"

/* Each copies element i of its region into `row`; false: it is free, and `row` is scratch. */
typedef bool copy_row(const struct drain *drain, uint64_t i, void *row);

static bool copy_attachment(const struct drain *drain, uint64_t i, void *row)
{
	const _Atomic uint32_t *owner = drain_region(drain, REGION_OWNERS);
	const struct segment_attachment *entry = drain_region(drain, REGION_ATTACHMENTS);

	if (half_load(&owner[i / SEGMENT_BLOCK_ENTRIES]) == 0 ||
	    half_accept(&entry[i].state) != ATTACHMENT_LIVE)
		return false;
	*(struct segment_attachment *)row = entry[i];
	return true;
}

static bool copy_entry(const struct drain *drain, uint64_t i, void *row)
{
	const struct segment_entry *entry = drain_region(drain, REGION_LEDGER);

	if ((uint32_t)word_accept(&entry[i].claim) == ENTRY_FREE)
		return false;
	*(struct segment_entry *)row = entry[i];
	return true;
}

static bool copy_module(const struct drain *drain, uint64_t i, void *row)
{
	const struct segment_module *module = drain_region(drain, REGION_MODULES);

	if ((word_accept(&module[i].claim) & MODULE_STATE) != MODULE_READY)
		return false;
	*(struct segment_module *)row = module[i];
	word_store(&((struct segment_module *)row)->claim, i + 1);
	return true;
}

static bool copy_frame(const struct drain *drain, uint64_t i, void *row)
{
	const struct segment_frame *frame = drain_region(drain, REGION_STACKS);
	uint64_t offset = word_accept(&frame[i].offset);

	*(struct segment_frame_row *)row = (struct segment_frame_row){
		.number = i + 1, .outer = word_load(&frame[i].outer), .offset = offset};
	return offset != 0;
}

static bool copy_load(const struct drain *drain, uint64_t i, void *row)
{
	const struct segment_load *load = drain_region(drain, REGION_LOADS);

	if (word_accept(&load[i].whose) == 0)
		return false;
	*(struct segment_load *)row = load[i];
	return true;
}

/* Appends the used elements of a region, as many in one chunk as the batch holds. */
static void append_region(struct drain *drain, enum segment_region_kind kind, uint64_t count,
			  copy_row *copy, uint32_t row_bytes)
{
	uint64_t found = 0, most = sizeof drain->batch / row_bytes;
	char *rows = (char *)drain->batch;

	for (uint64_t i = 0; i < count; i++) {
		found += copy(drain, i, rows + found * row_bytes);
		if (found == most) {
			drain_append(drain, kind, rows, row_bytes, found);
			found = 0;
		}
	}
	/* A chunk has a multiple of SEGMENT_CHUNK_ALIGN bytes: a row of zeros follows an odd load.
	 */
	for (; found * row_bytes % SEGMENT_CHUNK_ALIGN != 0; found++)
		memset(rows + found * row_bytes, 0, row_bytes);
	drain_append(drain, kind, rows, row_bytes, found);
}

/* Of the loads, only the first `load_count` were ever used. */
static uint64_t region_used(const struct drain *drain, enum segment_region_kind kind)
{
	uint64_t count = drain->header.region[kind].count;
	uint64_t used = half_load(&drain->shared->load_count);

	return kind == REGION_LOADS && used < count ? used : count;
}

static void append_stacks(struct drain *drain)
{
	append_region(drain, REGION_MODULES, region_used(drain, REGION_MODULES), copy_module,
		      sizeof(struct segment_module));
	append_region(drain, REGION_STACKS, region_used(drain, REGION_STACKS), copy_frame,
		      sizeof(struct segment_frame_row));
	append_region(drain, REGION_LOADS, region_used(drain, REGION_LOADS), copy_load,
		      sizeof(struct segment_load));
}

int drain_finish(struct drain *drain, int status, int signal)
{
	int ret;

	/* First: an image that registers after the slots were copied would be lost. */
	word_hand_over(&drain->shared->closed, 1);
	drain_log(drain);
	drain_give_up(drain);
	drain_append_slots(drain);
	drain_flush_identities(drain);
	append_region(drain, REGION_ATTACHMENTS,
		      region_used(drain, REGION_OWNERS) * SEGMENT_BLOCK_ENTRIES, copy_attachment,
		      sizeof(struct segment_attachment));
	append_region(drain, REGION_LEDGER, region_used(drain, REGION_LEDGER), copy_entry,
		      sizeof(struct segment_entry));
	operations_append(drain);
	objects_append(drain);
	append_stacks(drain);
	drain_append(drain, REGION_SHARED, drain->shared, sizeof *drain->shared, 1);
	ret = recording_finish(&drain->recording, status, signal);
	/* Some file systems report a failed write only at close(2). */
	if (close(drain->recording.fd) != 0 && ret == 0)
		ret = -errno;
	drain->recording.fd = -1;
	/* Last: until the recording is finished, a reader needs both. */
	drain_cancel(drain);
	return ret;
}
