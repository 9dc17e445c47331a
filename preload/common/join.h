/* SPDX-License-Identifier: MIT */
/*
 * Joins an existing segment. It is refused unless it is a regular file of the effective user with
 * one name, and its header describes regions that lie inside it. Makes system calls, so none of it
 * runs in a hook.
 */
#ifndef MEMSHIM_COMMON_JOIN_H
#define MEMSHIM_COMMON_JOIN_H

#include "../segment/publish.h"
#include "../segment/window.h"
#include "folder.h"

/* A place in these tables is found with a mask. */
static inline bool segment_region_is_table(const struct segment_region *region)
{
	return region->count >= SEGMENT_LEDGER_WINDOW && (region->count & (region->count - 1)) == 0;
}

/*
 * Checks the header of a mapping of `bytes`: every region must lie inside, have the known record
 * size, and overlap no other. Returns 0, -EPROTO (another version or machine), -EAGAIN (not ready)
 * or -EBADMSG (damaged).
 */
static inline int segment_header_check(const struct segment_header *header, uint64_t bytes)
{
	static const uint64_t record_bytes[REGION_COUNT] = {
		[REGION_SHARED] = sizeof(struct segment_shared),
		[REGION_INDEX] = 8,
		[REGION_PROCESSES] = sizeof(struct segment_process),
		[REGION_OWNERS] = 4,
		[REGION_ATTACHMENTS] = sizeof(struct segment_attachment) * SEGMENT_BLOCK_ENTRIES,
		[REGION_LEDGER] = sizeof(struct segment_entry),
		[REGION_MODULES] = sizeof(struct segment_module),
		[REGION_STACKS] = sizeof(struct segment_frame),
		[REGION_LOADS] = sizeof(struct segment_load),
		[REGION_PROGRAMS] = sizeof(struct segment_program),
		[REGION_USES] = sizeof(struct segment_use),
		[REGION_WAITS] = sizeof(struct segment_wait),
		[REGION_RINGS] = sizeof(struct segment_ring),
		[REGION_LOG] = sizeof(struct segment_event),
	};
	uint64_t at = SEGMENT_HEADER_BYTES;

	if (bytes < SEGMENT_HEADER_BYTES)
		return -EBADMSG;
	if (word_accept((const _Atomic uint64_t *)&header->magic) != SEGMENT_MAGIC)
		return header->magic == 0 ? -EAGAIN : -EBADMSG;
	if (header->version != SEGMENT_VERSION || header->byte_order != SEGMENT_BYTE_ORDER ||
	    header->word_bytes != sizeof(long))
		return -EPROTO;
	if (header->kind != SEGMENT_LIVE || header->total_bytes > bytes)
		return -EBADMSG;
	for (int kind = 0; kind < REGION_UNFOLLOWED; kind++) {
		const struct segment_region *r = &header->region[kind];

		if (r->record_bytes != record_bytes[kind] || r->offset < at || r->offset > bytes ||
		    r->offset % 64 || r->count > (bytes - r->offset) / r->record_bytes)
			return -EBADMSG;
		at = r->offset + r->count * r->record_bytes;
	}
	if (header->ring_count == 0 || header->ring_count != header->region[REGION_RINGS].count ||
	    header->ring_events == 0 || header->ring_events & (header->ring_events - 1) ||
	    header->region[REGION_LOG].count / header->ring_count != header->ring_events ||
	    header->region[REGION_SHARED].count != 1 ||
	    header->region[REGION_INDEX].count != header->region[REGION_PROCESSES].count ||
	    header->region[REGION_OWNERS].count != header->region[REGION_ATTACHMENTS].count ||
	    !segment_region_is_table(&header->region[REGION_LEDGER]) ||
	    !segment_region_is_table(&header->region[REGION_USES]) ||
	    !segment_region_is_table(&header->region[REGION_WAITS]))
		return -EBADMSG;
	return 0;
}

static inline void *segment_file_region(struct segment_header *header,
					enum segment_region_kind kind)
{
	return (char *)header + header->region[kind].offset;
}

/* Opens a file that may be a segment. -errno, or why it is refused: see segment_file_join. */
static inline int segment_file_open(struct folder *folder, const char *name, struct stat *st)
{
	int fd = folder_open_file(folder, name, O_RDWR | O_NONBLOCK, st), why = 0;

	if (fd < 0)
		return fd;
	if (!S_ISREG(st->st_mode) || (uint64_t)st->st_size < SEGMENT_HEADER_BYTES)
		why = -EBADMSG;
	else if (st->st_nlink > 1)
		why = -EMLINK;
	else
		why = owner_check(st, folder->self, OWNER_WRITES);
	if (why == 0)
		return fd;
	sys_close(fd);
	return why;
}

/* The bytes before the log: what is mapped when the address space is short. */
static inline uint64_t segment_file_tables_bytes(int fd, uint64_t bytes)
{
	uint64_t offset = 0;

	raw_call6(SYS_pread64, fd, (long)&offset, sizeof offset,
		  offsetof(struct segment_header, region[REGION_LOG].offset), 0, 0);
	return offset < bytes ? offset : bytes;
}

/*
 * Copies the header of a mapping into private memory, where no other process can change it between
 * the check and its use. 0, or the answer of segment_header_check.
 */
static inline int segment_header_copy(const void *base, uint64_t mapped_bytes, uint64_t file_bytes,
				      struct segment_header *header)
{
	const uint64_t *from = base;

	if (mapped_bytes < sizeof *header)
		return -EBADMSG;
	if (word_accept((const _Atomic uint64_t *)base) == 0)
		return -EAGAIN;
	for (size_t i = 0; i < sizeof *header / sizeof *from; i++)
		((uint64_t *)header)[i] = from[i];
	return segment_header_check(header, file_bytes);
}

/* Maps the file whole or, where the address space is short, without the log. */
static inline long segment_file_map(int fd, uint64_t *bytes)
{
	long at = sys_map_segment(fd, *bytes);

	if (at == -ENOMEM) {
		*bytes = segment_file_tables_bytes(fd, *bytes);
		at = sys_map_segment(fd, *bytes);
	}
	return at;
}

/*
 * Opens an existing segment of the folder and maps it writable. *mapped_bytes is the size of the
 * mapping, *header a checked copy of its header. Returns null with *why: -errno, -ELOOP (a symbolic
 * link), -EPERM (another user's file), -EACCES (other users may write to it), -EMLINK (it has
 * several names, for an instant also while it is being created), or the answer of
 * segment_header_check.
 */
static inline void *segment_file_join(struct folder *folder, const char *name,
				      struct segment_header *header, uint64_t *mapped_bytes,
				      int *why)
{
	struct stat st;
	int fd = segment_file_open(folder, name, &st);
	uint64_t bytes = (uint64_t)st.st_size;
	long at;

	*why = fd;
	if (fd < 0)
		return NULL;
	at = segment_file_map(fd, &bytes);
	sys_close(fd);
	*why = (int)at;
	if (raw_failed(at))
		return NULL;
	*mapped_bytes = bytes;
	*why = folder_confirm(folder, name, &st);
	if (*why == 0)
		*why = segment_header_copy((void *)at, bytes, (uint64_t)st.st_size, header);
	if (*why == 0 && header->region[REGION_LOG].offset >
				 bytes) /* the file changed between the mapping and the copy */
		*why = -EBADMSG;
	if (*why == 0)
		return (void *)at;
	raw_call3(SYS_munmap, at, (long)bytes, 0);
	return NULL;
}

#endif
