/* SPDX-License-Identifier: MIT */
/* The action of each key. */
#include "report/top/key_actions.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "report/session/reap.h"
#include "report/top/draw.h"
#include "report/top/top.h"
#include "report/util/format.h"

const struct key_row keys_table[ACTION_COUNT] = {
#define KEY(id, first, second, third, written, meaning) \
	[ACTION_##id] = {{first, second, third}, written, meaning},
#include "report/top/keys.def"
#undef KEY
};

enum action keys_action(int code)
{
	for (int action = 1; action < ACTION_COUNT; action++)
		for (int i = 0; i < 3; i++)
			if (code != SCREEN_NONE && keys_table[action].codes[i] == code)
				return (enum action)action;
	return ACTION_NONE;
}

#define INTERVAL_LEAST_NS 100000000u
#define INTERVAL_MOST_NS 60000000000u
#define STEP_COLUMNS 8u

/* ---- moving ---- */

static void key_action_move(struct top *top, long rows)
{
	if (top->detail.kind != DETAIL_NONE)
		pager_move(&top->pager, rows);
	else
		list_move(top_list(top), rows);
}

static void key_action_shift(struct top *top, bool right)
{
	unsigned *left = top->detail.kind != DETAIL_NONE ? &top->pager.left : &top_list(top)->left;

	if (right && *left < PAGER_LINE_BYTES)
		*left += STEP_COLUMNS;
	else if (!right)
		*left -= *left < STEP_COLUMNS ? *left : STEP_COLUMNS;
}

/* ---- from page to page ---- */

static void show_view(struct top *top, int view)
{
	top->picking = top->picking && !top->open;
	top->view = (enum top_view)((view + VIEW_COUNT) % VIEW_COUNT);
	top->detail.kind = DETAIL_NONE;
	live_session_single(&top->live, 0);
	if (top_shows_places(top) && !top->live.names)
		top->due_ns = 0; /* resolve the function names now */
}

static void show_detail(struct top *top)
{
	const void *row = list_row(top_list(top));

	if (!row)
		return;
	detail_of_row(&top->detail, top->view, row, &top->rows);
	top->pager.first = top->pager.left = 0;
	top->live.names = true;
	if (top->detail.kind == DETAIL_PROCESS)
		live_session_single(&top->live, top->detail.instance);
	top->due_ns = 0; /* resolve names, and the call sites of this process, now */
}

static void open_picked(struct top *top)
{
	const struct session_row *row = list_row(&top->picker);
	char path[PATH_MAX];

	if (!row)
		return;
	snprintf(path, sizeof path, "%s", row->path);
	if (top_open(top, path) != 0)
		top_show_message(top, "%s: can no longer be opened", path);
}

static void key_action_enter(struct top *top)
{
	if (top->picking)
		open_picked(top);
	else if (top->detail.kind == DETAIL_NONE)
		show_detail(top);
}

static void go_back(struct top *top)
{
	struct list *list = top_list(top);

	if (top->detail.kind == DETAIL_HELP) {
		top->detail = top->under_help;
		top->pager.first = 0;
	} else if (top->detail.kind != DETAIL_NONE) {
		top->detail.kind = DETAIL_NONE;
		live_session_single(&top->live, 0);
	} else if (list->filter[0]) {
		list->filter[0] = '\0';
	} else if (top->picking && top->open) {
		top->picking = false;
	}
}

static void show_help(struct top *top)
{
	if (top->detail.kind == DETAIL_HELP) {
		go_back(top);
		return;
	}
	top->under_help = top->detail;
	top->detail.kind = DETAIL_HELP;
	top->pager.first = top->pager.left = 0;
}

/* ---- settings ---- */

static void set_interval(struct top *top, bool faster)
{
	uint64_t interval = faster ? top->interval_ns / 2 : top->interval_ns * 2;

	interval = interval < INTERVAL_LEAST_NS ? INTERVAL_LEAST_NS : interval;
	top->interval_ns = interval > INTERVAL_MOST_NS ? INTERVAL_MOST_NS : interval;
	top->due_ns = 0;
	top_show_message(top, " every %.3g s", (double)top->interval_ns / 1e9);
}

static void key_action_sort(struct top *top, int step)
{
	struct list *list = top_list(top);

	if (top->view == VIEW_EVENTS && !top->picking) {
		top_show_message(top, " events are always sorted by time");
		return;
	}
	list_sort_next(list, step);
	top_show_message(top, " sorted by %s", list->table.columns[list->table.sort].heading);
}

static void toggle_follow(struct top *top)
{
	struct list *list = top_list(top);

	list->follow = !list->follow;
	top_show_message(top, list->follow ? " the cursor follows its row"
					   : " the cursor stays in its place");
}

/* ---- removing a segment ---- */

static struct top_question question_about(const struct model *model,
					  const struct model_segment *segment)
{
	struct top_question question = {
		.pending = true,
		.session_started_ns = model->session.started_realtime_ns,
		.shmid = segment->shmid,
		.key = segment->key,
		.size = segment->size,
		.seen_ns = segment->seen_ns,
		.changed = segment->kernel.changed,
	};

	memcpy(question.session_name, model->session.name, sizeof question.session_name);
	return question;
}

static bool key_action_is_asked(const struct model *model, const struct model_segment *segment,
				const struct top_question *question)
{
	struct top_question same = question_about(model, segment);

	return same.session_started_ns == question->session_started_ns &&
	       strcmp(same.session_name, question->session_name) == 0 &&
	       same.shmid == question->shmid && same.key == question->key &&
	       same.size == question->size && same.seen_ns == question->seen_ns &&
	       same.changed == question->changed;
}

/* The segment that the question is about; null if it no longer exists. */
static const struct model_segment *question_segment(const struct model *model,
						    const struct top_question *question)
{
	for (uint32_t i = 0; i < model->segments.count; i++)
		if (key_action_is_asked(model, model->segments.rows[i], question))
			return model->segments.rows[i];
	return NULL;
}

/* Null when there is something to remove. */
static const char *why_nothing_to_remove(const struct model_segment *segment)
{
	switch (segment->state) {
	case SEGMENT_DESTROYED:
	case SEGMENT_VANISHED:
		return "no longer exists";
	case SEGMENT_MARKED:
		return "is marked: the kernel removes it when the last process detaches it";
	case SEGMENT_PRESENT:
		break;
	}
	return NULL;
}

static void ask_to_remove(struct top *top)
{
	const struct rows_segment *row = list_row(top_list(top));
	const char *why;
	char size[FORMAT_BYTES], words[REAP_WHY_BYTES];

	if (top->view != VIEW_SEGMENTS || top->picking || top->detail.kind != DETAIL_NONE || !row) {
		top_show_message(top,
				 " to remove a segment, choose it in the list of segments (key 2)");
		return;
	}
	why = why_nothing_to_remove(row->segment);
	if (why) {
		top_show_message(top, " segment %d %s", row->segment->shmid, why);
		return;
	}
	why = top->foreign ? "nothing is removed with --foreign"
			   : reap_why_kept(top->live.now, row->segment, true, words);
	if (why) {
		top_show_message(top, " segment %d stays: %s", row->segment->shmid, why);
		return;
	}
	words[0] = '\0';
	if (reap_is_of_other(row->segment))
		snprintf(words, sizeof words, " of user %u", row->segment->current.creator_uid);
	top_show_message(top, " Remove segment %d (%s)%s? y removes it, any other key cancels",
			 row->segment->shmid, format_bytes(size, row->segment->size), words);
	top->question = question_about(top->live.now, row->segment);
}

static void key_action_answer(struct top *top, int code)
{
	const struct model *model = top->live.now;
	const struct model_segment *segment = question_segment(model, &top->question);
	const char *why;
	char words[REAP_WHY_BYTES];

	top_show_message(top, " nothing was removed");
	if (code != 'y' && code != 'Y')
		return;
	if (!segment) {
		top_show_message(
			top, " nothing was removed: the segment or its session no longer exists");
		return;
	}
	why = reap_why_kept(model, segment, true, words);
	why = why ? why : reap_remove(segment);
	if (why)
		top_show_message(top, " segment %d stays: %s", segment->shmid, why);
	else
		top_show_message(top, " segment %d was removed", segment->shmid);
	top->due_ns = 0;
}

/* ---- keys ---- */

static void key_action_type(struct top *top, int code)
{
	struct list *list = top_list(top);
	size_t length = strlen(list->filter);

	if (code == '\n') {
		top->typing = false;
	} else if (code == SCREEN_ESCAPE) {
		top->typing = false;
		list->filter[0] = '\0';
	} else if (code == SCREEN_BACKSPACE && length > 0) {
		list->filter[length - 1] = '\0';
	} else if (code >= ' ' && code < 0x7f && length + 1 < LIST_FILTER_BYTES) {
		list->filter[length] = (char)code;
		list->filter[length + 1] = '\0';
	} else if (code >= 0x100) {
		top->typing = false;
		key_action_run(top, code);
	}
}

static bool act_on_moving(struct top *top, enum action action)
{
	long page = (long)draw_capacity(top) - 2;

	switch (action) {
	case ACTION_UP:
		key_action_move(top, -1);
		return true;
	case ACTION_DOWN:
		key_action_move(top, 1);
		return true;
	case ACTION_PAGE_UP:
		key_action_move(top, page > 1 ? -page : -1);
		return true;
	case ACTION_PAGE_DOWN:
		key_action_move(top, page > 1 ? page : 1);
		return true;
	case ACTION_TOP:
		key_action_move(top, -1000000000l);
		return true;
	case ACTION_BOTTOM:
		key_action_move(top, 1000000000l);
		return true;
	case ACTION_LEFT:
	case ACTION_RIGHT:
		key_action_shift(top, action == ACTION_RIGHT);
		return true;
	default:
		return false;
	}
}

static bool act_on_pages(struct top *top, enum action action)
{
	switch (action) {
	case ACTION_VIEW_1:
	case ACTION_VIEW_2:
	case ACTION_VIEW_3:
	case ACTION_VIEW_4:
	case ACTION_VIEW_5:
	case ACTION_VIEW_6:
		show_view(top, (int)(action - ACTION_VIEW_1));
		return true;
	case ACTION_NEXT_VIEW:
		show_view(top, (int)top->view + 1);
		return true;
	case ACTION_PREVIOUS_VIEW:
		show_view(top, (int)top->view - 1);
		return true;
	case ACTION_ENTER:
		key_action_enter(top);
		return true;
	case ACTION_BACK:
		go_back(top);
		return true;
	case ACTION_HELP:
		show_help(top);
		return true;
	case ACTION_SESSIONS:
		top_pick(top);
		return true;
	default:
		return false;
	}
}

static void act_on_settings(struct top *top, enum action action)
{
	struct list *list = top_list(top);

	switch (action) {
	case ACTION_SORT_BEFORE:
	case ACTION_SORT_NEXT:
		key_action_sort(top, action == ACTION_SORT_NEXT ? 1 : -1);
		break;
	case ACTION_REVERSE:
		list->table.reverse = !list->table.reverse;
		break;
	case ACTION_FILTER:
		top->typing = top->detail.kind == DETAIL_NONE;
		break;
	case ACTION_FOLLOW:
		toggle_follow(top);
		break;
	case ACTION_MARK:
		list_mark(list);
		break;
	case ACTION_UNMARK:
		list->mark_count = 0;
		break;
	case ACTION_UNITS:
		top->rows.exact = !top->rows.exact;
		break;
	case ACTION_PAUSE:
		top->paused = !top->paused;
		top->due_ns = 0;
		break;
	case ACTION_FASTER:
	case ACTION_SLOWER:
		set_interval(top, action == ACTION_FASTER);
		break;
	case ACTION_REMOVE:
		ask_to_remove(top);
		break;
	case ACTION_REDRAW:
		screen_redraw();
		break;
	case ACTION_QUIT:
		top->quit = true;
		break;
	default:
		break;
	}
}

void key_action_run(struct top *top, int code)
{
	enum action action = keys_action(code);

	if (code == SCREEN_NONE)
		return;
	top->stale = true;
	if (code == SCREEN_GONE) {
		top->quit = true;
	} else if (top->question.pending) {
		key_action_answer(top, code);
	} else if (top->typing && code != 3) {
		key_action_type(top, code);
	} else {
		top->message[0] = '\0';
		if (!act_on_moving(top, action) && !act_on_pages(top, action))
			act_on_settings(top, action);
	}
}
