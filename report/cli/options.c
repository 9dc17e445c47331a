/* SPDX-License-Identifier: MIT */
#include "report/cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/cli/suppressions.h"
#include "report/session/find.h"
#include "report/util/error.h"
#include "report/util/owner.h"

#define FOR(id) (1u << COMMAND_##id)

enum option_id {
#define OPTION(id, letter, name, argument, commands, help) OPTION_##id,
#include "report/cli/options.def"
#undef OPTION
	OPTION_COUNT
};

static const struct row {
	const char *name, *argument;
	char letter;
	unsigned commands;
} rows[OPTION_COUNT] = {
#define OPTION(id, letter, name, argument, commands, help) \
	[OPTION_##id] = {name, argument, letter, commands},
#include "report/cli/options.def"
#undef OPTION
};

static const char *const command_names[COMMAND_COUNT] = {
#define COMMAND(id, name, arguments, summary) [COMMAND_##id] = #name,
#include "report/cli/commands.def"
#undef COMMAND
};

/* ---- values ---- */

static int option_refuse(const struct row *row, const char *value, const char *wanted)
{
	char option[64];

	snprintf(option, sizeof option, "--%s", row->name);
	error_format(option, "'%s' is not %s", value, wanted);
	return EXIT_USAGE;
}

/* A whole number, decimal or as C writes it; false when it is anything else. */
static bool option_read_number(const char *text, long long least, long long most, long long *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 0);
	return end != text && *end == '\0' && errno == 0 && *value >= least && *value <= most;
}

static int take_pid(const struct row *row, const char *value, long long *pid)
{
	if (option_read_number(value, 1, INT_MAX, pid))
		return 0;
	return option_refuse(row, value, "a process id");
}

static int take_calls(const struct row *row, char *list, uint32_t *kinds)
{
	char *save = NULL;

	for (char *name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		int kind = event_kind(name);

		if (kind < 0)
			return option_refuse(row, name, "a call: see 'memshim help events'");
		*kinds |= 1u << kind;
	}
	return *kinds ? 0 : option_refuse(row, "", "a call: see 'memshim help events'");
}

static int take_columns(struct options *options, const struct row *row, char *list)
{
	char *save = NULL;

	for (char *name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		if (options->column_count == OPTIONS_COLUMNS_MAX)
			return option_refuse(row, name, "one of at most 64 columns");
		options->columns[options->column_count++] = name;
	}
	return options->column_count ? 0 : option_refuse(row, "", "a list of columns");
}

static int take_color(struct options *options, const struct row *row, const char *value)
{
	if (strcmp(value, "auto") == 0)
		options->color = COLOR_AUTO;
	else if (strcmp(value, "always") == 0)
		options->color = COLOR_ALWAYS;
	else if (strcmp(value, "never") == 0)
		options->color = COLOR_NEVER;
	else
		return option_refuse(row, value, "auto, always or never");
	return 0;
}

/* "0.5": any part of a second that a clock knows, up to a day. */
static int take_delay(struct options *options, const struct row *row, const char *value)
{
	char *end;
	double seconds = strtod(value, &end);

	if (end == value || *end || !(seconds >= 0.01 && seconds <= 86400))
		return option_refuse(row, value, "a number of seconds, from 0.01 on");
	options->delay_ns = (uint64_t)(seconds * 1e9);
	return 0;
}

static int take_iterations(struct options *options, const struct row *row, const char *value)
{
	long long number;

	if (!option_read_number(value, 1, INT_MAX, &number))
		return option_refuse(row, value, "a number of looks");
	options->iterations = (uint64_t)number;
	return 0;
}

static int take_key(struct filter *filter, const struct row *row, const char *value)
{
	long long number = 0;

	if (strcmp(value, "IPC_PRIVATE") != 0 &&
	    !option_read_number(value, INT_MIN, UINT32_MAX, &number))
		return option_refuse(row, value, "a key, such as 0x1234");
	filter->by_key = true;
	filter->key = (uint32_t)number;
	return 0;
}

static int take_shmid(struct filter *filter, const struct row *row, const char *value)
{
	long long number;

	if (!option_read_number(value, 0, INT_MAX, &number))
		return option_refuse(row, value, "a segment's id");
	filter->by_shmid = true;
	filter->shmid = (int32_t)number;
	return 0;
}

/* ---- options ---- */

static int take_value(struct options *o, enum option_id id, char *value)
{
	const struct row *row = &rows[id];
	long long number = 0;
	int ret = 0;

	if (*value == '\0')
		return option_refuse(row, value, "a value");
	switch (id) {
	case OPTION_PROCESS:
	case OPTION_LOOK:
		ret = take_pid(row, value, &number);
		o->process = (long)number;
		return ret;
	case OPTION_PID:
	case OPTION_IMAGE:
		ret = take_pid(row, value, &number);
		o->filter.pid = (int32_t)number;
		return ret;
	case OPTION_EXE:
		o->filter.exe = value;
		return 0;
	case OPTION_SHMID:
		return take_shmid(&o->filter, row, value);
	case OPTION_KEY:
		return take_key(&o->filter, row, value);
	case OPTION_CALL:
		return take_calls(row, value, &o->filter.kinds);
	case OPTION_FORMAT:
	case OPTION_GRAPH_FORMAT:
		o->format = value;
		return 0;
	case OPTION_OUT:
		o->output = value;
		return 0;
	case OPTION_FLAME:
		o->flame = value;
		return 0;
	case OPTION_VIEW:
		o->view = value;
		return 0;
	case OPTION_SYSROOT:
		o->sysroot = value;
		return 0;
	case OPTION_SUPPRESS:
		return suppressions_read(&o->suppressions, value) ? 0 : EXIT_ABSENT;
	case OPTION_SORT:
		o->sort = value;
		return 0;
	case OPTION_COLUMNS:
		return take_columns(o, row, value);
	case OPTION_DELAY:
		return take_delay(o, row, value);
	case OPTION_ITERATIONS:
		return take_iterations(o, row, value);
	case OPTION_COLOR:
		return take_color(o, row, value);
	default:
		return EXIT_USAGE;
	}
}

static void take_flag(struct options *o, enum option_id id)
{
	o->foreign |= id == OPTION_FOREIGN;
	o->counts |= id == OPTION_COUNTS;
	o->debuginfod |= id == OPTION_DEBUGINFOD;
	o->stacks |= id == OPTION_STACKS;
	o->follow |= id == OPTION_FOLLOW;
	o->force |= id == OPTION_FORCE;
	o->filter.failed |= id == OPTION_FAILED;
	o->exact |= id == OPTION_BYTES;
	o->scale |= id == OPTION_SCALE;
	o->all |= id == OPTION_ALL;
	o->watch |= id == OPTION_WATCH;
	o->once |= id == OPTION_ONCE;
	o->json |= id == OPTION_JSON;
	o->csv |= id == OPTION_CSV;
	o->no_headings |= id == OPTION_NO_HEADINGS;
	o->help |= id == OPTION_HELP;
}

/* getopt's tables, made of the rows that the command has. */
static void make_tables(enum command command, struct option *longs, char *shorts)
{
	*shorts++ = ':';
	for (int id = 0; id < OPTION_COUNT; id++) {
		if (!(rows[id].commands >> command & 1))
			continue;
		*longs++ = (struct option){rows[id].name,
					   rows[id].argument ? required_argument : no_argument,
					   NULL, 256 + id};
		if (!rows[id].letter)
			continue;
		*shorts++ = rows[id].letter;
		if (rows[id].argument)
			*shorts++ = ':';
	}
	*longs = (struct option){NULL, 0, NULL, 0};
	*shorts = '\0';
}

static int id_of(int option, enum command command)
{
	if (option >= 256)
		return option - 256;
	for (int id = 0; id < OPTION_COUNT; id++)
		if (rows[id].letter == option && rows[id].commands >> command & 1)
			return id;
	return -1;
}

/* What getopt found wrong, in one line. */
static int option_complain(enum command command, int option, const char *word)
{
	const char *name = command_names[command];

	if (option == ':')
		error_format(name, "%s: needs a value; see 'memshim help %s'", word, name);
	else if (optopt > 0 && optopt < 256 && strncmp(word, "--", 2) != 0)
		error_format(name, "-%c: unknown option; see 'memshim help %s'", optopt, name);
	else if (optopt >= 256)
		error_format(name, "%s: takes no value; see 'memshim help %s'", word, name);
	else
		error_format(name, "%s: unknown option; see 'memshim help %s'", word, name);
	return EXIT_USAGE;
}

static int take_file(struct options *o, enum command command, int argc, char **argv)
{
	const char *name = command_names[command];
	bool wants_file = command != COMMAND_LS && command != COMMAND_ENV;

	o->files = argv + optind;
	if (optind < argc && wants_file) {
		o->file = argv[optind++];
		o->file_count = 1;
	}
	for (; command == COMMAND_IPCS && optind < argc; optind++)
		o->file_count++;
	if (optind < argc) {
		error_format(name, "'%s' is one argument too many; see 'memshim help %s'",
			     argv[optind], name);
		return EXIT_USAGE;
	}
	if (o->file && o->process) {
		error_line(name, "-p PID stands in the place of FILE: give one of them");
		return EXIT_USAGE;
	}
	if (o->json && o->csv) {
		error_line(name, "--json and --csv: give one of them");
		return EXIT_USAGE;
	}
	return 0;
}

/* Whose files this command may read. */
static void set_owners(const struct options *options, enum command command)
{
	bool can = rows[OPTION_FOREIGN].commands >> command & 1;

	owner_set_rule(options->foreign ? OWNER_ALLOW_FOREIGN
		       : can            ? OWNER_REFUSE_FOREIGN
					: OWNER_REFUSE);
}

int options_read(struct options *options, enum command command, int argc, char **argv)
{
	struct option longs[OPTION_COUNT + 1];
	char shorts[3 * OPTION_COUNT + 2];
	int option, ret = 0;

	memset(options, 0, sizeof *options);
	make_tables(command, longs, shorts);
	optind = 0;
	opterr = 0;
	while (ret == 0 && (option = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		int id = id_of(option, command);

		if (option == ':' || option == '?' || id < 0)
			ret = option_complain(command, option, argv[optind - 1]);
		else if (optarg)
			ret = take_value(options, (enum option_id)id, optarg);
		else
			take_flag(options, (enum option_id)id);
	}
	set_owners(options, command);
	return ret == 0 && !options->help ? take_file(options, command, argc, argv) : ret;
}

bool options_find_file(const struct options *options, char path[PATH_MAX])
{
	enum find_answer answer;

	if (options->file) {
		if (strlen(options->file) >= PATH_MAX) {
			error_line(options->file, strerror(ENAMETOOLONG));
			return false;
		}
		answer = find_by_name(options->file, path);
		if (answer == FIND_NONE)
			snprintf(path, PATH_MAX, "%s", options->file);
		return answer != FIND_REFUSED;
	}
	if (options->process)
		return find_by_pid(options->process, false, path);
	if (options->filter.pid && find_by_pid(options->filter.pid, true, path))
		return true;
	return find_default(path);
}
