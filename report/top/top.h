/* SPDX-License-Identifier: MIT */
/* The live screen: a session, the view of it, and the user's pending input. */
#ifndef MEMSHIM_TOP_TOP_H
#define MEMSHIM_TOP_TOP_H

#include "report/session/listing.h"
#include "report/top/detail.h"
#include "report/top/screen.h"

#define TOP_MESSAGE_BYTES 160u

/*
 * The question whether to remove a segment. It concerns that segment of that session only. Any
 * change of the session, and any text over the question's line, withdraws it.
 */
struct top_question {
	bool pending;
	uint64_t session_started_ns; /* CLOCK_REALTIME */
	char session_name[sizeof(((struct session_facts *)0)->name)];
	int32_t shmid;
	uint32_t key;
	uint64_t size;
	uint64_t seen_ns; /* since the session's start, as logged */
	uint64_t changed; /* shm_ctime, in seconds since 1970 */
};

struct top {
	bool foreign;          /* the session belongs to another user: nothing is removed */
	uint64_t screens_most; /* 0: no limit */
	struct live live;
	bool open; /* `live` holds a session */
	struct rows rows;
	struct list lists[VIEW_COUNT];
	enum top_view view;
	struct detail detail, under_help; /* DETAIL_NONE: the list is shown */
	struct pager pager;
	struct pager preview; /* about the row at the cursor, below the list */
	bool text_only;       /* one screen as text: the list without a preview */
	bool picking;         /* choosing a session from the picker */
	struct list picker;
	struct listing listing;
	uint64_t interval_ns, due_ns, refreshes;
	uint64_t last_events, events_per_s, last_refresh_ns;
	bool ended_reported, paused, typing, stale, quit;
	struct top_question question;
	uint64_t *known_findings; /* identities of the findings at the last refresh */
	uint32_t known_count;
	char message[TOP_MESSAGE_BYTES];
	uint64_t message_until_ns; /* CLOCK_MONOTONIC */
};

/* 0, or an exit code after a message. */
int top_open(struct top *top, const char *path);
void top_pick(struct top *top);
int top_run(struct top *top);
/* Prints one screen as text. */
int top_once(struct top *top);
/* Shows a message on the last line; withdraws a pending question. */
void top_show_message(struct top *top, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Gathers the rows of the shown list. */
void top_gather(struct top *top);

static inline struct list *top_list(struct top *top)
{
	return top->picking ? &top->picker : &top->lists[top->view];
}

/* Whether the list or the preview shows functions, whose names must be looked up. */
static inline bool top_shows_places(const struct top *top)
{
	return top->view != VIEW_PROCESSES;
}

#endif
