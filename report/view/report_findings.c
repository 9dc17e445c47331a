/* SPDX-License-Identifier: MIT */
#include "report/view/report_findings.h"

#include <stdio.h>
#include <string.h>

#include "report/util/format.h"
#include "report/view/sites.h"

#define KIND_MOST 8u /* findings of one kind, unless the user asked for all */
#define INDENT 10u

static const struct {
	const char *word;
	enum out_color color;
} severities[] = {{"error", COLOR_RED}, {"warning", COLOR_YELLOW}, {"note", COLOR_CYAN}};

/* Wraps the text at the page's width, each line after `INDENT` blanks. */
static void report_finding_put_wrapped(struct out *out, const char *text)
{
	unsigned column = INDENT;

	out_pad(out, INDENT);
	while (*text) {
		size_t length = strcspn(text, " ");
		char word[256];

		if (length >= sizeof word)
			length = sizeof word - 1;
		memcpy(word, text, length);
		word[length] = '\0';
		if (column > INDENT && column + 1 + out_columns(word) > out->width) {
			out_char(out, '\n');
			out_pad(out, INDENT);
			column = INDENT;
		} else if (column > INDENT) {
			out_char(out, ' ');
			column++;
		}
		out_safe(out, word);
		column += (unsigned)out_columns(word);
		text += length;
		text += strspn(text, " ");
	}
	out_char(out, '\n');
}

/* The call's function; of several calls, the first one's. */
static void report_finding_put_where(struct out *out, const struct model *model,
				     const struct finding *finding)
{
	char where[256], text[sizeof where + 8];

	if (!*sites_where(model, finding->stack_instance, finding->stack, where, sizeof where))
		return;
	snprintf(text, sizeof text, "from %s", where);
	report_finding_put_wrapped(out, text);
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
	report_finding_put_wrapped(out, finding->text ? finding->text : "");
	report_finding_put_where(out, model, finding);
	if (!finding->advice || !*finding->advice)
		return;
	out_color(out, COLOR_DIM);
	report_finding_put_wrapped(out, finding->advice);
	out_color(out, COLOR_NONE);
}

static void report_finding_put_number(struct out *out, uint32_t count)
{
	char text[FORMAT_BYTES];

	out_text(out, format_count(text, count));
}

static void report_finding_put_sum(struct out *out, const struct model *model,
				   const struct filter *filter)
{
	uint32_t counts[3] = {0};
	bool any = false;

	for (uint32_t i = 0; i < model->findings.count; i++)
		counts[model->findings.rows[i].severity] += filter_finding(
			filter, model, &model->findings.rows[i]);
	for (int severity = SEVERITY_ERROR; severity <= SEVERITY_NOTE; severity++) {
		if (!counts[severity])
			continue;
		out_text(out, any ? ", " : "  ");
		report_finding_put_number(out, counts[severity]);
		out_char(out, ' ');
		out_text(out, severities[severity].word);
		out_text(out, format_s(counts[severity]));
		any = true;
	}
	if (!any)
		OUT(out, "  none");
	if (model->findings.suppressed_count) {
		OUT(out, "; ");
		report_finding_put_number(out, model->findings.suppressed_count);
		OUT(out, " suppressed");
	}
	out_char(out, '\n');
}

static void report_finding_put_rest(struct out *out, enum finding_kind kind, uint32_t count)
{
	OUT(out, "... and ");
	report_finding_put_number(out, count);
	OUT(out, " more of ");
	out_text(out, model_finding_name(kind));
	OUT(out, "; 'memshim report --json' lists all\n");
}

void report_findings(struct out *out, const struct model *model, const struct filter *filter,
		     bool all)
{
	uint32_t shown[FINDING_COUNT] = {0};

	out_char(out, '\n');
	out_color(out, COLOR_BOLD);
	OUT(out, "FINDINGS");
	out_color(out, COLOR_NONE);
	report_finding_put_sum(out, model, filter);
	for (uint32_t i = 0; i < model->findings.count; i++)
		if (filter_finding(filter, model, &model->findings.rows[i]) &&
		    (++shown[model->findings.rows[i].kind] <= KIND_MOST || all))
			report_finding_put(out, model, &model->findings.rows[i]);
	for (int kind = 0; kind < FINDING_COUNT && !all; kind++)
		if (shown[kind] > KIND_MOST)
			report_finding_put_rest(out, (enum finding_kind)kind,
						shown[kind] - KIND_MOST);
	if (model->findings.omitted_count) {
		report_finding_put_number(out, model->findings.omitted_count);
		OUT(out, " more were left out\n");
	}
}
