/* SPDX-License-Identifier: MIT */
/* Decides which segments of a session may be removed, and removes them. */
#ifndef MEMSHIM_SESSION_REAP_H
#define MEMSHIM_SESSION_REAP_H

#include "report/model/model.h"

#define REAP_WHY_BYTES 320

/*
 * Why a segment is kept; null when it leaked and may be removed. `by_name`: the user named it: then
 * an orphaned segment may be removed and, by root, another user's. Call it after model_finalize.
 * The result may point into `words`.
 */
const char *reap_why_kept(const struct model *model, const struct model_segment *segment,
			  bool by_name, char words[REAP_WHY_BYTES]);

/* Whether another user created or owns it. */
bool reap_is_of_other(const struct model_segment *segment);

/* Removes the segment if nothing has changed. Null when it was removed; else why it is kept. */
const char *reap_remove(const struct model_segment *segment);

#endif
