/* SPDX-License-Identifier: MIT */
/* Removes sessions that have ended. Goes on after one that it may not remove. */
#include "report/cli/command.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/session/removal.h"
#include "report/util/error.h"

int command_rm(int argc, char **argv)
{
	struct options options;
	int ret = options_read(&options, COMMAND_RM, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("rm");
	if (options.file_count == 0) {
		error_line("rm", "no session given; 'memshim ls' lists them");
		return EXIT_USAGE;
	}
	for (unsigned i = 0; i < options.file_count; i++)
		if (!removal_remove(options.files[i]))
			ret = EXIT_ABSENT;
	return ret;
}
