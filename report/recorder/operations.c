/* SPDX-License-Identifier: MIT */
#include "report/recorder/operations.h"

#include "report/recorder/drain_struct.h"
#include "report/recorder/slots.h"

#define ROWS 64u /* in one chunk */
#define ANY_INSTANCE 0

/* Rows of one region, gathered for a chunk. */
struct operations_batch {
	struct drain *drain;
	enum segment_region_kind kind;
	uint32_t count;
	union {
		struct segment_use use[ROWS];
		struct segment_wait wait[ROWS];
	} rows;
};

static void batch_flush(struct operations_batch *batch)
{
	uint32_t row_bytes = batch->kind == REGION_USES ? sizeof batch->rows.use[0]
							: sizeof batch->rows.wait[0];

	drain_append(batch->drain, batch->kind, &batch->rows, row_bytes, batch->count);
	batch->count = 0;
}

static uint32_t use_instance(uint64_t claim)
{
	return (uint32_t)claim & ((1u << SEGMENT_USE_KIND_SHIFT) - 1);
}

static void append_uses(struct drain *drain, uint32_t instance)
{
	struct operations_batch batch = {.drain = drain, .kind = REGION_USES};
	uint64_t count = drain->header.region[REGION_USES].count;
	struct segment_use *use = drain_region(drain, REGION_USES);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t claim = word_accept(&use[i].claim);

		if (claim == 0 || (instance && use_instance(claim) != instance))
			continue;
		batch.rows.use[batch.count++] = use[i];
		if (instance)
			word_take(&use[i].claim, claim, 0);
		if (batch.count == ROWS)
			batch_flush(&batch);
	}
	batch_flush(&batch);
}

/* An entry without a time: its process ended between the claim and the call. */
static void append_waits(struct drain *drain, uint32_t instance)
{
	struct operations_batch batch = {.drain = drain, .kind = REGION_WAITS};
	uint64_t count = drain->header.region[REGION_WAITS].count;
	struct segment_wait *wait = drain_region(drain, REGION_WAITS);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t claim = word_accept(&wait[i].claim);

		if (claim == 0 || (instance && (uint32_t)(claim >> 32) != instance))
			continue;
		if (word_accept(&wait[i].since_clock) != 0)
			batch.rows.wait[batch.count++] = wait[i];
		if (instance) {
			word_store(&wait[i].since_clock, 0);
			word_take(&wait[i].claim, claim, 0);
		}
		if (batch.count == ROWS)
			batch_flush(&batch);
	}
	batch_flush(&batch);
}

void operations_retire(struct drain *drain, const struct segment_process *slot)
{
	uint64_t begun = 0;

	for (int call = CALL_SEMOP; call <= CALL_MSGRCV; call++)
		begun += word_load(&slot->begun[call]);
	if (begun == 0)
		return;
	append_uses(drain, slot->instance);
	append_waits(drain, slot->instance);
}

void operations_append(struct drain *drain)
{
	append_uses(drain, ANY_INSTANCE);
	append_waits(drain, ANY_INSTANCE);
}
