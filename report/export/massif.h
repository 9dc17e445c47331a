/* SPDX-License-Identifier: MIT */
/*
 * The breaks over time in the format of valgrind's massif, for ms_print and massif-visualizer. The
 * heap is what the breaks of all wanted processes grew by; the "extra heap" is what they have
 * attached. The events are added twice: the first time finds the peak, the second takes snapshots.
 */
#ifndef MEMSHIM_EXPORT_MASSIF_H
#define MEMSHIM_EXPORT_MASSIF_H

#include "report/model/filter.h"
#include "report/view/out.h"

struct massif;

/* Null without memory. */
struct massif *massif_make(const struct filter *filter);
void massif_free(struct massif *massif);

/* After the model has got the event. */
void massif_add_event(struct massif *massif, const struct model *model, const struct event *event);

/* After all events, of the first and then of the second time. */
void massif_end(struct massif *massif, const struct model *model);

/* After the second massif_end, when the frames have names. False without memory. */
bool massif_write(struct out *out, struct massif *massif, const struct model *model);

#endif
