/* SPDX-License-Identifier: MIT */
#include "report/recorder/instance_set.h"

#include <stdlib.h>
#include <string.h>

#define INSTANCES_MOST (1u << 22) /* readers believe no higher number */
#define FIRST_BYTES 1024u

static bool instance_set_reserve(struct instance_set *set, uint32_t byte)
{
	uint32_t bytes = set->bytes ? set->bytes : FIRST_BYTES;
	unsigned char *bits;

	if (byte < set->bytes)
		return true;
	while (bytes <= byte)
		bytes *= 2;
	bits = realloc(set->bits, bytes);
	if (!bits)
		return false;
	memset(bits + set->bytes, 0, bytes - set->bytes);
	set->bits = bits;
	set->bytes = bytes;
	return true;
}

bool instance_set_add(struct instance_set *set, uint32_t instance)
{
	unsigned char bit = (unsigned char)(1u << instance % 8);

	if (instance >= INSTANCES_MOST || !instance_set_reserve(set, instance / 8) ||
	    set->bits[instance / 8] & bit)
		return false;
	set->bits[instance / 8] |= bit;
	return true;
}

void instance_set_free(struct instance_set *set)
{
	free(set->bits);
}
