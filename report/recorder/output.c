/* SPDX-License-Identifier: MIT */
#include "report/recorder/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "report/util/error.h"
#include "report/util/path.h"

/* Writes the text for %p, %e, %t or %%. */
static void output_expand(char letter, const char *command, long pid, char word[PATH_MAX])
{
	if (letter == 'p')
		snprintf(word, PATH_MAX, "%ld", pid);
	else if (letter == 'e')
		snprintf(word, PATH_MAX, "%s", path_base_name(command));
	else if (letter == 't')
		snprintf(word, PATH_MAX, "%lld", (long long)time(NULL));
}

bool output_name(const char *pattern, const char *command, long pid, char path[PATH_MAX])
{
	size_t used = 0;

	for (const char *at = pattern; *at; at++) {
		char word[PATH_MAX] = {at[0], '\0'};

		if (at[0] == '%' && at[1] && strchr("pet%", at[1]))
			output_expand(*++at, command, pid, word);
		if (used + strlen(word) >= PATH_MAX)
			return false;
		strcpy(path + used, word);
		used += strlen(word);
	}
	return true;
}

static bool keep_old(struct output *output)
{
	struct stat st;

	output->old[0] = '\0';
	if (lstat(output->path, &st) != 0)
		return true;
	if (!S_ISREG(st.st_mode)) {
		error_line(output->path, "not a regular file: give another name with --output");
		return false;
	}
	snprintf(output->old, sizeof output->old, "%s.old", output->path);
	if (lstat(output->old, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		error_line(output->old, "not a regular file: the recording that is there cannot be "
					"kept under this name");
		return false;
	}
	if (rename(output->path, output->old) == 0)
		return true;
	error_format(output->path, "cannot be kept as %s: %s", output->old, strerror(errno));
	return false;
}

int output_open(struct output *output)
{
	int fd;

	if (!keep_old(output))
		return -1;
	fd = open(output->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		error_format(output->path, "%s: give another name with --output", strerror(errno));
		if (output->old[0])
			rename(output->old, output->path);
		return -1;
	}
	output->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (!realpath(output->path, output->absolute))
		output->absolute[0] = '\0';
	return fd;
}

void output_cancel(const struct output *output)
{
	if (output->old[0])
		rename(output->old, output->path);
	else
		unlink(output->path);
}
