/* SPDX-License-Identifier: MIT */
/* The command line: one parser for all commands, driven by options.def. */
#ifndef MEMSHIM_CLI_OPTIONS_H
#define MEMSHIM_CLI_OPTIONS_H

#include <limits.h>

#include "report/cli/command.h"
#include "report/cli/expectations.h"
#include "report/model/filter.h"
#include "report/view/flame.h"
#include "report/view/page.h"

#define MEMSHIM_VERSION "0.2.0"
#define OPTIONS_COLUMNS_MAX 64u
#define OPTIONS_RULE_FILES_MAX 64u

struct options {
	/* The session to be read. */
	const char *file;   /* null: options_find_file chooses */
	char *const *files; /* ipcs accepts several */
	unsigned file_count;
	long process;        /* -p; 0 none */
	bool foreign;        /* read files of other users */
	const char *sysroot; /* null: the files of this machine */
	bool debuginfod;
	struct {
		char *path;
		bool of_wrappers; /* else of suppressions */
	} rule_files[OPTIONS_RULE_FILES_MAX];
	unsigned rule_file_count;
	struct suppression *suppressions; /* their rules; null: none */
	struct wrapper_name *wrappers;    /* null: none */
	struct filter filter;
	struct expectations expectations;

	/* What is printed, and how. */
	const char *sort;
	char *columns[OPTIONS_COLUMNS_MAX]; /* names; they point into argv */
	unsigned column_count;
	const char *format, *output, *flame, *view; /* null: not given */
	enum flame_of flame_of;
	bool stacks, no_stacks, counts, all_sessions, exact, json, csv, no_headings, scale, all,
		ungroup, orphans, notes, help;
	unsigned top; /* rows of a table; 0 not given */
	enum color_when color;

	/* Following a live session. */
	bool follow, from_start, watch, once;
	uint64_t delay_ns, iterations; /* 0 not given */

	bool force; /* of reap */

	/* Of record. */
	bool no_follow, anonymous, no_compress, wait_all, quiet;
	uint64_t log_bytes; /* 0 not given */
	uint32_t stack_depth;
	int32_t sample_ms;  /* -1 not given */
	int error_exitcode; /* 0 not given */
	char **command;     /* COMMAND's argv, null-terminated */
};

/*
 * Returns 0, or an exit code after one line; then there is nothing to free. argv[0] is the
 * command's name.
 */
int options_read(struct options *options, enum command command, int argc, char **argv);

#endif
