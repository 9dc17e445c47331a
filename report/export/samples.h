/* SPDX-License-Identifier: MIT */
/*
 * What the images did with their call stacks, for formats with samples. What no call site explains
 * is a sample without a stack, so that the sums are those of the report.
 */
#ifndef MEMSHIM_EXPORT_SAMPLES_H
#define MEMSHIM_EXPORT_SAMPLES_H

#include "report/model/filter.h"

#define SAMPLE_NO_STACK "(no call stack)"

struct sample {
	const struct model_process *process;
	const struct model_site *site; /* null: no call site is known */
	const char *origin;            /* malloc or direct; null: unknown, or it is no move */
	bool attached;                 /* attached by shmat; else moves of the break */
	uint64_t grown_bytes, net_bytes, moves, attached_bytes;
};

typedef void sample_visit(void *context, const struct sample *sample);

/* The call sites of the model are by process. False without memory. */
bool samples_visit(const struct model *model, const struct filter *filter, sample_visit *visit,
		   void *context);

#endif
