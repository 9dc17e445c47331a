/* SPDX-License-Identifier: MIT */
/* The command line of the reading commands. */
#ifndef MEMSHIM_CLI_OPTIONS_H
#define MEMSHIM_CLI_OPTIONS_H

#include <limits.h>

#include "report/model/filter.h"
#include "report/view/page.h"

#define MEMSHIM_VERSION "0.2.0"
#define OPTIONS_COLUMNS_MAX 64u

enum command {
#define COMMAND(id, name, arguments, summary) COMMAND_##id,
#include "report/cli/commands.def"
#undef COMMAND
	COMMAND_COUNT
};

struct options {
	const char *file;   /* null: the one that fits best */
	char *const *files; /* of ipcs: all that are named */
	unsigned file_count;
	long process; /* -p; 0 none */
	struct filter filter;
	const char *sort;
	char *columns[OPTIONS_COLUMNS_MAX]; /* names; belong to the command line */
	unsigned column_count;
	const char *format, *output, *flame; /* null: not given */
	const char *sysroot;                 /* null: the files of this machine */
	bool foreign;                        /* files of other users are read */
	bool stacks, debuginfod, counts;
	bool follow, force, exact, json, csv, no_headings, help;
	const char *view; /* null: not given */
	bool scale, all, watch, once;
	uint64_t delay_ns, iterations; /* 0 not given */
	enum color_when color;
	struct suppression *suppressions; /* null: none */
};

/* 0, or EXIT_USAGE after one line. argv[0] is the command's name. */
int options_read(struct options *options, enum command command, int argc, char **argv);

/* The file that is meant, into path. False after one line. */
bool options_find_file(const struct options *options, char path[PATH_MAX]);

#endif
