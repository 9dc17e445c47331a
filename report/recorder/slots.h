/* SPDX-License-Identifier: MIT */
/*
 * The slots: registrations and ends. A process registers by its word in region INDEX: this word
 * publishes its slot. Only the recorder clears the word again. Also the chunks that other files of
 * this room append: slots, and rows of other tables.
 */
#ifndef MEMSHIM_RECORDER_SLOTS_H
#define MEMSHIM_RECORDER_SLOTS_H

#include "preload/segment/recorded.h"
#include "report/recorder/drain_types.h"

/*
 * Waits until the number of registrations differs from `seen`, at most for a second: other
 * processes can write to this futex word and so lose a wakeup. `polling`: at most for 250 us, and a
 * process that has connected to the peer socket need not wake the recorder. Returns the number of
 * registrations. See drain_wake.
 */
uint32_t drain_wait(struct drain *drain, uint32_t seen, bool polling);

/*
 * No thread waits for registrations: a process that has connected to the peer socket need not wake
 * one.
 */
void drain_set_polling(struct drain *drain);

/* How many slots there are. */
uint32_t drain_slot_count(const struct drain *drain);

/* Whether the process has a slot of the session, is taking one, or descends from this process. */
bool drain_is_member(const struct drain *drain, pid_t pid);

/* Ends the present drain_wait, or the next one. Any thread may call it. */
void drain_wake(struct drain *drain);

/*
 * Finds images that have registered since the last call, in the order of their instances: up to
 * `capacity`; call again when all are used. A later call may report an image after its successor
 * in the same process: see drain_was_replaced.
 */
unsigned drain_registrations(struct drain *drain, struct drain_process *found, unsigned capacity);

/* The next drain_registrations reports them again. */
void drain_put_back(struct drain *drain, const struct drain_process *found, unsigned count);

/*
 * Whether the image of this process that began with `start_break` (struct proc_facts) has
 * registered, whether drain_registrations has reported it or not.
 */
bool drain_has_registered(const struct drain *drain, pid_t pid, uint64_t start_time,
			  uint64_t start_break);

/* Keeps the pid that the process has in the recorder's pid namespace, where that differs. */
void drain_know_pid(struct drain *drain, const struct drain_process *process, pid_t pid);

/* Whether another image has replaced this one in the same process. */
bool drain_was_replaced(const struct drain *drain, const struct drain_process *process);

/*
 * Ends one image: keeps its slot in the recording, with an exit event unless it was replaced, and
 * frees the slot. `status` is of DRAIN_EXITED (-1 unknown), `signal` of DRAIN_KILLED.
 */
void drain_retire(struct drain *drain, const struct drain_process *process, enum drain_how how,
		  int status, int signal);

/* The session's clock. */
uint64_t drain_now(const struct drain *drain);

/*
 * At `clock`, a drain_now, the process of this image executed a program that does not register. The
 * image keeps its slot until it is retired.
 */
void drain_leave(struct drain *drain, const struct drain_process *process, uint64_t clock);

/* If a later image of that process has registered after all, makes `old` its predecessor. */
void drain_link_next(struct drain *drain, const struct drain_process *old);

/* A process that runs without the shim. */
struct drain_unfollowed {
	pid_t pid, ppid;
	unsigned why;    /* enum unfollowed_why */
	uid_t other_uid; /* effective, where the segment is closed to that user; 0 none */
	const char *exe;
};
void drain_append_unfollowed(struct drain *drain, const struct drain_unfollowed *process);

/* Appends one chunk of `count` records. */
void drain_append(struct drain *drain, enum segment_region_kind kind, const void *records,
		  uint32_t record_bytes, uint64_t count);

/* Appends the slots that are still in use. */
void drain_append_slots(struct drain *drain);

#endif
