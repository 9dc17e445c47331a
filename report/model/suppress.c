/* SPDX-License-Identifier: MIT */
/*
 * A rule that names a function is about one place in a program, and must hide nothing else. If
 * several call stacks lead to a finding, each must contain the function.
 */
#include "report/model/suppress.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "report/util/path.h"

static bool is_like(const char *pattern, const char *text)
{
	return fnmatch(pattern, text, 0) == 0;
}

static bool suppress_is_of_program(const struct finding *finding, const char *pattern)
{
	for (int i = 0; i < 2; i++) {
		const char *program = finding->program[i];

		if (program &&
		    (is_like(pattern, program) ||
		     (!strchr(pattern, '/') && is_like(pattern, path_base_name(program)))))
			return true;
	}
	return strcmp(pattern, "*") == 0; /* no known cause */
}

static bool stack_has(const struct model *model, uint32_t instance, uint32_t stack,
		      const char *pattern)
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count = model_stack(model, instance, stack, frames);

	for (uint32_t i = 0; i < count; i++)
		for (uint32_t k = 0; frames[i].name && k < frames[i].name->count; k++) {
			const char *function = frames[i].name->places[k].function;

			if (function && is_like(pattern, function))
				return true;
		}
	return false;
}

static bool is_suppressed(const struct model *model, const struct finding *finding,
			  const struct suppression *rules)
{
	for (; rules; rules = rules->next)
		if ((rules->kind < 0 || rules->kind == (int)finding->kind) &&
		    (suppress_is_of_program(finding, rules->pattern) ||
		     stack_has(model, finding->stack_instance, finding->stack, rules->pattern)))
			return true;
	return false;
}

void model_suppress(struct model *model, const struct suppression *rules)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < model->findings.count; i++) {
		struct finding *finding = &model->findings.rows[i];

		if (is_suppressed(model, finding, rules)) {
			model->findings.suppressed_of[finding->kind] += finding->count;
			finding_free(finding);
			model->findings.suppressed_count++;
		} else {
			model->findings.rows[kept++] = *finding;
		}
	}
	model->findings.count = kept;
}
