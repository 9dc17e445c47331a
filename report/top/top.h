/* SPDX-License-Identifier: MIT */
/* The live screen: a session, what is shown of it, and what the user is about to do. */
#ifndef MEMSHIM_TOP_TOP_H
#define MEMSHIM_TOP_TOP_H

#include "report/session/listing.h"
#include "report/top/detail.h"
#include "report/top/keys.h"

#define TOP_MESSAGE_BYTES 160u

/*
 * Whether an object is to be removed. It is about that object of that session, and about nothing
 * that comes to stand in its place: whatever changes the session or writes over the line on which
 * it stands withdraws it.
 */
struct top_question {
	bool pending;
	uint64_t session_started_ns; /* realtime */
	char session_name[sizeof(((struct session_facts *)0)->name)];
	int32_t shmid;
	uint32_t key;
	uint64_t size;
	uint64_t seen_ns; /* since the session's start, by the log */
	uint64_t changed; /* by the kernel, in seconds since 1970 */
};

struct top {
	bool foreign;          /* the session belongs to another user: nothing is removed */
	uint64_t screens_most; /* 0: no limit */
	struct live live;
	bool open; /* there is a session in `feed` */
	struct rows rows;
	struct list lists[VIEW_COUNT];
	enum top_view view;
	struct detail detail, under_help; /* of kind DETAIL_NONE: the list is seen */
	struct pager pager;
	bool picking; /* among the sessions there are */
	struct list picker;
	struct listing listing;
	uint64_t interval_ns, due_ns, looks;
	uint64_t last_events, events_per_s, last_look_ns;
	bool ended_reported, paused, typing, stale, quit;
	struct top_question question;
	uint64_t *known_findings; /* what each is about, at the last look */
	uint32_t known_count;
	char message[TOP_MESSAGE_BYTES];
	uint64_t message_until_ns; /* CLOCK_MONOTONIC */
};

/* 0, or an exit code after one line. */
int top_open(struct top *top, const char *path);
void top_pick(struct top *top);
int top_run(struct top *top);
/* One screen, as text. */
int top_once(struct top *top);
/* Withdraws a pending question: this stands in its place. */
void top_say(struct top *top, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Makes the shown rows anew. */
void top_gather(struct top *top);

static inline struct list *top_list(struct top *top)
{
	return top->picking ? &top->picker : &top->lists[top->view];
}

#endif
