/* SPDX-License-Identifier: MIT */
/* Which segments of a session may be removed, and their removal. */
#ifndef MEMSHIM_SESSION_REAP_H
#define MEMSHIM_SESSION_REAP_H

#include "report/model/model.h"

/*
 * Why a segment stays; null when it leaked, and may go. One that is orphaned may go only when the
 * user named it. After model_finish.
 */
const char *reap_why_kept(const struct model *model, const struct model_segment *segment,
			  bool by_name);

/* Removes it, if it still is what the model knows. Null when it was removed; else why not. */
const char *reap_remove(const struct model_segment *segment);

#endif
