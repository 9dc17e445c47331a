/* SPDX-License-Identifier: MIT */
/* The members "segments" and "attachments" of report --json. */
#ifndef MEMSHIM_VIEW_REPORT_SEGMENTS_H
#define MEMSHIM_VIEW_REPORT_SEGMENTS_H

#include "report/model/filter.h"
#include "report/view/json.h"

void report_segments_json(struct json *json, const struct model *model,
			  const struct filter *filter);

/* "mode", "flags", "owner_uid", "created_ns", "creator"; and "removed", "state" to "now". */
void report_origin_json(struct json *json, const struct model *model,
			const struct model_segment *object);
void report_end_json(struct json *json, const struct model *model,
		     const struct model_segment *object);

/* A member "stack": the frames, or null where they are not known. */
void report_stack_json(struct json *json, const struct model *model, uint32_t instance,
		       uint32_t stack);

#endif
