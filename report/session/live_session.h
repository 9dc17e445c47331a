/* SPDX-License-Identifier: MIT */
/*
 * A session while it goes on, for a screen: its events as they come, and now and then a finished
 * model of all that has come. An ended session is the same, with all its events at once.
 */
#ifndef MEMSHIM_SESSION_LIVE_SESSION_H
#define MEMSHIM_SESSION_LIVE_SESSION_H

#include <limits.h>
#include <sys/types.h>

#include "report/model/trend.h"
#include "report/session/kernel_cache.h"
#include "report/session/session.h"

#define LIVE_SESSION_EVENTS 16384u /* of the newest are kept; a power of two */

enum live_session_answer {
	LIVE_SESSION_LATER, /* all that has come was taken */
	LIVE_SESSION_MORE,  /* there is more: the time was up */
	LIVE_SESSION_ENDED, /* nothing will come any more */
	LIVE_SESSION_NO_MEMORY,
};

struct live {
	char path[PATH_MAX];
	dev_t device; /* of the file at that path when it was opened */
	ino_t inode;
	struct session session; /* its model is fed, and never finished */
	struct model *now;      /* the last finished copy; null before the first */
	struct trends trends;
	struct kernel_cache kernel_cache;
	struct event *events; /* the newest, by number modulo LIVE_SESSION_EVENTS */
	uint64_t event_count; /* all that came */
	bool ended;
	bool names; /* somebody looks at call stacks: they are to be named */
	/* The call sites of one image alone, read a second time; see live_session_single. */
	struct session single;
	uint32_t single_instance; /* 0: of none */
};

/* 0, or an exit code after one line; then there is nothing to close. */
int live_session_open(struct live *live, const char *path);
void live_session_close(struct live *live);

/* Takes events for at most about `budget_ns`. */
enum live_session_answer live_session_pull(struct live *live, uint64_t budget_ns);

/* Makes feed->now anew, names and all. False without memory: the old one stays. */
bool live_session_conclude(struct live *live);

/* From now on the sites of this image are gathered, too, from what the log still has; 0 ends it. */
void live_session_single(struct live *live, uint32_t instance);

/* The session's recording; "" when nobody records it. */
const char *live_session_recording(const struct live *live);

/* Whether another session's file lies at the path by now. */
bool live_session_is_replaced(const struct live *live);

/* Event `number` of all; only the newest LIVE_SESSION_EVENTS are there. */
const struct event *live_session_event(const struct live *live, uint64_t number);

/* Nanoseconds since the session's start: now, or at its end. */
uint64_t live_session_now_ns(const struct live *live);

#endif
