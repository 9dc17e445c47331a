/* SPDX-License-Identifier: MIT */
/*
 * The registrations. A process may end a fraction of a millisecond after it has registered, and
 * only its pidfd reports the end. If it has connected to the peer socket, the kernel gives its
 * pidfd at any time. Otherwise the pidfd must be opened before the parent has waited. So a thread
 * does only this: it sleeps on the futex that a registration wakes, opens the pidfd, and queues the
 * image for the main thread. While processes that connect register one after the other, it polls
 * every 250 us: a wakeup would cost a starting process 20 us.
 *
 * If a limit allows no thread (RLIMIT_NPROC counts it as a process), the main thread does this.
 */
#ifndef MEMSHIM_RECORDER_REGISTRATIONS_H
#define MEMSHIM_RECORDER_REGISTRATIONS_H

#include "report/recorder/drain_types.h"

/*
 * One image that registered. image.pid is the pid in its own namespace. In another pid namespace,
 * or after the process has ended, another process may have that pid. Then `fd` may be of that
 * process, too, unless the process connected to the peer socket.
 */
struct registration {
	struct drain_process image;
	pid_t pid;              /* in the recorder's namespace, if it connected; 0 unknown */
	int fd;                 /* a pidfd, the caller closes it; -1: none */
	uid_t uid;              /* effective, if it connected */
	enum drain_proof proof; /* how it is proved that the connection is the image's */
};

struct registrations;

/* Starts the thread; null with errno set. `drain` must outlive it. */
struct registrations *registrations_start(struct drain *drain);

/* Whether there is no thread: then registrations_turn scans; call it every millisecond.
 */
bool registrations_need_turns(const struct registrations *registrations);
void registrations_turn(struct registrations *registrations);

/* A descriptor that is readable while something is queued. */
int registrations_fd(const struct registrations *registrations);

/* Takes the next one off the queue; false when it is empty. */
bool registrations_take(struct registrations *registrations, struct registration *registration);

/*
 * Asks the thread for a scan at once. When it is done, registrations_fd is readable, every image
 * that had registered before this call is queued, and registrations_have_scanned is true.
 */
void registrations_request_scan(struct registrations *registrations);
bool registrations_have_scanned(const struct registrations *registrations);

/* Ends the thread. The queue stays, with every image that has registered until now. */
void registrations_stop(struct registrations *registrations);

void registrations_free(struct registrations *registrations);

#endif
