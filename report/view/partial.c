/* SPDX-License-Identifier: MIT */
#include "report/view/partial.h"

#include <stdio.h>

#include "report/util/format.h"
#include "report/view/stack.h"

static bool partial_is_wanted(const struct model *model, const struct model_site *site,
			      const struct filter *filter)
{
	const struct model_process *process = model_process(model, site->instance);

	return process && filter_process(filter, process);
}

struct partial_sites partial_sites(const struct model *model, const struct filter *filter)
{
	struct partial_sites sums = {0};

	for (uint32_t i = 0; i < model->sites.count; i++) {
		const struct model_site *site = &model->sites.rows[i];

		if (!partial_is_wanted(model, site, filter))
			continue;
		sums.bytes += site->bytes;
		sums.stacks += site->stack != 0;
		if (site->call <= KIND_SHMAT)
			sums.refused += site->failed;
		if (stack_is_cut(model, site->instance, site->stack)) {
			sums.cut_bytes += site->bytes;
			sums.cut_stacks++;
		}
	}
	return sums;
}

const char *partial_log(const struct model *model, char text[PARTIAL_NOTE_BYTES])
{
	uint64_t missing = model_events_missing(model);
	char shown[FORMAT_BYTES], all[FORMAT_BYTES];
	bool newest = missing == model->losses.lost[LOST_OVERWRITTEN];

	text[0] = '\0';
	if (missing)
		snprintf(text, PARTIAL_NOTE_BYTES, "%s%s of %s events", newest ? "the newest " : "",
			 format_count(shown, model->event_count),
			 format_count(all, model->event_count + missing));
	return text;
}

const char *partial_depth_advice(const struct model *model, char text[PARTIAL_NOTE_BYTES])
{
	bool enough = model->stacks.deepest_cut && model->stacks.deepest_cut <= STACK_FRAMES_MAX;

	snprintf(text, PARTIAL_NOTE_BYTES, "%s%u takes %s",
		 model->session.recorded ? "record -k " : "MEMSHIM_STACK_DEPTH=",
		 enough ? model->stacks.deepest_cut : STACK_FRAMES_MAX,
		 enough ? "the deepest" : "the most");
	return text;
}

static void write_log_note(const struct model *model, char note[PARTIAL_NOTE_BYTES])
{
	char log[PARTIAL_NOTE_BYTES];

	snprintf(note, PARTIAL_NOTE_BYTES, "of %.100s only; %s gives the log more room",
		 partial_log(model, log),
		 model->session.recorded ? "record --log-size" : "MEMSHIM_LOG_SIZE");
}

static void write_cut_note(const struct model *model, const struct partial_sites *sums,
			   char note[PARTIAL_NOTE_BYTES])
{
	char advice[PARTIAL_NOTE_BYTES];
	uint64_t of = sums->bytes ? sums->bytes : sums->stacks;
	uint64_t cut = sums->bytes ? sums->cut_bytes : sums->cut_stacks;

	snprintf(note, PARTIAL_NOTE_BYTES,
		 "%.0f%% is of call stacks cut at %u frames (\"" PARTIAL_CUT_NAME "\"); %.80s",
		 of ? 100.0 * (double)cut / (double)of : 0.0, model->session.stack_depth,
		 partial_depth_advice(model, advice));
}

unsigned partial_notes(const struct model *model, const struct filter *filter,
		       char notes[PARTIAL_NOTES_MAX][PARTIAL_NOTE_BYTES])
{
	struct partial_sites sums = partial_sites(model, filter);
	char refused[FORMAT_BYTES];
	unsigned count = 0;

	if (model_events_missing(model))
		write_log_note(model, notes[count++]);
	if (sums.cut_stacks)
		write_cut_note(model, &sums, notes[count++]);
	if (sums.refused)
		snprintf(notes[count++], PARTIAL_NOTE_BYTES,
			 "%s call%s asked for memory and %s refused",
			 format_count(refused, sums.refused), format_s(sums.refused),
			 sums.refused == 1 ? "was" : "were");
	return count;
}

void partial_json(struct json *json, const struct model *model, const struct filter *filter)
{
	struct partial_sites sums = partial_sites(model, filter);
	uint64_t missing = model_events_missing(model);

	json_number(json, "events_total", model->event_count + missing);
	json_bool(json, "log_complete", missing == 0);
	json_number(json, "stack_depth", model->session.stack_depth);
	json_number(json, "cut_stacks", sums.cut_stacks);
	json_number(json, "cut_bytes", sums.cut_bytes);
	json_number_or_null(json, "deepest_stack",
			    sums.cut_stacks && model->stacks.deepest_cut <= STACK_FRAMES_MAX,
			    model->stacks.deepest_cut);
}
