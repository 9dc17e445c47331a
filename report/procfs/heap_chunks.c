/* SPDX-License-Identifier: MIT */
#include "report/procfs/heap_chunks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEAP_MOST (4ull << 30)
#define WINDOW_BYTES 65536u
#define PAGE_PRESENT (1ull << 63) /* an entry of /proc/PID/pagemap */

/* A chunk: the size of the one before, its own size with flags, and 16 bytes at least. */
#define CHUNK_LEAST 32u
#define CHUNK_ALIGN 16u
#define PREVIOUS_IN_USE 1u
#define FLAGS_OTHERS 6u /* mapped on its own, or of another arena: not in this heap */
#define FLAGS_ALL 7u

struct heap_walk {
	pid_t pid;
	uint64_t start, end, page_bytes;
	uint64_t *pages; /* entries of pagemap, from the page of `start` on */
	bool (*must_stop)(void *context);
	void *context;
	uint64_t window, window_end;
	unsigned char bytes[WINDOW_BYTES];
};

static uint64_t heap_walk_page(const struct heap_walk *walk, uint64_t address)
{
	return address / walk->page_bytes - walk->start / walk->page_bytes;
}

static bool heap_walk_present(const struct heap_walk *walk, uint64_t address)
{
	return walk->pages[heap_walk_page(walk, address)] & PAGE_PRESENT;
}

/* Reads the entries in parts of WINDOW_BYTES. */
static bool heap_walk_read_pages(struct heap_walk *walk)
{
	size_t bytes = (heap_walk_page(walk, walk->end - 1) + 1) * sizeof *walk->pages, used = 0;
	off_t at = (off_t)(walk->start / walk->page_bytes * sizeof *walk->pages);
	ssize_t got = 0;
	char path[64];
	int fd;

	walk->pages = malloc(bytes);
	snprintf(path, sizeof path, "/proc/%ld/pagemap", (long)walk->pid);
	fd = walk->pages ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return false;
	while (used < bytes && !walk->must_stop(walk->context)) {
		size_t part = bytes - used < WINDOW_BYTES ? bytes - used : WINDOW_BYTES;

		got = pread(fd, (char *)walk->pages + used, part, at + (off_t)used);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	close(fd);
	return used == bytes;
}

/* Reads resident pages from the address's page on; a page that is not resident ends the window. */
static bool heap_walk_load(struct heap_walk *walk, uint64_t address)
{
	uint64_t from = address / walk->page_bytes * walk->page_bytes, end = from;
	struct iovec ours = {walk->bytes, 0}, theirs;

	while (end < walk->end && end - from + walk->page_bytes <= WINDOW_BYTES &&
	       heap_walk_present(walk, end > walk->start ? end : walk->start))
		end += walk->page_bytes;
	if (end == from || walk->must_stop(walk->context))
		return false;
	ours.iov_len = end - from;
	theirs = (struct iovec){(void *)(uintptr_t)from, end - from};
	if (process_vm_readv(walk->pid, &ours, 1, &theirs, 1, 0) != (ssize_t)(end - from))
		return false;
	walk->window = from;
	walk->window_end = end;
	return true;
}

/* The size field of the chunk at this address, with its flags. */
static bool heap_walk_size(struct heap_walk *walk, uint64_t chunk, uint64_t *size)
{
	uint64_t at = chunk + sizeof *size;

	if (at + sizeof *size > walk->end)
		return false;
	if ((at < walk->window || at + sizeof *size > walk->window_end) &&
	    !heap_walk_load(walk, at))
		return false;
	memcpy(size, walk->bytes + (at - walk->window), sizeof *size);
	return true;
}

/* Resident pages that lie between the addresses as a whole. */
static uint64_t heap_walk_resident(const struct heap_walk *walk, uint64_t from, uint64_t to)
{
	uint64_t page = (from + walk->page_bytes - 1) / walk->page_bytes * walk->page_bytes;
	uint64_t bytes = 0;

	for (; page + walk->page_bytes <= to; page += walk->page_bytes)
		if (heap_walk_present(walk, page))
			bytes += walk->page_bytes;
	return bytes;
}

static bool heap_walk_chunks(struct heap_walk *walk, struct heap_chunks *facts)
{
	uint64_t chunk = (walk->start + CHUNK_ALIGN - 1) / CHUNK_ALIGN * CHUNK_ALIGN;
	uint64_t size, next_size;

	while (heap_walk_size(walk, chunk, &size)) {
		uint64_t bytes = size & ~(uint64_t)FLAGS_ALL;

		if (size & FLAGS_OTHERS || bytes < CHUNK_LEAST || bytes % CHUNK_ALIGN ||
		    bytes > walk->end - chunk)
			return false;
		if (chunk + bytes == walk->end) /* the top chunk */
			return true;
		if (!heap_walk_size(walk, chunk + bytes, &next_size))
			return false;
		if (!(next_size & PREVIOUS_IN_USE))
			facts->free_resident_bytes += heap_walk_resident(walk, chunk + CHUNK_LEAST,
									 chunk + bytes);
		chunk += bytes;
	}
	return false;
}

bool heap_chunks_read(pid_t pid, uint64_t start, uint64_t end, struct heap_chunks *facts,
		      bool (*must_stop)(void *context), void *context)
{
	static struct heap_walk walk;
	bool whole;

	walk = (struct heap_walk){
		.pid = pid, .start = start, .end = end, .must_stop = must_stop, .context = context};
	walk.page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	*facts = (struct heap_chunks){.heap_bytes = end - start};
	if (end <= start || end - start > HEAP_MOST)
		return false;
	whole = heap_walk_read_pages(&walk) && heap_walk_chunks(&walk, facts);
	if (whole)
		facts->resident_bytes = heap_walk_resident(&walk, start, end);
	free(walk.pages);
	return whole;
}
