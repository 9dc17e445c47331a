/* SPDX-License-Identifier: MIT */
/* The attachments, segments and findings of a Perfetto trace. */
#ifndef MEMSHIM_EXPORT_PERFETTO_SLICES_H
#define MEMSHIM_EXPORT_PERFETTO_SLICES_H

#include "report/export/perfetto_packet.h"
#include "report/model/filter.h"

/* After the processes. False without memory. */
bool perfetto_put_attachments(struct perfetto *trace, const struct model *model,
			      const struct filter *filter);
void perfetto_put_findings(struct perfetto *trace, const struct model *model,
			   const struct filter *filter);

#endif
