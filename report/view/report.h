/* SPDX-License-Identifier: MIT */
/* The report: a page for people, or JSON. */
#ifndef MEMSHIM_VIEW_REPORT_H
#define MEMSHIM_VIEW_REPORT_H

#include "report/model/filter.h"
#include "report/view/out.h"

struct report_options {
	const struct filter *filter;
	const char *path; /* of the file, for the page's head */
	const char *sort; /* null: as they began */
	char *const *columns;
	unsigned column_count;
	bool exact, no_headings;
};

/* False after one line when a column is unknown; nothing is printed then. */
bool report_text(struct out *out, const struct model *model, const struct report_options *options);

void report_json(struct out *out, const struct model *model, const struct filter *filter,
		 const char *version);

/* Names of segments' states, for both. */
const char *report_segment_state(const struct model_segment *segment);
/* What is wrong with it, to follow the state: ", leaked", ", orphaned", or "". */
const char *report_segment_fault(const struct model_segment *segment);

/* The coverage in one line of words: never more than is known. */
void report_coverage(struct out *out, const struct model *model);

#endif
