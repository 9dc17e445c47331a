/* SPDX-License-Identifier: MIT */
#include "report/recorder/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->unhashed = true)
#include <uthash.h>

#include "report/util/now.h"
#include "report/procfs/proc.h"
#include "report/procfs/timens.h"
#include "report/recorder/ending.h"

#define LOOK_NS 10000000ull /* at least, between two looks at those that no pidfd tells about */
#define LOOK_SHARE 20u      /* and at most this part of the time */

struct watched {
	struct drain_process image;
	uint32_t instance;  /* key */
	pid_t pid;          /* as seen here; 0: not found yet; key when it is not */
	int fd;             /* -1: looked at now and then */
	bool wait_for_reap; /* ended, but nothing tells how until its parent has waited */
	bool ended;
	uint64_t exec_clock; /* when it was first seen as another program; 0: never */
	bool left;           /* by that exec: the slot is ended, and still the process's */
	bool unhashed;       /* no memory for a table */
	struct watched *next_ended;
	UT_hash_handle hh;
	UT_hash_handle by_pid;
};

struct watch {
	struct drain *drain;
	struct arrivals *arrivals;
	struct watched *table, *pids;
	struct watched *ended;
	int epoll_fd;
	pid_t command;
	uint64_t command_start_time; /* 0 unknown */
	bool command_ended;
	int command_status;
	bool last; /* no later turn will know more */
	uint64_t next_look_ns;
	void (*arrived)(void *context, pid_t pid, uint64_t start_break);
	void *context;
};

struct watch *watch_make(struct drain *drain, struct arrivals *arrivals, pid_t command)
{
	struct watch *watch = calloc(1, sizeof *watch);
	struct proc_facts facts;

	if (!watch)
		return NULL;
	if (proc_facts(command, &facts))
		watch->command_start_time = facts.start_time;
	watch->drain = drain;
	watch->arrivals = arrivals;
	watch->command = command;
	watch->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (watch->epoll_fd >= 0)
		return watch;
	free(watch);
	return NULL;
}

int watch_fd(const struct watch *watch)
{
	return watch->epoll_fd;
}

unsigned watch_count(const struct watch *watch)
{
	return HASH_COUNT(watch->table);
}

static struct watched *find_pid(const struct watch *watch, pid_t pid)
{
	struct watched *w;

	HASH_FIND(by_pid, watch->pids, &pid, sizeof pid, w);
	return w;
}

bool watch_knows(const struct watch *watch, pid_t pid)
{
	return find_pid(watch, pid) != NULL;
}

void watch_each(const struct watch *watch,
		void (*visit)(void *context, pid_t pid, uint64_t start_break), void *context)
{
	for (struct watched *w = watch->table; w; w = w->hh.next)
		if (w->pid > 0)
			visit(context, w->pid, w->image.start_break);
}

void watch_note_exec(struct watch *watch, pid_t pid, bool surely)
{
	struct watched *w = find_pid(watch, pid);

	if (!w)
		return;
	if (!w->exec_clock)
		w->exec_clock = drain_now(watch->drain);
	if (!surely || w->left)
		return;
	w->left = true;
	drain_leave(watch->drain, &w->image, w->exec_clock);
}

void watch_on_arrival(struct watch *watch,
		      void (*arrived)(void *context, pid_t pid, uint64_t start_break),
		      void *context)
{
	watch->arrived = arrived;
	watch->context = context;
}

/* ---- who has come ---- */

static void hold(struct watch *watch, struct watched *w, pid_t pid, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = w->instance};

	w->pid = pid;
	w->fd = fd;
	HASH_ADD(by_pid, watch->pids, pid, sizeof w->pid, w);
	if (w->unhashed) {
		w->unhashed = false;
		w->pid = 0; /* looked for again */
	}
	if (w->fd >= 0 && epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, w->fd, &event) != 0) {
		close(w->fd);
		w->fd = -1;
	}
	if (watch->arrived)
		watch->arrived(watch->context, pid, w->image.start_break);
}

static void let_go(struct watch *watch, struct watched *w)
{
	if (w->pid > 0)
		HASH_DELETE(by_pid, watch->pids, w);
	HASH_DEL(watch->table, w);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

void watch_free(struct watch *watch)
{
	struct watched *w, *next;

	HASH_ITER (hh, watch->table, w, next) {
		let_go(watch, w);
	}
	close(watch->epoll_fd);
	free(watch);
}

/*
 * Which process it is, as seen here; 0: not found. Of one that did not call, the pidfd was opened
 * before this look, so a process with the image's start time that is still there is the pidfd's.
 * Where /proc does not show it (it has been waited for, or is another user's) the pidfd alone must
 * do. COMMAND is known even when it has been waited for before its arrival was heard of.
 */
static pid_t find_process(const struct watch *watch, struct arrival *arrival)
{
	const struct drain_process *image = &arrival->image;
	struct proc_facts facts;
	bool is_other;

	if (image->pid == watch->command && image->start_time != 0 &&
	    image->start_time == watch->command_start_time)
		return image->pid;
	if (arrival->pid > 0)
		return arrival->pid;
	if (image->elsewhere) /* compare may find it */
		return 0;
	if (proc_facts(image->pid, &facts))
		is_other = image->start_time != 0 &&
			   !timens_same_start(image->pid, facts.start_time, image->start_time);
	else
		is_other = arrival->fd < 0;
	if (is_other && arrival->fd >= 0) {
		close(arrival->fd);
		arrival->fd = -1;
	}
	return is_other ? 0 : image->pid;
}

/* The image before this one, in the same process. A late image takes over its pidfd. */
static void replace(struct watch *watch, struct arrival *arrival, pid_t *pid)
{
	const struct drain_process *next = &arrival->image;
	struct watched *w = find_pid(watch, *pid > 0 || next->elsewhere ? *pid : next->pid);

	if (!w || w->instance > next->instance ||
	    (w->image.start_time != next->start_time &&
	     !(next->elsewhere && next->start_time == 0)))
		return;
	if (!drain_was_replaced(watch->drain, &w->image)) {
		/* From where /proc is hidden it could not know its predecessor; it called. */
		if (!next->elsewhere || next->forked || arrival->pid <= 0)
			return;
		drain_leave(watch->drain, &w->image, drain_now(watch->drain));
		w->left = true;
	}
	if (w->left)
		drain_link_next(watch->drain, &w->image);
	drain_retire(watch->drain, &w->image, DRAIN_GONE, -1, 0);
	if (arrival->fd < 0 && w->fd >= 0) {
		epoll_ctl(watch->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
		arrival->fd = w->fd;
		*pid = w->pid;
		w->fd = -1;
	}
	let_go(watch, w);
}

/* A child of fork has its parent's. */
static void inherit_break(struct watch *watch, struct drain_process *image)
{
	struct watched *parent;

	HASH_FIND(hh, watch->table, &image->parent_instance, sizeof image->parent_instance, parent);
	if (image->forked && image->start_break == 0 && parent)
		image->start_break = parent->image.start_break;
}

static void add(struct watch *watch, struct arrival *arrival)
{
	pid_t pid = find_process(watch, arrival);
	struct watched *w;

	if (pid > 0) /* also where it has executed another meanwhile */
		drain_know_pid(watch->drain, &arrival->image, pid);
	inherit_break(watch, &arrival->image);
	replace(watch, arrival, &pid);
	if (drain_was_replaced(watch->drain, &arrival->image)) {
		drain_retire(watch->drain, &arrival->image, DRAIN_GONE, -1, 0);
	} else if ((w = calloc(1, sizeof *w))) {
		*w = (struct watched){.image = arrival->image, .fd = -1};
		w->instance = arrival->image.instance;
		HASH_ADD(hh, watch->table, instance, sizeof w->instance, w);
		if (w->unhashed) {
			free(w); /* its slot is read at the end */
		} else if (pid > 0) {
			hold(watch, w, pid, arrival->fd);
			return;
		}
	}
	if (arrival->fd >= 0)
		close(arrival->fd);
}

/* ---- who has ended ---- */

static void note_ended(struct watch *watch, struct watched *w)
{
	if (w->ended)
		return;
	w->ended = true;
	w->next_ended = watch->ended;
	watch->ended = w;
}

/* What became of the process is not what became of an image that an exec ended. */
static void retire(struct watch *watch, struct watched *w, enum drain_how how, int status,
		   int signal)
{
	if (w->left)
		drain_link_next(watch->drain, &w->image);
	else if (w->exec_clock)
		drain_leave(watch->drain, &w->image, w->exec_clock);
	drain_retire(watch->drain, &w->image, how, status, signal);
	let_go(watch, w);
}

static void retire_by_status(struct watch *watch, struct watched *w, int status)
{
	if (WIFEXITED(status))
		retire(watch, w, DRAIN_EXITED, WEXITSTATUS(status), 0);
	else
		retire(watch, w, DRAIN_KILLED, -1, WTERMSIG(status));
}

static void settle(struct watch *watch, struct watched *w)
{
	struct epoll_event event = {.events = 0, .data.u32 = w->instance};
	enum ending ending;
	int status;

	w->ended = false;
	if (w->pid > 0 && w->pid == watch->command) {
		if (watch->command_ended)
			retire_by_status(watch, w, watch->command_status);
		return;
	}
	ending = ending_ask(w->pid, w->image.start_time, w->fd, &status);
	if (ending == ENDING_KNOWN) {
		retire_by_status(watch, w, status);
	} else if (ending == ENDING_LATER && !w->wait_for_reap && !watch->last) {
		/* Nothing asked for, EPOLLHUP is still told. */
		w->wait_for_reap = true;
		epoll_ctl(watch->epoll_fd, EPOLL_CTL_MOD, w->fd, &event);
	} else {
		retire(watch, w, DRAIN_GONE, -1, 0);
	}
}

/* True when there may be more. */
static bool collect_from_pidfds(struct watch *watch)
{
	struct epoll_event events[64];
	int count = epoll_wait(watch->epoll_fd, events, 64, 0);

	for (int i = 0; i < count; i++) {
		struct watched *w;
		uint32_t instance = events[i].data.u32;

		HASH_FIND(hh, watch->table, &instance, sizeof instance, w);
		if (w)
			note_ended(watch, w);
	}
	return count == 64;
}

/* ---- those without a pidfd ---- */

static bool has_ended(const struct watched *w)
{
	struct proc_facts facts;

	if (proc_facts(w->pid, &facts))
		return facts.state == 'Z' ||
		       (w->image.start_time != 0 &&
			!timens_same_start(w->pid, facts.start_time, w->image.start_time));
	return kill(w->pid, 0) != 0 && errno == ESRCH;
}

/* A process in another pid namespace goes by another name here. */
static void compare(void *context, pid_t pid)
{
	pid_t inner = proc_inner_pid(pid);
	struct watch *watch = context;
	struct proc_facts facts;

	if (find_pid(watch, pid) || !proc_facts(pid, &facts))
		return;
	for (struct watched *w = watch->table; w; w = w->hh.next) {
		if (w->pid != 0 || w->image.pid != inner ||
		    !(w->image.start_time
			      ? timens_same_start(pid, facts.start_time, w->image.start_time)
			      : proc_maps(pid, strrchr(drain_segment_path(watch->drain), '/'))))
			continue;
		drain_know_pid(watch->drain, &w->image, pid);
		hold(watch, w, pid, (int)syscall(SYS_pidfd_open, pid, 0));
	}
}

/* Nowhere to be seen, and nobody there whom /proc might hide: it has ended. */
static bool is_nowhere(const struct watched *w)
{
	struct proc_facts facts;

	return (kill(w->image.pid, 0) != 0 && errno == ESRCH) || proc_facts(w->image.pid, &facts);
}

/* Whose place was taken unnoticed: the image that did it goes by another pid here. */
static void retire_replaced(struct watch *watch)
{
	struct watched *w, *next;

	HASH_ITER (hh, watch->table, w, next) {
		if (!w->left && drain_was_replaced(watch->drain, &w->image))
			retire(watch, w, DRAIN_GONE, -1, 0);
	}
}

static void look(struct watch *watch)
{
	bool searched = false, missing = false;
	uint64_t began = now_ns();

	if (began < watch->next_look_ns && !watch->last)
		return;
	retire_replaced(watch);
	for (struct watched *w = watch->table; w; w = w->hh.next)
		missing |= w->pid == 0;
	if (missing)
		searched = proc_each(compare, watch);
	for (struct watched *w = watch->table; w; w = w->hh.next)
		if (w->pid == 0 ? searched && is_nowhere(w)
				: (w->fd < 0 || (w->wait_for_reap && watch->last)) && has_ended(w))
			note_ended(watch, w);
	watch->next_look_ns = now_ns() + LOOK_NS + (now_ns() - began) * LOOK_SHARE;
}

/* ---- both ---- */

void watch_command_ended(struct watch *watch, int wait_status)
{
	watch->command_ended = true;
	watch->command_status = wait_status;
}

static void settle_all(struct watch *watch)
{
	while (watch->ended) {
		struct watched *w = watch->ended;

		watch->ended = w->next_ended;
		settle(watch, w);
	}
}

void watch_turn(struct watch *watch)
{
	struct arrival arrival;
	struct watched *command;
	bool more;

	while (arrivals_take(watch->arrivals, &arrival))
		add(watch, &arrival);
	look(watch);
	command = find_pid(watch, watch->command);
	if (command && watch->command_ended)
		note_ended(watch, command);
	do {
		more = collect_from_pidfds(watch);
		settle_all(watch);
	} while (more);
}

void watch_last_turn(struct watch *watch)
{
	watch->last = true;
	watch_turn(watch);
}
