/* SPDX-License-Identifier: MIT */
/*
 *    cursor ─▶ session.model ──copy──▶ + tables, losses, kernel cache ─▶ model_finalize ─▶ now
 *         └──▶ trends, newest events
 */
#include "report/session/live_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "report/model/apply_event.h"
#include "report/model/finalize.h"
#include "report/model/findings_group.h"
#include "report/procfs/sysvipc.h"
#include "report/session/naming.h"
#include "report/util/now.h"

#define KEEP_NS 240000000000u  /* charts show the last four minutes of a live session */
#define EVENTS_PER_CLOCK 4096u /* between two reads of the clock */

int live_session_open(struct live *live, const char *path)
{
	const struct session_facts *session;
	struct stat file;
	int ret;

	*live = (struct live){0};
	snprintf(live->path, sizeof live->path, "%s", path);
	ret = session_open(&live->session, path, true);
	if (ret != 0)
		return ret;
	if (stat(path, &file) == 0) {
		live->device = file.st_dev;
		live->inode = file.st_ino;
	}
	cursor_never_wait(live->session.cursor);
	session = &live->session.model->session;
	if (session->state == SESSION_LIVE)
		trends_begin(&live->trends, 0, KEEP_NS);
	else
		trends_begin(&live->trends, session->finished ? session->duration_ns : 0, 0);
	live->events = calloc(LIVE_SESSION_EVENTS, sizeof *live->events);
	if (live->events)
		return 0;
	live_session_close(live);
	return session_no_memory();
}

void live_session_close(struct live *live)
{
	live_session_single(live, 0);
	model_free(live->now);
	trends_free(&live->trends);
	kernel_cache_free(&live->kernel_cache);
	session_close(&live->session);
	free(live->events);
	*live = (struct live){0};
}

/* ---- events ---- */

static void live_session_add(struct live *live, const struct event *event)
{
	struct session *session = &live->session;

	session_find_process(session, event->process);
	if (event->kind == KIND_EXEC)
		session_find_process(session, event->u.life.other);
	model_add_event(session->model, event);
	trends_add_event(&live->trends, event);
	live->events[live->event_count++ % LIVE_SESSION_EVENTS] = *event;
}

/* Adds the events of the single image to its own model, for its call sites. */
static void pull_single(struct live *live, uint64_t until_ns)
{
	const struct event *event;
	enum cursor_answer answer = CURSOR_MORE;

	if (!live->single_instance)
		return;
	for (uint32_t i = 0; answer == CURSOR_MORE || answer == CURSOR_OVERRUN; i++) {
		if (i % EVENTS_PER_CLOCK == 0 && now_ns() > until_ns)
			return;
		answer = cursor_next(live->single.cursor, &event);
		if (answer == CURSOR_MORE && event->process == live->single_instance)
			model_add_event(live->single.model, event);
	}
}

enum live_session_answer live_session_pull(struct live *live, uint64_t budget_ns)
{
	uint64_t until_ns = now_ns() + budget_ns;
	const struct event *event;

	pull_single(live, until_ns);
	for (uint32_t i = 1; !live->ended; i++) {
		switch (cursor_next(live->session.cursor, &event)) {
		case CURSOR_MORE:
			live_session_add(live, event);
			break;
		case CURSOR_OVERRUN:
			break;
		case CURSOR_LATER:
			return LIVE_SESSION_LATER;
		case CURSOR_ABANDONED:
		case CURSOR_END:
			live->ended = true;
			break;
		case CURSOR_NO_MEMORY:
			return LIVE_SESSION_NO_MEMORY;
		}
		if (i % EVENTS_PER_CLOCK == 0 && now_ns() > until_ns)
			return LIVE_SESSION_MORE;
	}
	return LIVE_SESSION_ENDED;
}

const struct event *live_session_event(const struct live *live, uint64_t number)
{
	return &live->events[number % LIVE_SESSION_EVENTS];
}

/* ---- the finalized copy ---- */

uint64_t live_session_now_ns(const struct live *live)
{
	const struct model *model = live->session.model;
	uint64_t duration = model->session.duration_ns;

	return duration > model->last_ns ? duration : model->last_ns;
}

/* Looks up names only when there are new call stacks. */
static void live_session_name_stacks(struct session *session)
{
	bool any = false;

	for (uint32_t i = 0; i < session->model->sites.count; i++)
		any |= session_find_stack(session, session->model->sites.rows[i].stack);
	if (any)
		session_names(session, &(struct symbols_options){.live = true});
}

bool live_session_conclude(struct live *live)
{
	struct model *copy = NULL;

	if (session_renew(&live->session)) {
		if (live->names)
			live_session_name_stacks(&live->session);
		if (live->single_instance) {
			session_new_processes(&live->single);
			live_session_name_stacks(&live->single);
		}
		copy = session_copy(&live->session);
	}
	if (!copy)
		return false;
	kernel_cache_renew(&live->kernel_cache, &live->session, copy);
	kernel_cache_add_to_model(&live->kernel_cache, copy);
	model_finalize(copy);
	findings_group(copy);
	trends_sample(&live->trends, copy, live_session_now_ns(live));
	model_free(live->now);
	live->now = copy;
	return true;
}

void live_session_single(struct live *live, uint32_t instance)
{
	if (live->single_instance == instance)
		return;
	if (live->single_instance)
		session_close(&live->single);
	live->single_instance = 0;
	if (!instance || session_open(&live->single, live->path, true) != 0)
		return;
	cursor_never_wait(live->single.cursor);
	live->single_instance = instance;
}

int32_t live_session_operated(const struct live *live, int32_t semid, int32_t semnum)
{
	const struct session_facts *session = &live->session.model->session;

	return session->state == SESSION_LIVE && session->same_ipc ? sysvipc_last_pid(semid, semnum)
								   : 0;
}

/* ---- files ---- */

const char *live_session_recording(const struct live *live)
{
	return live->session.model->session.recorded ? source_path(live->session.source) : "";
}

bool live_session_is_replaced(const struct live *live)
{
	struct stat file;

	return stat(live->path, &file) == 0 &&
	       (file.st_dev != live->device || file.st_ino != live->inode);
}
