/* SPDX-License-Identifier: MIT */
#include "report/cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "report/cli/option_values.h"
#include "report/cli/options_files.h"
#include "report/cli/wrapper_names.h"
#include "report/session/find.h"
#include "report/util/error.h"
#include "report/util/trust.h"

#define FOR(id) (1u << COMMAND_##id)
#define STACK_DEPTH_DEFAULT 16
#define STACK_DEPTH_MAX 64
#define OPTION_BASE 256 /* what getopt returns for option 0: no letter is as large */

enum option_id {
#define OPTION(id, letter, name, argument, commands, help) OPTION_##id,
#include "report/cli/options.def"
#undef OPTION
	OPTION_COUNT
};

static const struct option_row {
	const char *name, *argument;
	char letter;
	unsigned commands;
} rows[OPTION_COUNT] = {
#define OPTION(id, letter, name, argument, commands, help) \
	[OPTION_##id] = {name, argument, letter, commands},
#include "report/cli/options.def"
#undef OPTION
};

/* ---- values ---- */

static int option_refuse(const struct option_row *row, const char *value, const char *wanted)
{
	char option[64];

	snprintf(option, sizeof option, "--%s", row->name);
	error_format(option, "'%s' is not %s", value, wanted);
	return EXIT_USAGE;
}

static int option_read_pid(const struct option_row *row, const char *value, long long *pid)
{
	if (option_value_number(value, 1, INT_MAX, pid))
		return 0;
	return option_refuse(row, value, "a process id");
}

static int option_read_calls(const struct option_row *row, char *list, uint32_t *kinds)
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

static int option_read_columns(struct options *options, const struct option_row *row, char *list)
{
	char *save = NULL;

	for (char *name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		if (options->column_count == OPTIONS_COLUMNS_MAX)
			return option_refuse(row, name, "one of at most 64 columns");
		options->columns[options->column_count++] = name;
	}
	return options->column_count ? 0 : option_refuse(row, "", "a list of columns");
}

static int option_read_key(struct filter *filter, const struct option_row *row, const char *value)
{
	long long number = 0;

	if (strcmp(value, "IPC_PRIVATE") != 0 &&
	    !option_value_number(value, INT_MIN, UINT32_MAX, &number))
		return option_refuse(row, value, "a key, such as 0x1234");
	filter->by_key = true;
	filter->key = (uint32_t)number;
	return 0;
}

static int option_read_object(struct filter *filter, const struct option_row *row,
			      const char *value, enum object_kind kind)
{
	static const char *const wanted[] = {"a segment's id", "a semaphore set's id",
					     "a message queue's id"};
	long long number;

	if (!option_value_number(value, 0, INT_MAX, &number))
		return option_refuse(row, value, wanted[kind]);
	filter->by_id = true;
	filter->kind = kind;
	filter->id = (int32_t)number;
	return 0;
}

/* The numbers whose range is all that is to be checked. */
static int option_read_number(struct options *o, enum option_id id, const char *value)
{
	const struct option_row *row = &rows[id];
	unsigned long decimal = 0;
	long long number = 0;

	switch (id) {
	case OPTION_STACK_DEPTH:
		if (!option_value_decimal(value, STACK_DEPTH_MAX, &decimal))
			return option_refuse(row, value, "a number from 0 to 64");
		o->stack_depth = (uint32_t)decimal;
		return 0;
	case OPTION_ERROR_EXITCODE:
		if (!option_value_decimal(value, 255, &decimal))
			return option_refuse(row, value, "a number from 0 to 255");
		o->error_exitcode = (int)decimal;
		return 0;
	case OPTION_LOG_SIZE:
		return option_value_size(value, &o->log_bytes)
			       ? 0
			       : option_refuse(row, value, "a size from 8K to 64G, such as 16M");
	case OPTION_SAMPLE:
		if (!option_value_number(value, 0, 3600000, &number))
			return option_refuse(row, value, "a number of milliseconds, 0 to 3600000");
		o->sample_ms = (int32_t)number;
		return 0;
	case OPTION_DELAY:
		return option_value_delay(value, &o->delay_ns)
			       ? 0
			       : option_refuse(row, value, "a number of seconds, from 0.01 on");
	case OPTION_ITERATIONS:
		if (!option_value_number(value, 1, INT_MAX, &number))
			return option_refuse(row, value, "a number of samples");
		o->iterations = (uint64_t)number;
		return 0;
	case OPTION_ROWS_TOP:
		if (!option_value_number(value, 1, INT_MAX, &number))
			return option_refuse(row, value, "a number of rows");
		o->top = (unsigned)number;
		return 0;
	default:
		return EXIT_USAGE;
	}
}

/* The file is read after all options: --foreign says whose files may be read. */
static int option_take_rule_file(struct options *o, const struct option_row *row, char *value,
				 bool of_wrappers)
{
	if (o->rule_file_count == OPTIONS_RULE_FILES_MAX)
		return option_refuse(row, value, "one of at most 64 files");
	o->rule_files[o->rule_file_count].path = value;
	o->rule_files[o->rule_file_count++].of_wrappers = of_wrappers;
	return 0;
}

static int option_take_expectation(struct options *o, const struct option_row *row,
				   const char *value)
{
	const char *wanted = expectations_add(&o->expectations, value);

	return wanted ? option_refuse(row, value, wanted) : 0;
}

/* ---- options ---- */

/* Where a value is kept that is not read further here; null: it is read. */
static const char **option_text(struct options *o, enum option_id id)
{
	switch (id) {
	case OPTION_EXE:
		return &o->filter.exe;
	case OPTION_FORMAT:
	case OPTION_GRAPH_FORMAT:
		return &o->format;
	case OPTION_OUT:
	case OPTION_OUTPUT:
		return &o->output;
	case OPTION_FLAME:
		return &o->flame;
	case OPTION_VIEW:
		return &o->view;
	case OPTION_SYSROOT:
		return &o->sysroot;
	case OPTION_SORT:
		return &o->sort;
	default:
		return NULL;
	}
}

static int option_take_value(struct options *o, enum option_id id, char *value)
{
	const struct option_row *row = &rows[id];
	const char **text = option_text(o, id);
	long long number = 0;
	int ret = 0;

	if (*value == '\0')
		return option_refuse(row, value, "a value");
	if (text) {
		*text = value;
		return 0;
	}
	switch (id) {
	case OPTION_PROCESS:
	case OPTION_MAP_PROCESS:
	case OPTION_DOCTOR_PROCESS:
		ret = option_read_pid(row, value, &number);
		o->process = (long)number;
		return ret;
	case OPTION_PID:
	case OPTION_IMAGE:
		ret = option_read_pid(row, value, &number);
		o->filter.pid = (int32_t)number;
		return ret;
	case OPTION_SHMID:
		return option_read_object(&o->filter, row, value, SHARED_MEMORY);
	case OPTION_SEMID:
		return option_read_object(&o->filter, row, value, SEMAPHORE_SET);
	case OPTION_MSQID:
		return option_read_object(&o->filter, row, value, MESSAGE_QUEUE);
	case OPTION_KEY:
		return option_read_key(&o->filter, row, value);
	case OPTION_CALL:
		return option_read_calls(row, value, &o->filter.kinds);
	case OPTION_FLAME_OF:
		o->flame_of = flame_of_name(value);
		return o->flame_of == FLAME_OF_COUNT
			       ? option_refuse(row, value, "kept, peak, grown or shm")
			       : 0;
	case OPTION_EXPECT:
		return option_take_expectation(o, row, value);
	case OPTION_SUPPRESS:
		return option_take_rule_file(o, row, value, false);
	case OPTION_WRAPPER:
		return wrapper_names_add(&o->wrappers, value) ? 0 : EXIT_ABSENT;
	case OPTION_WRAPPER_FILE:
		return option_take_rule_file(o, row, value, true);
	case OPTION_COLUMNS:
		return option_read_columns(o, row, value);
	case OPTION_COLOR:
		return option_value_color(value, &o->color)
			       ? 0
			       : option_refuse(row, value, "auto, always or never");
	default:
		return option_read_number(o, id, value);
	}
}

static void option_take_flag(struct options *o, enum option_id id)
{
	o->foreign |= id == OPTION_FOREIGN;
	o->counts |= id == OPTION_COUNTS;
	o->all_sessions |= id == OPTION_ALL_SESSIONS;
	o->debuginfod |= id == OPTION_DEBUGINFOD;
	o->stacks |= id == OPTION_STACKS;
	o->no_stacks |= id == OPTION_NO_STACKS;
	o->follow |= id == OPTION_FOLLOW || id == OPTION_FROM_START;
	o->from_start |= id == OPTION_FROM_START;
	o->force |= id == OPTION_FORCE;
	o->filter.failed |= id == OPTION_FAILED;
	o->exact |= id == OPTION_BYTES;
	o->scale |= id == OPTION_SCALE;
	o->all |= id == OPTION_ALL || id == OPTION_ROWS_ALL;
	o->ungroup |= id == OPTION_UNGROUP;
	o->orphans |= id == OPTION_ORPHANS;
	o->notes |= id == OPTION_NOTES;
	o->watch |= id == OPTION_WATCH;
	o->once |= id == OPTION_ONCE;
	o->json |= id == OPTION_JSON;
	o->csv |= id == OPTION_CSV;
	o->no_headings |= id == OPTION_NO_HEADINGS;
	o->no_follow |= id == OPTION_NO_FOLLOW;
	o->anonymous |= id == OPTION_ANONYMOUS;
	o->no_compress |= id == OPTION_NO_COMPRESS;
	o->wait_all |= id == OPTION_WAIT;
	o->quiet |= id == OPTION_QUIET;
	o->help |= id == OPTION_HELP;
}

/*
 * Fills in getopt's tables with the options that the command has. '+': the first word that is no
 * option is the COMMAND of record and doctor, and the words after it are COMMAND's own. ':': getopt
 * tells a missing value from an unknown option.
 */
static void options_make_tables(enum command command, struct option *longs, char *shorts)
{
	if (command == COMMAND_RECORD || command == COMMAND_DOCTOR)
		*shorts++ = '+';
	*shorts++ = ':';
	for (int id = 0; id < OPTION_COUNT; id++) {
		if (!(rows[id].commands >> command & 1))
			continue;
		*longs++ = (struct option){rows[id].name,
					   rows[id].argument ? required_argument : no_argument,
					   NULL, OPTION_BASE + id};
		if (!rows[id].letter)
			continue;
		*shorts++ = rows[id].letter;
		if (rows[id].argument)
			*shorts++ = ':';
	}
	*longs = (struct option){NULL, 0, NULL, 0};
	*shorts = '\0';
}

static int option_find(int option, enum command command)
{
	if (option >= OPTION_BASE)
		return option - OPTION_BASE;
	for (int id = 0; id < OPTION_COUNT; id++)
		if (rows[id].letter == option && rows[id].commands >> command & 1)
			return id;
	return -1;
}

/* What getopt found wrong, in one line. */
static int option_complain(enum command command, int option, const char *word)
{
	const char *name = command_rows[command].name;

	if (option == ':')
		error_format(name, "%s: needs a value; see 'memshim help %s'", word, name);
	else if (optopt > 0 && optopt < OPTION_BASE && strncmp(word, "--", 2) != 0)
		error_format(name, "-%c: unknown option; see 'memshim help %s'", optopt, name);
	else if (optopt >= OPTION_BASE)
		error_format(name, "%s: takes no value; see 'memshim help %s'", word, name);
	else
		error_format(name, "%s: unknown option; see 'memshim help %s'", word, name);
	return EXIT_USAGE;
}

static int options_take_command(struct options *o, int argc, char **argv)
{
	o->command = argv + optind;
	if (optind < argc)
		return 0;
	error_line("record", "no COMMAND given; see 'memshim help record'");
	return EXIT_USAGE;
}

/* doctor: COMMAND, or -p, or neither. */
static int options_take_checked(struct options *o, char **argv)
{
	o->command = argv + optind;
	if (!*o->command || !o->process)
		return 0;
	error_line("doctor", "-p PID and COMMAND: give one of them");
	return EXIT_USAGE;
}

static int options_take_files(struct options *o, enum command command, int argc, char **argv)
{
	const char *name = command_rows[command].name;
	bool wants_file = command != COMMAND_LS && command != COMMAND_ENV;

	o->files = argv + optind;
	if (optind < argc && wants_file) {
		o->file = argv[optind++];
		o->file_count = 1;
	}
	for (; (command == COMMAND_IPCS || command == COMMAND_RM) && optind < argc; optind++)
		o->file_count++;
	if (optind < argc) {
		error_format(name, "'%s' is one argument too many; see 'memshim help %s'",
			     argv[optind], name);
		return EXIT_USAGE;
	}
	if (o->file && o->process) {
		error_line(name, "-p PID names the session instead of FILE: give one of them");
		return EXIT_USAGE;
	}
	if (o->json && o->csv) {
		error_line(name, "--json and --csv: give one of them");
		return EXIT_USAGE;
	}
	return 0;
}

/* Which users' files this command may read. */
static void options_set_owner_rule(const struct options *options, enum command command)
{
	bool can = rows[OPTION_FOREIGN].commands >> command & 1;

	owner_set_rule(options->foreign ? OWNER_ALLOW_FOREIGN
		       : can            ? OWNER_REFUSE_FOREIGN
					: OWNER_REFUSE);
}

static int options_parse(struct options *options, enum command command, int argc, char **argv)
{
	struct option longs[OPTION_COUNT + 1];
	char shorts[3 * OPTION_COUNT + 3];
	int option, ret = 0;

	options_make_tables(command, longs, shorts);
	optind = 0;
	opterr = 0;
	while (ret == 0 && (option = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		int id = option_find(option, command);

		if (option == ':' || option == '?' || id < 0)
			ret = option_complain(command, option, argv[optind - 1]);
		else if (optarg)
			ret = option_take_value(options, (enum option_id)id, optarg);
		else
			option_take_flag(options, (enum option_id)id);
	}
	options_set_owner_rule(options, command);
	if (ret != 0 || options->help)
		return ret;
	if (command == COMMAND_DOCTOR)
		return options_take_checked(options, argv);
	return command == COMMAND_RECORD ? options_take_command(options, argc, argv)
					 : options_take_files(options, command, argc, argv);
}

int options_read(struct options *options, enum command command, int argc, char **argv)
{
	int ret;

	*options = (struct options){
		.stack_depth = STACK_DEPTH_DEFAULT, .sample_ms = -1, .flame_of = FLAME_OF_DEFAULT};
	ret = options_parse(options, command, argc, argv);
	if (ret == 0 && !options->help)
		ret = options_read_rules(options);
	if (ret != 0)
		options_free(options);
	/* From record, 1 and 2 would be taken for COMMAND's own exit code. */
	return ret != 0 && command == COMMAND_RECORD ? EXIT_MEMSHIM : ret;
}
