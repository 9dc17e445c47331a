/* SPDX-License-Identifier: MIT */
/* The reasons of unfollowed.def, for rooms that may not include the layout. */
#ifndef MEMSHIM_READER_UNFOLLOWED_H
#define MEMSHIM_READER_UNFOLLOWED_H

enum unfollowed_why {
#define UNFOLLOWED(id, why) WHY_##id,
#include "preload/segment/unfollowed.def"
#undef UNFOLLOWED
	WHY_COUNT
};

/* The reason as a phrase; "unknown" when the number is out of range. */
const char *unfollowed_words(unsigned why);

#endif
