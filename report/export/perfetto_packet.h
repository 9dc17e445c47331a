/* SPDX-License-Identifier: MIT */
/*
 * The packets of a Perfetto trace: descriptions of tracks, and events on them. Times are those of
 * CLOCK_MONOTONIC on the recorded machine.
 */
#ifndef MEMSHIM_EXPORT_PERFETTO_PACKET_H
#define MEMSHIM_EXPORT_PERFETTO_PACKET_H

#include "report/export/protobuf.h"
#include "report/model/model.h"
#include "report/view/out.h"

enum perfetto_packet {
	PACKET_CLOCKS = 6,
	PACKET_TIME = 8,
	PACKET_SEQUENCE = 10,
	PACKET_EVENT = 11,
	PACKET_INTERNED = 12,
	PACKET_SEQUENCE_FLAGS = 13,
	PACKET_PROFILE = 37,
	PACKET_CLOCK = 58,
	PACKET_DEFAULTS = 59,
	PACKET_TRACK = 60,
	PACKET_FIRST = 87,
};

enum perfetto_sequence { SEQUENCE_EVENTS = 1, SEQUENCE_HEAPS = 2 };

enum { SEQUENCE_CLEARED = 1, SEQUENCE_NEEDS_STATE = 2 };

enum { PERFETTO_CLOCK_REALTIME = 1, PERFETTO_CLOCK_MONOTONIC = 3, PERFETTO_CLOCK_COARSE = 4 };

enum perfetto_event { EVENT_BEGIN = 1, EVENT_END = 2, EVENT_INSTANT = 3, EVENT_COUNTER = 4 };

enum perfetto_track {
	TRACK_OF_PROCESS = 1,
	TRACK_OF_IMAGES,
	TRACK_OF_BREAK,
	TRACK_OF_ATTACHED,
	TRACK_OF_ANONYMOUS,
	TRACK_OF_FINDINGS,
	TRACK_OF_ATTACHMENTS, /* several lanes */
};

/* Arrows from fork to child, and from the creation of a segment to an attachment. */
enum perfetto_flow { FLOW_OF_FORK = 1, FLOW_OF_SEGMENT = 2 };

struct perfetto {
	struct out *out;
	struct protobuf packet;
	uint64_t start_ns; /* of the session, CLOCK_MONOTONIC */
};

/* The pid under which a trace knows a process: the recorder's where it is known. */
int32_t perfetto_pid(const struct model_process *process);

/* The number of a track of a pid; pid 0: of the whole trace. */
uint64_t perfetto_track(enum perfetto_track kind, uint32_t lane, int32_t pid);

uint64_t perfetto_flow_number(enum perfetto_flow kind, uint64_t number);

/* A packet is one message; it is written when it is closed. */
void perfetto_open(struct perfetto *trace, enum perfetto_sequence sequence, uint64_t time_ns);
void perfetto_close(struct perfetto *trace);

/* The first packet of a sequence. */
void perfetto_begin_sequence(struct perfetto *trace, enum perfetto_sequence sequence);

/* A field with text of a program: valid UTF-8 without controls. */
void perfetto_text(struct perfetto *trace, unsigned field, const char *text);

/* A track below another; parent 0: of the trace. The caller closes both messages. */
void perfetto_open_track(struct perfetto *trace, uint64_t track, uint64_t parent, const char *name);
void perfetto_close_track(struct perfetto *trace);
void perfetto_process_track(struct perfetto *trace, uint64_t track, int32_t pid,
			    const char *program, const char *command);
void perfetto_counter_track(struct perfetto *trace, uint64_t track, uint64_t parent,
			    const char *name);

/* An event; between open and close, annotations and flows may be added. */
void perfetto_open_event(struct perfetto *trace, enum perfetto_event type, uint64_t track,
			 uint64_t time_ns, const char *name);
void perfetto_annotate(struct perfetto *trace, const char *name, const char *text);
void perfetto_annotate_number(struct perfetto *trace, const char *name, int64_t number);
void perfetto_annotate_address(struct perfetto *trace, const char *name, uint64_t address);
void perfetto_flow(struct perfetto *trace, uint64_t flow, bool ends);
void perfetto_close_event(struct perfetto *trace);

void perfetto_put_counter(struct perfetto *trace, uint64_t track, uint64_t time_ns, uint64_t value);

#endif
