/* SPDX-License-Identifier: MIT */
/*
 * Who registers. A process may live for a fraction of a millisecond after it has registered, and
 * its end can only be learned from a pidfd of it. The one of a process that called on the recorder
 * can be had at any time, if the kernel keeps it; any other's must be opened before its parent has
 * waited for it. So a thread does nothing else: it sleeps on the futex that registrations wake,
 * takes the pidfd, and queues for the main thread. Where processes come one after the other, and
 * have called, it looks by itself every 250 us: to be woken costs a process's start 20 us.
 *
 * Where a limit allows no thread (RLIMIT_NPROC counts it as a process), the main thread looks.
 */
#ifndef MEMSHIM_RECORDER_REGISTRATIONS_H
#define MEMSHIM_RECORDER_REGISTRATIONS_H

#include "report/recorder/drain.h"

/*
 * One image. Its pid is its own name for itself: in another pid namespace, or once the process has
 * ended, that may be somebody else; and then so is `fd`, unless the process called.
 */
struct registration {
	struct drain_process image;
	pid_t pid; /* as seen here, of one that called; 0 unknown */
	int fd;    /* a pidfd, the taker's to close; -1: none */
	uid_t uid; /* effective, of one that called */
	enum drain_proof
		proof; /* that the call was this image's; DRAIN_UNPROVED: it did not call */
};

struct registrations;

/* Starts the thread; null with errno set. `drain` must outlive it. */
struct registrations *registrations_start(struct drain *drain);

/* Whether there is no thread: then registrations_turn looks, and must be called every millisecond.
 */
bool registrations_need_turns(const struct registrations *registrations);
void registrations_turn(struct registrations *registrations);

/* A descriptor that is readable while something is queued. */
int registrations_fd(const struct registrations *registrations);

/* Takes the next one off the queue; false when it is empty. */
bool registrations_take(struct registrations *registrations, struct registration *registration);

/*
 * Has the thread look at once, and make registrations_fd readable when it has: then everything that
 * had registered by now is queued, and registrations_have_looked is true.
 */
void registrations_look(struct registrations *registrations);
bool registrations_have_looked(const struct registrations *registrations);

/* Ends the thread; the queue stays, with everything that has registered until now. */
void registrations_stop(struct registrations *registrations);

void registrations_free(struct registrations *registrations);

#endif
