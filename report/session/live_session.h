/* SPDX-License-Identifier: MIT */
/*
 * A live session, for the screen: its events as they are logged, and at intervals a finalized model
 * of all events so far. With an ended session, all events come at once.
 */
#ifndef MEMSHIM_SESSION_LIVE_SESSION_H
#define MEMSHIM_SESSION_LIVE_SESSION_H

#include <limits.h>
#include <sys/types.h>

#include "report/model/trend.h"
#include "report/session/kernel_cache.h"
#include "report/session/session.h"

#define LIVE_SESSION_EVENTS 16384u /* the newest events that are kept; a power of two */

enum live_session_answer {
	LIVE_SESSION_LATER, /* all events so far were read */
	LIVE_SESSION_MORE,  /* there are more events: the budget is used up */
	LIVE_SESSION_ENDED, /* no more events will come */
	LIVE_SESSION_NO_MEMORY,
};

struct live {
	char path[PATH_MAX];
	dev_t device; /* of the file at that path when it was opened */
	ino_t inode;
	struct session session; /* its model gets the events, and is never finalized */
	struct model *now;      /* the last finalized copy; null before the first */
	struct trends trends;
	struct kernel_cache kernel_cache;
	struct event *events; /* the newest, by number modulo LIVE_SESSION_EVENTS */
	uint64_t event_count; /* of all events so far */
	bool ended;
	bool names; /* call stacks are shown: look up their names */
	/* A second reader, for the call sites of one image: see live_session_single. */
	struct session single;
	uint32_t single_instance; /* 0: of none */
};

/* 0, or an exit code after one line; then there is nothing to close. */
int live_session_open(struct live *live, const char *path);
void live_session_close(struct live *live);

/* Reads events for about `budget_ns` at most. */
enum live_session_answer live_session_pull(struct live *live, uint64_t budget_ns);

/* Renews live->now. False without memory: the old one stays. */
bool live_session_conclude(struct live *live);

/* Collects the call sites of this image as well, from the events still in the log; 0: ends that. */
void live_session_single(struct live *live, uint32_t instance);

/* The process that changed a semaphore last, by the kernel; 0: not known, or the session ended. */
int32_t live_session_operated(const struct live *live, int32_t semid, int32_t semnum);

/* The session's recording; "" when it has no recorder. */
const char *live_session_recording(const struct live *live);

/* Whether the path has another session's file now. */
bool live_session_is_replaced(const struct live *live);

/* Event `number` of all; it must be among the newest LIVE_SESSION_EVENTS. */
const struct event *live_session_event(const struct live *live, uint64_t number);

/* Nanoseconds since the session's start: now, or at its end. */
uint64_t live_session_now_ns(const struct live *live);

#endif
