/* SPDX-License-Identifier: MIT */
/*
 * What a reader must be told beside a table or a picture that shows a part: events that are no
 * longer in the log, call stacks that were cut, calls that were refused.
 */
#ifndef MEMSHIM_VIEW_PARTIAL_H
#define MEMSHIM_VIEW_PARTIAL_H

#include "report/model/filter.h"
#include "report/view/json.h"

#define PARTIAL_CUT_NAME "... cut here" /* in the place of frames that were not taken */

enum { PARTIAL_NOTES_MAX = 3, PARTIAL_NOTE_BYTES = 200 };

/* Of the call sites that are shown. */
struct partial_sites {
	uint64_t bytes, cut_bytes; /* all, and those under stacks that were cut */
	uint64_t stacks, cut_stacks;
	uint64_t refused; /* calls that asked for memory and got none */
};

struct partial_sites partial_sites(const struct model *model, const struct filter *filter);

/* "the newest 10 of 20 events"; "" when all are in the log. */
const char *partial_log(const struct model *model, char text[PARTIAL_NOTE_BYTES]);

/* What takes the stacks that were cut: "record -k 36 takes the deepest". */
const char *partial_depth_advice(const struct model *model, char text[PARTIAL_NOTE_BYTES]);

/* Whole sentences for a picture of call sites; how many. */
unsigned partial_notes(const struct model *model, const struct filter *filter,
		       char notes[PARTIAL_NOTES_MAX][PARTIAL_NOTE_BYTES]);

/* Members of "coverage". */
void partial_json(struct json *json, const struct model *model, const struct filter *filter);

/* Whether the outermost frame of a stack is not where the stack begins. */
static inline bool partial_is_cut(const struct stack_frame *frames, uint32_t count)
{
	return count > 0 && frames[count - 1].cut;
}

#endif
