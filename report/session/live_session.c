/* SPDX-License-Identifier: MIT */
/*
 *    cursor ─▶ load.model ──copy──▶ + tables, losses, the kernel's word ─▶ model_finish ─▶ now
 *         └──▶ trends, newest events
 */
#include "report/session/live_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "report/session/naming.h"
#include "report/util/now.h"

#define KEEP_NS 240000000000u /* charts show four minutes of a session that goes on */
#define EVENTS_PER_LOOK 4096u /* between two looks at the clock */

int feed_open(struct feed *feed, const char *path)
{
	const struct session_facts *session;
	struct stat file;
	int ret;

	*feed = (struct feed){0};
	snprintf(feed->path, sizeof feed->path, "%s", path);
	ret = load_open(&feed->load, path, true);
	if (ret != 0)
		return ret;
	if (stat(path, &file) == 0) {
		feed->device = file.st_dev;
		feed->inode = file.st_ino;
	}
	cursor_never_wait(feed->load.cursor);
	session = &feed->load.model->session;
	if (session->state == SESSION_LIVE)
		trends_begin(&feed->trends, 0, KEEP_NS);
	else
		trends_begin(&feed->trends, session->finished ? session->duration_ns : 0, 0);
	feed->events = calloc(FEED_EVENTS, sizeof *feed->events);
	if (feed->events)
		return 0;
	feed_close(feed);
	return load_no_memory();
}

void feed_close(struct feed *feed)
{
	feed_single(feed, 0);
	model_free(feed->now);
	trends_free(&feed->trends);
	second_free(&feed->second);
	load_close(&feed->load);
	free(feed->events);
	*feed = (struct feed){0};
}

/* ---- events ---- */

static void take(struct feed *feed, const struct event *event)
{
	struct load *load = &feed->load;

	load_find_process(load, event->process);
	if (event->kind == KIND_EXEC)
		load_find_process(load, event->u.life.other);
	model_feed(load->model, event);
	trends_feed(&feed->trends, event);
	feed->events[feed->event_count++ % FEED_EVENTS] = *event;
}

/* The events of the single image go into its own model: what matters there are its sites. */
static void pull_single(struct feed *feed, uint64_t until_ns)
{
	const struct event *event;
	enum cursor_answer answer = CURSOR_MORE;

	if (!feed->single_instance)
		return;
	for (uint32_t i = 0; answer == CURSOR_MORE || answer == CURSOR_OVERRUN; i++) {
		if (i % EVENTS_PER_LOOK == 0 && now_ns() > until_ns)
			return;
		answer = cursor_next(feed->single.cursor, &event);
		if (answer == CURSOR_MORE && event->process == feed->single_instance)
			model_feed(feed->single.model, event);
	}
}

enum feed_answer feed_pull(struct feed *feed, uint64_t budget_ns)
{
	uint64_t until_ns = now_ns() + budget_ns;
	const struct event *event;

	pull_single(feed, until_ns);
	for (uint32_t i = 1; !feed->ended; i++) {
		switch (cursor_next(feed->load.cursor, &event)) {
		case CURSOR_MORE:
			take(feed, event);
			break;
		case CURSOR_OVERRUN:
			break;
		case CURSOR_LATER:
			return FEED_LATER;
		case CURSOR_ABANDONED:
		case CURSOR_END:
			feed->ended = true;
			break;
		case CURSOR_NO_MEMORY:
			return FEED_NO_MEMORY;
		}
		if (i % EVENTS_PER_LOOK == 0 && now_ns() > until_ns)
			return FEED_MORE;
	}
	return FEED_ENDED;
}

const struct event *feed_event(const struct feed *feed, uint64_t number)
{
	return &feed->events[number % FEED_EVENTS];
}

/* ---- conclusions ---- */

uint64_t feed_now_ns(const struct feed *feed)
{
	const struct model *model = feed->load.model;
	uint64_t duration = model->session.duration_ns;

	return duration > model->last_ns ? duration : model->last_ns;
}

/* Names are sought only when there are stacks that have none yet. */
static void name_stacks(struct load *load)
{
	bool any = false;

	for (uint32_t i = 0; i < load->model->site_count; i++)
		any |= load_find_stack(load, load->model->sites[i].stack);
	if (any)
		load_names(load, &(struct symbols_wish){.live = true});
}

bool feed_conclude(struct feed *feed)
{
	struct model *copy = NULL;

	if (load_renew(&feed->load)) {
		if (feed->names)
			name_stacks(&feed->load);
		if (feed->single_instance) {
			load_new_processes(&feed->single);
			name_stacks(&feed->single);
		}
		copy = load_copy(&feed->load);
	}
	if (!copy)
		return false;
	second_ask(&feed->second, &feed->load, copy);
	second_tell(&feed->second, copy);
	model_finish(copy);
	trends_look(&feed->trends, copy, feed_now_ns(feed));
	model_free(feed->now);
	feed->now = copy;
	return true;
}

void feed_single(struct feed *feed, uint32_t instance)
{
	if (feed->single_instance == instance)
		return;
	if (feed->single_instance)
		load_close(&feed->single);
	feed->single_instance = 0;
	if (!instance || load_open(&feed->single, feed->path, true) != 0)
		return;
	cursor_never_wait(feed->single.cursor);
	feed->single_instance = instance;
}

/* ---- its file ---- */

const char *feed_recording(const struct feed *feed)
{
	return feed->load.model->session.recorded ? source_path(feed->load.source) : "";
}

bool feed_is_replaced(const struct feed *feed)
{
	struct stat file;

	return stat(feed->path, &file) == 0 &&
	       (file.st_dev != feed->device || file.st_ino != feed->inode);
}
