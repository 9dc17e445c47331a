/* SPDX-License-Identifier: MIT */
/*
 * Semaphore sets and message queues. They are rows of the same struct as segments, and the same
 * rules find their creators, users and ends. The kernel keeps no creator of them, so its row is
 * compared by key, size and time. Of a set, `size` is the number of semaphores and `attaches` the
 * number of operations; of a queue, `attaches` messages were sent and `detaches` received.
 */
#ifndef MEMSHIM_MODEL_OBJECTS_H
#define MEMSHIM_MODEL_OBJECTS_H

#include "report/model/segments.h"

/* The object that has this id now, or had it last, in the session's namespace; null: none. */
struct model_segment *model_object(const struct model *model, enum object_kind kind, int32_t id);

/* The latest object of the same kind, namespace and id, of all three kinds. */
struct model_segment *model_latest(const struct model *model, const struct model_segment *of);

void objects_add_event(struct model *model, const struct event *event);
void objects_add_ledger(struct model *model, const struct ledger_facts *facts);

/* Before the verdicts: adds the users that the tables know. */
void objects_add_users(struct model *model);

/* False without memory. */
bool objects_copy(struct model *copy, const struct model *from);
void objects_free(struct model *model);

#endif
