/* SPDX-License-Identifier: MIT */
/*
 * Heap profiles of a Perfetto trace: for each process, the heaps "break" (what each call stack grew
 * it by, and how much of that was given back) and "attached".
 */
#ifndef MEMSHIM_EXPORT_PERFETTO_HEAP_H
#define MEMSHIM_EXPORT_PERFETTO_HEAP_H

#include "report/export/perfetto_packet.h"
#include "report/model/filter.h"

/* The call sites of the model are by process, and have names. False without memory. */
bool perfetto_put_heaps(struct perfetto *trace, const struct model *model,
			const struct filter *filter);

#endif
