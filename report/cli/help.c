/* SPDX-License-Identifier: MIT */
#include "report/cli/help.h"

#include <stdio.h>
#include <string.h>

#include "report/cli/command.h"
#include "report/cli/options.h"
#include "report/util/error.h"
#include "report/view/page.h"

#define FOR(id) (1u << COMMAND_##id)
#define INDENT 27u

static const struct help_row {
	const char *name, *argument, *help;
	char letter;
	unsigned commands;
} rows[] = {
#define OPTION(id, letter, name, argument, commands, help) {name, argument, help, letter, commands},
#include "report/cli/options.def"
#undef OPTION
};

struct help_column {
	const char *name, *meaning;
};

static const struct help_column process_columns[] = {
#define PROCESS_COLUMN(id, name, heading, right, descending, wanted, meaning) {#name, meaning},
#include "report/view/process_columns.def"
#undef PROCESS_COLUMN
	{NULL, NULL},
};

static const struct help_column segment_columns[] = {
#define SEGMENT_COLUMN(id, name, heading, right, descending, wanted, meaning) {#name, meaning},
#include "report/view/segment_columns.def"
#undef SEGMENT_COLUMN
	{NULL, NULL},
};

static const struct help_column site_columns[] = {
#define SITE_COLUMN(id, name, heading, right, descending, wanted, meaning) {#name, meaning},
#include "report/view/site_columns.def"
#undef SITE_COLUMN
	{NULL, NULL},
};

static const struct help_column session_columns[] = {
#define SESSION_COLUMN(id, name, heading, right, descending, wanted, meaning) {#name, meaning},
#include "report/view/session_columns.def"
#undef SESSION_COLUMN
	{NULL, NULL},
};

static const struct help_column ipc_columns[] = {
#define IPC_COLUMN(id, name, heading, right, descending, wanted, meaning) {#name, meaning},
#include "report/view/ipc_columns.def"
#undef IPC_COLUMN
	{NULL, NULL},
};

static const struct help_column event_columns[] = {
#define EVENT_COLUMN(id, name, meaning) {#name, meaning},
#include "report/view/event_columns.def"
#undef EVENT_COLUMN
	{NULL, NULL},
};

static const struct help_column export_formats[] = {
#define FORMAT(id, name, text, what) {#name, what},
#include "report/export/formats.def"
#undef FORMAT
	{NULL, NULL},
};

static const struct help_column zone_kinds[] = {
#define ZONE_KIND(id, name, meaning) {name, meaning},
#include "report/model/zone_kinds.def"
#undef ZONE_KIND
	{NULL, NULL},
};

static const struct help_column quantities[] = {
#define QUANTITY(id, name, unit, needs, meaning) {#name, meaning},
#include "report/model/expect.def"
#undef QUANTITY
	{"finding:KIND", "findings of this kind, such as finding:failed-call"},
	{NULL, NULL},
};

static const struct help_column top_keys[] = {
#define KEY(id, first, second, third, written, meaning) {written, meaning},
#include "report/top/keys.def"
#undef KEY
	{NULL, NULL},
};

/* Puts a name, then its description, wrapped within its own column. */
static void help_put_item(struct out *out, const char *name, const char *words)
{
	size_t used = strlen(name), column;

	out_text(out, name);
	if (used + 2 > INDENT) {
		out_char(out, '\n');
		used = 0;
	}
	out_pad(out, INDENT - used);
	for (column = INDENT; *words;) {
		size_t length = strcspn(words, " ");

		if (column > INDENT && column + 1 + length > out->width) {
			out_char(out, '\n');
			out_pad(out, INDENT);
			column = INDENT;
		} else if (column > INDENT) {
			out_char(out, ' ');
			column++;
		}
		out_raw(out, words, length);
		column += length;
		words += length + (words[length] == ' ');
	}
	out_char(out, '\n');
}

static void help_put_option(struct out *out, const struct help_row *row)
{
	char name[96];

	snprintf(name, sizeof name, "  %c%c%s--%s%s%s", row->letter ? '-' : ' ',
		 row->letter ? row->letter : ' ', row->letter ? ", " : "  ", row->name,
		 row->argument ? "=" : "", row->argument ? row->argument : "");
	help_put_item(out, name, row->help);
}

static void help_put_columns(struct out *out, const char *title, const struct help_column *column)
{
	char name[64];

	out_char(out, '\n');
	out_text(out, title);
	OUT(out, ":\n");
	for (; column->name; column++) {
		snprintf(name, sizeof name, "  %s", column->name);
		help_put_item(out, name, column->meaning);
	}
}

static void help_put_command(struct out *out, enum command command)
{
	OUT(out, "usage: memshim ");
	out_text(out, command_rows[command].name);
	if (*command_rows[command].arguments)
		out_char(out, ' ');
	out_text(out, command_rows[command].arguments);
	OUT(out, "\n\n");
	out_text(out, command_rows[command].summary);
	OUT(out, "\n\n");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].commands >> command & 1)
			help_put_option(out, &rows[i]);
	if (command == COMMAND_TOP)
		OUT(out, "\nFILE is a recording, a live session's segment, or its name in "
			 "'memshim ls'.\nWithout FILE, top reads this user's live session, or asks "
			 "which of several;\nwithout a live session, it reads memshim.data, or the "
			 "newest session.\n");
	else if (strstr(command_rows[command].arguments, "[FILE]"))
		OUT(out, "\nFILE is a recording, a live session's segment, or its name in "
			 "'memshim ls'.\nWithout FILE, memshim.data in this folder is read, else "
			 "this user's newest\nsession.\n");
	if (command == COMMAND_REPORT || command == COMMAND_RECORD)
		help_put_columns(out, "NAME of EXPR, which is NAME OP VALUE; OP: = != < <= > >=",
				 quantities);
	if (command == COMMAND_IPCS)
		help_put_columns(out, "columns", ipc_columns);
	if (command == COMMAND_REPORT) {
		help_put_columns(out, "columns of the processes", process_columns);
		help_put_columns(out, "columns of the segments", segment_columns);
		help_put_columns(out, "columns of the call sites", site_columns);
	}
	if (command == COMMAND_EVENTS)
		help_put_columns(out, "columns of --csv", event_columns);
	if (command == COMMAND_EXPORT)
		help_put_columns(out, "formats", export_formats);
	if (command == COMMAND_MAP)
		help_put_columns(out, "kinds of zones", zone_kinds);
	if (command == COMMAND_TOP)
		help_put_columns(out, "keys", top_keys);
	if (command == COMMAND_LS)
		help_put_columns(out, "columns", session_columns);
}

static void help_put_all(struct out *out)
{
	char name[64];

	OUT(out, "usage: memshim COMMAND [OPTION]... [ARG]...\n\n"
		 "Records how programs move their break (brk, sbrk) and share System V "
		 "memory.\n\n");
	for (int i = 0; i < COMMAND_COUNT; i++) {
		snprintf(name, sizeof name, "  %s", command_rows[i].name);
		help_put_item(out, name, command_rows[i].summary);
	}
	help_put_item(out, "  --version", "print the version");
	OUT(out, "\n'memshim help COMMAND' lists the options. To begin:\n"
		 "memshim record ls; memshim report\n");
}

int help_show(const char *command)
{
	int number = command ? command_find(command) : -1;
	struct out *out;

	if (command && number < 0)
		return command_refuse(command);
	out = page_begin(COLOR_NEVER);
	if (command)
		help_put_command(out, (enum command)number);
	else
		help_put_all(out);
	return out_finish(out);
}

int command_help(int argc, char **argv)
{
	if (argc > 2) {
		error_format("help", "'%s' is one argument too many", argv[2]);
		return EXIT_USAGE;
	}
	return help_show(argc > 1 ? argv[1] : NULL);
}
