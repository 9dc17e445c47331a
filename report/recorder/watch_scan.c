/* SPDX-License-Identifier: MIT */
#include "report/recorder/watch_scan.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report/procfs/maps.h"
#include "report/procfs/proc.h"
#include "report/procfs/status.h"
#include "report/procfs/timens.h"
#include "report/recorder/session_create.h"
#include "report/recorder/slots.h"
#include "report/recorder/watch_struct.h"
#include "report/util/now.h"

#define SCAN_NS 10000000ull /* the shortest time between two scans */
#define SCAN_SHARE 20u      /* scans take at most 1/20 of the time */

static bool watch_scan_has_ended(const struct watched *w)
{
	struct proc_facts facts;

	if (proc_facts(w->pid, &facts))
		return facts.state == 'Z' ||
		       (w->image.start_time != 0 &&
			!timens_same_start(w->pid, facts.start_time, w->image.start_time));
	return kill(w->pid, 0) != 0 && errno == ESRCH;
}

/* Whether that process runs the image's program. */
static bool is_process_of(const struct watch *watch, const struct watched *w, pid_t pid,
			  const struct proc_facts *facts)
{
	if (w->image.start_time)
		return timens_same_start(pid, facts->start_time, w->image.start_time);
	return maps_has_file(pid, strrchr(drain_segment_path(watch->drain), '/'));
}

/*
 * Whether execve(2) replaced `old`, an image of the same process, by this one. An image that cannot
 * read /proc knows only the break at its registration: this is the start of the break.
 */
static bool is_successor(const struct watched *old, const struct watched *w,
			 const struct proc_facts *facts)
{
	return w->instance > old->instance && !w->image.forked && facts->start_break != 0 &&
	       w->image.registered_break == facts->start_break &&
	       old->image.registered_break != facts->start_break;
}

/* Ends `old`, unless it is null, and watches this image instead of it. */
static void take_over(struct watch *watch, struct watched *old, struct watched *w, pid_t pid)
{
	int fd;

	drain_know_pid(watch->drain, &w->image, pid);
	if (watch->registered)
		watch->registered(watch->context, pid, &w->image);
	if (old && !old->left)
		drain_leave(watch->drain, &old->image, w->image.start_clock);
	fd = old ? watched_end_by_exec(watch, old) : (int)syscall(SYS_pidfd_open, pid, 0);
	watched_hold(watch, w, pid, fd);
}

/* A process in another pid namespace has another pid in the recorder's. */
static void watch_scan_compare(void *context, pid_t pid)
{
	struct watch *watch = context;
	struct watched *old = watched_find(watch, pid);
	pid_t inner = status_inner_pid(pid);
	struct proc_facts facts;

	if ((old && old->ended) || !proc_facts(pid, &facts))
		return;
	for (struct watched *w = watch->table; w; w = w->hh.next) {
		if (w->pid != 0 || w->image.pid != inner ||
		    (old && !is_successor(old, w, &facts)) || !is_process_of(watch, w, pid, &facts))
			continue;
		take_over(watch, old, w, pid);
		return;
	}
}

/* Whether the process has ended: it does not exist, or /proc shows another process with its pid. */
static bool is_nowhere(const struct watched *w)
{
	struct proc_facts facts;

	return (kill(w->image.pid, 0) != 0 && errno == ESRCH) || proc_facts(w->image.pid, &facts);
}

/*
 * Retires images that were replaced unnoticed, because their successor has another pid in its
 * namespace.
 */
static void retire_replaced(struct watch *watch)
{
	struct watched *w, *next;
	int fd;

	HASH_ITER (hh, watch->table, w, next) {
		if (w->left || !drain_was_replaced(watch->drain, &w->image))
			continue;
		fd = watched_end_by_exec(watch, w);
		if (fd >= 0)
			close(fd);
	}
}

void watch_scan(struct watch *watch)
{
	bool searched = false, missing = false;
	uint64_t began = now_ns();

	if (began < watch->next_scan_ns && !watch->last)
		return;
	retire_replaced(watch);
	for (struct watched *w = watch->table; w; w = w->hh.next)
		missing |= w->pid == 0;
	if (missing)
		searched = proc_each(watch_scan_compare, watch);
	for (struct watched *w = watch->table; w; w = w->hh.next)
		if (w->pid == 0 ? searched && is_nowhere(w)
				: (w->fd < 0 || (w->wait_for_reap && watch->last)) &&
					  watch_scan_has_ended(w))
			watched_note_ended(watch, w);
	watch->next_scan_ns = now_ns() + SCAN_NS + (now_ns() - began) * SCAN_SHARE;
}
