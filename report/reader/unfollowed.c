/* SPDX-License-Identifier: MIT */
#include "report/reader/unfollowed.h"

static const char *const words[WHY_COUNT] = {
#define WITNESS(id, why) [WHY_##id] = why,
#include "preload/segment/unfollowed.def"
#undef WITNESS
};

const char *witness_words(unsigned why)
{
	return why < WHY_COUNT ? words[why] : "unknown";
}
