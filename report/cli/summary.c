/* SPDX-License-Identifier: MIT */
#include "report/cli/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/session/left_behind.h"
#include "report/session/session.h"
#include "report/util/format.h"
#include "report/util/progress.h"
#include "report/view/page.h"
#include "report/view/report_verdict.h"

struct totals {
	uint64_t moves, grown, shrunk, attaches;
	unsigned attention; /* findings other than notes */
};

static struct totals summary_add_up(const struct model *model)
{
	struct totals totals = {0};

	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

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
	char processes[FORMAT_BYTES], events[FORMAT_BYTES], moves[FORMAT_BYTES],
		grown[FORMAT_BYTES];
	char shrunk[FORMAT_BYTES], attaches[FORMAT_BYTES], segments[FORMAT_BYTES];

	fprintf(stderr, "memshim: %s process%s, %s event%s; the break moved %s time%s, +%s -%s\n",
		format_count(processes, model->processes.count),
		model->processes.count == 1 ? "" : "es", format_count(events, model->event_count),
		format_s(model->event_count), format_count(moves, totals->moves),
		format_s(totals->moves), format_bytes(grown, totals->grown),
		format_bytes(shrunk, totals->shrunk));
	if (model->segments.count)
		fprintf(stderr, "memshim: %s shared segment%s, attached %s time%s\n",
			format_count(segments, model->segments.count),
			format_s(model->segments.count), format_count(attaches, totals->attaches),
			format_s(totals->attaches));
}

/* Names the command for the first such user: it works the same for others. */
static void print_other_user(const struct model *model)
{
	char advice[UNFOLLOWED_ADVICE_BYTES];

	for (uint32_t i = 0; i < model->processes.unfollowed_count; i++) {
		if (!model->processes.unfollowed[i].other_uid)
			continue;
		unfollowed_advice(&model->processes.unfollowed[i], advice, sizeof advice);
		fprintf(stderr, "memshim: %s\n", advice);
		return;
	}
}

static void print_gaps(const struct model *model)
{
	uint64_t lost = model_lost(model);
	char count[FORMAT_BYTES];

	if (model->processes.count == 0)
		fprintf(stderr, "memshim: no process ran under the shim: nothing was seen\n");
	if (lost)
		fprintf(stderr, "memshim: %s event%s lost; the counters are exact\n",
			format_count(count, lost), format_s(lost));
	if (model->processes.unfollowed_count)
		fprintf(stderr, "memshim: %u process%s ran without the shim\n",
			model->processes.unfollowed_count,
			model->processes.unfollowed_count == 1 ? "" : "es");
	print_other_user(model);
	if (model->losses.level == COVERED_CALLS)
		fprintf(stderr, "memshim: calls by name only: malloc's own moves are missing\n");
}

/* Prints the command that shows the report. It finds memshim.data without FILE. */
static void print_way_on(const struct model *model, const struct totals *totals,
			 const char *recording)
{
	char *file = strcmp(recording, "memshim.data") == 0 ? NULL : format_word(recording);

	if (totals->attention)
		fprintf(stderr, "memshim: %u finding%s", totals->attention,
			format_s(totals->attention));
	else
		fprintf(stderr, "memshim: no findings%s",
			model->findings.count ? " but notes" : "");
	if (model->findings.suppressed_count)
		fprintf(stderr, ", %u suppressed", model->findings.suppressed_count);
	fprintf(stderr, "; see 'memshim report%s%s'\n", file ? " " : "", file ? file : "");
	free(file);
}

/* The findings that matter, each in a line. */
static void print_verdict(const struct model *model)
{
	struct out *out = page_messages();

	if (model_attention(model) == 0)
		return;
	report_verdict_lines(out, model, "memshim:   ");
	out_flush(out);
}

int summary_show(int fd, const char *recording, bool quiet, const struct suppression *rules,
		 const struct expectations *expectations, struct summary_result *result)
{
	const struct filter all = {0};
	struct totals totals;
	struct session session;
	int ret;

	if (!quiet)
		progress_allow();
	ret = session_descriptor(&session, fd, recording);

	*result = (struct summary_result){.as_expected = true};
	if (ret != 0)
		return ret;
	session_findings(&session, rules, &all);
	totals = summary_add_up(session.model);
	result->finding_count = totals.attention;
	if (!quiet) {
		print_activity(session.model, &totals);
		print_gaps(session.model);
		print_way_on(session.model, &totals, recording);
		print_verdict(session.model);
	}
	result->as_expected = expectations_check(expectations, session.model, &all);
	left_behind_keep(&session);
	session_close(&session);
	return 0;
}
