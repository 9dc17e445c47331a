/* SPDX-License-Identifier: MIT */
#include "report/cli/options_files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "report/cli/command.h"
#include "report/cli/options.h"
#include "report/cli/suppressions.h"
#include "report/cli/wrapper_names.h"
#include "report/session/find.h"
#include "report/util/error.h"

int options_read_rules(struct options *options)
{
	for (unsigned i = 0; i < options->rule_file_count; i++) {
		const char *path = options->rule_files[i].path;

		if (!(options->rule_files[i].of_wrappers
			      ? wrapper_names_read(&options->wrappers, path)
			      : suppressions_read(&options->suppressions, path)))
			return EXIT_ABSENT;
	}
	return 0;
}

void options_free(struct options *options)
{
	suppressions_free(&options->suppressions);
	wrapper_names_free(&options->wrappers);
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
