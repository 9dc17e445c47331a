/* SPDX-License-Identifier: MIT */
/*
 * Small files, their paths, and the system's clocks, by raw system calls: for the shim's start and
 * for the reporter. Nothing here allocates. None of it runs in a hook.
 */
#ifndef MEMSHIM_COMMON_FILES_H
#define MEMSHIM_COMMON_FILES_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "../segment/layout.h"
#include "clock.h"
#include "raw.h"

#define SYSTEM_PATH_BYTES 512u
#define SYSTEM_HUGE_BYTES (2ull << 20)      /* a huge page, where pages have 4 KiB */
#define SYSTEM_LIBRARIES_BYTES (1ull << 30) /* more than the libraries of a program take */
#define SYSTEM_BOOT_ID_BYTES 37u            /* a UUID and its NUL; the file also has a newline */

/* Appends text to the NUL-terminated `path` of SYSTEM_PATH_BYTES; false when it does not fit. */
static inline bool path_append(char *path, const char *text)
{
	size_t used = 0, add = 0;

	while (path[used])
		used++;
	while (text[add])
		add++;
	if (used + add >= SYSTEM_PATH_BYTES)
		return false;
	for (size_t i = 0; i <= add; i++)
		path[used + i] = text[i];
	return true;
}

static inline bool path_append_number(char *path, uint64_t number)
{
	char digits[24];
	size_t at = sizeof digits - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	return path_append(path, digits + at);
}

static inline int sys_open(const char *path, int flags, int mode)
{
	return (int)raw_call6(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC | O_NOFOLLOW,
			      mode, 0, 0);
}

static inline void sys_close(int fd)
{
	raw_call3(SYS_close, fd, 0, 0);
}

/*
 * Moves a descriptor above 2, so that the target cannot take it for its own 0, 1 or 2. Closes `fd`
 * if it moves it. -errno on failure.
 */
static inline int sys_above_standard(int fd)
{
	long high;

	if (fd < 0 || fd > 2)
		return fd;
	high = raw_call3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);
	sys_close(fd);
	return (int)high;
}

/* Reads a small file whole and NUL-terminates it. Returns its length, or -errno. */
static inline long sys_read_file(const char *path, char *buffer, size_t size)
{
	int fd = sys_above_standard(
		(int)raw_call6(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0));
	size_t used = 0;
	long got = 0;

	if (fd < 0)
		return fd;
	while (used < size - 1 &&
	       (got = raw_call3(SYS_read, fd, (long)(buffer + used), (long)(size - 1 - used))) > 0)
		used += (size_t)got;
	sys_close(fd);
	buffer[used] = '\0';
	return got < 0 ? got : (long)used;
}

/* The inode of a file such as /proc/self/ns/ipc; 0 on failure. */
static inline uint64_t sys_inode(const char *path)
{
	struct stat st;

#if defined(SYS_newfstatat)
	long ret = raw_call6(SYS_newfstatat, AT_FDCWD, (long)path, (long)&st, 0, 0, 0);
#else
	long ret = raw_call6(SYS_fstatat, AT_FDCWD, (long)path, (long)&st, 0, 0, 0);
#endif
	return raw_failed(ret) ? 0 : st.st_ino;
}

/*
 * The id of a namespace, which the kernel never reuses while the machine runs (it may reuse an
 * inode). 0 before Linux 6.18.
 */
#define SYSTEM_NAMESPACE_ID _IOR(0xb7, 13, uint64_t) /* NS_GET_ID */
static inline uint64_t sys_namespace_id(const char *path)
{
	int fd = sys_above_standard(
		(int)raw_call6(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0));
	uint64_t id = 0;

	if (fd < 0)
		return 0;
	if (raw_call3(SYS_ioctl, fd, SYSTEM_NAMESPACE_ID, (long)&id) != 0)
		id = 0;
	sys_close(fd);
	return id;
}

static inline int sys_fstat(int fd, struct stat *st)
{
	return (int)raw_call3(SYS_fstat, fd, (long)st, 0);
}

/* fstatat(2), without following a link. */
static inline int sys_fstatat(int fd, const char *name, struct stat *st)
{
#if defined(SYS_newfstatat)
	return (int)raw_call6(SYS_newfstatat, fd, (long)name, (long)st, AT_SYMLINK_NOFOLLOW, 0, 0);
#else
	return (int)raw_call6(SYS_fstatat, fd, (long)name, (long)st, AT_SYMLINK_NOFOLLOW, 0, 0);
#endif
}

/* This process's soft limit of a resource, setrlimit(2); UINT64_MAX when it cannot be read. */
static inline uint64_t sys_limit(int resource)
{
	struct rlimit limit;

	if (raw_call6(SYS_prlimit64, 0, resource, 0, (long)&limit, 0, 0) != 0)
		return UINT64_MAX;
	return limit.rlim_cur;
}

/*
 * Maps the first `bytes` of a segment's file, shared and writable. Returns the address, or -errno.
 *
 * It asks for an address on a boundary of huge pages, so that huge pages which the recorder made
 * are mapped here as such: after a long system call, fewer translations are missing then. The
 * address lies below all libraries, where a process usually has no mapping. If there is one, the
 * kernel chooses another address.
 *
 * Half of a limited address space is left to the program: -ENOMEM if the mapping needs more than
 * the other half.
 */
static inline long sys_map_segment(int fd, uint64_t bytes)
{
	uint64_t here = (uint64_t)(uintptr_t)&sys_map_segment,
		 below = bytes + SYSTEM_LIBRARIES_BYTES;
	uint64_t wish = here > below ? (here - below) & ~(SYSTEM_HUGE_BYTES - 1) : 0;

	if (bytes > sys_limit(RLIMIT_AS) / 2)
		return -ENOMEM;
	return raw_call6(SYS_mmap, (long)wish, (long)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 0);
}

/*
 * CLOCK_COUNTER where the kernel keeps time by the CPU's counter, which is then steady and equal on
 * all CPUs; else CLOCK_NS.
 */
static inline uint32_t sys_clock_kind(void)
{
#if defined(__x86_64__)
	char source[16];

	if (sys_read_file("/sys/devices/system/clocksource/clocksource0/current_clocksource",
			  source, sizeof source) >= 4 &&
	    memcmp(source, "tsc\n", 4) == 0)
		return CLOCK_COUNTER;
	return CLOCK_NS;
#else
	return CLOCK_COUNTER; /* the architecture promises it */
#endif
}

/*
 * The number of CPUs that may ever run: /sys/devices/system/cpu/possible ends in the highest
 * number.
 */
static inline uint32_t sys_cpu_count(void)
{
	char text[256];
	long used = sys_read_file("/sys/devices/system/cpu/possible", text, sizeof text);
	uint32_t last = 0, number = 0;

	for (long i = 0; i < used; i++) {
		if (text[i] >= '0' && text[i] <= '9')
			last = number = number * 10 + (uint32_t)(text[i] - '0');
		else
			number = 0;
	}
	return last + 1;
}

static inline uint64_t sys_clock_ns(int clock_id)
{
	struct timespec ts = {0, 0};

	raw_call3(SYS_clock_gettime, clock_id, (long)&ts, 0);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif
