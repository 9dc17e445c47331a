/* SPDX-License-Identifier: MIT */
/*
 * The private state of one process: copied by fork, gone after exec.
 *
 * The constructor and the registration fill it in while signals are blocked. Hooks only read it,
 * except `break_now`. `alive` tells a hook, without a system call, that it runs in a child that has
 * not registered: it points into a page under MADV_WIPEONFORK, which reads as zero there. Until the
 * shim is ready, `alive` points to a word that is never zero, and `process` is null: then a hook
 * only does what libc does.
 */
#ifndef MEMSHIM_SHIM_H
#define MEMSHIM_SHIM_H

#include "segment/publish.h"

/*
 * A long system call evicts all of our lines from the caches, and all branch predictions: each line
 * of code and each taken jump then costs 5 ns. So all code that a hook runs is in one piece where
 * possible. The usual case (the call succeeds, the process has one thread) is marked LIKELY and
 * takes no jump except calls and returns.
 */
#define HOT __attribute__((hot))
#define SELDOM __attribute__((noinline, cold))
#define INLINE static inline __attribute__((always_inline))

#define PROGRAM_COMM_BYTES 16 /* prctl(2), PR_GET_NAME */

struct __attribute__((aligned(64))) shim {
	/* Read by every hook: two cache lines, and a third by hooks that move the break. */
	const _Atomic uint64_t *alive;
	struct segment_process *process; /* own slot; null: not watched */
	uint64_t break_now;              /* the kernel's last answer about the break */
	const char *single_threaded;     /* libc's __libc_single_threaded, or a constant 0 */
	struct segment_ring *rings;      /* null when the log is not mapped */
	struct segment_event *log;
	uint64_t ring_events;
	uint32_t ring_count;
	uint32_t instance;

	long rseq_offset;     /* offset of struct rseq from the thread pointer; 0 none */
	long tid_offset;      /* offset of the thread id in libc's descriptor; 0 none */
	uint32_t clock;       /* enum segment_clock */
	uint32_t stack_depth; /* frames taken per event; 0 none */
	struct segment_entry *ledger;
	uint64_t ledger_count;
	struct segment_shared *shared;
	uint64_t ipc_namespace; /* inode of /proc/self/ns/ipc; 0: the session's */
	uint32_t idle_calls;    /* hooks entered while not watched */
	uint32_t family;        /* as in segment_process */

	uint64_t clock_shift_ns;  /* of this time namespace; for CLOCK_NS */
	uint64_t libc_text_begin; /* libc's code: a caller in it is libc's allocator */
	uint64_t libc_text_end;

	/* Read at registration only. */
	const struct segment_header *header; /* a private copy; null: no session */
	char *base;                          /* of the mapping */
	uint64_t page_bytes;                 /* AT_PAGESZ, getauxval(3) */
	uint64_t spare_bytes;                /* of private memory that one use may take */
	const void *program_headers;         /* AT_PHDR, getauxval(3) */
	unsigned program_header_count;
	_Atomic uint64_t *wiped; /* the page: enum shim_wiped_word */
	uint64_t pid_namespace;  /* as in segment_process */
	uint32_t coverage;       /* enum segment_coverage */
	uint32_t bad_settings;
	bool no_stacks; /* stacks are wanted, and cannot be taken here */
	uint64_t mapped_bytes;
	char loader_comm[PROGRAM_COMM_BYTES]; /* the loader's name; "" where the kernel names the
						 program */
	bool run_by_loader;                   /* ld.so was executed and given the program */
	char exe[sizeof(((struct segment_process *)0)->exe)];
	char cmdline[sizeof(((struct segment_process *)0)->cmdline)];
	uint32_t identity_flags;
	uint32_t own_block_count;
	/* The ledger stores these of an object's creator. */
	int32_t pid;
	uint32_t uid;
	uint64_t start_time;
	_Atomic uint32_t program; /* in PROGRAMS, + 1; 0: not searched for yet */
};

extern struct shim shim;

/* libc's own functions, looked up in its own symbol table; null until the constructor ran. */
extern long (*shim_libc_syscall)(long number, ...); /* or syscall_of_mappings */
extern long (*shim_own_syscall)(long number, ...);  /* libc's, for syscall_of_mappings */
long syscall_of_mappings(long number, ...);
extern int (*shim_libc_clock_gettime)(int clock_id, void *timespec);
struct _pthread_cleanup_buffer;
extern int (*shim_libc_setcanceltype)(int type, int *old_type);
extern void (*shim_libc_cleanup_push)(struct _pthread_cleanup_buffer *buffer,
				      void (*routine)(void *), void *argument);
extern void (*shim_libc_cleanup_pop)(struct _pthread_cleanup_buffer *buffer, int execute);

/*
 * The words that a child finds wiped. Several threads of a child may come at once: the one that
 * takes BEGUN registers. DONE, to which `alive` points, releases what it wrote.
 */
enum shim_wiped_word { WIPED_DONE, WIPED_BEGUN };

static inline _Atomic uint64_t *shim_wiped(enum shim_wiped_word word)
{
	return shim.wiped + word;
}

static inline void *shim_region(enum segment_region_kind kind)
{
	return shim.base + shim.header->region[kind].offset;
}

/* Counts a loss in the process's slot or, without one, in the session. */
static inline void shim_lose(enum segment_loss cause)
{
	if (shim.process)
		half_add(&shim.process->lost[cause], 1);
	else if (shim.shared)
		counter_add(&shim.shared->lost[cause], 1, false);
}

#endif
