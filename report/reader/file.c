/* SPDX-License-Identifier: MIT */
#include "report/reader/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload/common/join.h"
#include "report/reader/mapping_guard.h"
#include "report/util/trust.h"

#define SAY(...) (snprintf(why, FILE_WHY_BYTES, __VA_ARGS__), false)

static bool file_learn_size(struct file *file, char why[FILE_WHY_BYTES])
{
	struct stat st;

	if (fstat(file->fd, &st) != 0)
		return SAY("%s", strerror(errno));
	if (st.st_size == 0)
		return SAY("is empty");
	file->bytes = (uint64_t)st.st_size;
	return true;
}

static bool read_by_call(const struct file *file, uint64_t offset, void *to, uint64_t bytes)
{
	char *at = to;

	while (bytes > 0) {
		ssize_t got = pread(file->fd, at, bytes, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		offset += (uint64_t)got;
		bytes -= (uint64_t)got;
	}
	return true;
}

bool file_read(const struct file *file, uint64_t offset, void *to, uint64_t bytes)
{
	if (offset > file->bytes || bytes > file->bytes - offset)
		return false;
	if (!file->base)
		return read_by_call(file, offset, to, bytes);
	return guard_copy(to, file->base + offset, bytes);
}

uint64_t file_skip_hole(const struct file *file, uint64_t offset)
{
	off_t at = lseek(file->fd, (off_t)offset, SEEK_DATA);

	if (at >= 0)
		return (uint64_t)at;
	return errno == ENXIO ? file->bytes : offset;
}

bool file_record(const struct file *file, enum segment_region_kind kind, uint64_t i, void *to)
{
	const struct segment_region *region = &file->header.region[kind];

	return i < region->count &&
	       file_read(file, region->offset + i * region->record_bytes, to, region->record_bytes);
}

static bool same_machine(const struct segment_header *header, char why[FILE_WHY_BYTES])
{
	if (header->byte_order != SEGMENT_BYTE_ORDER)
		return SAY("written in byte order %08x, this memshim reads %08x",
			   header->byte_order, SEGMENT_BYTE_ORDER);
	if (header->version != SEGMENT_VERSION)
		return SAY("of format version %u, this memshim reads version %u", header->version,
			   SEGMENT_VERSION);
	if (header->word_bytes != sizeof(long))
		return SAY("written by a %u-bit program, this memshim reads %zu-bit ones",
			   header->word_bytes * 8, sizeof(long) * 8);
	return true;
}

static bool file_is_sound(const struct file *file, const struct segment_header *header,
			  char why[FILE_WHY_BYTES])
{
	if (header->magic == __builtin_bswap64(SEGMENT_MAGIC))
		return SAY("written on a machine of the other byte order than this one");
	if (header->magic == 0)
		return SAY("is not ready yet, or its creation was cut short");
	if (header->magic != SEGMENT_MAGIC)
		return SAY("is neither a recording nor a segment of memshim");
	if (!same_machine(header, why))
		return false;
	if (header->header_bytes != SEGMENT_HEADER_BYTES ||
	    (header->kind != SEGMENT_LIVE && header->kind != SEGMENT_RECORDING) ||
	    (header->clock != CLOCK_NS && header->clock != CLOCK_COUNTER))
		return SAY("is damaged: its header makes no sense");
	if (header->kind == SEGMENT_LIVE && header->total_bytes > file->bytes)
		return SAY("is cut off: %llu of %llu bytes are there",
			   (unsigned long long)file->bytes,
			   (unsigned long long)header->total_bytes);
	if (header->kind == SEGMENT_LIVE && segment_header_check(header, file->bytes) != 0)
		return SAY("is damaged: its tables do not fit into it");
	if (header->kind == SEGMENT_RECORDING && header->committed_bytes < SEGMENT_HEADER_BYTES)
		return SAY("is damaged: its header makes no sense");
	return true;
}

static void end_text(struct segment_header *header)
{
	header->boot_id[sizeof header->boot_id - 1] = '\0';
	header->session[sizeof header->session - 1] = '\0';
	header->host[sizeof header->host - 1] = '\0';
	header->kernel[sizeof header->kernel - 1] = '\0';
	header->machine[sizeof header->machine - 1] = '\0';
	header->peer_path[sizeof header->peer_path - 1] = '\0';
	if (header->command_bytes > sizeof header->command)
		header->command_bytes = sizeof header->command;
}

static bool read_header(struct file *file, struct segment_header *header, char why[FILE_WHY_BYTES])
{
	uint64_t magic;

	if (file->bytes < sizeof *header)
		return SAY("is too short for a recording: %llu bytes",
			   (unsigned long long)file->bytes);
	/* Read the magic first: the creator of a segment writes it last. */
	if (!read_by_call(file, 0, &magic, sizeof magic) ||
	    !read_by_call(file, 0, header, sizeof *header))
		return SAY("cannot be read");
	header->magic = magic;
	end_text(header);
	return file_is_sound(file, header, why);
}

static bool file_map(struct file *file, char why[FILE_WHY_BYTES])
{
	void *at;

	if (file->header.kind != SEGMENT_LIVE)
		return true;
	at = mmap(NULL, file->bytes, PROT_READ, MAP_SHARED, file->fd, 0);
	if (at == MAP_FAILED)
		return SAY("cannot be mapped: %s", strerror(errno));
	file->base = at;
	return true;
}

static bool file_is_believed(int fd, char why[FILE_WHY_BYTES])
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return SAY("%s", strerror(errno));
	return owner_is_believed(fd, &st, why, FILE_WHY_BYTES);
}

bool file_open(struct file *file, const char *path, char why[FILE_WHY_BYTES])
{
	int fd = regular_open(AT_FDCWD, path, 0);

	if (fd < 0 || file_is_believed(fd, why))
		return file_open_descriptor(file, fd, path, why);
	*file = (struct file){.fd = -1, .is_foreign = true};
	close(fd);
	return false;
}

bool file_open_descriptor(struct file *file, int fd, const char *path, char why[FILE_WHY_BYTES])
{
	*file = (struct file){.fd = fd};
	if (file->fd < 0 && errno == EISDIR)
		return SAY("is a directory, not a recording");
	if (file->fd < 0 && errno == ENXIO)
		return SAY("is not a regular file");
	if (file->fd < 0)
		return SAY("%s", strerror(errno));
	snprintf(file->path, sizeof file->path, "%s", path);
	if (file_learn_size(file, why) && read_header(file, &file->header, why) &&
	    file_map(file, why))
		return true;
	file_close(file);
	return false;
}

void file_close(struct file *file)
{
	if (file->base)
		munmap((void *)file->base, file->bytes);
	if (file->fd >= 0)
		close(file->fd);
	file->base = NULL;
	file->fd = -1;
}

bool file_refresh(struct file *file)
{
	struct segment_header header;
	uint64_t bytes = file->bytes;
	char why[FILE_WHY_BYTES];

	if (!file_learn_size(file, why) || !read_header(file, &header, why) ||
	    header.kind != file->header.kind || (file->base && file->bytes < bytes)) {
		file->bytes = bytes;
		return false;
	}
	if (file->base)
		file->bytes = bytes;
	file->header = header;
	return true;
}

bool file_same_session(const struct file *a, const struct file *b)
{
	return memcmp(&a->header.start, &b->header.start, sizeof a->header.start) == 0 &&
	       strcmp(a->header.boot_id, b->header.boot_id) == 0;
}
