/* SPDX-License-Identifier: MIT */
#include "report/cli/suppressions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/model/suppress.h"
#include "report/util/error.h"
#include "report/util/trust.h"

#define BLANKS " \t\r\n"

static bool suppression_refuse(const char *path, unsigned number, const char *word, const char *why)
{
	char place[1024];

	snprintf(place, sizeof place, "%s:%u", path, number);
	error_format(place, "'%s' %s", word, why);
	return false;
}

static bool refuse_line(const char *path, unsigned number)
{
	char place[1024];

	snprintf(place, sizeof place, "%s:%u", path, number);
	error_line(place, "the line is too long or is not text");
	return false;
}

static char *suppression_trim(char *text)
{
	size_t length;

	text += strspn(text, BLANKS);
	length = strlen(text);
	while (length > 0 && strchr(BLANKS, text[length - 1]))
		text[--length] = '\0';
	return text;
}

static bool suppression_add(struct suppression **rules, int kind, const char *pattern)
{
	struct suppression *rule = malloc(sizeof *rule + strlen(pattern) + 1);

	if (!rule) {
		error_line("--suppress", strerror(ENOMEM));
		return false;
	}
	rule->kind = kind;
	strcpy(rule->pattern, pattern);
	rule->next = *rules;
	*rules = rule;
	return true;
}

static bool suppressions_take_line(struct suppression **rules, const char *path, unsigned number,
				   char *line)
{
	char *name = suppression_trim(line), *colon = strchr(name, ':'), *pattern;
	int kind;

	if (*name == '\0' || *name == '#')
		return true;
	if (!colon)
		return suppression_refuse(path, number, name,
					  "is not kind:pattern, such as leaked-segment:perl");
	*colon = '\0';
	name = suppression_trim(name);
	pattern = suppression_trim(colon + 1);
	kind = model_finding_kind(name);
	if (kind < 0 && strcmp(name, "*") != 0)
		return suppression_refuse(
			path, number, name,
			"is no kind of finding: FINDINGS in memshim(1) lists them");
	if (*pattern == '\0')
		return suppression_refuse(path, number, name,
					  "has no pattern: a program, a function, or * for all");
	return suppression_add(rules, kind, pattern);
}

void suppressions_free(struct suppression **rules)
{
	while (*rules) {
		struct suppression *rule = *rules;

		*rules = rule->next;
		free(rule);
	}
}

/* Opens the file, or -1 after one line. */
static int suppressions_open(const char *path)
{
	int given = regular_named_descriptor(path);
	int fd = given >= 0 ? fcntl(given, F_DUPFD_CLOEXEC, 3) : regular_open(AT_FDCWD, path, 0);
	char why[128];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		error_line(path, errno == ENXIO ? "is not a regular file" : strerror(errno));
	} else if (given >= 0 || owner_is_believed(fd, &st, why, sizeof why)) {
		return fd;
	} else {
		error_format(path, "%s%s", why,
			     strchr(why, ';') ? "" : "; --suppress=/dev/stdin reads what you give");
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

bool suppressions_read(struct suppression **rules, const char *path)
{
	int fd = suppressions_open(path);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	char line[1024];
	unsigned number = 0;
	bool sound = file != NULL;

	while (sound && fgets(line, sizeof line, file)) {
		number++;
		if (!memchr(line, '\n', sizeof line) && !feof(file))
			sound = refuse_line(path, number);
		else
			sound = suppressions_take_line(rules, path, number, line);
	}
	if (fd >= 0 && (!file || (sound && ferror(file)))) {
		error_line(path, strerror(errno));
		sound = false;
	}
	if (file)
		fclose(file);
	else if (fd >= 0)
		close(fd);
	return sound;
}
