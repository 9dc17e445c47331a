/* SPDX-License-Identifier: MIT */
#include "report/reader/rows_operations.h"

#include "preload/segment/publish.h"
#include "report/procfs/sysvipc.h"
#include "report/reader/source_struct.h"

void row_give_use(const struct source *source, const struct segment_use *row,
		  const struct facts_visitor *visitor)
{
	uint64_t claim = word_load(&row->claim);
	struct use_facts facts = {
		.instance = (uint32_t)claim & ((1u << SEGMENT_USE_KIND_SHIFT) - 1),
		.kind = (uint32_t)claim >> SEGMENT_USE_KIND_SHIFT,
		.id = (int32_t)(claim >> 32),
		.operations = word_load(&row->count[0]),
		.received = word_load(&row->count[1]),
		.seen_ns = timescale_ns(&source->scale, word_load(&row->seen_clock)),
	};

	if (visitor->use && facts.instance && facts.kind != SHARED_MEMORY &&
	    facts.kind < OBJECT_KIND_COUNT)
		visitor->use(visitor->context, &facts);
}

static void wait_convert_operation(struct wait_facts *facts, uint64_t operation)
{
	facts->nsops = facts->kind == SEMAPHORE_SET ? (uint32_t)(operation >> 32) : 0;
	facts->semnum = facts->nsops ? (int32_t)(operation >> 16 & 0xffff) : -1;
	facts->op = facts->nsops ? (int16_t)operation : 0;
	facts->type = facts->call == KIND_MSGRCV ? (int64_t)operation : 0;
}

void row_give_wait(const struct source *source, const struct segment_wait *row,
		   const struct facts_visitor *visitor)
{
	uint64_t claim = word_load(&row->claim), since = word_load(&row->since_clock);
	uint64_t object = word_load(&row->object);
	struct wait_facts facts = {
		.instance = (uint32_t)(claim >> 32),
		.tid = (int32_t)claim,
		.call = (uint8_t)object,
		.kind = (uint32_t)object >> 8,
		.id = (int32_t)(object >> 32),
		.since_ns = timescale_ns(&source->scale, since),
	};

	if (!visitor->wait || !facts.instance || !since || facts.call < KIND_SEMOP ||
	    facts.call >= KIND_CALLS ||
	    facts.kind != (facts.call <= KIND_SEMTIMEDOP ? SEMAPHORE_SET : MESSAGE_QUEUE))
		return;
	wait_convert_operation(&facts, word_load(&row->operation));
	if (source->facts.state == SESSION_LIVE && source->facts.same_ipc) {
		if (facts.kind == MESSAGE_QUEUE)
			facts.last_pid = sysvipc_last_queue_pid(facts.id,
								facts.call == KIND_MSGRCV);
		else if (facts.nsops)
			facts.last_pid = sysvipc_last_pid(facts.id, facts.semnum);
	}
	visitor->wait(visitor->context, &facts);
}
