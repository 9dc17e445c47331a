/* SPDX-License-Identifier: MIT */
#include "report/cli/suppressions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/cli/rule_file.h"
#include "report/model/suppress.h"
#include "report/util/error.h"

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

static bool suppressions_take_line(void *context, const char *path, unsigned number, char *line)
{
	char *name = line, *colon = strchr(line, ':'), *pattern;
	struct suppression **rules = context;
	int kind;

	if (!colon)
		return rule_file_refuse(path, number, line,
					"is not kind:pattern, such as leaked-segment:perl");
	*colon = '\0';
	name = rule_file_trim(name);
	pattern = rule_file_trim(colon + 1);
	kind = model_finding_kind(name);
	if (kind < 0 && strcmp(name, "*") != 0)
		return rule_file_refuse(path, number, name,
					"is no kind of finding: FINDINGS in memshim(1) lists them");
	if (*pattern == '\0')
		return rule_file_refuse(path, number, name,
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

bool suppressions_read(struct suppression **rules, const char *path)
{
	return rule_file_read(path, "--suppress", suppressions_take_line, rules);
}
