/* SPDX-License-Identifier: MIT */
/*
 * pprof's profile.proto, compressed. A sample is what one image did with one call stack: the bytes
 * that its break grew by, the bytes of that growth that were there at its end, its moves, and the
 * bytes that it attached. What the log has no call stack for is in samples of its own, so that the
 * sums are those of the report.
 */
#ifndef MEMSHIM_EXPORT_PPROF_H
#define MEMSHIM_EXPORT_PPROF_H

#include "report/model/filter.h"
#include "report/view/out.h"

/* The call sites of the model are by process, and have names. False without memory. */
bool pprof_write(struct out *out, const struct model *model, const struct filter *filter);

#endif
