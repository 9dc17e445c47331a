/* SPDX-License-Identifier: MIT */
#include "report/cli/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/util/format.h"
#include "report/session/left_behind.h"
#include "report/session/session.h"

struct totals {
	uint64_t moves, grown, shrunk, attaches;
	unsigned attention; /* findings that are not notes */
};

static struct totals add_up(const struct model *model)
{
	struct totals totals = {0};

	for (uint32_t i = 1; i < model->instance_room; i++) {
		const struct model_process *process = model->by_instance[i];

		if (!process)
			continue;
		totals.moves += model_moves(&process->facts) - model_stills(&process->facts);
		totals.grown += model_grown(&process->facts);
		totals.shrunk += model_shrunk(&process->facts);
		totals.attaches += process->facts.ok[KIND_SHMAT];
	}
	totals.attention = model_attention(model);
	return totals;
}

static void print_activity(const struct model *model, const struct totals *totals)
{
	char processes[HUMAN_BYTES], events[HUMAN_BYTES], moves[HUMAN_BYTES], grown[HUMAN_BYTES];
	char shrunk[HUMAN_BYTES], attaches[HUMAN_BYTES], segments[HUMAN_BYTES];

	fprintf(stderr, "memshim: %s process%s, %s event%s; the break moved %s time%s, +%s -%s\n",
		human_count(processes, model->process_count), model->process_count == 1 ? "" : "es",
		human_count(events, model->event_count), human_s(model->event_count),
		human_count(moves, totals->moves), human_s(totals->moves),
		human_bytes(grown, totals->grown), human_bytes(shrunk, totals->shrunk));
	if (model->segment_count)
		fprintf(stderr, "memshim: %s shared segment%s, attached %s time%s\n",
			human_count(segments, model->segment_count), human_s(model->segment_count),
			human_count(attaches, totals->attaches), human_s(totals->attaches));
}

static void print_gaps(const struct model *model)
{
	uint64_t lost = model_lost(model);
	char count[HUMAN_BYTES];

	if (model->process_count == 0)
		fprintf(stderr, "memshim: no process ran under the shim: nothing was seen\n");
	if (lost)
		fprintf(stderr, "memshim: %s event%s lost; the counters are exact\n",
			human_count(count, lost), human_s(lost));
	if (model->witness_count)
		fprintf(stderr, "memshim: %u process%s ran without the shim\n",
			model->witness_count, model->witness_count == 1 ? "" : "es");
	if (model->level == COVERED_CALLS)
		fprintf(stderr, "memshim: calls by name only: malloc's own moves are missing\n");
}

/* How to read on: FILE is left out where it would be found without. */
static void print_way_on(const struct model *model, const struct totals *totals,
			 const char *recording)
{
	char *file = strcmp(recording, "memshim.data") == 0 ? NULL : human_word(recording);

	if (totals->attention)
		fprintf(stderr, "memshim: %u finding%s", totals->attention,
			human_s(totals->attention));
	else
		fprintf(stderr, "memshim: no findings%s", model->finding_count ? " but notes" : "");
	if (model->suppressed_count)
		fprintf(stderr, ", %u suppressed", model->suppressed_count);
	fprintf(stderr, "; see 'memshim report%s%s'\n", file ? " " : "", file ? file : "");
	free(file);
}

int summary_show(int fd, const char *recording, bool quiet, const struct suppression *rules,
		 unsigned *finding_count)
{
	struct totals totals;
	struct load load;
	int ret = load_descriptor(&load, fd, recording);

	*finding_count = 0;
	if (ret != 0)
		return ret;
	load_suppress(&load, rules);
	totals = add_up(load.model);
	*finding_count = totals.attention;
	if (!quiet) {
		print_activity(load.model, &totals);
		print_gaps(load.model);
		print_way_on(load.model, &totals, recording);
	}
	left_behind_keep(&load);
	load_close(&load);
	return 0;
}
