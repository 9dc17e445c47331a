/* SPDX-License-Identifier: MIT */
/* One line of /proc/PID/maps, with what smaps adds to it. */
#ifndef MEMSHIM_PROCFS_MAPPING_H
#define MEMSHIM_PROCFS_MAPPING_H

#include <stdbool.h>
#include <stdint.h>

struct mapping_facts {
	uint64_t start, end;
	uint64_t offset; /* into the file, of `start` */
	uint64_t inode;
	char perm[5];     /* "rw-p" */
	bool segment;     /* of System V shared memory: the inode is its shmid */
	uint32_t key;     /* of the segment */
	bool pages_known; /* the next three; false where the kernel has no smaps */
	uint64_t page_bytes;
	uint64_t resident_bytes, swapped_bytes; /* of what is mapped here */
	const char *name;                       /* "" none; belongs to whoever gives it */
};

#endif
