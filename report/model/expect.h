/* SPDX-License-Identifier: MIT */
/*
 * Expectations, such as "leaked=0" or "grown<=64M": a quantity of a session, an operator and a
 * value. Missing data never makes one hold: where the session may lack a part of the quantity, the
 * answer is that it is not known.
 */
#ifndef MEMSHIM_MODEL_EXPECT_H
#define MEMSHIM_MODEL_EXPECT_H

#include "report/model/filter.h"

enum quantity {
#define QUANTITY(id, name, unit, needs, meaning) QUANTITY_##id,
#include "report/model/expect.def"
#undef QUANTITY
	QUANTITY_FINDING, /* finding:KIND */
	QUANTITY_COUNT
};

enum expect_operator {
	EXPECT_EQUAL,
	EXPECT_UNEQUAL,
	EXPECT_LESS,
	EXPECT_AT_MOST,
	EXPECT_MORE,
	EXPECT_AT_LEAST,
};

struct expectation {
	const char *text; /* as the user wrote it */
	enum quantity quantity;
	enum finding_kind kind; /* of QUANTITY_FINDING */
	enum expect_operator operator;
	double value;
};

enum expect_answer { EXPECT_HOLDS, EXPECT_FAILS, EXPECT_UNKNOWN };

/* Null, or what the text should have been. */
const char *expectation_parse(const char *text, struct expectation *expectation);

/*
 * After session_findings: the quantity in this session, without what is suppressed. `missing`: what
 * the session lacks, or null.
 */
double expectation_measure(const struct expectation *expectation, const struct model *model,
			   const struct filter *filter, const char **missing);

/* Whether a quantity that was found satisfies it. `missing` as above. */
enum expect_answer expectation_judge(const struct expectation *expectation, double found,
				     const char *missing);

/* "17", "1.5M (1572864 bytes)". */
#define EXPECT_WORDS_BYTES 80
const char *expectation_words(const struct expectation *expectation, double found,
			      char words[EXPECT_WORDS_BYTES]);

#endif
