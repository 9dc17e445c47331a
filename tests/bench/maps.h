/* SPDX-License-Identifier: MIT */
/* The workloads of calls.c that map memory; see bare_call there. */
#ifndef MEMSHIM_BENCH_MAPS_H
#define MEMSHIM_BENCH_MAPS_H

#include <stdlib.h>
#include <sys/mman.h>

#include "preload/common/raw.h"

#define PAGE_BYTES 4096

__attribute__((noinline)) static long bare_map(size_t bytes)
{
	long ret = raw_call6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	__asm__ volatile("" : "+r"(ret)::"memory");
	return ret;
}

__attribute__((noinline)) static void bare_unmap(long at, size_t bytes)
{
	raw_call3(SYS_munmap, at, (long)bytes, 0);
	__asm__ volatile("" ::: "memory");
}

static void map_bare(void)
{
	bare_unmap(bare_map(PAGE_BYTES), PAGE_BYTES);
}

static void map_entry(void)
{
	munmap(mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	       PAGE_BYTES);
}

/* Above the threshold, which main sets: malloc writes the block's size into its first page. */
#define BLOCK_BYTES (1u << 20)

static void block_bare(void)
{
	long at = bare_map(BLOCK_BYTES + PAGE_BYTES);

	((volatile long *)at)[1] = BLOCK_BYTES;
	bare_unmap(at, BLOCK_BYTES + PAGE_BYTES);
}

static void block_entry(void)
{
	void *volatile block = malloc(BLOCK_BYTES);

	free(block);
}

#endif
