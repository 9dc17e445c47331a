/* SPDX-License-Identifier: MIT */
#include "report/export/perfetto_packet.h"

#include <stdlib.h>
#include <string.h>

#include "report/util/printable.h"

enum { TRACE_PACKET = 1, DEFAULTS_CLOCK = 58 };
enum { TRACK_ID = 1, TRACK_NAME = 2, TRACK_PROCESS = 3, TRACK_PARENT = 5, TRACK_COUNTER = 8 };
enum { PROCESS_PID = 1, PROCESS_COMMAND = 2, PROCESS_NAME = 6 };
enum { COUNTER_UNIT = 3, UNIT_BYTES = 3 };
enum { EVENT_TYPE = 9, EVENT_TRACK = 11, EVENT_ANNOTATION = 4, EVENT_NAME = 23, EVENT_VALUE = 30 };
enum { EVENT_FLOW = 47, EVENT_FLOW_END = 48 };
enum { NOTE_INT = 4, NOTE_TEXT = 6, NOTE_POINTER = 7, NOTE_NAME = 10 };

#define TEXT_SLACK 8u /* printable_copy stops when less is left */

int32_t perfetto_pid(const struct model_process *process)
{
	int32_t pid = model_recorders_pid(&process->facts);

	return pid ? pid : process->facts.pid;
}

uint64_t perfetto_track(enum perfetto_track kind, uint32_t lane, int32_t pid)
{
	return (uint64_t)kind << 56 | (uint64_t)lane << 32 | (uint32_t)pid;
}

uint64_t perfetto_flow_number(enum perfetto_flow kind, uint64_t number)
{
	return (uint64_t)kind << 56 | number;
}

void perfetto_open(struct perfetto *trace, enum perfetto_sequence sequence, uint64_t time_ns)
{
	protobuf_open(&trace->packet, TRACE_PACKET);
	protobuf_number(&trace->packet, PACKET_TIME, trace->start_ns + time_ns);
	protobuf_number(&trace->packet, PACKET_SEQUENCE, sequence);
}

void perfetto_close(struct perfetto *trace)
{
	protobuf_close(&trace->packet);
	out_raw(trace->out, (const char *)trace->packet.bytes, trace->packet.count);
	trace->packet.count = 0;
}

void perfetto_begin_sequence(struct perfetto *trace, enum perfetto_sequence sequence)
{
	perfetto_open(trace, sequence, 0);
	protobuf_number(&trace->packet, PACKET_CLOCK, PERFETTO_CLOCK_MONOTONIC);
	protobuf_number(&trace->packet, PACKET_SEQUENCE_FLAGS, SEQUENCE_CLEARED);
	protobuf_number(&trace->packet, PACKET_FIRST, true);
	protobuf_open(&trace->packet, PACKET_DEFAULTS);
	protobuf_number(&trace->packet, DEFAULTS_CLOCK, PERFETTO_CLOCK_MONOTONIC);
	protobuf_close(&trace->packet);
	perfetto_close(trace);
}

void perfetto_text(struct perfetto *trace, unsigned field, const char *text)
{
	size_t bytes = strlen(text) + TEXT_SLACK;
	char near[512], *clean = bytes <= sizeof near ? near : malloc(bytes);

	if (!clean) {
		trace->packet.no_memory = true;
		return;
	}
	printable_copy(clean, bytes, text);
	protobuf_text(&trace->packet, field, clean);
	if (clean != near)
		free(clean);
}

/* ---- tracks ---- */

void perfetto_open_track(struct perfetto *trace, uint64_t track, uint64_t parent, const char *name)
{
	perfetto_open(trace, SEQUENCE_EVENTS, 0);
	protobuf_open(&trace->packet, PACKET_TRACK);
	protobuf_number(&trace->packet, TRACK_ID, track);
	if (parent)
		protobuf_number(&trace->packet, TRACK_PARENT, parent);
	if (name)
		perfetto_text(trace, TRACK_NAME, name);
}

void perfetto_close_track(struct perfetto *trace)
{
	protobuf_close(&trace->packet);
	perfetto_close(trace);
}

void perfetto_process_track(struct perfetto *trace, uint64_t track, int32_t pid,
			    const char *program, const char *command)
{
	perfetto_open_track(trace, track, 0, NULL);
	protobuf_open(&trace->packet, TRACK_PROCESS);
	protobuf_number(&trace->packet, PROCESS_PID, (uint64_t)(int64_t)pid);
	perfetto_text(trace, PROCESS_COMMAND, command);
	perfetto_text(trace, PROCESS_NAME, program);
	protobuf_close(&trace->packet);
	perfetto_close_track(trace);
}

void perfetto_counter_track(struct perfetto *trace, uint64_t track, uint64_t parent,
			    const char *name)
{
	perfetto_open_track(trace, track, parent, name);
	protobuf_open(&trace->packet, TRACK_COUNTER);
	protobuf_number(&trace->packet, COUNTER_UNIT, UNIT_BYTES);
	protobuf_close(&trace->packet);
	perfetto_close_track(trace);
}

/* ---- events ---- */

void perfetto_open_event(struct perfetto *trace, enum perfetto_event type, uint64_t track,
			 uint64_t time_ns, const char *name)
{
	perfetto_open(trace, SEQUENCE_EVENTS, time_ns);
	protobuf_number(&trace->packet, PACKET_SEQUENCE_FLAGS, SEQUENCE_NEEDS_STATE);
	protobuf_open(&trace->packet, PACKET_EVENT);
	protobuf_number(&trace->packet, EVENT_TYPE, type);
	protobuf_number(&trace->packet, EVENT_TRACK, track);
	if (name)
		perfetto_text(trace, EVENT_NAME, name);
}

void perfetto_annotate(struct perfetto *trace, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	protobuf_open(&trace->packet, EVENT_ANNOTATION);
	protobuf_text(&trace->packet, NOTE_NAME, name);
	perfetto_text(trace, NOTE_TEXT, text);
	protobuf_close(&trace->packet);
}

static void perfetto_annotate_word(struct perfetto *trace, const char *name, unsigned field,
				   uint64_t number)
{
	protobuf_open(&trace->packet, EVENT_ANNOTATION);
	protobuf_text(&trace->packet, NOTE_NAME, name);
	protobuf_number(&trace->packet, field, number);
	protobuf_close(&trace->packet);
}

void perfetto_annotate_number(struct perfetto *trace, const char *name, int64_t number)
{
	perfetto_annotate_word(trace, name, NOTE_INT, (uint64_t)number);
}

void perfetto_annotate_address(struct perfetto *trace, const char *name, uint64_t address)
{
	perfetto_annotate_word(trace, name, NOTE_POINTER, address);
}

void perfetto_flow(struct perfetto *trace, uint64_t flow, bool ends)
{
	protobuf_fixed64(&trace->packet, ends ? EVENT_FLOW_END : EVENT_FLOW, flow);
}

void perfetto_close_event(struct perfetto *trace)
{
	protobuf_close(&trace->packet);
	perfetto_close(trace);
}

void perfetto_put_counter(struct perfetto *trace, uint64_t track, uint64_t time_ns, uint64_t value)
{
	perfetto_open_event(trace, EVENT_COUNTER, track, time_ns, NULL);
	protobuf_number(&trace->packet, EVENT_VALUE, value);
	perfetto_close_event(trace);
}
