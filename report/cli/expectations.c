/* SPDX-License-Identifier: MIT */
#include "report/cli/expectations.h"

#include <stdio.h>

#include "report/util/error.h"

const char *expectations_add(struct expectations *expectations, const char *text)
{
	const char *wanted;

	if (expectations->count == EXPECTATIONS_MAX)
		return "one of at most 64 expectations";
	wanted = expectation_parse(text, &expectations->rows[expectations->count]);
	expectations->count += !wanted;
	return wanted;
}

static bool expectation_check(const struct expectation *expectation, const struct model *model,
			      const struct filter *filter)
{
	char what[128], words[EXPECT_WORDS_BYTES];
	const char *missing;
	double found = expectation_measure(expectation, model, filter, &missing);
	enum expect_answer answer = expectation_judge(expectation, found, missing);

	if (answer == EXPECT_HOLDS)
		return true;
	snprintf(what, sizeof what, "expected %s", expectation->text);
	expectation_words(expectation, found, words);
	if (answer == EXPECT_UNKNOWN)
		error_format(what, "found %s, but %s", words, missing);
	else
		error_format(what, "found %s", words);
	return false;
}

bool expectations_check(const struct expectations *expectations, const struct model *model,
			const struct filter *filter)
{
	bool all = true;

	for (unsigned i = 0; i < expectations->count; i++)
		all &= expectation_check(&expectations->rows[i], model, filter);
	return all;
}
