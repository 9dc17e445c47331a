/* SPDX-License-Identifier: MIT */
#include "report/recorder/record_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report/cli/suppressions.h"
#include "report/util/error.h"

#define LOG_BYTES_MIN 8192ull
#define LOG_BYTES_MAX (64ull << 30)
#define STACK_DEPTH_DEFAULT 16
#define STACK_DEPTH_MAX 64

enum {
	OPTION_LOG_SIZE = 256,
	OPTION_NO_FOLLOW,
	OPTION_NO_COMPRESS,
	OPTION_ERROR_EXITCODE,
	OPTION_SUPPRESS
};

static const struct option long_options[] = {
	{"output", required_argument, NULL, 'o'},
	{"stack-depth", required_argument, NULL, 'k'},
	{"log-size", required_argument, NULL, OPTION_LOG_SIZE},
	{"no-follow", no_argument, NULL, OPTION_NO_FOLLOW},
	{"no-compress", no_argument, NULL, OPTION_NO_COMPRESS},
	{"wait", no_argument, NULL, 'w'},
	{"error-exitcode", required_argument, NULL, OPTION_ERROR_EXITCODE},
	{"suppress", required_argument, NULL, OPTION_SUPPRESS},
	{"quiet", no_argument, NULL, 'q'},
	{NULL, 0, NULL, 0},
};

/* A whole number from 0 to `most`; false for anything else. */
static bool record_option_read_number(const char *text, unsigned long most, unsigned long *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*value = strtoul(text, &end, 10);
	return *end == '\0' && *value <= most;
}

static bool record_option_read_size(const char *text, uint64_t *bytes)
{
	unsigned shift;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*bytes = strtoull(text, &end, 10);
	shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
	if (end[shift != 0] != '\0' || *bytes > LOG_BYTES_MAX >> shift)
		return false;
	*bytes <<= shift;
	return *bytes >= LOG_BYTES_MIN;
}

static int record_option_refuse(const char *option, const char *value, const char *wanted)
{
	error_format(option, "'%s' is not %s", value, wanted);
	return EXIT_MEMSHIM;
}

static int take_option(struct record_options *o, int option, const char *value)
{
	unsigned long number = 0;

	switch (option) {
	case 'o':
		o->output = value;
		return *value ? 0 : record_option_refuse("--output", value, "a file name");
	case 'k':
		if (!record_option_read_number(value, STACK_DEPTH_MAX, &number))
			return record_option_refuse("--stack-depth", value,
						    "a number from 0 to 64");
		o->stack_depth = (uint32_t)number;
		return 0;
	case OPTION_LOG_SIZE:
		return record_option_read_size(value, &o->log_bytes)
			       ? 0
			       : record_option_refuse("--log-size", value,
						      "a size from 8K to 64G, such as 16M");
	case OPTION_NO_FOLLOW:
		o->no_follow = true;
		return 0;
	case OPTION_NO_COMPRESS:
		o->no_compress = true;
		return 0;
	case 'w':
		o->wait_all = true;
		return 0;
	case OPTION_ERROR_EXITCODE:
		if (!record_option_read_number(value, 255, &number))
			return record_option_refuse("--error-exitcode", value,
						    "a number from 0 to 255");
		o->error_exitcode = (int)number;
		return 0;
	case OPTION_SUPPRESS:
		if (*value == '\0')
			return record_option_refuse("--suppress", value, "a file name");
		return suppressions_read(&o->suppressions, value) ? 0 : EXIT_MEMSHIM;
	case 'q':
		o->quiet = true;
		return 0;
	default:
		return EXIT_MEMSHIM;
	}
}

/* What getopt found wrong, in one line. */
static int record_option_complain(int option, int argc, char **argv)
{
	const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";

	if (option == ':')
		error_format("record", "%s: needs a value; see 'memshim help record'", word);
	else if (optopt && optopt < 256 && strncmp(word, "--", 2) != 0)
		error_format("record", "-%c: unknown option; see 'memshim help record'", optopt);
	else if (optopt)
		error_format("record", "%s: takes no value; see 'memshim help record'", word);
	else
		error_format("record", "%s: unknown option; see 'memshim help record'", word);
	return EXIT_MEMSHIM;
}

int options_parse(struct record_options *o, int argc, char **argv)
{
	int option, ret = 0;

	*o = (struct record_options){.output = "memshim.data", .stack_depth = STACK_DEPTH_DEFAULT};
	optind = 0;
	opterr = 0;
	while (ret == 0 && (option = getopt_long(argc, argv, "+:o:k:wq", long_options, NULL)) != -1)
		ret = option == ':' || option == '?' ? record_option_complain(option, argc, argv)
						     : take_option(o, option, optarg ? optarg : "");
	if (ret == 0 && optind >= argc) {
		error_line("record", "no COMMAND given; see 'memshim help record'");
		ret = EXIT_MEMSHIM;
	}
	o->command = argv + optind;
	return ret;
}

bool options_output(const struct record_options *o, long pid, char path[PATH_MAX])
{
	const char *slash = strrchr(o->command[0], '/');
	size_t used = 0;

	for (const char *at = o->output; *at; at++) {
		char word[PATH_MAX] = {at[0], '\0'};

		if (at[0] == '%' && strchr("pet%", at[1]) && at[1]) {
			at++;
			if (*at == 'p')
				snprintf(word, sizeof word, "%ld", pid);
			else if (*at == 'e')
				snprintf(word, sizeof word, "%s",
					 slash ? slash + 1 : o->command[0]);
			else if (*at == 't')
				snprintf(word, sizeof word, "%lld", (long long)time(NULL));
		}
		if (used + strlen(word) >= PATH_MAX)
			return false;
		strcpy(path + used, word);
		used += strlen(word);
	}
	return true;
}
