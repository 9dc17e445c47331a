/* SPDX-License-Identifier: MIT */
/* Which segments of a session may be removed, and their removal. */
#ifndef MEMSHIM_SESSION_REAP_H
#define MEMSHIM_SESSION_REAP_H

#include "report/model/model.h"

#define REAP_WHY_BYTES 320

/*
 * Why a segment stays; null when it leaked, and may go. `by_name`: the user named it, and so what
 * is orphaned may go, and for root what another user created. After model_finalize. The answer may
 * stand in `words`.
 */
const char *reap_why_kept(const struct model *model, const struct model_segment *segment,
			  bool by_name, char words[REAP_WHY_BYTES]);

/* Whether another user than this one created it, or was given it. */
bool reap_is_of_other(const struct model_segment *segment);

/* Removes it, if it still is what the model knows. Null when it was removed; else why not. */
const char *reap_remove(const struct model_segment *segment);

#endif
