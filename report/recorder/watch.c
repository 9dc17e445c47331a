/* SPDX-License-Identifier: MIT */
#include "report/recorder/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/procfs/proc.h"
#include "report/procfs/timens.h"
#include "report/recorder/identity.h"
#include "report/recorder/jit_names.h"
#include "report/recorder/slots.h"
#include "report/recorder/usage.h"
#include "report/recorder/watch_add.h"
#include "report/recorder/watch_scan.h"
#include "report/recorder/watch_struct.h"

#define TAKEN_MOST 8192u /* registrations in one turn */

struct watch *watch_make(struct drain *drain, struct registrations *registrations, pid_t command)
{
	struct watch *watch = calloc(1, sizeof *watch);
	struct proc_facts facts;

	if (!watch)
		return NULL;
	if (proc_facts(command, &facts))
		watch->command_start_time = facts.start_time;
	watch->drain = drain;
	watch->registrations = registrations;
	watch->command = command;
	watch->by_slot = calloc(drain_slot_count(drain), sizeof(struct watched *));
	watch->epoll_fd = watch->by_slot ? epoll_create1(EPOLL_CLOEXEC) : -1;
	if (watch->epoll_fd >= 0)
		return watch;
	free(watch->by_slot);
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

struct watched *watched_find(const struct watch *watch, pid_t pid)
{
	struct watched *w;

	HASH_FIND(by_pid, watch->pids, &pid, sizeof pid, w);
	return w;
}

bool watch_knows(const struct watch *watch, pid_t pid)
{
	return watched_find(watch, pid) != NULL;
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
	struct watched *w = watched_find(watch, pid);

	if (!w)
		return;
	if (!w->exec_clock)
		w->exec_clock = drain_now(watch->drain);
	if (!surely || w->left)
		return;
	w->left = true;
	drain_leave(watch->drain, &w->image, w->exec_clock);
}

void watch_on_registration(struct watch *watch,
			   void (*registered)(void *context, pid_t pid,
					      const struct drain_process *image),
			   void *context)
{
	watch->registered = registered;
	watch->context = context;
}

/* ---- one process ---- */

void watched_hold(struct watch *watch, struct watched *w, pid_t pid, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = w->instance};

	w->pid = pid;
	w->fd = fd;
	HASH_ADD(by_pid, watch->pids, pid, sizeof w->pid, w);
	if (w->unhashed) {
		w->unhashed = false;
		w->pid = 0; /* watch_scan searches it again */
	}
	if (w->fd >= 0 && epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, w->fd, &event) != 0) {
		close(w->fd);
		w->fd = -1;
	}
}

void watched_let_go(struct watch *watch, struct watched *w)
{
	if (w->pid > 0)
		HASH_DELETE(by_pid, watch->pids, w);
	HASH_DEL(watch->table, w);
	watch->by_slot[w->image.slot] = NULL;
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

void watch_free(struct watch *watch)
{
	struct watched *w, *next;

	HASH_ITER (hh, watch->table, w, next) {
		watched_let_go(watch, w);
	}
	close(watch->epoll_fd);
	free(watch->by_slot);
	free(watch->registered_instances.bits);
	free(watch);
}

void watched_record_end(const struct watch *watch, struct watched *w, bool replaced,
			enum drain_how how, int status, int signal)
{
	struct drain_identity_end end = {
		.by_kernel = w->fd >= 0 || (w->pid == watch->command && watch->command_ended),
		.replaced = replaced,
		.how = how,
		.status = status,
		.signal = signal,
	};

	if (!replaced)
		usage_end(w);
	jit_names_keep(watch->drain, &w->image, &w->identity);
	if (w->identity.proof)
		drain_identify(watch->drain, w->instance, &w->identity, &end);
}

/* ---- processes that have ended ---- */

void watched_note_ended(struct watch *watch, struct watched *w)
{
	if (w->ended)
		return;
	w->ended = true;
	w->next_ended = watch->ended;
	watch->ended = w;
}

int watched_end_by_exec(struct watch *watch, struct watched *w)
{
	int fd = w->fd;

	if (w->left)
		drain_link_next(watch->drain, &w->image);
	drain_retire(watch->drain, &w->image, DRAIN_GONE, -1, 0);
	watched_record_end(watch, w, true, DRAIN_GONE, -1, 0);
	if (fd >= 0)
		epoll_ctl(watch->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	w->fd = -1;
	watched_let_go(watch, w);
	return fd;
}

/* If execve(2) ended the image, the status of the process is not the image's. */
static void watched_retire(struct watch *watch, struct watched *w, enum drain_how how, int status,
			   int signal)
{
	if (w->left)
		drain_link_next(watch->drain, &w->image);
	else if (w->exec_clock)
		drain_leave(watch->drain, &w->image, w->exec_clock);
	drain_retire(watch->drain, &w->image, how, status, signal);
	watched_record_end(watch, w, false, how, status, signal);
	watched_let_go(watch, w);
}

static void retire_by_status(struct watch *watch, struct watched *w, int status)
{
	if (WIFEXITED(status))
		watched_retire(watch, w, DRAIN_EXITED, WEXITSTATUS(status), 0);
	else
		watched_retire(watch, w, DRAIN_KILLED, -1, WTERMSIG(status));
}

static void watched_retire_ended(struct watch *watch, struct watched *w)
{
	struct epoll_event event = {.events = 0, .data.u32 = w->instance};
	enum ending ending;
	int status;

	w->ended = false;
	if (w->pid > 0 && w->pid == watch->command) {
		if (!watch->command_ended)
			return;
		usage_command_ended(w, &watch->command_usage, watch->added_count == 1);
		retire_by_status(watch, w, watch->command_status);
		return;
	}
	ending = ending_ask(w->pid, w->image.start_time, w->fd, &status);
	if (ending == ENDING_KNOWN) {
		retire_by_status(watch, w, status);
	} else if (ending == ENDING_LATER && !w->wait_for_reap && !watch->last) {
		/* With no events requested, epoll still reports EPOLLHUP. */
		w->wait_for_reap = true;
		epoll_ctl(watch->epoll_fd, EPOLL_CTL_MOD, w->fd, &event);
	} else {
		watched_retire(watch, w, DRAIN_GONE, -1, 0);
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
			watched_note_ended(watch, w);
	}
	return count == 64;
}

/* ---- both ---- */

void watch_command_ended(struct watch *watch, int wait_status, const struct rusage *used)
{
	watch->command_usage = *used;
	watch->command_ended = true;
	watch->command_status = wait_status;
}

static void watch_retire_ended(struct watch *watch)
{
	while (watch->ended) {
		struct watched *w = watch->ended;

		watch->ended = w->next_ended;
		watched_retire_ended(watch, w);
	}
}

void watch_turn(struct watch *watch)
{
	struct registration registration;
	struct watched *command;
	bool more;

	registrations_turn(watch->registrations);
	for (unsigned i = 0;
	     i < TAKEN_MOST && registrations_take(watch->registrations, &registration); i++)
		watch_add(watch, &registration);
	watch_scan(watch);
	command = watched_find(watch, watch->command);
	if (command && watch->command_ended)
		watched_note_ended(watch, command);
	do {
		more = collect_from_pidfds(watch);
		watch_retire_ended(watch);
	} while (more);
	drain_flush_identities(watch->drain);
}

void watch_last_turn(struct watch *watch)
{
	watch->last = true;
	watch_turn(watch);
}
