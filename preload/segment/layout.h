/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a segment and of a recording: the contract between preload/ and report/. Both
 * include this file. It includes nothing of theirs. Every size and the important offsets are
 * asserted.
 *
 * A live segment is one file on tmpfs that every process of the session maps:
 *
 *   0        struct segment_header       4 KiB   constant after creation, magic written last
 *   4096     struct segment_shared       4 KiB   words that the whole session changes
 *   8192     region INDEX                u64 per process slot: 0 free, else pid << 32 | instance;
 *                                        instance 0 while the slot is being filled in
 *            region RINGS                struct segment_ring per CPU: the heads of the log
 *            region PROCESSES            struct segment_process per slot
 *            region OWNERS               u32 per attachment block: 0 free, else an instance
 *            region ATTACHMENTS          blocks of SEGMENT_BLOCK_ENTRIES struct segment_attachment
 *            region LEDGER               struct segment_entry, open addressing by shmid
 *            region MODULES              struct segment_module, open addressing by content
 *            region STACKS               struct segment_frame: a tree of call stacks, see there
 *            region LOADS                struct segment_load: the load addresses in each process
 *            region PROGRAMS             struct segment_program, open addressing by content
 *            region USES                 struct segment_use, open addressing by its claim
 *            region WAITS                struct segment_wait, open addressing by instance
 *            region LOG                  the events of ring 0, the events of ring 1, ...
 *
 * The regions that every process touches when it starts come first, together: the kernel maps
 * sixteen pages at one fault.
 *
 * A recording has the same header, followed by chunks: recorded.h.
 *
 * Times (`*_clock`) are readings of the session's clock: see `clock` in the header. Fields of an
 * atomic type change while readers read them: only publish.h accesses them.
 */
#ifndef MEMSHIM_SEGMENT_LAYOUT_H
#define MEMSHIM_SEGMENT_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define SEGMENT_MAGIC 0x314d4948534d454dull /* "MEMSHIM1" as little-endian bytes */
#define SEGMENT_VERSION 2u
#define SEGMENT_BYTE_ORDER 0x01020304u
#define SEGMENT_HEADER_BYTES 4096u
#define SEGMENT_BLOCK_ENTRIES 32u   /* attachments in one block */
#define SEGMENT_PROCESS_BLOCKS 128u /* blocks one process may own: 4,096 attachments */
#define SEGMENT_RINGS_MAX 64u       /* CPUs above it share rings: cpu modulo count */
#define SEGMENT_STACK_DEPTH_MAX 64u
#define SEGMENT_STACK_DEPTH_DEFAULT 16u
#define SEGMENT_LOG_BYTES_DEFAULT (16ull << 20)
#define SEGMENT_LOG_BYTES_MIN 8192ull
/*
 * The first claim number of every ring: it wraps after 64 events, so that each run tests the wrap.
 */
#define SEGMENT_FIRST_CLAIM (0ull - 64)

enum segment_call {
#define CALL(id, name, nr) CALL_##id,
#include "calls.def"
#undef CALL
	CALL_COUNT,
	LIFECYCLE_BEFORE_FIRST = CALL_COUNT - 1,
#define LIFECYCLE(id, name, meaning) LIFECYCLE_##id,
#include "lifecycle.def"
#undef LIFECYCLE
	EVENT_KIND_COUNT
};

enum segment_loss {
#define LOSS(id, name, meaning, who) LOSS_##id,
#include "losses.def"
#undef LOSS
	LOSS_COUNT
};

enum segment_region_kind {
	REGION_SHARED,
	REGION_INDEX,
	REGION_RINGS,
	REGION_PROCESSES,
	REGION_OWNERS,
	REGION_ATTACHMENTS,
	REGION_LEDGER,
	REGION_MODULES,
	REGION_STACKS,
	REGION_LOADS,
	REGION_PROGRAMS, /* live segments only */
	REGION_USES,
	REGION_WAITS,
	REGION_LOG,
	REGION_UNFOLLOWED, /* recordings only: processes that ran without the shim */
	REGION_SNAPSHOTS,  /* recordings only: kernel snapshots, read right after a call */
	REGION_IDENTITIES, /* recordings only: the verified process of each image */
	REGION_OBJECTS,    /* recordings only: the IPC objects when the session ended */
	REGION_JIT_NAMES,  /* recordings only: names of code that a process made itself */
	REGION_TITLES,     /* recordings only: command lines that processes wrote over */
	REGION_COUNT,
	REGION_ROOM = 20
};

enum segment_kind { SEGMENT_LIVE = 1, SEGMENT_RECORDING = 2 };

enum segment_clock {
	CLOCK_NS = 1,      /* CLOCK_MONOTONIC of the first time namespace, nanoseconds */
	CLOCK_COUNTER = 2, /* the CPU's counter (TSC, CNTVCT): ticks, scaled by the clock pairs */
};

/* Bits of segment_header.options. */
enum {
	OPTION_NO_FOLLOW = 1u << 0, /* only the first process that registers, and its execs */
	OPTION_ANONYMOUS = 1u << 1, /* mmap, munmap, mremap, mprotect and madvise are watched */
};

struct segment_region {
	uint64_t offset;       /* from the file's start, a multiple of 64 */
	uint64_t record_bytes; /* of one record */
	uint64_t count;        /* records */
};

/* One instant on the session's clock and on the system's two clocks. */
struct segment_instant {
	uint64_t clock;
	uint64_t monotonic_ns; /* CLOCK_MONOTONIC, of the first time namespace */
	uint64_t realtime_ns;  /* CLOCK_REALTIME */
};

struct segment_header {
	uint64_t magic; /* 0 until the segment is complete */
	uint32_t version;
	uint32_t header_bytes;
	uint32_t byte_order;
	uint32_t word_bytes; /* sizeof(long) of the creator */
	uint32_t kind;       /* enum segment_kind */
	uint32_t page_bytes;
	uint64_t total_bytes;     /* live: the file's size; recording: 0 */
	uint64_t committed_bytes; /* recording: header and whole chunks; live: 0 */
	struct segment_region region[REGION_ROOM];
	uint32_t clock;       /* enum segment_clock */
	uint32_t ring_count;  /* rings of the log, 1 to SEGMENT_RINGS_MAX */
	uint64_t ring_events; /* events in one ring, a power of two */
	uint64_t first_claim; /* of every ring */
	struct segment_instant start;
	struct segment_instant end;   /* all 0 until a recording is finished */
	uint64_t ipc_namespace;       /* inode of /proc/self/ns/ipc, 0 unknown */
	uint64_t pid_namespace;       /* inode of /proc/self/ns/pid, 0 unknown */
	uint64_t recorder_start_time; /* proc(5) stat field 22, clock ticks after boot */
	int32_t recorder_pid;         /* 0 for a session without a recorder */
	uint32_t creator_uid;
	uint32_t stack_depth; /* frames wanted per event, 0 to SEGMENT_STACK_DEPTH_MAX */
	uint32_t options;
	int32_t command_pid; /* recording: COMMAND's process, 0 unknown */
	int32_t exit_status; /* recording, valid when `finished`: of COMMAND, -1 none */
	int32_t exit_signal; /* recording, valid when `finished`: 0 none */
	uint32_t finished;   /* recording: 1 when the recorder has completed it */
	char boot_id[40];    /* /proc/sys/kernel/random/boot_id */
	char session[64];    /* name, NUL-terminated */
	char host[65];       /* uname(2) */
	char kernel[65];
	char machine[65];
	char peer_path[512]; /* live: the recording's path; recording: the segment's; may be "" */
	uint32_t command_bytes;
	char command[1024];          /* NUL-separated words of COMMAND, cut to fit */
	char registration_path[108]; /* live: see registration.h; "" none */
	unsigned char pad;
	uint64_t ipc_namespace_id; /* NS_GET_ID of the IPC namespace, never reused; 0 unknown */
	uint32_t objects_known;    /* recording: REGION_OBJECTS is complete */
	uint32_t rmid_forced;      /* recording: kernel.shm_rmid_forced was on at the end */
	/* Recording: the processes without a slot that had the segment mapped at the end. */
	uint32_t members_scanned; /* 1: the recorder checked all processes */
	int32_t unregistered_pid; /* one such process; 0 none */
	int32_t unreadable_pid; /* one process that may have it mapped and could not be inspected; 0
				   none */
	unsigned char reserved[1460];
};

/* Live words of the whole session; each group has its own cache lines. */
struct segment_shared {
	_Atomic uint32_t registered; /* futex: +1 by each registration; the recorder waits on it */
	_Atomic uint32_t polling; /* 1: the recorder polls; a registered process need not wake it */
	uint32_t pad0[14];
	_Atomic uint32_t next_instance; /* last instance assigned; the first one is 1 */
	_Atomic uint32_t slot_high;     /* this slot and those above it were never used */
	_Atomic uint32_t block_hint;    /* where the search for a free block begins */
	_Atomic uint32_t load_count;    /* entries of LOADS taken; may exceed the region's count */
	_Atomic uint32_t ledger_reach;  /* LEDGER: the farthest probe with an entry so far, + 1 */
	_Atomic uint32_t other_pids;    /* 1: a process of another pid namespace has registered */
	_Atomic uint32_t unsure_slots;  /* slots reused although their processes may still run */
	/*
	 * Frames of the deepest stack that was cut. Above SEGMENT_STACK_DEPTH_MAX: at least so
	 * many.
	 */
	_Atomic uint32_t deepest_stack;
	uint32_t pad1[8];
	_Atomic uint64_t lost[16]; /* by enum segment_loss: losses that belong to no process slot */
	_Atomic uint64_t reused_calls[CALL_COUNT]; /* calls of processes whose slot was reused */
	_Atomic uint64_t closed; /* 1 when the recorder has finished: new images do not join */
	unsigned char reserved[3680];
};

enum segment_process_state {
	PROCESS_FREE = 0,
	PROCESS_RUNNING = 1,
	PROCESS_EXITED = 2, /* ended by exit: exit_status is known if >= 0 */
	PROCESS_KILLED = 3, /* ended by exit_signal */
	PROCESS_EXEC = 4,   /* the image ended by exec */
	PROCESS_GONE = 5,   /* ended; neither exit status nor signal is known */
};

enum segment_coverage {
	COVERAGE_NONE = 0,
	COVERAGE_CALLS = 1, /* exported symbols only */
	COVERAGE_FULL = 2,  /* libc's entries redirected as well */
};

/* As pid_namespace: it could not be read, and may differ from the session's. */
#define SEGMENT_NAMESPACE_UNKNOWN UINT64_MAX

/* Bits of segment_process.flags. */
enum {
	PROCESS_BREAK_KNOWN = 1u << 0, /* break_initial is the kernel's start_brk, after fork the
					  first parent's */
	PROCESS_CMDLINE_CUT = 1u << 1, /* the command line is longer than `cmdline` */
	PROCESS_EXE_CUT = 1u << 2,
	PROCESS_LOG_UNMAPPED = 1u << 3, /* counters only: every event is LOSS_NO_SPACE */
	PROCESS_ANONYMOUS = 1u << 4,    /* its mappings are watched: OPTION_ANONYMOUS */
};

/* Moves of the program break, by the code that asked for them. */
enum segment_origin { ORIGIN_DIRECT, ORIGIN_MALLOC, ORIGIN_COUNT };
enum segment_direction { MOVE_GROW, MOVE_SHRINK, MOVE_STILL, MOVE_COUNT };

struct segment_moves {
	_Atomic uint64_t count[MOVE_COUNT]; /* successful calls by direction of the delta */
	_Atomic uint64_t bytes[2];          /* MOVE_GROW, MOVE_SHRINK: sum of |delta| */
};

/* Anonymous mappings, by their first purpose. glibc's malloc and its threads make all but one. */
enum segment_mapping {
	MAPPING_DIRECT,
	MAPPING_ARENA, /* a heap of an arena other than the main one: reserved by mmap(PROT_NONE) */
	MAPPING_BLOCK, /* a block above the mmap threshold, or malloc's when the break cannot move
			*/
	MAPPING_STACK, /* a thread's, or posix_spawn's */
	MAPPING_COUNT
};

/* By enum segment_mapping. */
struct segment_mapped {
	_Atomic uint32_t count[MAPPING_COUNT]; /* successful mmap calls */
	_Atomic uint64_t bytes[MAPPING_COUNT]; /* of their lengths, rounded up to pages */
};

/*
 * One image of one process: an address space from start, fork or exec to its end. The process
 * itself writes it (any thread, any signal handler). The recorder and the next image of the process
 * also write `state`, `end_clock` and the exit fields. `instance` is unique in the session.
 */
struct segment_process {
	/* Identity: constant when the slot has been announced in region INDEX. */
	uint32_t instance;
	uint32_t
		parent_instance; /* of the forking parent, or of the image before exec; 0 unknown */
	int32_t pid;             /* as the process sees itself */
	int32_t ppid;
	uint32_t uid; /* real uid at registration */
	uint32_t image;
	uint32_t
		how; /* LIFECYCLE_START (first image, or after exec: image > 0) or LIFECYCLE_FORK */
	uint32_t coverage;   /* enum segment_coverage */
	uint64_t start_time; /* proc(5) stat field 22, clock ticks after boot; 0 unknown */
	uint64_t start_clock;
	uint64_t pid_namespace;  /* inode of /proc/PID/ns/pid; 0: the session's */
	uint64_t break_initial;  /* start_brk; where it is not known, and after fork: the break at
				    registration */
	uint64_t break_at_start; /* the break at registration; less break_initial: moved before the
				    shim was loaded */
	uint32_t flags;
	uint32_t inherited;       /* attachments that fork copied into this process */
	char comm[16];            /* NUL-terminated */
	uint64_t ipc_namespace;   /* inode of /proc/PID/ns/ipc; 0: the session's, or unknown */
	uint64_t segment_address; /* address at which the process has this segment mapped */
	_Atomic int32_t host_pid; /* pid as the recorder sees it, written by the recorder; 0:
				     unknown, or equal to pid */
	/*
	 * The instance of the image that all forks of one memory descend from: after an exec its
	 * own instance, in a child of fork the parent's family. 0 unknown.
	 */
	uint32_t family;

	/* Words that change. */
	_Atomic uint64_t end_begun; /* calls begun when the process itself wrote `end_clock` */
	_Atomic uint32_t state;     /* enum segment_process_state */
	_Atomic int32_t exit_status;
	_Atomic int32_t exit_signal;
	_Atomic uint32_t attached; /* attachments now */
	_Atomic uint64_t end_clock;
	_Atomic uint64_t break_current;
	_Atomic uint64_t break_peak;
	_Atomic uint64_t queries;           /* brk and sbrk calls that only read the break */
	_Atomic uint64_t begun[CALL_COUNT]; /* counted before the call */
	_Atomic uint64_t
		ok[CALL_COUNT]; /* counted after it, unless `failed` is (queries: not in ok) */
	_Atomic uint64_t failed[CALL_COUNT];
	struct segment_moves moves[ORIGIN_COUNT];
	struct segment_mapped mapped;
	_Atomic uint32_t attached_peak;
	_Atomic uint32_t file_mappings; /* mmap calls that are counted and not logged */
	_Atomic uint32_t lost[16];      /* by enum segment_loss */
	_Atomic uint16_t
		block[SEGMENT_PROCESS_BLOCKS]; /* its attachment blocks, + 1, in order; 0 none */

	char exe[160];     /* /proc/self/exe, NUL-terminated */
	char cmdline[136]; /* argv joined by spaces, NUL-terminated */
};

enum segment_attachment_state { ATTACHMENT_FREE = 0, ATTACHMENT_BUSY = 1, ATTACHMENT_LIVE = 2 };

/* Bits of segment_attachment.flags. */
enum {
	ATTACHMENT_INHERITED = 1u << 0, /* copied by fork */
	ATTACHMENT_READONLY = 1u << 1,  /* SHM_RDONLY */
};

struct segment_attachment {
	_Atomic uint32_t state;
	uint32_t instance;
	int32_t shmid;
	uint32_t flags;
	uint64_t address;
	uint64_t since_clock; /* time of the shmat; an inherited one has existed since the fork */
};

/*
 * One System V object as the session saw it: `get` is shmget, semget or msgget. An id that is
 * reused after IPC_RMID gets a new entry: see window.h. `claim` is id << 32 | kind << 8 | state.
 * The other words are independent of each other, and are written after it.
 *
 * The creator is stored here, and not only in a process slot, because slots are reused. A value of
 * 0 is unknown, and no rule may take it for an answer.
 */
enum segment_entry_state {
	ENTRY_FREE = 0,
	ENTRY_PRESENT = 1, /* seen, not removed here */
	ENTRY_REMOVED = 2, /* IPC_RMID seen */
};

enum segment_object_kind { OBJECT_SHM, OBJECT_SEM, OBJECT_MSG, OBJECT_KINDS };

struct segment_entry {
	_Atomic uint64_t claim;
	_Atomic uint32_t creator_instance; /* the first image whose get returned it; 0: known by
					      other calls only */
	_Atomic uint32_t key;              /* bits of the key_t */
	_Atomic uint64_t size;             /* the size argument of shmget, nsems of semget; 0
					      unknown */
	_Atomic uint32_t flags;            /* of that get */
	_Atomic uint32_t remover_instance;
	_Atomic uint64_t seen_clock; /* first seen */
	_Atomic uint64_t removed_clock;
	_Atomic uint64_t attaches;      /* successful shmat; semop and semtimedop; msgsnd */
	_Atomic uint64_t detaches;      /* successful shmdt; msgrcv */
	_Atomic uint64_t inherited;     /* attachments that fork copied */
	_Atomic uint32_t creator_stack; /* of that get; 0 none */
	_Atomic uint32_t remover_stack;
	_Atomic uint64_t user_families; /* except the creator's: bit (segment_process.family % 64)
					   of each family that attached it or operated on it */
	/* Copied from the slot of `creator_instance`. */
	_Atomic uint64_t creator_start_time;
	_Atomic uint64_t creator_namespace; /* pid namespace of creator_pid */
	_Atomic uint32_t creator_pid;
	_Atomic uint32_t creator_uid;
	_Atomic uint32_t creator_family;
	_Atomic uint32_t creator_program; /* in PROGRAMS, + 1; 0 unknown */
	unsigned char reserved[8];
};

/*
 * A program that created objects: one entry for all processes with the same command line. `claim`
 * works as in struct segment_module.
 */
struct segment_program {
	_Atomic uint64_t claim;
	char comm[16]; /* as in segment_process */
	char exe[160];
	char cmdline[136];
};

/*
 * How often an image operated on a semaphore set or a queue. One pair may have two entries: their
 * counts add up. The recorder empties the entries of an image that has ended.
 */
struct segment_use {
	_Atomic uint64_t claim;      /* id << 32 | kind << 30 | instance; 0 free */
	_Atomic uint64_t count[2];   /* successful: semop and semtimedop; msgsnd, msgrcv */
	_Atomic uint64_t seen_clock; /* of the first of them */
};
#define SEGMENT_USE_KIND_SHIFT 30 /* instances are lower than 1 << 30 */

/*
 * A call that has not returned: semop, semtimedop, msgsnd, msgrcv. Most return at once, and their
 * entry is free again. The entry of a thread that was killed stays until its image has ended.
 */
struct segment_wait {
	_Atomic uint64_t claim;       /* instance << 32 | tid; 0 free */
	_Atomic uint64_t since_clock; /* written last; 0: the words below are not valid */
	_Atomic uint64_t object;      /* id << 32 | kind << 8 | enum segment_call */
	/*
	 * semop: nsops << 32 | semnum << 16 | bits of sem_op, of the only operation that can wait;
	 * nsops 0: it could not be read, or there are several. msgrcv: bits of msgtyp.
	 */
	_Atomic uint64_t operation;
	_Atomic uint64_t frame; /* the caller's canonical frame address */
	unsigned char reserved[24];
};

/*
 * A loaded file that a frame lies in: one entry for all processes that have it. `claim` is a hash
 * of the content with the state in its two lowest bits: 0 free, 1 being filled in, 2 ready. Two
 * processes that add the same file at once may both leave an entry: readers compare the content.
 */
enum { MODULE_BUSY = 1, MODULE_READY = 2, MODULE_STATE = 3 };
struct segment_module {
	_Atomic uint64_t claim;  /* in a recording: its number + 1 */
	uint32_t build_id_bytes; /* 0: the file has none */
	unsigned char build_id[20];
	char path[224]; /* path as the loader knows it, NUL-terminated, cut to fit */
};

/*
 * One frame of call stacks, with all its outer frames by `parent`. Stacks with the same outer
 * frames share these entries. A stack is named by the index + 1 of its innermost frame; 0 ends
 * every stack. `outer` is parent << 32 | module + 1; the compare-and-swap that sets it takes the
 * entry. `offset` is written after it, and is 0 until then. An entry never changes again. Open
 * addressing by content. The same frame may have two entries when two threads add it at once.
 */
struct segment_frame {
	_Atomic uint64_t outer;
	_Atomic uint64_t offset; /* pc - load address + 1, and the flags below */
};

#define SEGMENT_FRAME_EXACT (1ull << 63) /* not a return address: a signal interrupted here */
#define SEGMENT_FRAME_CUT (1ull << 62)   /* the outermost frame recorded; the stack has more */
#define SEGMENT_FRAME_OFFSET (SEGMENT_FRAME_CUT - 1)
#define SEGMENT_FRAME_NOWHERE 0xffffffffu /* as module + 1: in no module; offset: address + 1 */

/*
 * The load address of a module in a process. A child of fork has its parent's. `whose` is written
 * last.
 */
struct segment_load {
	_Atomic uint64_t whose; /* instance << 32 | module + 1 */
	uint64_t address;       /* load address: pc = address + offset */
};

/* The ring of one CPU. `head` is its next claim number; it starts at first_claim. */
struct segment_ring {
	_Atomic uint64_t head;
	unsigned char pad[120]; /* two cache lines, because the prefetcher fetches pairs */
};

/* Bits of segment_event.flags. */
enum {
	EVENT_FAILED = 1u << 0,    /* detail is the errno */
	EVENT_LIBC_ONLY = 1u << 1, /* libc refused it: the kernel never saw it */
	EVENT_MALLOC = 1u << 2,    /* origin: libc's allocator made the call */
	EVENT_RAW = 1u << 3,       /* made through syscall(2): the result of brk is the kernel's */
	EVENT_ASKED = 1u << 4,     /* shmat: the caller gave an address, see detail */
	EVENT_INHERITED = 1u << 5, /* shmdt: the attachment was copied by fork */
	EVENT_SHMID_KNOWN = 1u << 6, /* shmdt: shmid is known */
	EVENT_OWNER_KNOWN = 1u << 7, /* IPC_SET: mode, uid and gid were set to these */
	/* mremap: the bits of its flags argument, from this bit on. */
	EVENT_MREMAP_SHIFT = 4,
	EVENT_MREMAP_ODD = 1u << 7, /* it has other bits, so it failed: u.mremap.result is the
				       whole argument */
};

/*
 * One event, one cache line. `published` is segment_published(claim number), written last.
 *
 *  0 published  8 clock  16 process  20 tid  24 stack  28 kind  29 flags  30 detail  32 u[32]
 */
struct segment_event {
	_Atomic uint64_t published;
	uint64_t clock;
	uint32_t process; /* instance */
	int32_t tid;      /* as the thread sees itself */
	uint32_t stack;   /* STACKS: index + 1 of the innermost frame; 0 none */
	uint8_t kind;     /* enum segment_call */
	uint8_t flags;
	uint16_t detail; /* EVENT_FAILED: errno; shmat with EVENT_ASKED: address asked for - address
			    returned */
	union {
		struct {
			uint64_t argument; /* brk: addr; sbrk: increment (int64_t) */
			uint64_t before;   /* the break */
			uint64_t after;
			uint64_t result; /* sbrk: libc's break before the call, so that the kernel
					    was asked for result + argument; EVENT_RAW: the kernel's
					    result */
		} brk;
		struct {
			int32_t key;
			uint32_t flags;
			uint64_t size;
			int32_t shmid; /* result, -1 when failed */
		} shmget;
		struct {
			int32_t shmid;
			uint32_t flags;
			uint64_t address; /* result; when failed: the address asked for */
			uint64_t before;  /* the break */
			uint64_t after;
		} shmat;
		struct {
			int32_t shmid; /* if EVENT_SHMID_KNOWN */
			uint32_t pad;
			uint64_t address; /* argument */
			uint64_t before;  /* the break */
			uint64_t after;
		} shmdt;
		struct {
			int32_t shmid;
			int32_t command; /* as the caller gave it, IPC_64 included */
			uint64_t buffer; /* address in the target; no reader dereferences it */
			int32_t result;
			uint32_t mode, uid, gid; /* if EVENT_OWNER_KNOWN */
		} shmctl;
		struct {
			int32_t key;
			uint32_t flags;
			uint64_t nsems; /* msgget: 0 */
			int32_t id;     /* result, -1 when failed */
		} get;                  /* semget, msgget */
		struct {
			int32_t semid, semnum, command;
			int32_t result;
			uint32_t mode, uid, gid; /* if EVENT_OWNER_KNOWN */
			int32_t value;           /* argument of SETVAL, else 0 */
		} semctl;
		struct {
			int32_t msqid, command;
			uint64_t buffer; /* address in the target */
			int32_t result;
			uint32_t mode, uid, gid; /* if EVENT_OWNER_KNOWN */
		} msgctl;
		struct {
			int32_t semid;
			int32_t semnum; /* as in segment_wait; -1 unknown */
			int32_t op;
			int32_t pad;
			uint64_t nsops;
			uint64_t timed; /* semtimedop: 1 if it has a timeout */
		} semop;
		struct {
			int32_t msqid;
			int32_t flags;
			uint64_t size; /* msgsz */
			int64_t type;  /* msgrcv: msgtyp */
		} message;             /* msgsnd, msgrcv */
		struct {
			uint64_t address; /* result; when failed: the address asked for */
			uint64_t length;
			uint64_t asked; /* address argument */
			uint32_t protection;
			uint32_t flags;
		} mmap; /* EVENT_MALLOC: libc itself made the call */
		struct {
			uint64_t address, length;
			uint64_t protection; /* munmap: 0 */
			uint64_t pad;
		} range; /* munmap, mprotect */
		struct {
			uint64_t address, old_length, new_length;
			uint64_t result; /* when failed: the new address asked for, 0 none; see
					    EVENT_MREMAP_ODD */
		} mremap;
		struct {
			int32_t status;     /* exit: exit status, -1 unknown */
			int32_t signal;     /* exit: 0 none */
			uint32_t inherited; /* fork: attachments copied; exec, exit: attachments
					       dropped */
			uint32_t other;  /* fork: the parent's instance; exec: the new instance */
			uint64_t before; /* the break */
		} life;
		uint64_t word[4];
	} u;
};

#define SEGMENT_ASSERT(what) _Static_assert(what, #what)
SEGMENT_ASSERT(sizeof(struct segment_header) == SEGMENT_HEADER_BYTES);
SEGMENT_ASSERT(offsetof(struct segment_header, region) == 48);
SEGMENT_ASSERT(offsetof(struct segment_header, ipc_namespace_id) == 2608);
SEGMENT_ASSERT(sizeof(struct segment_shared) == 4096);
SEGMENT_ASSERT(offsetof(struct segment_shared, next_instance) == 64);
SEGMENT_ASSERT(offsetof(struct segment_shared, lost) == 128);
SEGMENT_ASSERT(sizeof(struct segment_process) == 1384);
SEGMENT_ASSERT(offsetof(struct segment_process, family) == 116);
SEGMENT_ASSERT(offsetof(struct segment_process, state) == 128);
SEGMENT_ASSERT(sizeof(struct segment_attachment) == 32);
SEGMENT_ASSERT(sizeof(struct segment_entry) == 128);
SEGMENT_ASSERT(offsetof(struct segment_entry, user_families) == 80);
SEGMENT_ASSERT(sizeof(struct segment_program) == 320);
SEGMENT_ASSERT(sizeof(struct segment_use) == 32);
SEGMENT_ASSERT(sizeof(struct segment_wait) == 64);
SEGMENT_ASSERT(sizeof(struct segment_module) == 256);
SEGMENT_ASSERT(sizeof(struct segment_frame) == 16);
SEGMENT_ASSERT(sizeof(struct segment_load) == 16);
SEGMENT_ASSERT(sizeof(struct segment_ring) == 128);
SEGMENT_ASSERT(sizeof(struct segment_event) == 64);
SEGMENT_ASSERT(offsetof(struct segment_event, u) == 32);
SEGMENT_ASSERT(LOSS_COUNT <= 16);
SEGMENT_ASSERT(REGION_COUNT <= REGION_ROOM);

#endif
