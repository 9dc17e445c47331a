/* SPDX-License-Identifier: MIT */
#include "report/cli/rule_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/util/error.h"
#include "report/util/trust.h"

#define BLANKS " \t\r\n"

bool rule_file_refuse(const char *path, unsigned number, const char *word, const char *why)
{
	char place[1024];

	snprintf(place, sizeof place, "%s:%u", path, number);
	error_format(place, "'%s' %s", word, why);
	return false;
}

static bool rule_file_refuse_line(const char *path, unsigned number)
{
	char place[1024];

	snprintf(place, sizeof place, "%s:%u", path, number);
	error_line(place, "the line is too long or is not text");
	return false;
}

char *rule_file_trim(char *text)
{
	size_t length;

	text += strspn(text, BLANKS);
	length = strlen(text);
	while (length > 0 && strchr(BLANKS, text[length - 1]))
		text[--length] = '\0';
	return text;
}

/* Opens the file, or -1 after one line. */
static int rule_file_open(const char *path, const char *option)
{
	int given = regular_named_descriptor(path);
	int fd = given >= 0 ? fcntl(given, F_DUPFD_CLOEXEC, 3) : regular_open(AT_FDCWD, path, 0);
	char why[128];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		error_line(path, errno == ENXIO ? "is not a regular file" : strerror(errno));
	} else if (given >= 0 || owner_is_believed(fd, &st, why, sizeof why)) {
		return fd;
	} else if (strchr(why, ';')) {
		error_line(path, why);
	} else {
		error_format(path, "%s; %s=/dev/stdin reads what you give", why, option);
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool rule_file_read_lines(FILE *file, const char *path, rule_file_take *take, void *context)
{
	char line[1024], *rule;
	unsigned number = 0;

	while (fgets(line, sizeof line, file)) {
		number++;
		if (!strchr(line, '\n') && !feof(file))
			return rule_file_refuse_line(path, number);
		rule = rule_file_trim(line);
		if (*rule != '\0' && *rule != '#' && !take(context, path, number, rule))
			return false;
	}
	if (!ferror(file))
		return true;
	error_line(path, strerror(errno));
	return false;
}

bool rule_file_read(const char *path, const char *option, rule_file_take *take, void *context)
{
	int fd = rule_file_open(path, option);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	bool sound;

	if (!file) {
		if (fd >= 0) {
			error_line(path, strerror(errno));
			close(fd);
		}
		return false;
	}
	sound = rule_file_read_lines(file, path, take, context);
	fclose(file);
	return sound;
}
