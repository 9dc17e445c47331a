/* SPDX-License-Identifier: MIT */
/*
 *    memshim top  python3 app.py                              live, 12 s   every 2 s
 *    coverage, and sums over all processes
 *    [Processes 4]  Segments 2  Sites 31  Events 1,204  Findings 1
 *    the list, or a page about one row
 *    keys, or a question, or a message
 */
#include <stdio.h>

#include "report/top/draw.h"
#include "report/util/format.h"

#define LOW_SCREEN 16u /* below this height the screen shows fewer heading lines */
#define SCREEN_LEAST_LINES 6u
#define SCREEN_LEAST_COLUMNS 30u
#define PREVIEW_LEAST 6u
#define PREVIEW_ALWAYS 30u /* lines of list and preview: so many show both, always */

/* ---- the heading ---- */

static void draw_join_command(const struct session_facts *session, char *to, size_t bytes)
{
	size_t used = 0;

	for (uint32_t i = 0; i < session->command_bytes && used + 1 < bytes; i++)
		to[used++] = session->command[i] ? session->command[i] : ' ';
	to[used] = '\0';
	if (used == 0)
		snprintf(to, bytes, "session %s", session->name);
}

static const char *state_words(const struct top *top)
{
	static const char *const states[] = {"live", "ended", "abandoned"};

	if (top->paused)
		return "PAUSED";
	return states[top->live.now->session.state];
}

static void draw_title(const struct top *top)
{
	const struct session_facts *session = &top->live.now->session;
	char command[512], text[640], state[128], every[32] = "", time[FORMAT_BYTES];
	unsigned columns = screen_columns(), used;

	draw_join_command(session, command, sizeof command);
	snprintf(text, sizeof text, " memshim top  %s", command);
	if (session->state == SESSION_LIVE)
		snprintf(every, sizeof every, "  every %.3g s", (double)top->interval_ns / 1e9);
	snprintf(state, sizeof state, "  %s, %s%s ", state_words(top),
		 format_duration(time, live_session_now_ns(&top->live)), every);
	used = (unsigned)strlen(state);
	if (used >= columns)
		used = 0;
	screen_put(0, 0, columns - used, text, STYLE_BAR | STYLE_BOLD);
	if (used)
		screen_put(0, columns - used, used, state, STYLE_BAR);
}

/* ", 12 lost"; nothing for 0. */
static void draw_put_part(struct out *out, uint64_t count, const char *what)
{
	char text[FORMAT_BYTES];

	if (!count)
		return;
	OUT(out, ", ");
	out_text(out, format_count(text, count));
	out_char(out, ' ');
	out_text(out, what);
}

static void draw_coverage(const struct top *top, unsigned line)
{
	static const char *const levels[] = {"Coverage none", "Coverage of calls by name only",
					     "Coverage full"};
	static struct out out;
	const struct model *model = top->live.now;
	uint64_t lost = model_lost(model);
	bool whole = model->losses.level == COVERED_FULL && !lost && !model->losses.unseen_moves &&
		     !model->processes.unfollowed_count;

	out.used = 0;
	out_text(&out, levels[model->losses.level]);
	draw_put_part(&out, top->live.event_count, top->live.event_count == 1 ? "event" : "events");
	if (model->session.state == SESSION_LIVE)
		draw_put_part(&out, top->events_per_s, "a second");
	draw_put_part(&out, lost, "lost");
	if (!lost)
		OUT(&out, ", none lost");
	draw_put_part(&out, model->losses.missed, "too fast for this screen");
	draw_put_part(&out, model->losses.in_flight, "in flight");
	draw_put_part(&out, model->losses.unseen_moves,
		      model->losses.unseen_moves == 1 ? "move unseen" : "moves unseen");
	draw_put_part(&out, model->processes.unfollowed_count, "not followed");
	out.buffer[out.used] = '\0';
	screen_put(line, 1, screen_columns() - 1, out.buffer, whole ? STYLE_GREEN : STYLE_YELLOW);
}

struct totals {
	unsigned running, segments, leaked, orphaned;
	int64_t net;
	double growth_per_s;
	uint64_t shared_bytes;
};

static struct totals draw_add_up(const struct top *top)
{
	const struct model *model = top->live.now;
	struct totals totals = {0};

	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];
		const struct trend *trend = trends_of(&top->live.trends, i);

		if (!process || process->facts.state != STATE_RUNNING)
			continue;
		totals.running++;
		totals.net += (int64_t)(process->facts.break_current -
					process->facts.break_initial);
		totals.growth_per_s += trend ? trend->growth_per_s : 0;
	}
	for (uint32_t i = 0; i < model->segments.count; i++) {
		const struct model_segment *segment = model->segments.rows[i];

		if (segment->state != SEGMENT_PRESENT && segment->state != SEGMENT_MARKED)
			continue;
		totals.segments++;
		totals.leaked += segment->leaked;
		totals.orphaned += segment->orphaned;
		totals.shared_bytes += segment->size;
	}
	return totals;
}

static void draw_totals(const struct top *top, unsigned line)
{
	struct totals totals = draw_add_up(top);
	char net[FORMAT_BYTES], growth[FORMAT_BYTES], shared[FORMAT_BYTES], text[256];
	char running[128] = "no process is running", faults[64] = "";
	int used = 0;

	if (totals.running)
		snprintf(running, sizeof running, "%u running, breaks %s, %s/s", totals.running,
			 format_delta(net, totals.net),
			 format_delta(growth, (int64_t)totals.growth_per_s));
	if (totals.leaked)
		used = snprintf(faults, sizeof faults, ", %u leaked", totals.leaked);
	if (totals.orphaned)
		snprintf(faults + used, sizeof faults - (size_t)used, ", %u orphaned",
			 totals.orphaned);
	snprintf(text, sizeof text, "%s   %u segment%s present, %s%s", running, totals.segments,
		 format_s(totals.segments), format_bytes(shared, totals.shared_bytes), faults);
	screen_put(line, 1, screen_columns() - 1, text, *faults ? STYLE_RED : STYLE_PLAIN);
}

static uint64_t count_of(const struct top *top, enum top_view view)
{
	const struct model *model = top->live.now;

	switch (view) {
	case VIEW_PROCESSES:
		return model->processes.count;
	case VIEW_SEGMENTS:
		return model->segments.count;
	case VIEW_IPC:
		return (uint64_t)model->segments.count + model->objects.count;
	case VIEW_EVENTS:
		return top->live.event_count;
	case VIEW_FINDINGS:
		return findings_without_routine(model);
	default:
		return 0;
	}
}

static bool has_finding(const struct model *model, enum severity severity)
{
	for (uint32_t i = 0; i < model->findings.count; i++)
		if (model->findings.rows[i].severity == severity)
			return true;
	return false;
}

static unsigned tab_style(const struct top *top, enum top_view view)
{
	unsigned bar = view == top->view ? STYLE_BAR : 0;

	if (view == VIEW_FINDINGS && has_finding(top->live.now, SEVERITY_ERROR))
		return bar | STYLE_RED;
	if (view == VIEW_FINDINGS && has_finding(top->live.now, SEVERITY_WARNING))
		return bar | STYLE_YELLOW;
	return bar | STYLE_BOLD;
}

/* How much of the tabs is shown, so that they fit: first the most. */
enum tab_level { TABS_APART, TABS_WHOLE, TABS_SHORT, TABS_WITHOUT_COUNTS };

static unsigned draw_tab(const struct top *top, enum top_view view, enum tab_level level,
			 char text[64])
{
	static const char *const titles[VIEW_COUNT] = {
#define VIEW(id, name, title) title,
#include "report/top/views.def"
#undef VIEW
	};
	char number[FORMAT_BYTES] = "";
	uint64_t count = count_of(top, view);

	if (count && level < TABS_WITHOUT_COUNTS)
		format_count(number, count);
	return (unsigned)snprintf(text, 64, " %d %.*s%s%s ", view + 1, level < TABS_SHORT ? 12 : 4,
				  titles[view], *number ? " " : "", number) +
	       (level == TABS_APART);
}

static unsigned draw_tabs_total(const struct top *top, enum tab_level level)
{
	unsigned total = 0;
	char text[64];

	for (int view = 0; view < VIEW_COUNT; view++)
		total += draw_tab(top, (enum top_view)view, level, text);
	return total;
}

static void draw_tabs(const struct top *top, unsigned line)
{
	enum tab_level level = TABS_APART;
	unsigned column = 0;
	char text[64];

	while (level < TABS_WITHOUT_COUNTS && draw_tabs_total(top, level) > screen_columns())
		level++;
	for (int view = 0; view < VIEW_COUNT; view++) {
		unsigned used = draw_tab(top, (enum top_view)view, level, text);

		screen_put(line, column, used - (level == TABS_APART), text,
			   tab_style(top, (enum top_view)view));
		column += used;
	}
}

/* ---- the last line ---- */

static const char *foot_keys(const struct top *top)
{
	if (top->detail.kind != DETAIL_NONE)
		return " Esc Back  Up Down Scroll  h Help  q Quit";
	if (top->picking)
		return " h Help  Enter Open  / Filter  q Quit";
	if (top->view == VIEW_EVENTS)
		return " h Help  Enter Detail  / Filter  End Follow  Space Freeze  q Quit";
	if (top->view == VIEW_SEGMENTS)
		return " h Help  Enter Detail  / Filter  < > Sort  x Remove  q Quit";
	return " h Help  Enter Detail  / Filter  < > Sort  Space Freeze  q Quit";
}

/* "3-20/260": the rows of the list that the screen shows, and how many there are. */
static void draw_position(const struct top *top, unsigned line)
{
	const struct list *list = top_list((struct top *)top);
	unsigned count = list->table.row_count, rows = draw_capacity(top) - 1, used;
	unsigned last = list->first + rows < count ? list->first + rows : count;
	char text[48];

	if (top->detail.kind != DETAIL_NONE || !count)
		return;
	used = (unsigned)snprintf(text, sizeof text, " %u-%u/%u", list->first + 1, last, count);
	if (used < screen_columns())
		screen_put(line, screen_columns() - used, used, text, STYLE_DIM);
}

static void draw_foot(const struct top *top)
{
	unsigned line = screen_lines() - 1;
	struct list *list = top_list((struct top *)top);
	char text[TOP_MESSAGE_BYTES + 64];

	if (top->typing || (list->filter[0] && top->detail.kind == DETAIL_NONE)) {
		snprintf(text, sizeof text, " Filter: %s%s   %s", list->filter,
			 top->typing ? "_" : "",
			 top->typing ? "Enter keeps it, Esc removes it" : "Esc removes it");
		screen_put(line, 0, screen_columns(), text, STYLE_CYAN);
	} else if (top->message[0]) {
		screen_put(line, 0, screen_columns(), top->message,
			   top->question.pending ? STYLE_RED | STYLE_BAR : STYLE_YELLOW);
	} else {
		screen_put(line, 0, screen_columns(), foot_keys(top), STYLE_DIM);
		draw_position(top, line);
	}
}

/* ---- the screen ---- */

static unsigned head_lines(const struct top *top)
{
	if (top->picking)
		return 1;
	return screen_lines() < LOW_SCREEN ? 2 : 4;
}

static unsigned body_lines(const struct top *top)
{
	unsigned taken = head_lines(top) + 1;

	return screen_lines() > taken ? screen_lines() - taken : 1;
}

/* The lower half, on a high screen or if the list is short; with the line above the preview. */
static unsigned preview_lines(const struct top *top)
{
	unsigned body = body_lines(top), half = body / 2;
	unsigned rows = top_list((struct top *)top)->table.row_count;

	if (top->text_only || top->picking || top->detail.kind != DETAIL_NONE || !rows)
		return 0;
	return half >= PREVIEW_LEAST && (body >= PREVIEW_ALWAYS || rows + 1 <= body - half) ? half
											    : 0;
}

unsigned draw_capacity(const struct top *top)
{
	return body_lines(top) - preview_lines(top);
}

static void draw_head(const struct top *top)
{
	unsigned line = 1;

	if (top->picking) {
		screen_put(0, 0, screen_columns(), " memshim top  which session? Enter opens it",
			   STYLE_BAR | STYLE_BOLD);
		return;
	}
	draw_title(top);
	if (screen_lines() >= LOW_SCREEN) {
		draw_coverage(top, line++);
		draw_totals(top, line++);
	}
	draw_tabs(top, line);
}

static void draw_preview(struct top *top, unsigned line, unsigned lines)
{
	const void *row = list_row(top_list(top));
	const char *dash = screen_utf8() ? "─" : "-";
	struct detail detail;

	if (!row || lines < 2)
		return;
	for (unsigned column = 0; column < screen_columns(); column++)
		screen_put(line, column, 1, dash, STYLE_DIM);
	detail_of_row(&detail, top->view, row, &top->rows);
	detail_write(&detail, &top->rows, &top->preview, lines, screen_columns());
	top->preview.first = 0;
	for (unsigned i = 0; i + 1 < lines && i < top->preview.count; i++)
		screen_put(line + 1 + i, 0, screen_columns(), top->preview.lines[i].text,
			   top->preview.lines[i].styles);
}

static void draw_list(struct top *top)
{
	unsigned preview = preview_lines(top), lines = body_lines(top) - preview;

	top_list(top)->arrow = !top->text_only; /* text has two blanks between columns */
	list_draw(top_list(top), head_lines(top), lines);
	draw_preview(top, head_lines(top) + lines, preview);
}

void draw_all(struct top *top)
{
	screen_clear();
	if (screen_lines() < SCREEN_LEAST_LINES || screen_columns() < SCREEN_LEAST_COLUMNS) {
		screen_put(0, 0, screen_columns(), "screen too small", STYLE_RED);
		return;
	}
	draw_head(top);
	if (top->detail.kind != DETAIL_NONE)
		pager_draw(&top->pager, head_lines(top), draw_capacity(top));
	else
		draw_list(top);
	draw_foot(top);
}
