/* SPDX-License-Identifier: MIT */
/* Chooses the session and the view of the live screen, or prints one screen as text. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report/cli/command.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/cli/options_files.h"
#include "report/session/find.h"
#include "report/top/top.h"
#include "report/util/error.h"
#include "report/view/page.h"

#define INTERVAL_DEFAULT_NS 2000000000u
#define LINES_MOST 4000u

static int find_view(const char *name, enum top_view *view)
{
	static const char *const names[VIEW_COUNT] = {
#define VIEW(id, name, title) #name,
#include "report/top/views.def"
#undef VIEW
	};

	for (int i = 0; name && i < VIEW_COUNT; i++)
		if (strcmp(names[i], name) == 0) {
			*view = (enum top_view)i;
			return 0;
		}
	if (!name)
		return 0;
	error_format("--view",
		     "'%s' is not one of processes, segments, sites, events, findings, ipc", name);
	return EXIT_USAGE;
}

static int set_sort(struct top *top, const char *name)
{
	struct list *list = &top->lists[top->view];
	int column = name ? table_column(list->table.columns, name) : 0;

	if (column < 0 || (name && top->view == VIEW_EVENTS)) {
		error_format("--sort", "'%s' is no column of this view", name);
		return EXIT_USAGE;
	}
	if (name)
		list->table.sort = (unsigned)column;
	return 0;
}

/* Returns the number of live sessions. *newest is the path of the newest one. */
static unsigned count_live(const struct listing *listing, const char **newest)
{
	unsigned live = 0;

	for (unsigned i = 0; i < listing->count; i++)
		if (listing->rows[i]->facts.state == SESSION_LIVE) {
			*newest = listing->rows[i]->path;
			live++;
		}
	return live;
}

/* Opens the named session, or the live one. Of several, the user picks one on the screen. */
static int top_choose(struct top *top, const struct options *options)
{
	const char *newest = NULL;
	char path[PATH_MAX];
	unsigned live = 0;

	if (!options->file && !options->process) {
		top_pick(top);
		top->picking = false;
		live = count_live(&top->listing, &newest);
		if (live == 1 || (live > 1 && options->once))
			return top_open(top, newest);
		if (live > 1) {
			top->picking = true;
			return 0;
		}
	}
	return options_find_file(options, path) ? top_open(top, path) : EXIT_ABSENT;
}

/* The height of the terminal; without one, as many lines as all rows need. */
static unsigned text_lines(struct top *top, unsigned columns)
{
	const char *lines = getenv("LINES");
	struct winsize size;
	unsigned wanted = lines ? (unsigned)strtoul(lines, NULL, 10) : 0;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row)
		wanted = size.ws_row;
	if (wanted == 0) {
		rows_gather(&top->rows, top->view, &top->lists[top->view], columns);
		wanted = top->lists[top->view].table.row_count + 6;
		wanted = wanted < 16 ? 16 : wanted; /* on a lower screen, the head is shorter */
	}
	return wanted < LINES_MOST ? wanted : LINES_MOST;
}

static int show_once(struct top *top)
{
	unsigned columns = page_begin(COLOR_NEVER)->width;
	int ret;

	if (!session_has(&top->live.session, top->live.now, top->rows.filter))
		return EXIT_ABSENT;
	if (!screen_begin_text(text_lines(top, columns), columns))
		return EXIT_ABSENT;
	top->rows.utf8 = screen_utf8();
	ret = top_once(top);
	screen_end();
	return ret;
}

static int top_show(struct top *top, const struct options *options)
{
	struct out *out = page_begin(options->color);
	int ret;

	if (options->once)
		return show_once(top);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		error_line("top", "standard input or output is not a terminal; --once prints one "
				  "screen as text");
		return EXIT_ABSENT;
	}
	if (!screen_begin(out->color))
		return EXIT_ABSENT;
	top->rows.utf8 = screen_utf8();
	ret = top_run(top);
	screen_end();
	return ret;
}

int command_top(int argc, char **argv)
{
	struct options options;
	static struct top top;
	int ret = options_read(&options, COMMAND_TOP, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("top");
	top.foreign = options.foreign;
	top.screens_most = options.iterations;
	top.rows = (struct rows){
		.live = &top.live, .filter = &options.filter, .exact = options.exact};
	top.interval_ns = options.delay_ns ? options.delay_ns : INTERVAL_DEFAULT_NS;
	rows_lists(top.lists, &top.rows);
	ret = find_view(options.view, &top.view);
	if (!options.view && options.filter.by_id && options.filter.kind != SHARED_MEMORY)
		top.view = VIEW_IPC;
	if (ret == 0)
		ret = set_sort(&top, options.sort);
	if (ret == 0)
		ret = top_choose(&top, &options);
	return ret == 0 ? top_show(&top, &options) : ret;
}
