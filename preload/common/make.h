/* SPDX-License-Identifier: MIT */
/*
 * Creates a segment: for the recorder, or for the shim without a recorder. The file is created
 * under a temporary name, completed, and then renamed. So a second process finds a ready segment or
 * none. Makes system calls, so none of it runs in a hook.
 */
#ifndef MEMSHIM_COMMON_MAKE_H
#define MEMSHIM_COMMON_MAKE_H

#include <linux/falloc.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include "../segment/publish.h"
#include "folder.h"
#include "timens.h"

#define SEGMENT_SLOTS_DEFAULT 4096u
#define SEGMENT_BLOCKS_DEFAULT 2048u
#define SEGMENT_ENTRIES_DEFAULT 16384u
#define SEGMENT_MODULES_DEFAULT 1024u
#define SEGMENT_FRAMES_DEFAULT 65536u
#define SEGMENT_LOADS_DEFAULT 32768u
#define SEGMENT_PROGRAMS_DEFAULT 512u
#define SEGMENT_USES_DEFAULT 16384u
#define SEGMENT_WAITS_DEFAULT 2048u

/*
 * What the creator asks for. 0 means the default. Where memory is short, all of it becomes smaller.
 */
struct segment_options {
	uint64_t log_bytes;
	uint32_t stack_depth;
	uint32_t options;
	int32_t recorder_pid; /* 0 without a recorder */
	uint64_t recorder_start_time;
	const char *session;           /* name */
	const char *peer_path;         /* path of the recording, or "" */
	const char *registration_path; /* null: none */
	const char *command;           /* NUL-separated words */
	uint32_t command_bytes;
};

static inline uint64_t segment_header_add_region(struct segment_header *header, uint64_t offset,
						 enum segment_region_kind kind,
						 uint64_t record_bytes, uint64_t count)
{
	header->region[kind] = (struct segment_region){offset, record_bytes, count};
	return (offset + record_bytes * count + 4095) & ~4095ull;
}

/* Lays out the regions for logs of `log_bytes`. A short log gets short tables. */
static inline void segment_header_lay_out(struct segment_header *header, uint64_t log_bytes,
					  uint32_t rings)
{
	bool small = log_bytes < SEGMENT_LOG_BYTES_DEFAULT / 4;
	uint32_t shift = small ? 3 : 0;
	uint64_t ring_events = 64, at = SEGMENT_HEADER_BYTES;

	while (ring_events * 2 * rings * sizeof(struct segment_event) <= log_bytes)
		ring_events *= 2;
	header->ring_count = rings;
	header->ring_events = ring_events;
	header->first_claim = SEGMENT_FIRST_CLAIM;
	at = segment_header_add_region(header, at, REGION_SHARED, sizeof(struct segment_shared), 1);
	at = segment_header_add_region(header, at, REGION_INDEX, 8, SEGMENT_SLOTS_DEFAULT >> shift);
	at = segment_header_add_region(header, at, REGION_RINGS, sizeof(struct segment_ring),
				       rings);
	at = segment_header_add_region(header, at, REGION_PROCESSES, sizeof(struct segment_process),
				       SEGMENT_SLOTS_DEFAULT >> shift);
	at = segment_header_add_region(header, at, REGION_OWNERS, 4,
				       SEGMENT_BLOCKS_DEFAULT >> shift);
	at = segment_header_add_region(header, at, REGION_ATTACHMENTS,
				       sizeof(struct segment_attachment) * SEGMENT_BLOCK_ENTRIES,
				       SEGMENT_BLOCKS_DEFAULT >> shift);
	at = segment_header_add_region(header, at, REGION_LEDGER, sizeof(struct segment_entry),
				       SEGMENT_ENTRIES_DEFAULT >> shift);
	at = segment_header_add_region(header, at, REGION_MODULES, sizeof(struct segment_module),
				       SEGMENT_MODULES_DEFAULT >> shift);
	at = segment_header_add_region(header, at, REGION_STACKS, sizeof(struct segment_frame),
				       SEGMENT_FRAMES_DEFAULT >> shift);
	at = segment_header_add_region(header, at, REGION_LOADS, sizeof(struct segment_load),
				       SEGMENT_LOADS_DEFAULT >> shift);
	at = segment_header_add_region(header, at, REGION_PROGRAMS, sizeof(struct segment_program),
				       SEGMENT_PROGRAMS_DEFAULT >> shift);
	at = segment_header_add_region(header, at, REGION_USES, sizeof(struct segment_use),
				       SEGMENT_USES_DEFAULT >> shift);
	at = segment_header_add_region(header, at, REGION_WAITS, sizeof(struct segment_wait),
				       SEGMENT_WAITS_DEFAULT >> shift);
	at = segment_header_add_region(header, at, REGION_LOG, sizeof(struct segment_event),
				       rings * ring_events);
	header->total_bytes = at;
}

/*
 * How many bytes a segment may take on the file system of `fd`: a quarter of its free space, and of
 * this process's limit of its address space, and no more than its limit of a file's size.
 */
static inline uint64_t segment_file_budget(int fd)
{
	uint64_t budget = sys_limit(RLIMIT_AS) / 4, file = sys_limit(RLIMIT_FSIZE);
	uint64_t spare = UINT64_MAX;
	struct statfs fs;

	if (raw_call3(SYS_fstatfs, fd, (long)&fs, 0) == 0 && fs.f_blocks > 0)
		spare = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize / 4;
	if (spare < budget)
		budget = spare;
	return file < budget ? file : budget;
}

static inline void segment_header_set_text(char *to, size_t size, const char *from)
{
	size_t i = 0;

	for (; from && i + 1 < size && from[i]; i++)
		to[i] = from[i];
	to[i] = '\0';
}

static inline void segment_header_fill(struct segment_header *header,
				       const struct segment_options *options)
{
	struct utsname name;

	header->version = SEGMENT_VERSION;
	header->header_bytes = SEGMENT_HEADER_BYTES;
	header->byte_order = SEGMENT_BYTE_ORDER;
	header->word_bytes = sizeof(long);
	header->kind = SEGMENT_LIVE;
	header->page_bytes = 4096;
	header->clock = sys_clock_kind();
	header->start = timens_now(header->clock);
	header->ipc_namespace = sys_inode("/proc/self/ns/ipc");
	header->ipc_namespace_id = sys_namespace_id("/proc/self/ns/ipc");
	header->pid_namespace = sys_inode("/proc/self/ns/pid");
	header->recorder_pid = options->recorder_pid;
	header->recorder_start_time = options->recorder_start_time;
	header->creator_uid = (uint32_t)raw_call3(SYS_geteuid, 0, 0, 0);
	header->stack_depth = options->stack_depth;
	header->options = options->options;
	header->exit_status = -1;
	sys_read_file("/proc/sys/kernel/random/boot_id", header->boot_id, SYSTEM_BOOT_ID_BYTES);
	segment_header_set_text(header->session, sizeof header->session, options->session);
	if (raw_call3(SYS_uname, (long)&name, 0, 0) == 0) {
		segment_header_set_text(header->host, sizeof header->host, name.nodename);
		segment_header_set_text(header->kernel, sizeof header->kernel, name.release);
		segment_header_set_text(header->machine, sizeof header->machine, name.machine);
	}
	segment_header_set_text(header->registration_path, sizeof header->registration_path,
				options->registration_path);
	segment_header_set_text(header->peer_path, sizeof header->peer_path, options->peer_path);
	header->command_bytes = options->command_bytes < sizeof header->command
					? options->command_bytes
					: (uint32_t)sizeof header->command;
	for (uint32_t i = 0; i < header->command_bytes; i++)
		header->command[i] = options->command[i];
}

/*
 * Allocates the whole file. Halves the log until it fits. Returns a mapping, or null with *why set.
 */
static inline struct segment_header *
segment_file_reserve(int fd, const struct segment_options *options, int *why)
{
	uint64_t log_bytes = options->log_bytes ? options->log_bytes : SEGMENT_LOG_BYTES_DEFAULT;
	uint64_t budget = segment_file_budget(fd);
	uint32_t cpus = sys_cpu_count();
	struct segment_header shape = {0};
	long at;

	for (;; log_bytes /= 2) {
		segment_header_lay_out(&shape, log_bytes,
				       cpus < SEGMENT_RINGS_MAX ? cpus : SEGMENT_RINGS_MAX);
		*why = -ENOSPC;
		if (shape.total_bytes <= budget)
			*why = (int)raw_call6(SYS_fallocate, fd, 0, 0, (long)shape.total_bytes, 0,
					      0);
		if (*why == 0)
			break;
		if (log_bytes <= SEGMENT_LOG_BYTES_MIN || *why != -ENOSPC)
			return NULL;
	}
	at = sys_map_segment(fd, shape.total_bytes);
	if (raw_failed(at)) {
		*why = (int)at;
		return NULL;
	}
	memcpy((void *)at, &shape, sizeof shape);
	return (struct segment_header *)at;
}

/* Fills a new mapping. The magic is the ready flag, so it is written last. */
static inline void segment_file_begin(struct segment_header *header,
				      const struct segment_options *options)
{
	char *base = (char *)header;
	struct segment_shared *shared = (void *)(base + header->region[REGION_SHARED].offset);
	struct segment_ring *ring = (void *)(base + header->region[REGION_RINGS].offset);

	segment_header_fill(header, options);
	for (uint32_t i = 0; i < header->ring_count; i++)
		word_store(&ring[i].head, header->first_claim);
	half_store(&shared->block_hint, 0);
	word_hand_over((_Atomic uint64_t *)&header->magic, SEGMENT_MAGIC);
}

/*
 * Renames a file to its final name, and never replaces another file: 0, -EEXIST or -errno. A rename
 * keeps the name that existing mappings show. A link is used where the file system has no
 * RENAME_NOREPLACE.
 */
static inline int folder_name_file(const struct folder *folder, const char *own, const char *name)
{
	int ret = (int)raw_call6(SYS_renameat2, folder->fd, (long)own, folder->fd, (long)name,
				 1 /* RENAME_NOREPLACE */, 0);

	if (ret == -EINVAL || ret == -ENOSYS)
		ret = (int)raw_call6(SYS_linkat, folder->fd, (long)own, folder->fd, (long)name, 0,
				     0);
	folder_remove_file(folder, own);
	return ret;
}

/* A unique name: NAME.PID.TIME.new. */
static inline bool folder_own_name(char *own, const char *name)
{
	own[0] = '\0';
	return path_append(own, name) && path_append(own, ".") &&
	       path_append_number(own, (uint64_t)raw_call3(SYS_getpid, 0, 0, 0)) &&
	       path_append(own, ".") && path_append_number(own, sys_clock_ns(CLOCK_MONOTONIC)) &&
	       path_append(own, ".new");
}

/*
 * Creates the segment `name` in the folder and maps it writable. Returns null on failure with *why
 * = -errno; -EEXIST when another process was faster. The mapping is header->total_bytes long.
 */
static inline struct segment_header *segment_file_create(struct folder *folder, const char *name,
							 const struct segment_options *options,
							 int *why)
{
	char own[SYSTEM_PATH_BYTES];
	struct segment_header *header;
	struct stat st;
	uint64_t bytes;
	int fd;

	if (!folder_own_name(own, name)) {
		*why = -ENAMETOOLONG;
		return NULL;
	}
	fd = folder_open_file(folder, own, O_RDWR | O_CREAT | O_EXCL, &st);
	if (fd < 0) {
		*why = fd;
		return NULL;
	}
	header = segment_file_reserve(fd, options, why);
	sys_close(fd);
	if (!header) {
		if (folder_confirm(folder, own, &st) == 0)
			folder_remove_file(folder, own);
		return NULL;
	}
	bytes = header->total_bytes;
	segment_file_begin(header, options);
	*why = folder_confirm(folder, own, &st);
	if (*why == 0)
		*why = folder_name_file(folder, own, name);
	if (*why == 0)
		return header;
	raw_call3(SYS_munmap, (long)header, (long)bytes, 0);
	return NULL;
}

#endif
