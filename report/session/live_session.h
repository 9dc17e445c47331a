/* SPDX-License-Identifier: MIT */
/*
 * A session while it goes on, for a screen: its events as they come, and now and then a finished
 * model of all that has come. An ended session is the same, with all its events at once.
 */
#ifndef MEMSHIM_SESSION_LIVE_SESSION_H
#define MEMSHIM_SESSION_LIVE_SESSION_H

#include <limits.h>
#include <sys/types.h>

#include "report/session/session.h"
#include "report/model/trend.h"
#include "report/session/kernel_cache.h"

#define FEED_EVENTS 16384u /* of the newest are kept; a power of two */

enum feed_answer {
	FEED_LATER, /* all that has come was taken */
	FEED_MORE,  /* there is more: the time was up */
	FEED_ENDED, /* nothing will come any more */
	FEED_NO_MEMORY,
};

struct feed {
	char path[PATH_MAX];
	dev_t device; /* of the file at that path when it was opened */
	ino_t inode;
	struct load load;  /* its model is fed, and never finished */
	struct model *now; /* the last finished copy; null before the first */
	struct trends trends;
	struct second second;
	struct event *events; /* the newest, by number modulo FEED_EVENTS */
	uint64_t event_count; /* all that came */
	bool ended;
	bool names; /* somebody looks at call stacks: they are to be named */
	/* The call sites of one image alone, read a second time; see feed_single. */
	struct load single;
	uint32_t single_instance; /* 0: of none */
};

/* 0, or an exit code after one line; then there is nothing to close. */
int feed_open(struct feed *feed, const char *path);
void feed_close(struct feed *feed);

/* Takes events for at most about `budget_ns`. */
enum feed_answer feed_pull(struct feed *feed, uint64_t budget_ns);

/* Makes feed->now anew, names and all. False without memory: the old one stays. */
bool feed_conclude(struct feed *feed);

/* From now on the sites of this image are gathered, too, from what the log still has; 0 ends it. */
void feed_single(struct feed *feed, uint32_t instance);

/* The session's recording; "" when nobody records it. */
const char *feed_recording(const struct feed *feed);

/* Whether another session's file lies at the path by now. */
bool feed_is_replaced(const struct feed *feed);

/* Event `number` of all; only the newest FEED_EVENTS are there. */
const struct event *feed_event(const struct feed *feed, uint64_t number);

/* Nanoseconds since the session's start: now, or at its end. */
uint64_t feed_now_ns(const struct feed *feed);

#endif
