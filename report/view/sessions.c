/* SPDX-License-Identifier: MIT */
#include "report/view/sessions.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/util/error.h"
#include "report/util/format.h"
#include "report/view/cell.h"
#include "report/view/json_members.h"
#include "report/view/words.h"

enum session_column {
#define SESSION_COLUMN(id, name, heading, right, descending, wanted, meaning) COLUMN_##id,
#include "report/view/session_columns.def"
#undef SESSION_COLUMN
};

const struct table_column sessions_columns[] = {
#define SESSION_COLUMN(id, name, heading, right, descending, wanted, meaning) \
	{#name, heading, right, descending, wanted},
#include "report/view/session_columns.def"
#undef SESSION_COLUMN
	{NULL, NULL, false, false, 0},
};

static void session_join_command(const struct session_facts *facts, char *to, size_t bytes)
{
	size_t used = 0;

	for (uint32_t i = 0; i < facts->command_bytes && used + 1 < bytes; i++)
		to[used++] = facts->command[i] ? facts->command[i] : ' ';
	while (used > 0 && to[used - 1] == ' ')
		used--;
	to[used] = '\0';
}

void sessions_cell(const void *row, unsigned column, struct cell *cell, const void *context)
{
	const struct session_row *session = row;

	cell->color = COLOR_NONE;
	cell->number = 0;
	switch (column) {
	case COLUMN_SESSION:
		snprintf(cell->text, sizeof cell->text, "%s", session->facts.name);
		break;
	case COLUMN_STATE:
		snprintf(cell->text, sizeof cell->text, "%s", words_session_state(&session->facts));
		if (session->facts.state == SESSION_LIVE)
			cell->color = COLOR_GREEN;
		break;
	case COLUMN_PROCESSES:
		cell->number = session->process_count;
		format_count(cell->text, cell->number);
		break;
	case COLUMN_EVENTS:
		cell->number = session->event_count;
		format_count(cell->text, cell->number);
		break;
	case COLUMN_BYTES:
		cell_put_bytes(cell, session->bytes, context != NULL);
		break;
	case COLUMN_AGE:
		cell->number = session->facts.age_ns;
		if (cell->number < 1000000000u)
			snprintf(cell->text, sizeof cell->text, "< 1 s");
		else
			format_seconds(cell->text, cell->number / 1000000000u);
		break;
	case COLUMN_COMMAND:
		session_join_command(&session->facts, cell->text, 61);
		break;
	default:
		snprintf(cell->text, sizeof cell->text, "%.255s", session->path);
	}
}

static int column_of(const char *name)
{
	int column = table_column(sessions_columns, name);

	if (column < 0)
		error_line(name, "no such column; see 'memshim help ls'");
	return column;
}

bool sessions_text(struct out *out, const struct session_row *const *rows, unsigned count,
		   const struct sessions_options *options)
{
	struct table table = {.columns = sessions_columns, .sort = UINT_MAX, .fill = sessions_cell};

	table.context = options->exact ? options : NULL;
	table_choose(&table, out->width);
	if (options->sort && (int)(table.sort = (unsigned)column_of(options->sort)) < 0)
		return false;
	for (unsigned i = 0; i < options->column_count; i++) {
		int column = column_of(options->columns[i]);

		if (column < 0)
			return false;
		if (i < TABLE_COLUMNS_MAX)
			table.shown[i] = (unsigned)column;
		table.width = 0;
		table.shown_count = i < TABLE_COLUMNS_MAX ? i + 1 : TABLE_COLUMNS_MAX;
	}
	table.rows = calloc(count + 1, sizeof *table.rows);
	for (; table.rows && table.row_count < count; table.row_count++)
		table.rows[table.row_count] = rows[table.row_count];
	table_print(&table, out, !options->no_headings, UINT_MAX);
	free(table.rows);
	return true;
}

void sessions_json(struct out *out, const struct session_row *const *rows, unsigned count)
{
	struct json json = {out, false};
	char command[1100];

	json_open(&json, NULL, '{');
	json_number(&json, "schema", 1);
	json_open(&json, "sessions", '[');
	for (unsigned i = 0; i < count; i++) {
		const struct session_facts *facts = &rows[i]->facts;

		session_join_command(facts, command, sizeof command);
		json_open(&json, NULL, '{');
		json_session(&json, facts);
		json_number(&json, "age_ns", facts->age_ns);
		json_number(&json, "processes", rows[i]->process_count);
		json_number(&json, "events", rows[i]->event_count);
		json_number(&json, "bytes", rows[i]->bytes);
		json_text(&json, "command", command);
		json_text(&json, "file", rows[i]->path);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_close(&json, '}');
	out_char(out, '\n');
}
