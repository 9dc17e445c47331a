/* SPDX-License-Identifier: MIT */
/*
 * The loop of the live screen, in one thread: read events for a short time, compute the findings
 * when the interval is over, draw if anything changed, wait for a key.
 */
#include "report/top/top.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/top/draw.h"
#include "report/top/key_actions.h"
#include "report/util/now.h"
#include "report/view/page.h"

#define PULL_NS 40000000u /* the longest read before the next key is answered */
#define TICK_MS 100       /* between two reads of events */
#define MESSAGE_NS 4000000000u
#define FIRST_NS                                                                         \
	500000000u /* for an ended session: read all of its events before the first draw \
		    */

void top_show_message(struct top *top, const char *format, ...)
{
	va_list args;

	top->question.pending = false;
	va_start(args, format);
	vsnprintf(top->message, sizeof top->message, format, args);
	va_end(args);
	top->message_until_ns = now_ns() + MESSAGE_NS;
	top->stale = true;
}

/* ---- refreshing ---- */

void top_gather(struct top *top)
{
	if (top->picking) {
		list_begin(&top->picker);
		for (unsigned i = top->listing.count; i > 0; i--)
			list_add(&top->picker, top->listing.rows[i - 1]);
		list_finalize(&top->picker, screen_columns());
	} else if (top->detail.kind != DETAIL_NONE) {
		detail_write(&top->detail, &top->rows, &top->pager, draw_capacity(top),
			     screen_columns());
	} else if (!rows_gather(&top->rows, top->view, &top->lists[top->view], screen_columns())) {
		top_show_message(top, " not enough memory: some rows are missing");
	}
}

static uint64_t top_about(const struct finding *finding)
{
	return (uint64_t)finding->kind << 58 ^ (uint64_t)(uint32_t)finding->pid << 32 ^
	       (uint32_t)finding->shmid;
}

static bool is_known(const struct top *top, uint64_t wanted)
{
	for (uint32_t i = 0; i < top->known_count; i++)
		if (top->known_findings[i] == wanted)
			return true;
	return false;
}

/* Shows the first error or warning that is new since the last refresh. */
static void report_new_findings(struct top *top)
{
	const struct model *model = top->live.now;
	uint64_t *known = calloc(model->findings.count + 1, sizeof *known);
	bool reported = !top->known_findings; /* findings of the first refresh are not new */

	for (uint32_t i = 0; known && i < model->findings.count; i++) {
		const struct finding *finding = &model->findings.rows[i];

		known[i] = top_about(finding);
		if (reported || is_known(top, known[i]) || finding->severity == SEVERITY_NOTE)
			continue;
		top_show_message(top, " new: %s: %.100s", model_finding_name(finding->kind),
				 finding->text ? finding->text : "");
		reported = true;
	}
	free(top->known_findings);
	top->known_findings = known;
	top->known_count = known ? model->findings.count : 0;
}

static void count_rate(struct top *top)
{
	uint64_t now = now_ns(), span = now - top->last_refresh_ns;

	if (top->last_refresh_ns && span)
		top->events_per_s = (uint64_t)((double)(top->live.event_count - top->last_events) *
					       1e9 / (double)span);
	top->last_events = top->live.event_count;
	top->last_refresh_ns = now;
}

/* ---- sessions ---- */

static void top_close_session(struct top *top)
{
	top->question.pending = false;
	for (int view = 0; view < VIEW_COUNT; view++)
		list_begin(&top->lists[view]);
	rows_free(&top->rows);
	if (top->open)
		live_session_close(&top->live);
	top->open = false;
	free(top->known_findings);
	top->known_findings = NULL;
	top->known_count = 0;
	top->last_refresh_ns = 0;
}

/* Reads all events that exist now, and refreshes. */
static int top_read_all(struct top *top)
{
	top->live.names = top_shows_places(top) || top->detail.kind != DETAIL_NONE;
	while (live_session_pull(&top->live, FIRST_NS) == LIVE_SESSION_MORE &&
	       !top->live.session.model->no_memory)
		;
	top->due_ns = now_ns() + top->interval_ns;
	top->stale = true;
	if (!live_session_conclude(&top->live))
		return session_no_memory();
	report_new_findings(top);
	return 0;
}

static int open_at(struct top *top, const char *path)
{
	struct live *next = malloc(sizeof *next);
	int ret = next ? live_session_open(next, path) : session_no_memory();

	if (ret == 0) {
		top_close_session(top);
		top->live = *next;
		top->open = true;
		ret = top_read_all(top);
		top->ended_reported = top->live.ended;
	}
	free(next);
	return ret;
}

int top_open(struct top *top, const char *path)
{
	int ret;

	top->detail.kind = DETAIL_NONE;
	ret = open_at(top, path);
	if (ret == 0)
		top->picking = false;
	return ret;
}

/* ---- at a session's end ---- */

/*
 * Reads the recording from its beginning: it has all events in order, also those that came too
 * fast for the screen. A session without a recorder keeps its last state.
 */
static void end_session(struct top *top)
{
	uint32_t single = top->live.single_instance;
	char path[PATH_MAX];

	top_show_message(top, " the session has ended; this is its final state");
	snprintf(path, sizeof path, "%s", live_session_recording(&top->live));
	if (*path && open_at(top, path) == 0)
		live_session_single(&top->live, single);
	else
		live_session_conclude(&top->live);
	top->ended_reported = true;
}

/* Another session may have begun at the same path. */
static void open_successor(struct top *top)
{
	char path[PATH_MAX];

	memcpy(path, top->live.path, sizeof path);
	if (live_session_is_replaced(&top->live) && top_open(top, path) == 0)
		top_show_message(top, " a new session has begun here");
}

static void top_refresh(struct top *top)
{
	uint64_t now = now_ns();

	if (!top->open || top->paused || now < top->due_ns)
		return;
	top->due_ns = now + top->interval_ns;
	top->stale = true;
	top->live.names |= top_shows_places(top);
	if (top->live.ended && !top->ended_reported)
		end_session(top);
	else if (!live_session_conclude(&top->live))
		top_show_message(top, " not enough memory: this is an earlier state");
	top->refreshes++;
	count_rate(top);
	report_new_findings(top);
	if (top->ended_reported)
		open_successor(top);
}

void top_pick(struct top *top)
{
	listing_free(&top->listing);
	listing_make(&top->listing, true);
	list_free(&top->picker);
	top->picker = (struct list){
		.table = {.columns = sessions_columns, .fill = sessions_cell, .sort = UINT_MAX}};
	top->picking = true;
	top->detail.kind = DETAIL_NONE;
}

static void top_free(struct top *top)
{
	top_close_session(top);
	for (int view = 0; view < VIEW_COUNT; view++)
		list_free(&top->lists[view]);
	list_free(&top->picker);
	listing_free(&top->listing);
	pager_free(&top->pager);
	pager_free(&top->preview);
}

/* ---- the loop ---- */

static int wait_ms(const struct top *top, enum live_session_answer answer)
{
	uint64_t now = now_ns();

	if (answer == LIVE_SESSION_MORE)
		return 0;
	if (!top->paused && top->due_ns < now + TICK_MS * 1000000ull)
		return top->due_ns > now ? (int)((top->due_ns - now) / 1000000) + 1 : 0;
	return TICK_MS;
}

static enum live_session_answer top_pull(struct top *top)
{
	uint64_t before = top->live.event_count;
	enum live_session_answer answer;

	if (!top->open)
		return LIVE_SESSION_LATER;
	answer = live_session_pull(&top->live, PULL_NS);
	if (answer == LIVE_SESSION_NO_MEMORY)
		top_show_message(top, " not enough memory for the events");
	/* The list of events is drawn at once; other views wait for the next refresh. */
	if (top->view == VIEW_EVENTS && !top->paused && top->live.event_count != before)
		top->stale = true;
	if (answer == LIVE_SESSION_ENDED && !top->ended_reported)
		top->due_ns = 0;
	return answer;
}

static void top_draw(struct top *top)
{
	if (top->message[0] && !top->question.pending && now_ns() > top->message_until_ns) {
		top->message[0] = '\0';
		top->stale = true;
	}
	if (!top->stale)
		return;
	top->stale = false;
	top->rows.frozen = top->paused;
	top_gather(top);
	draw_all(top);
	screen_show();
}

int top_run(struct top *top)
{
	top->stale = true;
	while (!top->quit) {
		enum live_session_answer answer = top_pull(top);

		top_refresh(top);
		top_draw(top);
		if (top->screens_most && top->refreshes >= top->screens_most)
			break;
		key_action_run(top, screen_key(wait_ms(top, answer)));
	}
	top_free(top);
	return 0;
}

int top_once(struct top *top)
{
	struct out *out = page_begin(COLOR_NEVER);
	unsigned blank = 0; /* blank lines so far: those at the end are not printed */
	char text[4096];

	top->text_only = true;
	top_gather(top);
	draw_all(top);
	for (unsigned line = 0; line + 1 < screen_lines(); line++) {
		screen_text(line, text, sizeof text);
		blank = *text ? blank : blank + 1;
		for (; *text && blank > 0; blank--)
			out_char(out, '\n');
		out_text(out, text);
		if (*text)
			out_char(out, '\n');
	}
	top_free(top);
	return out_finish(out);
}
