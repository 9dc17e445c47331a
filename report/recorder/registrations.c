/* SPDX-License-Identifier: MIT */
#include "report/recorder/registrations.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report/recorder/peer_socket.h"

#define ROOM 64    /* arrivals taken in at once */
#define ATTENDS 80 /* looks of 250 us after the last arrival */

struct arrivals {
	struct drain *drain;
	struct greetings *greetings; /* null: nobody can call */
	pthread_t thread;
	_Atomic bool stop;
	_Atomic unsigned asked, answered; /* for looks */
	int fd;
	pthread_mutex_t lock; /* over the queue: */
	struct arrival *queue;
	size_t taken, count, room;
};

/* False when there is no memory: the image is not watched, and its slot is read at the end. */
static bool enqueue(struct arrivals *a, const struct arrival *arrival)
{
	if (a->taken == a->count)
		a->taken = a->count = 0;
	if (a->count == a->room) {
		size_t room = a->room ? a->room * 2 : 2 * ROOM;
		struct arrival *queue = realloc(a->queue, room * sizeof *queue);

		if (!queue)
			return false;
		a->queue = queue;
		a->room = room;
	}
	a->queue[a->count++] = *arrival;
	return true;
}

/*
 * Anybody on this machine may call. Who says that it is one of ours is believed if it has our own
 * rights anyway, or has the pid that ours wrote down.
 */
static bool has_called(struct arrivals *a, struct arrival *arrival)
{
	struct greeter who;

	while (a->greetings && greetings_take(a->greetings, arrival->image.instance, &who)) {
		if (who.pid > 0 && who.fd >= 0 &&
		    (who.uid == geteuid() || who.pid == arrival->image.pid)) {
			arrival->pid = who.pid;
			arrival->fd = who.fd;
			arrival->uid = who.uid;
			arrival->proof = DRAIN_BY_PEER_PIDFD;
			return true;
		}
		if (who.fd >= 0)
			close(who.fd);
	}
	return false;
}

/* False when the main thread cannot be told. */
static bool tell(const struct arrivals *a)
{
	uint64_t one = 1;

	return write(a->fd, &one, sizeof one) == sizeof one || errno == EAGAIN;
}

/* Takes in all that is new; false when there was nothing. */
static bool gather(struct arrivals *a)
{
	struct drain_process found[ROOM];
	unsigned count;
	bool some = false;

	do {
		count = drain_arrivals(a->drain, found, ROOM);
		if (a->greetings) /* after: they called before they could be found */
			greetings_collect(a->greetings);
		for (unsigned i = 0; i < count; i++) {
			struct arrival arrival = {.image = found[i]};
			bool queued;

			if (!has_called(a, &arrival))
				arrival.fd = found[i].elsewhere ? -1
								: (int)syscall(SYS_pidfd_open,
									       found[i].pid, 0);
			pthread_mutex_lock(&a->lock);
			queued = enqueue(a, &arrival);
			pthread_mutex_unlock(&a->lock);
			if (!queued && arrival.fd >= 0)
				close(arrival.fd);
		}
		some |= count > 0;
		if (count > 0 && !tell(a))
			break;
	} while (count == ROOM);
	if (a->greetings)
		greetings_drop_old(a->greetings);
	return some;
}

/* A look that was asked for before it began answers; one under way may have been too early. */
static bool look(struct arrivals *a)
{
	unsigned asked = atomic_load_explicit(&a->asked, memory_order_acquire);
	bool some = gather(a);

	if (asked != atomic_load_explicit(&a->answered, memory_order_relaxed)) {
		atomic_store_explicit(&a->answered, asked, memory_order_release);
		tell(a);
	}
	return some;
}

/*
 * The thread that a registration wakes waits for its turn on a CPU that the process is using: that
 * one would pay for the change to us and back. Whoever called can be had later, too.
 */
static void stand_back(void)
{
	struct sched_param none = {0};

	if (sched_getscheduler(0) == SCHED_OTHER)
		sched_setscheduler(0, SCHED_BATCH, &none);
}

static void *run(void *context)
{
	struct arrivals *a = context;
	bool outlast = a->greetings && greetings_outlast_callers(a->greetings);
	unsigned attends = 0;
	uint32_t seen = 0;

	stand_back();

	while (!atomic_load_explicit(&a->stop, memory_order_acquire)) {
		seen = drain_wait(a->drain, seen, attends > 0);
		if (look(a) && outlast)
			attends = ATTENDS;
		else if (attends > 0)
			attends--;
	}
	return NULL;
}

struct arrivals *arrivals_start(struct drain *drain)
{
	struct arrivals *a = calloc(1, sizeof *a);
	int error = ENOMEM;

	if (a) {
		a->drain = drain;
		a->greetings = greetings_open(drain_session(drain), drain_greeting_path(drain));
		pthread_mutex_init(&a->lock, NULL);
		a->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		error = a->fd < 0 ? errno : pthread_create(&a->thread, NULL, run, a);
	}
	if (error == 0)
		return a;
	if (a && a->fd >= 0)
		close(a->fd);
	if (a && a->greetings)
		greetings_close(a->greetings);
	free(a);
	errno = error;
	return NULL;
}

int arrivals_fd(const struct arrivals *a)
{
	return a->fd;
}

bool arrivals_take(struct arrivals *a, struct arrival *arrival)
{
	uint64_t wakes;
	bool some;

	pthread_mutex_lock(&a->lock);
	some = a->taken < a->count;
	if (some)
		*arrival = a->queue[a->taken++];
	else if (read(a->fd, &wakes, sizeof wakes) < 0)
		some = false;
	pthread_mutex_unlock(&a->lock);
	return some;
}

void arrivals_look(struct arrivals *a)
{
	atomic_fetch_add_explicit(&a->asked, 1, memory_order_release);
	drain_wake(a->drain);
}

bool arrivals_have_looked(const struct arrivals *a)
{
	return atomic_load_explicit(&a->answered, memory_order_acquire) ==
	       atomic_load_explicit(&a->asked, memory_order_relaxed);
}

void arrivals_stop(struct arrivals *a)
{
	atomic_store_explicit(&a->stop, true, memory_order_release);
	drain_wake(a->drain);
	pthread_join(a->thread, NULL);
	gather(a);
}

void arrivals_free(struct arrivals *a)
{
	struct arrival arrival;

	while (arrivals_take(a, &arrival))
		if (arrival.fd >= 0)
			close(arrival.fd);
	if (a->greetings)
		greetings_close(a->greetings);
	pthread_mutex_destroy(&a->lock);
	close(a->fd);
	free(a->queue);
	free(a);
}
