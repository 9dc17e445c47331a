/* SPDX-License-Identifier: MIT */
#include "report/cli/wrapper_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/cli/rule_file.h"
#include "report/model/wrappers.h"
#include "report/util/error.h"

bool wrapper_names_add(struct wrapper_name **names, const char *pattern)
{
	struct wrapper_name *name = malloc(sizeof *name + strlen(pattern) + 1);

	if (!name) {
		error_line("--wrapper", strerror(ENOMEM));
		return false;
	}
	strcpy(name->pattern, pattern);
	name->next = *names;
	*names = name;
	return true;
}

static bool wrapper_names_take_line(void *context, const char *path, unsigned number, char *line)
{
	(void)path;
	(void)number;
	return wrapper_names_add(context, line);
}

bool wrapper_names_read(struct wrapper_name **names, const char *path)
{
	return rule_file_read(path, "--wrapper-file", wrapper_names_take_line, names);
}

void wrapper_names_free(struct wrapper_name **names)
{
	while (*names) {
		struct wrapper_name *next = (*names)->next;

		free(*names);
		*names = next;
	}
}
