/* SPDX-License-Identifier: MIT */
#include "report/export/perfetto.h"

#include <stdlib.h>

#include "report/export/perfetto_heap.h"
#include "report/export/perfetto_lives.h"
#include "report/export/perfetto_slices.h"
#include "report/util/array.h"

enum { SNAPSHOT_CLOCK = 1, SNAPSHOT_PRIMARY = 2, CLOCK_ID = 1, CLOCK_TIME = 2 };

static void perfetto_put_clock(struct protobuf *packet, unsigned clock, uint64_t time_ns)
{
	protobuf_open(packet, SNAPSHOT_CLOCK);
	protobuf_number(packet, CLOCK_ID, clock);
	protobuf_number(packet, CLOCK_TIME, time_ns);
	protobuf_close(packet);
}

/* Heap profiles carry times of the coarse clock. */
static void perfetto_put_clocks(struct perfetto *trace, const struct session_facts *session)
{
	perfetto_open(trace, SEQUENCE_EVENTS, 0);
	protobuf_open(&trace->packet, PACKET_CLOCKS);
	perfetto_put_clock(&trace->packet, PERFETTO_CLOCK_MONOTONIC, session->started_monotonic_ns);
	perfetto_put_clock(&trace->packet, PERFETTO_CLOCK_COARSE, session->started_monotonic_ns);
	perfetto_put_clock(&trace->packet, PERFETTO_CLOCK_REALTIME, session->started_realtime_ns);
	protobuf_number(&trace->packet, SNAPSHOT_PRIMARY, PERFETTO_CLOCK_MONOTONIC);
	protobuf_close(&trace->packet);
	perfetto_close(trace);
}

bool perfetto_begin(struct perfetto_events *events, struct out *out, const struct model *model,
		    const struct filter *filter)
{
	struct perfetto *trace = &events->trace;
	bool whole;

	*events = (struct perfetto_events){
		.trace = {.out = out, .start_ns = model->session.started_monotonic_ns},
		.filter = filter};
	perfetto_begin_sequence(trace, SEQUENCE_EVENTS);
	perfetto_put_clocks(trace, &model->session);
	whole = perfetto_put_processes(trace, model, filter);
	whole &= perfetto_put_attachments(trace, model, filter);
	perfetto_put_findings(trace, model, filter);
	return perfetto_put_heaps(trace, model, filter) && whole;
}

/* ---- counters ---- */

static void perfetto_count(struct perfetto_events *events, const struct model_process *process,
			   uint64_t time_ns)
{
	const struct process_facts *facts = &process->facts;
	uint64_t end = process->heap ? process->heap->end : facts->break_at_start;
	uint64_t heap = end > facts->break_initial ? end - facts->break_initial : 0;
	struct perfetto_counters *counters = &events->counters[facts->instance];
	int32_t pid = perfetto_pid(process);

	if (!counters->known || counters->heap != heap)
		perfetto_put_counter(&events->trace, perfetto_track(TRACK_OF_BREAK, 0, pid),
				     time_ns, heap);
	if (counters->attached != process->attached_bytes)
		perfetto_put_counter(&events->trace, perfetto_track(TRACK_OF_ATTACHED, 0, pid),
				     time_ns, process->attached_bytes);
	*counters = (struct perfetto_counters){true, heap, process->attached_bytes};
}

void perfetto_add_event(struct perfetto_events *events, const struct model *model,
			const struct event *event)
{
	const struct model_process *process = model_process(model, event->process);

	if (event->kind == KIND_EXEC || event->kind == KIND_EXIT || !process ||
	    !filter_process(events->filter, process))
		return;
	if (!ARRAY_RESERVE_ZEROED(events->counters, events->counter_capacity, event->process + 1)) {
		events->trace.packet.no_memory = true;
		return;
	}
	perfetto_count(events, process, event->time_ns);
}

bool perfetto_end(struct perfetto_events *events)
{
	bool whole = !events->trace.packet.no_memory;

	protobuf_free(&events->trace.packet);
	free(events->counters);
	return whole;
}
