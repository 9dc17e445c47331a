/* SPDX-License-Identifier: MIT */
#include "report/reader/unfollowed.h"

static const char *const words[WHY_COUNT] = {
#define UNFOLLOWED(id, why) [WHY_##id] = why,
#include "preload/segment/unfollowed.def"
#undef UNFOLLOWED
};

const char *unfollowed_words(unsigned why)
{
	return why < WHY_COUNT ? words[why] : "unknown";
}
