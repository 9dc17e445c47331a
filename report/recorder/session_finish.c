/* SPDX-License-Identifier: MIT */
#include "report/recorder/session_finish.h"

#include <errno.h>
#include <unistd.h>

#include "report/recorder/drain.h"
#include "report/recorder/drain_struct.h"
#include "report/recorder/identity.h"
#include "report/recorder/left_objects.h"
#include "report/recorder/session_create.h"
#include "report/recorder/slots.h"

static void append_attachments(struct drain *drain)
{
	uint64_t count = drain->header.region[REGION_OWNERS].count;
	const _Atomic uint32_t *owner = drain_region(drain, REGION_OWNERS);
	const struct segment_attachment *entry = drain_region(drain, REGION_ATTACHMENTS);
	struct segment_attachment *live = (void *)drain->batch;
	uint64_t found = 0;

	for (uint64_t i = 0; i < count * SEGMENT_BLOCK_ENTRIES; i++) {
		if (half_load(&owner[i / SEGMENT_BLOCK_ENTRIES]) != 0 &&
		    half_accept(&entry[i].state) == ATTACHMENT_LIVE)
			live[found++] = entry[i];
		if (found == sizeof drain->batch / (sizeof *live)) {
			drain_append(drain, REGION_ATTACHMENTS, live, sizeof *live, found);
			found = 0;
		}
	}
	drain_append(drain, REGION_ATTACHMENTS, live, sizeof *live, found);
}

static void append_ledger(struct drain *drain)
{
	const struct segment_entry *entry = drain_region(drain, REGION_LEDGER);
	uint64_t count = drain->header.region[REGION_LEDGER].count;
	struct segment_entry *used = (void *)drain->batch;
	uint64_t found = 0;

	for (uint64_t i = 0; i < count; i++) {
		if ((uint32_t)word_accept(&entry[i].claim) != ENTRY_FREE)
			used[found++] = entry[i];
		if (found == sizeof drain->batch / (sizeof *used)) {
			drain_append(drain, REGION_LEDGER, used, sizeof *used, found);
			found = 0;
		}
	}
	drain_append(drain, REGION_LEDGER, used, sizeof *used, found);
}

static void append_modules(struct drain *drain)
{
	const struct segment_module *module = drain_region(drain, REGION_MODULES);
	uint64_t count = drain->header.region[REGION_MODULES].count;

	for (uint64_t i = 0; i < count; i++) {
		struct segment_module row;

		if ((word_accept(&module[i].claim) & MODULE_STATE) != MODULE_READY)
			continue;
		row = module[i];
		word_store(&row.claim, i + 1);
		drain_append(drain, REGION_MODULES, &row, sizeof row, 1);
	}
}

static void append_frames(struct drain *drain)
{
	const struct segment_frame *frame = drain_region(drain, REGION_STACKS);
	uint64_t count = drain->header.region[REGION_STACKS].count, found = 0;
	struct segment_frame_row *row = (void *)drain->batch;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t offset = word_accept(&frame[i].offset);

		if (offset == 0)
			continue;
		row[found++] = (struct segment_frame_row){
			.number = i + 1, .outer = word_load(&frame[i].outer), .offset = offset};
		if (found == sizeof drain->batch / (sizeof *row)) {
			drain_append(drain, REGION_STACKS, row, sizeof *row, found);
			found = 0;
		}
	}
	drain_append(drain, REGION_STACKS, row, sizeof *row, found);
}

static void append_loads(struct drain *drain)
{
	const struct segment_load *load = drain_region(drain, REGION_LOADS);
	uint64_t count = drain->header.region[REGION_LOADS].count, found = 0;
	uint64_t used = half_load(&drain->shared->load_count);
	struct segment_load *row = (void *)drain->batch;

	for (uint64_t i = 0; i < used && i < count; i++) {
		if (word_accept(&load[i].whose) != 0)
			row[found++] = load[i];
		if (found == sizeof drain->batch / (sizeof *row)) {
			drain_append(drain, REGION_LOADS, row, sizeof *row, found);
			found = 0;
		}
	}
	if (found % 2) /* chunks are multiples of 32 bytes; readers skip a load without an owner */
		row[found++] = (struct segment_load){0};
	drain_append(drain, REGION_LOADS, row, sizeof *row, found);
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
	append_attachments(drain);
	append_ledger(drain);
	objects_append(drain);
	append_modules(drain);
	append_frames(drain);
	append_loads(drain);
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
