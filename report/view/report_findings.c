/* SPDX-License-Identifier: MIT */
#include "report/view/report_findings.h"

#include <stdio.h>
#include <string.h>

#include "report/model/failures.h"
#include "report/model/place.h"
#include "report/util/format.h"
#include "report/view/report_verdict.h"

#define KIND_MOST 8u /* findings of one kind, unless the user asked for all */
#define INDENT 10u
#define IDS_MOST 8u /* of objects or processes */

static const struct {
	const char *word;
	enum out_color color;
} severities[] = {{"error", COLOR_RED}, {"warning", COLOR_YELLOW}, {"note", COLOR_CYAN}};

/* The place of the call; of several calls, the first one's. */
static void report_finding_put_where(struct out *out, const struct model *model,
				     const struct finding *finding)
{
	struct place place;
	char where[320], text[sizeof where + 8];

	place_of_stack(model, finding->stack_instance, finding->stack, &place);
	if (!*place.function)
		return;
	snprintf(text, sizeof text, "from %s", place_words(&place, where, sizeof where));
	out_wrapped(out, text, INDENT);
}

/* ENOSPC: the call from which the program with most of the objects created them. */
static void report_finding_put_most(struct out *out, const struct model *model,
				    const struct model_failure *failure)
{
	struct place place;
	char where[320], text[sizeof where + 64];

	if (!failure || !failure->most_stack)
		return;
	place_of_stack(model, failure->most_instance, failure->most_stack, &place);
	if (!*place.function)
		return;
	snprintf(text, sizeof text, "created most: %u from %s", failure->most_from_stack,
		 place_words(&place, where, sizeof where));
	out_wrapped(out, text, INDENT);
}

/* "0, 1, 2 and 497 more": the objects or processes that it stands for. */
static void report_finding_put_ids(struct out *out, const struct finding *finding)
{
	char text[FINDING_IDS * 13 + 64], more[FORMAT_BYTES];
	size_t used = 0;

	if (finding->id_count < 2)
		return;
	for (uint32_t i = 0; i < finding->id_count && i < IDS_MOST; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%d", i ? ", " : "",
					 finding->ids[i]);
	if (!finding->failure && finding->count > IDS_MOST)
		snprintf(text + used, sizeof text - used, " and %s more",
			 format_count(more, finding->count - IDS_MOST));
	out_wrapped(out, text, INDENT);
}

static void report_finding_put(struct out *out, const struct model *model,
			       const struct finding *finding)
{
	out_color(out, severities[finding->severity].color);
	out_safe_wide(out, severities[finding->severity].word, INDENT);
	out_color(out, COLOR_BOLD);
	out_text(out, model_finding_name(finding->kind));
	out_color(out, COLOR_NONE);
	out_char(out, '\n');
	out_wrapped(out, finding->text ? finding->text : "", INDENT);
	report_finding_put_ids(out, finding);
	report_finding_put_where(out, model, finding);
	report_finding_put_most(out, model, finding->failure);
	if (!finding->advice || !*finding->advice)
		return;
	out_color(out, COLOR_DIM);
	out_wrapped(out, finding->advice, INDENT);
	out_color(out, COLOR_NONE);
}

static void report_finding_put_number(struct out *out, uint32_t count)
{
	char text[FORMAT_BYTES];

	out_text(out, format_count(text, count));
}

static void report_finding_put_sum(struct out *out, const struct model *model, bool notes)
{
	uint32_t hidden = 0;

	OUT(out, "  ");
	report_verdict_counts(out, model, notes);
	for (uint32_t i = 0; i < model->findings.count; i++)
		hidden += !notes && finding_is_routine(&model->findings.rows[i]);
	if (model->findings.suppressed_count) {
		OUT(out, "; ");
		report_finding_put_number(out, model->findings.suppressed_count);
		OUT(out, " suppressed");
	}
	if (hidden) {
		OUT(out, "; --notes shows ");
		report_finding_put_number(out, hidden);
		OUT(out, " more");
	}
	out_char(out, '\n');
}

static void report_finding_put_rest(struct out *out, enum finding_kind kind, uint32_t count)
{
	OUT(out, "... and ");
	report_finding_put_number(out, count);
	OUT(out, " more of ");
	out_text(out, model_finding_name(kind));
	OUT(out, "; --all shows them\n");
}

void report_findings(struct out *out, const struct model *model, bool all, bool notes)
{
	uint32_t shown[FINDING_COUNT] = {0};

	out_char(out, '\n');
	out_color(out, COLOR_BOLD);
	OUT(out, "FINDINGS");
	out_color(out, COLOR_NONE);
	report_finding_put_sum(out, model, notes);
	for (uint32_t i = 0; i < model->findings.count; i++) {
		const struct finding *finding = &model->findings.rows[i];

		if ((notes || !finding_is_routine(finding)) &&
		    (++shown[finding->kind] <= KIND_MOST || all))
			report_finding_put(out, model, finding);
	}
	for (int kind = 0; kind < FINDING_COUNT && !all; kind++)
		if (shown[kind] > KIND_MOST)
			report_finding_put_rest(out, (enum finding_kind)kind,
						shown[kind] - KIND_MOST);
	if (model->findings.omitted_count) {
		report_finding_put_number(out, model->findings.omitted_count);
		OUT(out, " more were left out\n");
	}
}
