/* SPDX-License-Identifier: MIT */
/* Who operated on semaphore sets and queues, and the calls that had not returned. */
#ifndef MEMSHIM_MODEL_OPERATIONS_H
#define MEMSHIM_MODEL_OPERATIONS_H

#include "report/reader/facts.h"

struct model;

struct model_operations {
	struct use_facts *uses; /* several of one image and object add up */
	uint32_t use_count, use_capacity;
	struct wait_facts *waits;
	uint32_t wait_count, wait_capacity;
};

void model_add_use(struct model *model, const struct use_facts *facts);
void model_add_wait(struct model *model, const struct wait_facts *facts);

void operations_free(struct model_operations *operations);

#endif
