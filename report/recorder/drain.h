/* SPDX-License-Identifier: MIT */
/*
 * Copies the log of a live segment into the recording while the programs run, ring by ring.
 *
 * One thread calls the functions that get a struct drain; a second one may call drain_wait,
 * drain_registrations and drain_put_back of slots.h.
 */
#ifndef MEMSHIM_RECORDER_DRAIN_H
#define MEMSHIM_RECORDER_DRAIN_H

#include "report/recorder/drain_types.h"

struct segment_event;

/*
 * Appends the events since the last call. Returns how full the fullest ring was, 0 to 100 percent.
 */
unsigned drain_log(struct drain *drain);

/*
 * As drain_log, if the last pass ended a millisecond ago. A busy program fills a ring in some
 * milliseconds: work that may take longer calls this again and again.
 */
void drain_log_if_due(struct drain *drain);

/* Appends an event that the recorder makes itself. */
void drain_append_event(struct drain *drain, const struct segment_event *event);

/* After the last drain_log: counts the events that are still unpublished as torn. */
void drain_give_up(struct drain *drain);

#endif
