/* SPDX-License-Identifier: MIT */
/* The report as a page: verdict, heading, findings, processes, segments, call sites. */
#ifndef MEMSHIM_VIEW_REPORT_TEXT_H
#define MEMSHIM_VIEW_REPORT_TEXT_H

#include "report/model/filter.h"
#include "report/view/out.h"

struct report_options {
	const struct filter *filter;
	const char *path; /* of the recording or the segment, for the heading */
	const char *sort; /* null: by start */
	char *const *columns;
	unsigned column_count;
	bool exact, no_headings;
	bool all;     /* every row */
	bool ungroup; /* a row for each process */
	bool notes;   /* what is true of many sound programs, too */
	unsigned top; /* rows of a table; 0: as many as fit a page */
};

/* False after a message if a column is unknown; then nothing is printed. */
bool report_text(struct out *out, const struct model *model, const struct report_options *options);

/* The coverage in one line: states no more than the recording proves. */
void report_coverage(struct out *out, const struct model *model);

#endif
