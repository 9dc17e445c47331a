/* SPDX-License-Identifier: MIT */
/*
 * Where segments live, and how one is made: by the recorder before it starts COMMAND, or by the
 * shim when a program was preloaded by hand. Both must do it alike, so it is here, in raw system
 * calls. Nothing here allocates; all of it may make system calls, so none of it runs in a hook.
 *
 * The folder: $MEMSHIM_DIR, else /dev/shm/memshim-UID, else $XDG_RUNTIME_DIR/memshim, else
 * $TMPDIR/memshim-UID. It must be a directory of ours that nobody else may write to (0700).
 * A segment is NAME.seg in it, 0600. It is made under a name of its own, whole, and then given its
 * real name: whoever comes second finds a ready segment or none.
 */
#ifndef MEMSHIM_SEGMENT_PLACE_H
#define MEMSHIM_SEGMENT_PLACE_H

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>

#include "clock.h"
#include "publish.h"
#include "raw.h"

#define PLACE_PATH_BYTES 512u
#define PLACE_SLOTS_DEFAULT 4096u
#define PLACE_BLOCKS_DEFAULT 2048u
#define PLACE_ENTRIES_DEFAULT 8192u

/* What the creator wants. Zero means the default; memory short makes all of it smaller. */
struct place_wish {
	uint64_t log_bytes;
	uint32_t stack_depth;
	uint32_t options;
	int32_t recorder_pid; /* 0 without a recorder */
	uint64_t recorder_start_time;
	const char *session;   /* name */
	const char *peer_path; /* the recording's, or "" */
	const char *command;   /* NUL-separated words */
	uint32_t command_bytes;
};

/* Appends text to the NUL-terminated `path` of PLACE_PATH_BYTES; false when it does not fit. */
static inline bool place_append(char *path, const char *text)
{
	size_t used = 0, add = 0;

	while (path[used])
		used++;
	while (text[add])
		add++;
	if (used + add >= PLACE_PATH_BYTES)
		return false;
	for (size_t i = 0; i <= add; i++)
		path[used + i] = text[i];
	return true;
}

static inline bool place_append_number(char *path, uint64_t number)
{
	char digits[24];
	size_t at = sizeof digits - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	return place_append(path, digits + at);
}

static inline int place_open(const char *path, int flags, int mode)
{
	return (int)raw_call6(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC | O_NOFOLLOW, mode, 0,
			      0);
}

static inline void place_close(int fd)
{
	raw_call3(SYS_close, fd, 0, 0);
}

/* A descriptor the target cannot take for its own 0, 1 or 2; closes `fd`. -errno on failure. */
static inline int place_above_standard(int fd)
{
	long high;

	if (fd < 0 || fd > 2)
		return fd;
	high = raw_call3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);
	place_close(fd);
	return (int)high;
}

/* Reads a small file whole, NUL-terminated; returns its length or -errno. */
static inline long place_read_file(const char *path, char *buffer, size_t size)
{
	int fd = (int)raw_call6(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	size_t used = 0;
	long got = 0;

	if (fd < 0)
		return fd;
	while (used < size - 1 &&
	       (got = raw_call3(SYS_read, fd, (long)(buffer + used), (long)(size - 1 - used))) > 0)
		used += (size_t)got;
	place_close(fd);
	buffer[used] = '\0';
	return got < 0 ? got : (long)used;
}

/* The inode of a file such as /proc/self/ns/ipc; 0 when it cannot be had. */
static inline uint64_t place_inode(const char *path)
{
	struct stat st;

#if defined(SYS_newfstatat)
	long ret = raw_call6(SYS_newfstatat, AT_FDCWD, (long)path, (long)&st, 0, 0, 0);
#else
	long ret = raw_call6(SYS_fstatat, AT_FDCWD, (long)path, (long)&st, 0, 0, 0);
#endif
	return raw_failed(ret) ? 0 : st.st_ino;
}

static inline int place_stat_fd(int fd, struct stat *st)
{
	return (int)raw_call3(SYS_fstat, fd, (long)st, 0);
}

/*
 * Makes the folder if it is missing and checks it: a directory, ours, closed to others, and on
 * tmpfs unless `any_file_system`. Returns 0 or -errno; -ENOTDIR, -EPERM (not ours), -EACCES (open
 * to others), -EMEDIUMTYPE (not in memory).
 */
static inline int place_check_folder(const char *path, bool any_file_system)
{
	struct stat st;
	struct statfs fs;
	int fd, ret;

	raw_call3(SYS_mkdirat, AT_FDCWD, (long)path, 0700);
	fd = place_open(path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	ret = place_stat_fd(fd, &st);
	if (ret == 0 && st.st_uid != (uid_t)raw_call3(SYS_geteuid, 0, 0, 0))
		ret = -EPERM;
	if (ret == 0 && st.st_mode & 022)
		ret = -EACCES;
	if (ret == 0 && !any_file_system) {
		ret = (int)raw_call3(SYS_fstatfs, fd, (long)&fs, 0);
		if (ret == 0 && fs.f_type != TMPFS_MAGIC)
			ret = -EMEDIUMTYPE;
	}
	place_close(fd);
	return ret;
}

/*
 * Chooses the folder, into `path` of PLACE_PATH_BYTES. The three variables may be null. Returns 0,
 * 1 when it is not in memory (a warning is due), or the -errno of the first choice.
 */
static inline int place_folder(char *path, const char *memshim_dir, const char *runtime_dir,
			       const char *tmp_dir)
{
	uint64_t uid = (uint64_t)raw_call3(SYS_geteuid, 0, 0, 0);
	int first, ret;

	path[0] = '\0';
	if (memshim_dir && *memshim_dir) {
		if (!place_append(path, memshim_dir))
			return -ENAMETOOLONG;
		ret = place_check_folder(path, false);
		return ret == -EMEDIUMTYPE ? 1 : ret;
	}
	place_append(path, "/dev/shm/memshim-");
	place_append_number(path, uid);
	first = place_check_folder(path, false);
	if (first == 0)
		return 0;
	path[0] = '\0';
	if (runtime_dir && *runtime_dir && place_append(path, runtime_dir) &&
	    place_append(path, "/memshim") && place_check_folder(path, false) == 0)
		return 0;
	path[0] = '\0';
	if (place_append(path, tmp_dir && *tmp_dir ? tmp_dir : "/tmp") &&
	    place_append(path, "/memshim-") && place_append_number(path, uid) &&
	    place_check_folder(path, true) == 0)
		return 1;
	return first;
}

/* Whether the kernel itself keeps time by the counter: then it is steady and equal on all CPUs. */
static inline uint32_t place_clock(void)
{
#if defined(__x86_64__)
	char source[16];

	if (place_read_file("/sys/devices/system/clocksource/clocksource0/current_clocksource",
			    source, sizeof source) >= 4 &&
	    memcmp(source, "tsc\n", 4) == 0)
		return CLOCK_COUNTER;
	return CLOCK_NS;
#else
	return CLOCK_COUNTER; /* the architecture promises it */
#endif
}

static inline uint64_t place_ns(int clock_id)
{
	struct timespec ts = {0, 0};

	raw_call3(SYS_clock_gettime, clock_id, (long)&ts, 0);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The tightest of a few tries: system calls may be interrupted between the readings. */
static inline struct segment_instant place_now(uint32_t clock)
{
	struct segment_instant best = {0, 0, 0};
	uint64_t best_width = UINT64_MAX;

	for (int i = 0; i < 8; i++) {
		uint64_t before = clock == CLOCK_COUNTER ? clock_counter() : 0;
		uint64_t monotonic = place_ns(CLOCK_MONOTONIC);
		uint64_t after = clock == CLOCK_COUNTER ? clock_counter() : 1;

		if (after - before >= best_width)
			continue;
		best_width = after - before;
		best.monotonic_ns = monotonic;
		best.clock = clock == CLOCK_COUNTER ? before + best_width / 2 : monotonic;
	}
	best.realtime_ns = place_ns(CLOCK_REALTIME);
	return best;
}

/* CPUs that may ever run here: /sys/devices/system/cpu/possible ends in the highest number. */
static inline uint32_t place_cpu_count(void)
{
	char text[256];
	long used = place_read_file("/sys/devices/system/cpu/possible", text, sizeof text);
	uint32_t last = 0, number = 0;

	for (long i = 0; i < used; i++) {
		if (text[i] >= '0' && text[i] <= '9')
			last = number = number * 10 + (uint32_t)(text[i] - '0');
		else
			number = 0;
	}
	return last + 1;
}

static inline uint64_t place_region(struct segment_header *header, uint64_t offset,
				    enum segment_region_kind kind, uint64_t record_bytes,
				    uint64_t count)
{
	header->region[kind] = (struct segment_region){offset, record_bytes, count};
	return (offset + record_bytes * count + 4095) & ~4095ull;
}

/* Lays the regions out for logs of `log_bytes`; short logs come with short tables. */
static inline void place_lay_out(struct segment_header *header, uint64_t log_bytes, uint32_t parts)
{
	bool small = log_bytes < SEGMENT_LOG_BYTES_DEFAULT / 4;
	uint32_t shift = small ? 3 : 0;
	uint64_t part_events = 64, at = SEGMENT_HEADER_BYTES;

	while (part_events * 2 * parts * sizeof(struct segment_event) <= log_bytes)
		part_events *= 2;
	header->part_count = parts;
	header->part_events = part_events;
	header->first_claim = SEGMENT_FIRST_CLAIM;
	at = place_region(header, at, REGION_SHARED, sizeof(struct segment_shared), 1);
	at = place_region(header, at, REGION_INDEX, 8, PLACE_SLOTS_DEFAULT >> shift);
	at = place_region(header, at, REGION_PROCESSES, sizeof(struct segment_process),
			  PLACE_SLOTS_DEFAULT >> shift);
	at = place_region(header, at, REGION_OWNERS, 4, PLACE_BLOCKS_DEFAULT >> shift);
	at = place_region(header, at, REGION_ATTACHMENTS,
			  sizeof(struct segment_attachment) * SEGMENT_BLOCK_ENTRIES,
			  PLACE_BLOCKS_DEFAULT >> shift);
	at = place_region(header, at, REGION_LEDGER, sizeof(struct segment_entry),
			  PLACE_ENTRIES_DEFAULT >> shift);
	at = place_region(header, at, REGION_MODULES, 64, 0);
	at = place_region(header, at, REGION_STACKS, 64, 0);
	at = place_region(header, at, REGION_PARTS, sizeof(struct segment_part), parts);
	at = place_region(header, at, REGION_LOG, sizeof(struct segment_event), parts * part_events);
	header->total_bytes = at;
}

/* How many bytes may be taken where `fd` lies: a quarter of what is free, and RLIMIT_FSIZE. */
static inline uint64_t place_budget(int fd)
{
	struct statfs fs;
	struct rlimit limit;
	uint64_t budget = UINT64_MAX;

	if (raw_call3(SYS_fstatfs, fd, (long)&fs, 0) == 0 && fs.f_blocks > 0)
		budget = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize / 4;
	if (raw_call6(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&limit, 0, 0) == 0 &&
	    limit.rlim_cur < budget)
		budget = limit.rlim_cur;
	return budget;
}

static inline void place_copy_text(char *to, size_t size, const char *from)
{
	size_t i = 0;

	for (; from && i + 1 < size && from[i]; i++)
		to[i] = from[i];
	to[i] = '\0';
}

static inline void place_fill_header(struct segment_header *header, const struct place_wish *wish)
{
	struct utsname name;

	header->version = SEGMENT_VERSION;
	header->header_bytes = SEGMENT_HEADER_BYTES;
	header->byte_order = SEGMENT_BYTE_ORDER;
	header->word_bytes = sizeof(long);
	header->kind = SEGMENT_LIVE;
	header->page_bytes = 4096;
	header->clock = place_clock();
	header->start = place_now(header->clock);
	header->ipc_namespace = place_inode("/proc/self/ns/ipc");
	header->pid_namespace = place_inode("/proc/self/ns/pid");
	header->recorder_pid = wish->recorder_pid;
	header->recorder_start_time = wish->recorder_start_time;
	header->creator_uid = (uint32_t)raw_call3(SYS_geteuid, 0, 0, 0);
	header->stack_depth = wish->stack_depth;
	header->options = wish->options;
	header->exit_status = -1;
	place_read_file("/proc/sys/kernel/random/boot_id", header->boot_id,
			sizeof header->boot_id - 2);
	place_copy_text(header->session, sizeof header->session, wish->session);
	if (raw_call3(SYS_uname, (long)&name, 0, 0) == 0) {
		place_copy_text(header->host, sizeof header->host, name.nodename);
		place_copy_text(header->kernel, sizeof header->kernel, name.release);
		place_copy_text(header->machine, sizeof header->machine, name.machine);
	}
	place_copy_text(header->peer_path, sizeof header->peer_path, wish->peer_path);
	header->command_bytes = wish->command_bytes < sizeof header->command
					? wish->command_bytes
					: (uint32_t)sizeof header->command;
	for (uint32_t i = 0; i < header->command_bytes; i++)
		header->command[i] = wish->command[i];
}

/* Reserves the file whole, shrinking the log until it fits; returns a mapping or null, *why set. */
static inline struct segment_header *place_reserve(int fd, const struct place_wish *wish, int *why)
{
	uint64_t log_bytes = wish->log_bytes ? wish->log_bytes : SEGMENT_LOG_BYTES_DEFAULT;
	uint64_t budget = place_budget(fd);
	uint32_t cpus = place_cpu_count();
	struct segment_header shape = {0};
	long at;

	for (;; log_bytes /= 2) {
		place_lay_out(&shape, log_bytes, cpus < SEGMENT_PARTS_MAX ? cpus : SEGMENT_PARTS_MAX);
		*why = -ENOSPC;
		if (shape.total_bytes <= budget)
			*why = (int)raw_call6(SYS_fallocate, fd, 0, 0, (long)shape.total_bytes, 0, 0);
		if (*why == 0)
			break;
		if (log_bytes <= SEGMENT_LOG_BYTES_MIN || *why != -ENOSPC)
			return NULL;
	}
	at = raw_call6(SYS_mmap, 0, (long)shape.total_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (raw_failed(at)) {
		*why = (int)at;
		return NULL;
	}
	memcpy((void *)at, &shape, sizeof shape);
	return (struct segment_header *)at;
}

/* Fills a fresh mapping; the magic is the ready flag, so it comes last. */
static inline void place_begin(struct segment_header *header, const struct place_wish *wish)
{
	char *base = (char *)header;
	struct segment_shared *shared = (void *)(base + header->region[REGION_SHARED].offset);
	struct segment_part *part = (void *)(base + header->region[REGION_PARTS].offset);

	place_fill_header(header, wish);
	for (uint32_t i = 0; i < header->part_count; i++)
		word_store(&part[i].head, header->first_claim);
	half_store(&shared->block_hint, 0);
	word_hand_over((_Atomic uint64_t *)&header->magic, SEGMENT_MAGIC);
}

/*
 * Makes a segment at `path` and maps it writable; null on failure with *why = -errno, -EEXIST when
 * somebody else's is there. The mapping is header->total_bytes long.
 */
static inline struct segment_header *place_create(const char *path, const struct place_wish *wish,
						  int *why)
{
	char own[PLACE_PATH_BYTES] = "";
	struct segment_header *header;
	uint64_t bytes;
	int fd;

	if (!place_append(own, path) || !place_append(own, ".") ||
	    !place_append_number(own, (uint64_t)raw_call3(SYS_getpid, 0, 0, 0)) ||
	    !place_append(own, ".") || !place_append_number(own, place_ns(CLOCK_MONOTONIC)) ||
	    !place_append(own, ".new")) {
		*why = -ENAMETOOLONG;
		return NULL;
	}
	fd = place_above_standard(place_open(own, O_RDWR | O_CREAT | O_EXCL, 0600));
	if (fd < 0) {
		*why = fd;
		return NULL;
	}
	header = place_reserve(fd, wish, why);
	place_close(fd);
	if (header) {
		place_begin(header, wish);
		/* link, not rename: it never replaces what is there, on any kernel or file system. */
		*why = (int)raw_call6(SYS_linkat, AT_FDCWD, (long)own, AT_FDCWD, (long)path, 0, 0);
		if (*why != 0) {
			bytes = header->total_bytes;
			raw_call3(SYS_munmap, (long)header, (long)bytes, 0);
			header = NULL;
		}
	}
	raw_call3(SYS_unlinkat, AT_FDCWD, (long)own, 0);
	return header;
}

/*
 * Whether a mapping of `bytes` begins with a header this code may write behind: every region
 * inside, of the known record size, apart from its neighbours. 0, or -EPROTO another version or
 * machine, -EAGAIN not ready, -EBADMSG damaged.
 */
static inline int place_check(const struct segment_header *header, uint64_t bytes)
{
	static const uint64_t record_bytes[REGION_COUNT] = {
		[REGION_SHARED] = sizeof(struct segment_shared),
		[REGION_INDEX] = 8,
		[REGION_PROCESSES] = sizeof(struct segment_process),
		[REGION_OWNERS] = 4,
		[REGION_ATTACHMENTS] = sizeof(struct segment_attachment) * SEGMENT_BLOCK_ENTRIES,
		[REGION_LEDGER] = sizeof(struct segment_entry),
		[REGION_MODULES] = 64,
		[REGION_STACKS] = 64,
		[REGION_PARTS] = sizeof(struct segment_part),
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
	for (int kind = 0; kind < REGION_WITNESSES; kind++) {
		const struct segment_region *r = &header->region[kind];

		if (r->record_bytes != record_bytes[kind] || r->offset < at || r->offset > bytes ||
		    r->offset % 64 || r->count > (bytes - r->offset) / r->record_bytes)
			return -EBADMSG;
		at = r->offset + r->count * r->record_bytes;
	}
	if (header->part_count == 0 || header->part_count != header->region[REGION_PARTS].count ||
	    header->part_events == 0 || header->part_events & (header->part_events - 1) ||
	    header->region[REGION_LOG].count / header->part_count != header->part_events ||
	    header->region[REGION_SHARED].count != 1 ||
	    header->region[REGION_INDEX].count != header->region[REGION_PROCESSES].count ||
	    header->region[REGION_OWNERS].count != header->region[REGION_ATTACHMENTS].count ||
	    header->region[REGION_LEDGER].count & (header->region[REGION_LEDGER].count - 1))
		return -EBADMSG;
	return 0;
}

static inline void *place_at(struct segment_header *header, enum segment_region_kind kind)
{
	return (char *)header + header->region[kind].offset;
}

/* Opens what may be a segment; -errno, or why it is refused: see place_join. */
static inline int place_open_segment(const char *path, struct stat *st)
{
	int fd = place_above_standard(place_open(path, O_RDWR | O_NONBLOCK, 0));
	uid_t self = (uid_t)raw_call3(SYS_geteuid, 0, 0, 0);
	int why;

	if (fd < 0)
		return fd;
	why = place_stat_fd(fd, st);
	if (why == 0 && (!S_ISREG(st->st_mode) || (uint64_t)st->st_size < SEGMENT_HEADER_BYTES))
		why = -EBADMSG;
	if (why == 0 && st->st_nlink > 1)
		why = -EMLINK;
	if (why == 0 && st->st_uid != self && self != 0)
		why = -EPERM;
	if (why == 0)
		return fd;
	place_close(fd);
	return why;
}

/*
 * Opens an existing segment and maps it writable, whole, or, where the address space is short,
 * without the log (*mapped_bytes tells). Null with *why: -errno, -ELOOP for a symbolic link, -EPERM
 * for a file of somebody else, -EMLINK for one with several names (for an instant also one that
 * is just being made), or place_check's.
 */
static inline struct segment_header *place_join(const char *path, uint64_t *mapped_bytes, int *why)
{
	struct stat st;
	int fd = place_open_segment(path, &st);
	uint64_t bytes = (uint64_t)st.st_size;
	long at;

	*why = fd;
	if (fd < 0)
		return NULL;
	at = raw_call6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == -ENOMEM) {
		uint64_t log_offset = 0;

		raw_call6(SYS_pread64, fd, (long)&log_offset, sizeof log_offset,
			  offsetof(struct segment_header, region[REGION_PARTS].offset), 0, 0);
		if (log_offset < bytes)
			bytes = log_offset;
		at = raw_call6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	place_close(fd);
	*why = (int)at;
	if (raw_failed(at))
		return NULL;
	*mapped_bytes = bytes;
	*why = bytes < SEGMENT_HEADER_BYTES
		       ? -EBADMSG
		       : place_check((struct segment_header *)at, (uint64_t)st.st_size);
	if (*why == 0)
		return (struct segment_header *)at;
	raw_call3(SYS_munmap, at, (long)bytes, 0);
	return NULL;
}

#endif
