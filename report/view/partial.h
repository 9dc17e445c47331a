/* SPDX-License-Identifier: MIT */
/*
 * Notes on missing data, beside tables and drawings that show a part: events that the log no
 * longer has, call stacks that were cut, calls that were refused.
 */
#ifndef MEMSHIM_VIEW_PARTIAL_H
#define MEMSHIM_VIEW_PARTIAL_H

#include "report/model/filter.h"
#include "report/view/json.h"

#define PARTIAL_CUT_NAME "... cut here" /* stands for the frames beyond the stack depth */

enum { PARTIAL_NOTES_MAX = 3, PARTIAL_NOTE_BYTES = 200 };

/* Sums over the call sites that are shown. */
struct partial_sites {
	uint64_t bytes, cut_bytes; /* of all sites, and of those with cut stacks */
	uint64_t stacks, cut_stacks;
	uint64_t refused; /* calls that asked for memory and failed */
};

struct partial_sites partial_sites(const struct model *model, const struct filter *filter);

/* "the newest 10 of 20 events"; "" if the log has all events. */
const char *partial_log(const struct model *model, char text[PARTIAL_NOTE_BYTES]);

/* The option that records whole stacks: "record -k 36 takes the deepest". */
const char *partial_depth_advice(const struct model *model, char text[PARTIAL_NOTE_BYTES]);

/* Writes whole sentences for a drawing of call sites; returns how many. */
unsigned partial_notes(const struct model *model, const struct filter *filter,
		       char notes[PARTIAL_NOTES_MAX][PARTIAL_NOTE_BYTES]);

/* Members of the object "coverage". */
void partial_json(struct json *json, const struct model *model, const struct filter *filter);

/* Whether the stack has more frames than were recorded. */
static inline bool partial_is_cut(const struct stack_frame *frames, uint32_t count)
{
	return count > 0 && frames[count - 1].cut;
}

#endif
