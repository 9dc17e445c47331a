/* SPDX-License-Identifier: MIT */
/*
 * Memory past the break: as hooks.c, and as sysdeps/unix/sysv/linux/mmap64.c and mremap.c of glibc.
 * An mmap of a file is counted and not logged, unless MAP_FIXED may have replaced anonymous memory.
 * munmap, mremap and mprotect are logged for all memory: the hook does not know what lies there.
 *
 * malloc makes these calls with an arena's lock held, and pthread_create with the lock of its list
 * of stacks.
 *
 * mremap releases a range and acquires another. It takes its time after the call, so another thread
 * that maps the range that it left may have an earlier time: see the model's replay.
 */
#include "hooks_map.h"

#include <errno.h>
#include <sys/mman.h>

#include "hook.h"

#define MMAP_UNIT_BYTES 4096 /* libc refuses an offset that is no multiple of it */
#define MREMAP_FLAGS 7u      /* MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP */

struct mmap_call {
	uint64_t address, length;
	uint32_t protection, flags;
};

static inline void mapping_end(struct hook *hook, long ret)
{
	hook_take_stack(hook);
	if (UNLIKELY(raw_failed(ret))) {
		hook_fail(hook, ret);
		return;
	}
	hook->place = record_claim();
	hook_end_in_place(hook);
}

/* glibc reserves a heap of an arena without access, and marks stacks for the kernel. */
static inline enum segment_mapping mmap_purpose(const struct mmap_call *m, uint8_t origin)
{
	if (!(origin & EVENT_MALLOC))
		return MAPPING_DIRECT;
	if (m->flags & MAP_STACK)
		return MAPPING_STACK;
	return m->protection == PROT_NONE ? MAPPING_ARENA : MAPPING_BLOCK;
}

static inline bool mmap_is_logged(const struct mmap_call *m)
{
	return m->flags & (MAP_ANONYMOUS | MAP_FIXED);
}

static inline bool mmap_is_anonymous(const struct mmap_call *m)
{
	return m->flags & MAP_ANONYMOUS && (m->flags & MAP_TYPE) == MAP_PRIVATE;
}

SELDOM static void mmap_count_file(struct hook *hook, long ret)
{
	half_add_own(&hook->process->file_mappings, 1, thread_alone());
	hook_count_end(hook, raw_failed(ret), raw_failed(ret) ? (int)-ret : 0);
}

static inline void mmap_count(struct hook *hook, const struct mmap_call *m, uint8_t origin)
{
	enum segment_mapping purpose = mmap_purpose(m, origin);
	uint64_t page = shim.page_bytes - 1;

	half_add_own(&hook->process->mapped.count[purpose], 1, thread_alone());
	counter_add(&hook->process->mapped.bytes[purpose], (m->length + page) & ~page,
		    thread_alone());
}

/* Logs the kernel's answer, or libc's. */
INLINE void mmap_log(struct hook *hook, const struct mmap_call *m, long ret, uint8_t flags)
{
	if (!mmap_is_logged(m)) {
		mmap_count_file(hook, ret);
		return;
	}
	hook->event.clock = thread_clock();
	hook->event.flags = flags;
	hook->event.u.mmap.address = raw_failed(ret) ? m->address : (uint64_t)ret;
	hook->event.u.mmap.length = m->length;
	hook->event.u.mmap.asked = m->address;
	hook->event.u.mmap.protection = m->protection;
	hook->event.u.mmap.flags = m->flags;
	if (LIKELY(!raw_failed(ret)) && mmap_is_anonymous(m))
		mmap_count(hook, m, flags);
	mapping_end(hook, ret);
}

HOT void *hook_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	uint8_t origin = caller_origin((uint64_t)__builtin_return_address(0));
	struct mmap_call m = {(uint64_t)address, length, (uint32_t)protection, (uint32_t)flags};
	struct hook hook;
	bool watched = hook_begin(&hook, CALL_MMAP, STACK_CALLER());
	long ret = -EINVAL;

	if (LIKELY(offset % MMAP_UNIT_BYTES == 0))
		ret = raw_call6(SYS_mmap, (long)address, (long)length, protection, flags, fd,
				offset);
	else
		origin |= EVENT_LIBC_ONLY;
	if (LIKELY(watched))
		mmap_log(&hook, &m, ret, origin);
	return (void *)libc_result(ret);
}

INLINE long munmap_raw(struct stack_caller caller, uint64_t address, uint64_t length)
{
	struct hook hook;
	bool watched = hook_begin(&hook, CALL_MUNMAP, caller);
	long ret;

	if (LIKELY(watched))
		hook.event.clock = thread_clock();
	ret = raw_call3(SYS_munmap, (long)address, (long)length, 0);
	if (LIKELY(watched)) {
		hook.event.u.range.address = address;
		hook.event.u.range.length = length;
		hook.event.u.range.protection = hook.event.u.range.pad = 0;
		mapping_end(&hook, ret);
	}
	return ret;
}

struct mremap_call {
	uint64_t address, old_length, new_length, new_address;
	uint32_t flags;
};

/* The new address is an argument only with MREMAP_FIXED or MREMAP_DONTUNMAP. */
INLINE void mremap_log(struct hook *hook, const struct mremap_call *m, long ret, uint8_t flags)
{
	hook->event.clock = thread_clock();
	hook->event.flags = (uint8_t)(flags | (m->flags & MREMAP_FLAGS) << EVENT_MREMAP_SHIFT);
	hook->event.u.mremap.address = m->address;
	hook->event.u.mremap.old_length = m->old_length;
	hook->event.u.mremap.new_length = m->new_length;
	hook->event.u.mremap.result = (uint64_t)ret;
	if (UNLIKELY(raw_failed(ret)))
		hook->event.u.mremap.result = m->flags & ~MREMAP_MAYMOVE ? m->new_address : 0;
	if (UNLIKELY(m->flags & ~MREMAP_FLAGS)) {
		hook->event.flags |= EVENT_MREMAP_ODD;
		hook->event.u.mremap.result = m->flags;
	}
	mapping_end(hook, ret);
}

/* mremap(3) is variadic: see hook_semctl. */
HOT void *hook_mremap(void *address, size_t old_length, size_t new_length, int flags,
		      void *new_address)
{
	uint8_t origin = caller_origin((uint64_t)__builtin_return_address(0));
	struct mremap_call m = {(uint64_t)address, old_length, new_length, (uint64_t)new_address,
				(uint32_t)flags};
	struct hook hook;
	bool watched = hook_begin(&hook, CALL_MREMAP, STACK_CALLER());
	long ret = -EINVAL;

	if (LIKELY(!(m.flags & ~MREMAP_FLAGS)))
		ret = raw_call6(SYS_mremap, (long)address, (long)old_length, (long)new_length,
				flags, (long)new_address, 0);
	else
		origin |= EVENT_LIBC_ONLY;
	if (LIKELY(watched))
		mremap_log(&hook, &m, ret, origin);
	return (void *)libc_result(ret);
}

INLINE long mprotect_raw(struct stack_caller caller, uint64_t address, uint64_t length,
			 int protection)
{
	struct hook hook;
	bool watched = hook_begin(&hook, CALL_MPROTECT, caller);
	long ret = raw_call3(SYS_mprotect, (long)address, (long)length, protection);

	if (LIKELY(watched)) {
		hook.event.clock = thread_clock();
		hook.event.u.range.address = address;
		hook.event.u.range.length = length;
		hook.event.u.range.protection = (uint32_t)protection;
		hook.event.u.range.pad = 0;
		mapping_end(&hook, ret);
	}
	return ret;
}

/* Only the two advices that give memory back are counted. */
INLINE long madvise_raw(struct stack_caller caller, uint64_t address, uint64_t length, int advice)
{
	struct hook hook;
	bool watched;
	long ret;

	if (advice != MADV_DONTNEED && advice != MADV_FREE) {
		if (!shim.process)
			shim.idle_calls++; /* redirect.c reads it */
		return raw_call3(SYS_madvise, (long)address, (long)length, advice);
	}
	watched = hook_begin(&hook, CALL_MADVISE, caller);
	ret = raw_call3(SYS_madvise, (long)address, (long)length, advice);
	if (watched)
		hook_count_end(&hook, raw_failed(ret), raw_failed(ret) ? (int)-ret : 0);
	else if (!shim.process)
		shim.idle_calls++;
	return ret;
}

HOT int hook_munmap(void *address, size_t length)
{
	return (int)libc_result(munmap_raw(STACK_CALLER(), (uint64_t)address, length));
}

HOT int hook_mprotect(void *address, size_t length, int protection)
{
	return (int)libc_result(
		mprotect_raw(STACK_CALLER(), (uint64_t)address, length, protection));
}

HOT int hook_madvise(void *address, size_t length, int advice)
{
	return (int)libc_result(madvise_raw(STACK_CALLER(), (uint64_t)address, length, advice));
}

/* ---- syscall(2) ---- */

long hook_syscall_mmap(long number, long address, long length, long protection, long flags, long fd,
		       long offset)
{
	struct mmap_call m = {(uint64_t)address, (uint64_t)length, (uint32_t)protection,
			      (uint32_t)flags};
	struct hook hook;
	bool watched = hook_begin(&hook, CALL_MMAP, STACK_CALLER());
	long ret = raw_call6(number, address, length, protection, flags, fd, offset);

	if (watched)
		mmap_log(&hook, &m, ret, EVENT_RAW);
	return libc_result(ret);
}

long hook_syscall_munmap(long number, long address, long length)
{
	(void)number;
	return libc_result(munmap_raw(STACK_CALLER(), (uint64_t)address, (uint64_t)length));
}

long hook_syscall_mremap(long number, long address, long old_length, long new_length, long flags,
			 long new_address)
{
	struct mremap_call m = {(uint64_t)address, (uint64_t)old_length, (uint64_t)new_length,
				(uint64_t)new_address, (uint32_t)flags};
	struct hook hook;
	bool watched = hook_begin(&hook, CALL_MREMAP, STACK_CALLER());
	long ret = raw_call6(number, address, old_length, new_length, flags, new_address, 0);

	if (watched)
		mremap_log(&hook, &m, ret, EVENT_RAW);
	return libc_result(ret);
}

long hook_syscall_mprotect(long number, long address, long length, long protection)
{
	(void)number;
	return libc_result(
		mprotect_raw(STACK_CALLER(), (uint64_t)address, (uint64_t)length, (int)protection));
}

long hook_syscall_madvise(long number, long address, long length, long advice)
{
	(void)number;
	return libc_result(
		madvise_raw(STACK_CALLER(), (uint64_t)address, (uint64_t)length, (int)advice));
}
