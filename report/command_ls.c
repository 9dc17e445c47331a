/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/command.h"
#include "report/error.h"
#include "report/options.h"
#include "report/reader/find.h"
#include "report/reader/tables.h"
#include "report/view/page.h"
#include "report/view/sessions.h"

struct list {
	struct session_row **rows;
	unsigned count, room;
	bool no_memory;
};

static void count_process(void *count, const struct process_facts *facts)
{
	uint64_t *highest = count;

	/* Instances are given out one by one. */
	if (facts->instance > *highest)
		*highest = facts->instance;
}

static struct session_row *add(struct list *list)
{
	struct session_row **rows = list->rows;

	if (list->count == list->room) {
		unsigned room = list->room ? list->room * 2 : 16;

		rows = realloc(rows, room * sizeof *rows);
		if (!rows)
			return NULL;
		list->rows = rows;
		list->room = room;
	}
	rows[list->count] = calloc(1, sizeof **rows);
	return rows[list->count] ? rows[list->count++] : NULL;
}

static bool is_listed(const struct list *list, const struct session_facts *facts)
{
	for (unsigned i = 0; i < list->count; i++)
		if (list->rows[i]->facts.started_realtime_ns == facts->started_realtime_ns &&
		    strcmp(list->rows[i]->facts.name, facts->name) == 0)
			return true;
	return false;
}

static void add_session(struct list *list, struct source *source, const char *path)
{
	struct session_row *row = add(list);
	struct tables_taker taker = {.process = count_process};

	list->no_memory |= !row;
	if (!row)
		return;
	row->facts = *source_session(source);
	row->event_count = source_event_count(source);
	snprintf(row->path, sizeof row->path, "%s", path);
	taker.context = &row->process_count;
	tables_read_processes(source, &taker);
}

/* One that cannot be read has its line on standard error. */
static bool take(void *context, const char *path)
{
	struct list *list = context;
	struct source *source = source_open(path);

	if (source && !is_listed(list, source_session(source)))
		add_session(list, source, path);
	source_close(source);
	return list->no_memory;
}

static int by_start(const void *a, const void *b)
{
	const struct session_row *left = *(struct session_row *const *)a;
	const struct session_row *right = *(struct session_row *const *)b;
	uint64_t x = left->facts.started_realtime_ns, y = right->facts.started_realtime_ns;

	return x < y ? -1 : x > y;
}

static int show(const struct options *options, struct list *list)
{
	struct out *out = page_begin(options->color);
	const struct session_row *const *rows = (const struct session_row *const *)list->rows;
	struct sessions_wish wish = {options->sort, options->columns, options->column_count,
				     options->no_headings};

	if (options->json)
		sessions_json(out, rows, list->count);
	else if (!sessions_text(out, rows, list->count, &wish))
		return EXIT_USAGE;
	return out_finish(out);
}

int command_ls(int argc, char **argv)
{
	struct options options;
	struct list list = {0};
	int ret = options_read(&options, COMMAND_LS, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("ls");
	find_each(take, &list);
	if (access(FIND_RECORDING, F_OK) == 0)
		take(&list, FIND_RECORDING);
	if (list.count)
		qsort(list.rows, list.count, sizeof *list.rows, by_start);
	ret = show(&options, &list);
	for (unsigned i = 0; i < list.count; i++)
		free(list.rows[i]);
	free(list.rows);
	return ret;
}
