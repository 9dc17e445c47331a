/* SPDX-License-Identifier: MIT */
#include "report/recorder/registrations.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report/recorder/peer_socket.h"
#include "report/recorder/session_create.h"
#include "report/recorder/slots.h"
#include "report/util/array.h"

#define BATCH 64 /* registrations in one step */
#define POLLS 80 /* of 250 us after the last registration */
#define STACK_BYTES (128u << 10)
#define OWN_DESCRIPTORS 64

struct registrations {
	struct drain *drain;
	struct peer_socket *socket; /* null: none could be opened */
	uint32_t slots;
	int descriptors; /* the recorder keeps those from this number on */
	pthread_t thread;
	bool has_thread;
	_Atomic bool stop;
	_Atomic unsigned asked, answered; /* scans: requested, and done for a request */
	int fd;
	pthread_mutex_t lock; /* for the queue: */
	bool *queued;         /* by slot */
	struct registration *queue;
	size_t taken, count, capacity;
};

/* False when there is no memory: the image is not watched, and its slot is read at the end. */
static bool registration_enqueue(struct registrations *a, const struct registration *registration)
{
	if (a->taken == a->count)
		a->taken = a->count = 0;
	if (!ARRAY_RESERVE(a->queue, a->capacity, a->count + 1))
		return false;
	a->queue[a->count++] = *registration;
	return true;
}

/*
 * Any process on this machine can connect. A peer that claims to be this image is believed if it
 * has the pid in the image's slot. In another pid namespace the pids differ; such a peer is
 * believed if it has the recorder's own uid.
 */
static bool registration_is_believed(const struct peer *peer, const struct drain_process *image)
{
	if (peer->pid <= 0 || peer->fd < 0)
		return false;
	return peer->pid == image->pid || (image->other_pid_namespace && peer->uid == geteuid());
}

static bool has_called(struct registrations *a, struct registration *registration)
{
	struct peer peer;

	while (a->socket && peer_socket_take(a->socket, registration->image.instance, &peer)) {
		if (registration_is_believed(&peer, &registration->image)) {
			registration->pid = peer.pid;
			registration->fd = peer.fd;
			registration->uid = peer.uid;
			registration->proof = peer.by_pid ? DRAIN_BY_PEER_CRED
							  : DRAIN_BY_PEER_PIDFD;
			return true;
		}
		if (peer.fd >= 0)
			close(peer.fd);
	}
	return false;
}

/* False when the main thread cannot be notified. */
static bool registration_notify(const struct registrations *a)
{
	uint64_t one = 1;

	return write(a->fd, &one, sizeof one) == sizeof one || errno == EAGAIN;
}

/* -1: none, or only one of the descriptors that the recorder keeps. */
static int open_pidfd(const struct registrations *a, pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < a->descriptors)
		return fd;
	close(fd);
	return -1;
}

/*
 * Whether an image of this slot is queued: the next image registers after the recorder has freed
 * the slot. A process that overwrites the slot's word again and again does not grow the queue.
 */
static bool is_queued(struct registrations *a, uint32_t slot)
{
	bool queued;

	pthread_mutex_lock(&a->lock);
	queued = a->queued[slot];
	pthread_mutex_unlock(&a->lock);
	return queued;
}

static void registration_add(struct registrations *a, const struct drain_process *image)
{
	struct registration registration = {.image = *image};
	bool queued;

	if (is_queued(a, image->slot))
		return;
	if (!has_called(a, &registration))
		registration.fd = image->other_pid_namespace ? -1 : open_pidfd(a, image->pid);
	pthread_mutex_lock(&a->lock);
	queued = registration_enqueue(a, &registration);
	a->queued[image->slot] = queued;
	pthread_mutex_unlock(&a->lock);
	if (!queued && registration.fd >= 0)
		close(registration.fd);
}

/* Queues all new images, each slot once; false when there were none. */
static bool registration_gather(struct registrations *a)
{
	struct drain_process found[BATCH];
	unsigned count;
	bool some = false;

	for (uint32_t taken = 0; taken <= a->slots; taken += BATCH) {
		count = drain_registrations(a->drain, found, BATCH);
		/* After drain_registrations: an image connects before its slot shows it. */
		if (a->socket && !peer_socket_collect(a->socket)) {
			drain_put_back(a->drain, found, count);
			return some;
		}
		for (unsigned i = 0; i < count; i++)
			registration_add(a, &found[i]);
		some |= count > 0;
		if ((count > 0 && !registration_notify(a)) || count < BATCH)
			break;
	}
	if (a->socket)
		peer_socket_drop_old(a->socket);
	return some;
}

/* Only a scan that began after the request satisfies it. */
static bool registrations_scan(struct registrations *a)
{
	unsigned asked = atomic_load_explicit(&a->asked, memory_order_acquire);
	bool some = registration_gather(a);

	if (asked != atomic_load_explicit(&a->answered, memory_order_relaxed)) {
		atomic_store_explicit(&a->answered, asked, memory_order_release);
		registration_notify(a);
	}
	return some;
}

/*
 * A registration wakes this thread on a CPU that the process is using, and the process would pay
 * for two context switches. A process that has connected can wait: its pidfd stays available.
 */
static void thread_lower_priority(void)
{
	struct sched_param none = {0};

	if (sched_getscheduler(0) == SCHED_OTHER)
		sched_setscheduler(0, SCHED_BATCH, &none);
}

static void *registration_run(void *context)
{
	struct registrations *a = context;
	bool outlast = a->socket && peer_socket_outlasts_peers(a->socket);
	unsigned polls = 0;
	uint32_t seen = 0;

	thread_lower_priority();

	while (!atomic_load_explicit(&a->stop, memory_order_acquire)) {
		seen = drain_wait(a->drain, seen, polls > 0);
		if (registrations_scan(a) && outlast)
			polls = POLLS;
		else if (polls > 0)
			polls--;
	}
	return NULL;
}

/* The stack is small: RLIMIT_DATA may not allow the default one. */
static bool start_thread(struct registrations *a)
{
	pthread_attr_t attributes;
	bool begun;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	begun = pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0 &&
		pthread_create(&a->thread, &attributes, registration_run, a) == 0;
	pthread_attr_destroy(&attributes);
	return begun;
}

static bool is_member(void *context, pid_t pid)
{
	const struct registrations *a = context;

	return drain_is_member(a->drain, pid);
}

static bool must_stop(void *context)
{
	const struct registrations *a = context;

	return atomic_load_explicit(&a->stop, memory_order_relaxed);
}

static void open_socket(struct registrations *a)
{
	struct peer_socket_options options = {
		.session = drain_session(a->drain),
		.path = drain_registration_path(a->drain),
		.descriptors = a->descriptors,
		.must_stop = must_stop,
		.is_member = is_member,
		.context = a,
	};

	a->socket = peer_socket_open(&options);
}

/* The recorder keeps some descriptors for /proc and for the end of the session. */
static int spare_descriptors(void)
{
	struct rlimit limit;
	int most = INT_MAX;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < INT_MAX)
		most = (int)limit.rlim_cur;
	return most - (most / 4 < OWN_DESCRIPTORS ? most / 4 : OWN_DESCRIPTORS);
}

struct registrations *registrations_start(struct drain *drain)
{
	struct registrations *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->drain = drain;
	a->slots = drain_slot_count(drain);
	a->descriptors = spare_descriptors();
	a->queued = calloc(a->slots, sizeof *a->queued);
	a->fd = a->queued ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	if (a->fd < 0) {
		free(a->queued);
		free(a);
		return NULL;
	}
	pthread_mutex_init(&a->lock, NULL);
	open_socket(a);
	a->has_thread = start_thread(a);
	if (!a->has_thread)
		drain_set_polling(drain);
	return a;
}

bool registrations_need_turns(const struct registrations *a)
{
	return !a->has_thread;
}

void registrations_turn(struct registrations *a)
{
	if (!a->has_thread)
		registrations_scan(a);
}

int registrations_fd(const struct registrations *a)
{
	return a->fd;
}

bool registrations_take(struct registrations *a, struct registration *registration)
{
	uint64_t wakes;
	bool some;

	pthread_mutex_lock(&a->lock);
	some = a->taken < a->count;
	if (some) {
		*registration = a->queue[a->taken++];
		a->queued[registration->image.slot] = false;
	} else if (read(a->fd, &wakes, sizeof wakes) < 0) {
		some = false;
	}
	pthread_mutex_unlock(&a->lock);
	return some;
}

void registrations_request_scan(struct registrations *a)
{
	atomic_fetch_add_explicit(&a->asked, 1, memory_order_release);
	drain_wake(a->drain);
}

bool registrations_have_scanned(const struct registrations *a)
{
	return atomic_load_explicit(&a->answered, memory_order_acquire) ==
	       atomic_load_explicit(&a->asked, memory_order_relaxed);
}

void registrations_stop(struct registrations *a)
{
	atomic_store_explicit(&a->stop, true, memory_order_release);
	if (a->has_thread) {
		drain_wake(a->drain);
		pthread_join(a->thread, NULL);
		a->has_thread = false;
	}
	atomic_store_explicit(&a->stop, false, memory_order_relaxed);
	registration_gather(a);
	/*
	 * Closes the socket before the session: a process that joins later must find no socket to
	 * connect to.
	 */
	if (a->socket)
		peer_socket_close(a->socket);
	a->socket = NULL;
}

void registrations_free(struct registrations *a)
{
	struct registration registration;

	while (registrations_take(a, &registration))
		if (registration.fd >= 0)
			close(registration.fd);
	if (a->socket)
		peer_socket_close(a->socket);
	pthread_mutex_destroy(&a->lock);
	close(a->fd);
	free(a->queued);
	free(a->queue);
	free(a);
}
