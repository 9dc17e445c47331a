/* SPDX-License-Identifier: MIT */
/*
 * A recorder passes by an event that is claimed and not published yet, and comes back to it. Killed
 * in between, it leaves a recording whose position is behind a hole. The live segment may have the
 * event by now: it is whatever claim before the position stands in no chunk.
 */
#ifndef MEMSHIM_READER_UNPUBLISHED_H
#define MEMSHIM_READER_UNPUBLISHED_H

#include "report/reader/reader_internal.h"
#include "report/reader/ring.h"

/*
 * Copies the events of `part` that the recorder passed by and that are there now; what is gone, or,
 * when `nobody_writes`, will never come, is counted. False without memory.
 */
bool unpublished_read(struct source *source, uint32_t part, bool nobody_writes,
		      struct ring_copy *copy);

#endif
