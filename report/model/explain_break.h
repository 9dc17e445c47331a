/* SPDX-License-Identifier: MIT */
/* Why the break could not be moved, by the log. */
#ifndef MEMSHIM_MODEL_EXPLAIN_BREAK_H
#define MEMSHIM_MODEL_EXPLAIN_BREAK_H

#include "report/model/explain.h"

/* The lowest attachment in the way of a refused move up; null when there is none. */
const struct model_attachment *explain_blocker(const struct model_process *process,
					       const struct event *event);

/* Whether a mapping that begins at `start` is in the way of a move of the break. */
bool explain_wall(const struct event *event, uint64_t start);

struct explanation explain_move(const struct failed *f);

/* An error that the call itself never returns: a seccomp filter refused it. */
struct explanation explain_filter(const struct failed *f);

#endif
