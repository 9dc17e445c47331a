/* SPDX-License-Identifier: MIT */
/*
 * What lies free in a heap of glibc's malloc. The heap describes itself: each chunk begins with its
 * size, and a bit in the next chunk tells whether it is in use. The walk reads them from outside,
 * by process_vm_readv(2), and reads only pages that are resident: it brings in none.
 */
#ifndef MEMSHIM_PROCFS_HEAP_CHUNKS_H
#define MEMSHIM_PROCFS_HEAP_CHUNKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct heap_chunks {
	uint64_t heap_bytes;
	uint64_t resident_bytes;      /* of the heap */
	uint64_t free_resident_bytes; /* whole pages inside free chunks: malloc_trim(3) returns
					 them; not those of the top chunk */
};

/*
 * Walks the heap from `start` to the break `end`. False where it is not a heap of malloc alone,
 * changes meanwhile, is too large, or may not be read. A heap may have a hundred million chunks: so
 * the walk asks must_stop(context) for each 64 KiB that it reads, and ends when that is true.
 */
bool heap_chunks_read(pid_t pid, uint64_t start, uint64_t end, struct heap_chunks *facts,
		      bool (*must_stop)(void *context), void *context);

#endif
