/* SPDX-License-Identifier: MIT */
#include "report/cli/wrapper_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/model/wrappers.h"
#include "report/util/error.h"
#include "report/util/trust.h"

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

static bool wrapper_names_take_line(struct wrapper_name **names, char *line)
{
	size_t length;

	line += strspn(line, " \t");
	length = strcspn(line, "\r\n");
	while (length > 0 && strchr(" \t", line[length - 1]))
		length--;
	line[length] = '\0';
	return length == 0 || *line == '#' || wrapper_names_add(names, line);
}

/* Null after one line. */
static FILE *wrapper_names_open(const char *path)
{
	int fd = regular_open(AT_FDCWD, path, 0);
	FILE *file = NULL;

	if (fd >= 0 && !owner_is_trusted(fd)) {
		error_line(path, "belongs to another user: it is not used");
		close(fd);
		return NULL;
	}
	if (fd >= 0)
		file = fdopen(fd, "r");
	if (!file)
		error_line(path, errno == ENXIO ? "is not a regular file" : strerror(errno));
	if (!file && fd >= 0)
		close(fd);
	return file;
}

bool wrapper_names_read(struct wrapper_name **names, const char *path)
{
	FILE *file = wrapper_names_open(path);
	char line[1024];
	bool sound = file != NULL;

	while (sound && fgets(line, sizeof line, file)) {
		sound = strchr(line, '\n') || feof(file);
		if (!sound)
			error_line(path, "a line is too long");
		sound = sound && wrapper_names_take_line(names, line);
	}
	if (file)
		fclose(file);
	return sound;
}
