/* SPDX-License-Identifier: MIT */
/*
 * Copies a live segment into a recording while the programs run: the log, part by part, and the
 * slots of processes that have ended. It also writes to the segment: it ends slots and frees them.
 *
 * One thread calls these functions; a second one may call drain_wait and drain_registrations.
 */
#ifndef MEMSHIM_RECORDER_DRAIN_H
#define MEMSHIM_RECORDER_DRAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct drain;

/* Options of a new session. */
struct drain_options {
	uint64_t log_bytes; /* 0: the default */
	uint32_t stack_depth;
	bool no_follow;
	bool no_compress;
	int fd;                     /* the recording: empty, writable; drain_make takes it over */
	const char *recording_path; /* absolute */
	const char *command;        /* NUL-separated words */
	uint32_t command_bytes;
	pid_t command_pid;
};

/* Why something failed, for error_line. */
struct drain_error {
	char what[512];
	char why[256];
};

/* One image that registered: enough to watch its process. */
struct drain_process {
	uint32_t slot;
	uint32_t instance;
	uint32_t parent_instance;
	bool forked;
	bool other_pid_namespace; /* in another pid namespace, or perhaps: its pid means nothing
				     here */
	pid_t pid;                /* in the process's own pid namespace */
	uint64_t start_time;      /* proc(5) stat field 22; 0 unknown */
	uint64_t start_clock;     /* of its registration */
	uint64_t start_break;     /* stat field 47; 0 unknown, as it is for a child of fork */
};

/* How a process ended, as far as it is known. */
enum drain_how { DRAIN_EXITED, DRAIN_KILLED, DRAIN_GONE };

/* How the recorder verified which process an image is: see struct segment_identity. */
enum drain_proof {
	DRAIN_UNPROVED,
	DRAIN_BY_CHILD,
	DRAIN_BY_PEER_PIDFD,
	DRAIN_BY_PEER_CRED,
	DRAIN_BY_START_TIME,
};

struct drain_identity {
	pid_t pid; /* in the recorder's pid namespace */
	enum drain_proof proof;
	uid_t real_uid, effective_uid; /* (uid_t)-1 unknown */
	uint64_t start_time;           /* proc(5) stat field 22; 0 unknown */
	uint64_t known_clock;          /* a drain_now */
};

struct drain_identity_end {
	bool by_kernel; /* its pidfd or wait(2) reported the end, and not /proc */
	bool replaced;  /* by another image: the process runs on */
	enum drain_how how;
	int status; /* of DRAIN_EXITED, -1 unknown */
	int signal; /* of DRAIN_KILLED */
};

/* Creates the segment in this user's folder and begins the recording. Null on failure. */
struct drain *drain_make(const struct drain_options *wish, struct drain_error *error);

/* The segment's absolute path, for COMMAND's environment. */
const char *drain_segment_path(const struct drain *drain);

/* The session's name, and the path of the peer socket: see preload/common/registration.h. */
const char *drain_session(const struct drain *drain);
const char *drain_registration_path(const struct drain *drain);

/* ---- the log ---- */

/*
 * Appends the events since the last call. Returns how full the fullest part was, 0 to 100 percent.
 */
unsigned drain_log(struct drain *drain);

/* ---- the processes ---- */

/*
 * Waits until the number of registrations differs from `seen`, at most for a second: other
 * processes can write to this futex word and so lose a wakeup. `polling`: at most for 250 us, and a
 * process that has connected to the peer socket need not wake the recorder. Returns the number of
 * registrations. See drain_wake.
 */
uint32_t drain_wait(struct drain *drain, uint32_t seen, bool polling);

/* No thread will wait: a process that has connected to the peer socket need not wake one. */
void drain_attend(struct drain *drain);

/* How many slots there are. */
uint32_t drain_slot_count(const struct drain *drain);

/* Whether the process has, or takes, a slot of the session, or descends from this process. */
bool drain_is_member(const struct drain *drain, pid_t pid);

/* Makes the drain_wait of now, or the next one, return. Any thread may call it. */
void drain_wake(struct drain *drain);

/*
 * Finds images that have registered since the last call, in the order of their instances: up to
 * `capacity`; call again when all are used. A later call may report an image after its successor
 * in the same process: see drain_was_replaced.
 */
unsigned drain_registrations(struct drain *drain, struct drain_process *found, unsigned capacity);

/* The next drain_registrations reports them once more. */
void drain_put_back(struct drain *drain, const struct drain_process *found, unsigned count);

/*
 * Whether the image of this process that began with `start_break` (struct proc_facts) has
 * registered, whether drain_registrations has reported it or not.
 */
bool drain_has_registered(const struct drain *drain, pid_t pid, uint64_t start_time,
			  uint64_t start_break);

/* Keeps the pid that the process has in the recorder's pid namespace, where that differs. */
void drain_know_pid(struct drain *drain, const struct drain_process *process, pid_t pid);

/* Keeps the limits of an image that has just registered; `pid` in the recorder's namespace. */
void drain_note_limits(struct drain *drain, const struct drain_process *process, pid_t pid);

/* Whether another image has replaced this one in the same process. */
bool drain_was_replaced(const struct drain *drain, const struct drain_process *process);

/*
 * Ends one image: keeps its slot in the recording, with an exit event unless it was replaced, and
 * frees the slot. `status` is of DRAIN_EXITED (-1 unknown), `signal` of DRAIN_KILLED.
 */
void drain_retire(struct drain *drain, const struct drain_process *process, enum drain_how how,
		  int status, int signal);

/*
 * Keeps in the recording which process an image is, and how it ended (`end` null: it has not). Rows
 * are gathered: drain_flush_identities writes them.
 */
void drain_identify(struct drain *drain, uint32_t instance, const struct drain_identity *identity,
		    const struct drain_identity_end *end);
void drain_flush_identities(struct drain *drain);

/* The session's clock. */
uint64_t drain_now(const struct drain *drain);

/*
 * At `clock`, a drain_now, the process of this image executed a program that does not register. The
 * image keeps its slot until it is retired.
 */
void drain_leave(struct drain *drain, const struct drain_process *process, uint64_t clock);

/* If a later image of that process has registered after all, makes `old` its predecessor. */
void drain_link_next(struct drain *drain, const struct drain_process *old);

/*
 * The break check: compares the break of each running image with the kernel's, and records those
 * that moved without a call. Takes some 50 us an image.
 */
void drain_compare(struct drain *drain);

/* A process that runs without the shim. */
struct drain_unfollowed {
	pid_t pid, ppid;
	unsigned why;    /* enum unfollowed_why */
	uid_t other_uid; /* effective, where the segment is closed to that user; 0 none */
	const char *exe;
};
void drain_append_unfollowed(struct drain *drain, const struct drain_unfollowed *process);

/* ---- the end ---- */

/* Whether a process has punched holes into the segment: their contents are lost. */
bool drain_was_punched(const struct drain *drain);

/* Whether a process has truncated the segment: the contents of that part are lost. */
bool drain_was_cut(const struct drain *drain);

/*
 * Appends the rest, closes the segment, removes its name, and frees `drain`.
 * Returns 0, or -errno when the recording could not be written whole. `status` and `signal` are
 * COMMAND's.
 */
int drain_finish(struct drain *drain, int status, int signal);

/* COMMAND has not run: removes the segment and frees `drain`. The caller removes the recording. */
void drain_cancel(struct drain *drain);

#endif
