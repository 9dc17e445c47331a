/* SPDX-License-Identifier: MIT */
/*
 * The recorder skips an event that is claimed and not yet published, and reads it later. When the
 * recorder is killed in between, the recording lacks that event although its position is past it.
 * The live segment may have the event now: a claim before the position that no chunk holds.
 */
#ifndef MEMSHIM_READER_UNPUBLISHED_H
#define MEMSHIM_READER_UNPUBLISHED_H

#include "report/reader/ring.h"
#include "report/reader/source_struct.h"

/*
 * Copies the events of ring `ring` that the recorder skipped and that are published now. Counts
 * those that are overwritten, and, when `no_writers`, those that are still unpublished as torn.
 * False without memory.
 */
bool unpublished_read(struct source *source, uint32_t ring, bool no_writers,
		      struct ring_copy *copy);

#endif
