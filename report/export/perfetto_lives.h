/* SPDX-License-Identifier: MIT */
/* The processes of a Perfetto trace: their tracks, the lives of their images, forks. */
#ifndef MEMSHIM_EXPORT_PERFETTO_LIVES_H
#define MEMSHIM_EXPORT_PERFETTO_LIVES_H

#include "report/export/perfetto_packet.h"
#include "report/model/filter.h"

/* False without memory. */
bool perfetto_put_processes(struct perfetto *trace, const struct model *model,
			    const struct filter *filter);

#endif
