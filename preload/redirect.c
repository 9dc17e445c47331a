/* SPDX-License-Identifier: MIT */
/*
 * Writes a jump over the first bytes of each of libc's entries. Each body in the shim does the
 * whole job, so that no original instruction has to run: nothing is decoded, and there is no
 * trampoline.
 *
 * The bytes are written through /proc/self/mem, which needs no mprotect(2) and makes a private copy
 * of the page. Where that file cannot be opened, mprotect(2) is used.
 */
#include "redirect.h"

#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/files.h"
#include "hooks.h"
#include "hooks_map.h"
#include "hooks_msg.h"
#include "hooks_sem.h"
#include "libc.h"
#include "shim.h"

#if defined(__x86_64__)
/* jmp *0(%rip); .quad target */
static const unsigned char jump_code[] = {0xff, 0x25, 0, 0, 0, 0};
#else
/* bti c (a nop without BTI); ldr x16, .+8; br x16; .quad target */
static const unsigned char jump_code[] = {0x5f, 0x24, 0x03, 0xd5, 0x50, 0x00,
					  0x00, 0x58, 0x00, 0x02, 0x1f, 0xd6};
#endif
#define JUMP_BYTES (sizeof jump_code + sizeof(void *))

struct entry {
	const char *name;
	void *body;
	char *address; /* of libc's entry */
	unsigned char original[JUMP_BYTES];
};

static struct entry entries[CALL_COUNT] = {
#define CALL(id, fn, nr) [CALL_##id] = {.name = #fn, .body = (void *)hook_##fn},
#include "segment/calls.def"
#undef CALL
};

/* int3 of Intel's manual; brk #0, which gdb uses */
#if defined(__x86_64__)
static const unsigned char trap[] = {0xcc};
#else
static const unsigned char trap[] = {0x00, 0x00, 0x20, 0xd4};
#endif

static bool entry_is_trap(const unsigned char *code)
{
	return memcmp(code, trap, sizeof trap) == 0;
}

/* Reads an entry's first bytes from libc's file. */
static bool entry_read_file(const struct link_map *libc, const char *entry, unsigned char *code)
{
	int fd = sys_above_standard((int)raw_call6(SYS_openat, AT_FDCWD, (long)libc->l_name,
						   O_RDONLY | O_CLOEXEC, 0, 0, 0));
	bool whole;

	if (fd < 0)
		return false;
	whole = raw_call6(SYS_pread64, fd, (long)code, JUMP_BYTES,
			  (long)libc_file_offset(libc, (uint64_t)entry), 0, 0) == JUMP_BYTES;
	sys_close(fd);
	return whole;
}

/*
 * Whether a debugger has set a breakpoint in the entry before: it will restore the one instruction
 * that it remembers, in the middle of the jump. A trap is a breakpoint if the file has none there,
 * and all other bytes are as in the file.
 */
static bool entry_has_breakpoint(const struct link_map *libc, const struct entry *entry)
{
	unsigned char code[JUMP_BYTES];
	bool any = false;

	for (size_t i = 0; i + sizeof trap <= JUMP_BYTES; i += sizeof trap)
		any |= entry_is_trap(entry->original + i);
	if (!any || !entry_read_file(libc, entry->address, code) ||
	    memcmp(code, entry->original, JUMP_BYTES) == 0)
		return false;
	for (size_t i = 0; i + sizeof trap <= JUMP_BYTES; i += sizeof trap)
		if (memcmp(code + i, entry->original + i, sizeof trap) != 0 &&
		    !entry_is_trap(entry->original + i))
			return false;
	return true;
}

static bool entries_find(const struct link_map *libc, int first, int last)
{
	for (int i = first; i <= last; i++) {
		struct libc_symbol symbol = libc_find_symbol(libc, entries[i].name);

		/* glibc 2.32 and later: a jump to semtimedop, whose entry follows. */
		if (i == CALL_SEMOP && symbol.address && symbol.size_bytes < JUMP_BYTES)
			continue;
		if (!symbol.address || symbol.size_bytes < JUMP_BYTES)
			return false;
		entries[i].address = symbol.address;
		memcpy(entries[i].original, symbol.address, JUMP_BYTES);
		if (entry_has_breakpoint(libc, &entries[i]))
			return false;
	}
	return true;
}

static bool code_write_by_mprotect(char *to, const unsigned char *bytes, size_t size)
{
	char *page = (char *)((uintptr_t)to & -shim.page_bytes);
	long span = (long)(to + size - page);
	int prot = PROT_READ | PROT_EXEC;

	if (raw_call3(SYS_mprotect, (long)page, span, prot | PROT_WRITE) != 0)
		return false;
	memcpy(to, bytes, size);
	return raw_call3(SYS_mprotect, (long)page, span, prot) == 0;
}

/* `fd` is /proc/self/mem, or negative. */
static bool code_write(int fd, char *to, const unsigned char *bytes, size_t size)
{
	bool done = fd >= 0 && raw_call6(SYS_pwrite64, fd, (long)bytes, (long)size, (long)to, 0,
					 0) == (long)size;

	if (!done && !code_write_by_mprotect(to, bytes, size))
		return false;
	__builtin___clear_cache(to, to + size);
	return memcmp(to, bytes, size) == 0;
}

static void jump_put(unsigned char *at, const struct entry *entry)
{
	memcpy(at, jump_code, sizeof jump_code);
	memcpy(at + sizeof jump_code, &entry->body, sizeof entry->body);
}

/*
 * Writes the jumps of entries [first, last], which lie close together in libc, with one write. The
 * bytes between them are written as they are. One write for all costs a process's start a third of
 * one write for each.
 */
static bool jumps_write_together(int fd, int first, int last)
{
	unsigned char code[1024];
	char *low = entries[first].address, *high = low;

	for (int i = first; i <= last; i++) {
		if (!entries[i].address)
			continue;
		if (entries[i].address < low)
			low = entries[i].address;
		if (entries[i].address > high)
			high = entries[i].address;
	}
	if (high + JUMP_BYTES > low + sizeof code)
		return false;
	memcpy(code, low, (size_t)(high - low) + JUMP_BYTES);
	for (int i = first; i <= last; i++)
		if (entries[i].address)
			jump_put(code + (entries[i].address - low), &entries[i]);
	return code_write(fd, low, code, (size_t)(high - low) + JUMP_BYTES);
}

static bool jumps_write_apart(int fd, int first, int last)
{
	for (int i = first; i <= last; i++) {
		unsigned char jump[JUMP_BYTES];

		if (!entries[i].address)
			continue;
		jump_put(jump, &entries[i]);
		if (!code_write(fd, entries[i].address, jump, JUMP_BYTES))
			return false;
	}
	return true;
}

static bool jumps_write(int fd, int first, int last)
{
	return jumps_write_together(fd, first, last) || jumps_write_apart(fd, first, last);
}

/* A query through each of libc's two break entries must reach the shim. */
static bool redirect_is_effective(void)
{
	void *(*libc_sbrk)(intptr_t) = (void *(*)(intptr_t))(void *)entries[CALL_SBRK].address;
	int (*libc_brk)(void *) = (int (*)(void *))(void *)entries[CALL_BRK].address;
	uint32_t before = shim.idle_calls;

	libc_brk(NULL);
	libc_sbrk(0);
	return shim.idle_calls - before == 2;
}

/* An advice about no memory. */
static bool redirect_is_effective_for_mappings(void)
{
	int (*libc_madvise)(
		void *, size_t,
		int) = (int (*)(void *, size_t, int))(void *)entries[CALL_MADVISE].address;
	uint32_t before = shim.idle_calls;

	libc_madvise(NULL, 0, MADV_NORMAL);
	return shim.idle_calls - before == 1;
}

static void redirect_undo(int fd, int first, int last)
{
	for (int i = first; i <= last; i++)
		if (entries[i].address &&
		    memcmp(entries[i].address, entries[i].original, JUMP_BYTES) != 0)
			code_write(fd, entries[i].address, entries[i].original, JUMP_BYTES);
}

static bool redirect_break_and_objects(int fd, const struct link_map *libc)
{
	if (!entries_find(libc, CALL_BRK, CALL_MSGRCV))
		return false;
	if (jumps_write(fd, CALL_BRK, CALL_SBRK) && jumps_write(fd, CALL_SHMGET, CALL_MSGRCV) &&
	    redirect_is_effective())
		return true;
	redirect_undo(fd, CALL_BRK, CALL_MSGRCV);
	return false;
}

static bool redirect_mappings(int fd, const struct link_map *libc)
{
	if (!entries_find(libc, CALL_MMAP, CALL_MADVISE))
		return false;
	if (jumps_write(fd, CALL_MMAP, CALL_MADVISE) && redirect_is_effective_for_mappings())
		return true;
	redirect_undo(fd, CALL_MMAP, CALL_MADVISE);
	return false;
}

bool redirect_entries(const struct link_map *libc, bool *mappings)
{
	bool done;
	int fd;

	if (!libc)
		return false;
	fd = sys_above_standard((int)raw_call6(SYS_openat, AT_FDCWD, (long)"/proc/self/mem",
					       O_RDWR | O_CLOEXEC, 0, 0, 0));
	done = redirect_break_and_objects(fd, libc);
	*mappings = *mappings && done && redirect_mappings(fd, libc);
	if (fd >= 0)
		sys_close(fd);
	return done;
}
