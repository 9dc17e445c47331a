/* SPDX-License-Identifier: MIT */
/* The instances that have registered. Each may register once. An empty set is all zero. */
#ifndef MEMSHIM_RECORDER_INSTANCE_SET_H
#define MEMSHIM_RECORDER_INSTANCE_SET_H

#include <stdbool.h>
#include <stdint.h>

struct instance_set {
	unsigned char *bits;
	uint32_t bytes;
};

/* False when it is in the set already, when no reader would believe it, or without memory. */
bool instance_set_add(struct instance_set *set, uint32_t instance);
void instance_set_free(struct instance_set *set);

#endif
