/* SPDX-License-Identifier: MIT */
/* What `memshim reap` removed, would remove, or kept: a table for each verdict and reason. */
#ifndef MEMSHIM_VIEW_REAP_TABLE_H
#define MEMSHIM_VIEW_REAP_TABLE_H

#include "report/model/model.h"
#include "report/view/out.h"

/* In the order in which they are shown. */
enum reap_verdict {
	REAP_REMOVED,
	REAP_LEAKED, /* --force would remove it */
	REAP_KEPT,
	REAP_OTHER, /* another session created it */
	REAP_VERDICTS
};

struct reap_row {
	enum reap_verdict verdict;
	struct kernel_segment object; /* as the kernel described it */
	const char *why;              /* a clause */
	const char *creator;          /* program and pid; "-": not known */
	char *texts;                  /* both of them */
};

struct reap_table {
	struct reap_row *rows;
	uint32_t count, capacity;
	bool exact;       /* exact numbers of bytes */
	bool no_headings; /* one line for each object, with verdict and reason */
	unsigned top;     /* rows of a table; 0: 20 */
};

/* Copies the texts. Without memory, the row is printed at once. */
void reap_table_add(struct reap_table *table, struct out *out, enum reap_verdict verdict,
		    const struct kernel_segment *object, const char *creator, const char *why);

/* Prints all rows and forgets them. */
void reap_table_print(struct reap_table *table, struct out *out);

#endif
