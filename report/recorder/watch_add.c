/* SPDX-License-Identifier: MIT */
#include "report/recorder/watch_add.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "report/procfs/proc.h"
#include "report/procfs/timens.h"
#include "report/recorder/caller_snapshot.h"
#include "report/recorder/identity.h"
#include "report/recorder/slots.h"
#include "report/recorder/watch_struct.h"
#include "report/util/array.h"

#define INSTANCES_MOST (1u << 22) /* a reader does not believe higher numbers */

/* False when it is in the set already, when no reader would believe it, or without memory. */
static bool instance_set_add(struct instance_set *set, uint32_t instance)
{
	uint32_t place = instance / 64;
	uint64_t bit = 1ull << instance % 64;

	if (instance >= INSTANCES_MOST ||
	    !ARRAY_RESERVE_ZEROED(set->bits, set->capacity, place + 1) || set->bits[place] & bit)
		return false;
	set->bits[place] |= bit;
	return true;
}

static bool is_command(const struct watch *watch, const struct drain_process *image)
{
	return image->pid == watch->command && image->start_time != 0 &&
	       image->start_time == watch->command_start_time;
}

/*
 * The pid in the recorder's namespace; 0: not found. If the pidfd was opened by pid, it was opened
 * before this check. So if a process with the image's start time exists now, the pidfd is its own.
 * If /proc does not show the process (its parent has waited, or it is another user's), the pidfd
 * alone decides. COMMAND is known even if it ended before its registration was read.
 */
static pid_t find_process(const struct watch *watch, struct registration *registration)
{
	const struct drain_process *image = &registration->image;
	pid_t pid = registration->pid > 0 ? registration->pid : image->pid;
	struct proc_facts facts;
	bool is_other;

	if (is_command(watch, image))
		return image->pid;
	if (registration->proof == DRAIN_BY_PEER_PIDFD)
		return registration->pid;
	if (image->other_pid_namespace &&
	    registration->pid <= 0) /* watch_scan_compare may find it */
		return 0;
	if (proc_facts(pid, &facts))
		is_other = image->start_time != 0 &&
			   !timens_same_start(pid, facts.start_time, image->start_time);
	else
		is_other = registration->fd < 0;
	if (is_other && registration->fd >= 0) {
		close(registration->fd);
		registration->fd = -1;
	}
	return is_other ? 0 : pid;
}

/* Retires the previous image of the same process. A new image without a pidfd takes over its. */
static void watch_replace(struct watch *watch, struct registration *registration, pid_t *pid)
{
	const struct drain_process *next = &registration->image;
	struct watched *w = watched_find(watch,
					 *pid > 0 || next->other_pid_namespace ? *pid : next->pid);
	pid_t old_pid;
	int fd;

	if (!w || w->instance > next->instance ||
	    (w->image.start_time != next->start_time &&
	     !(next->other_pid_namespace && next->start_time == 0)))
		return;
	if (!drain_was_replaced(watch->drain, &w->image)) {
		/* Without /proc, the image could not find its predecessor; but it connected. */
		if (!next->other_pid_namespace || next->forked || registration->pid <= 0)
			return;
		drain_leave(watch->drain, &w->image, drain_now(watch->drain));
		w->left = true;
	}
	old_pid = w->pid;
	fd = watched_end_by_exec(watch, w);
	if (registration->fd < 0 && fd >= 0) {
		registration->fd = fd;
		*pid = old_pid;
	} else if (fd >= 0) {
		close(fd);
	}
}

/* A child of fork has the same start of the break as its parent. */
static void inherit_break(struct watch *watch, struct drain_process *image)
{
	struct watched *parent;

	HASH_FIND(hh, watch->table, &image->parent_instance, sizeof image->parent_instance, parent);
	if (image->forked && image->start_break == 0 && parent)
		image->start_break = parent->image.start_break;
}

/* The image has been replaced already: records this as its end. */
static void record_replaced(const struct watch *watch, const struct registration *registration,
			    const struct drain_identity *identity)
{
	struct drain_identity_end end = {.replaced = true, .how = DRAIN_GONE, .status = -1};

	drain_retire(watch->drain, &registration->image, DRAIN_GONE, -1, 0);
	if (identity->proof)
		drain_identify(watch->drain, registration->image.instance, identity, &end);
}

/*
 * Watches the image. True: it has taken over the pidfd. `pid` is 0 where the process was not found.
 */
static bool begin_to_watch(struct watch *watch, struct registration *registration, pid_t pid,
			   const struct drain_identity *identity)
{
	struct watched *w = calloc(1, sizeof *w);

	if (!w)
		return false;
	*w = (struct watched){.image = registration->image, .identity = *identity, .fd = -1};
	w->instance = registration->image.instance;
	HASH_ADD(hh, watch->table, instance, sizeof w->instance, w);
	if (w->unhashed) {
		free(w); /* its slot is read at the end */
		return false;
	}
	watch->by_slot[w->image.slot] = w;
	if (pid <= 0)
		return false;
	watched_hold(watch, w, pid, registration->fd);
	if (identity->proof)
		drain_identify(watch->drain, w->instance, identity, NULL);
	return true;
}

/*
 * The recorder frees a slot before the next image takes it, and each instance registers once. If
 * that does not hold, a process forged the slot: it gets no descriptor, no memory, and no other
 * image's identity.
 */
static bool is_forged(struct watch *watch, const struct drain_process *image)
{
	return watch->by_slot[image->slot] != NULL ||
	       !instance_set_add(&watch->registered_instances, image->instance);
}

/* Also for a process that has ended: the tree need not report it as unfollowed. */
static void watch_report_registration(const struct watch *watch, const struct drain_process *image,
				      pid_t pid)
{
	if (pid <= 0 && !image->other_pid_namespace)
		pid = image->pid;
	if (pid > 0 && watch->registered)
		watch->registered(watch->context, pid, image);
}

void watch_add(struct watch *watch, struct registration *registration)
{
	struct drain_identity identity;
	pid_t pid;

	if (is_forged(watch, &registration->image)) {
		if (registration->fd >= 0)
			close(registration->fd);
		return;
	}
	watch->added_count++;
	pid = find_process(watch, registration);
	identity_verify(&identity, watch->drain, registration, pid,
			is_command(watch, &registration->image) && !watch->command_ended);
	if (pid > 0) /* even if it has called execve(2) since */
		drain_know_pid(watch->drain, &registration->image, pid);
	if (pid > 0)
		drain_note_limits(watch->drain, &registration->image, pid);
	inherit_break(watch, &registration->image);
	watch_report_registration(watch, &registration->image, pid);
	watch_replace(watch, registration, &pid);
	if (drain_was_replaced(watch->drain, &registration->image)) {
		record_replaced(watch, registration, &identity);
	} else if (begin_to_watch(watch, registration, pid, &identity)) {
		return;
	}
	if (registration->fd >= 0)
		close(registration->fd);
}
