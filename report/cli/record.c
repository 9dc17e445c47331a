/* SPDX-License-Identifier: MIT */
#include "report/cli/command.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/cli/options_files.h"
#include "report/cli/summary.h"
#include "report/recorder/recorder.h"
#include "report/util/error.h"

/* Prints the summary of the recording. Returns the exit code of `memshim record`. */
static int record_conclude(const struct options *options, const struct record_result *result)
{
	struct summary_result found;
	int failed = options->error_exitcode;

	if (summary_show(result->fd, result->path, options->quiet, options->suppressions,
			 &options->expectations, &found) != 0 ||
	    !result->complete)
		return EXIT_MEMSHIM;
	if (result->exit_code != 0)
		return result->exit_code;
	if (!found.as_expected)
		return failed ? failed : EXIT_ABSENT;
	return found.finding_count > 0 ? failed : 0;
}

int command_record(int argc, char **argv)
{
	struct options options;
	struct record_options record;
	static struct record_result result;
	int ret = options_read(&options, COMMAND_RECORD, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("record");
	record = (struct record_options){
		.output = options.output ? options.output : "memshim.data",
		.log_bytes = options.log_bytes,
		.stack_depth = options.stack_depth,
		.sample_ms = options.sample_ms,
		.no_follow = options.no_follow,
		.anonymous = options.anonymous,
		.no_compress = options.no_compress,
		.wait_all = options.wait_all,
		.command = options.command,
	};
	ret = recorder_run(&record, &result);
	if (ret == 0)
		ret = record_conclude(&options, &result);
	options_free(&options);
	return ret;
}
