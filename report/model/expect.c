/* SPDX-License-Identifier: MIT */
#include "report/model/expect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/util/format.h"

#define BLANKS " \t"
#define VALUE_MAX 4611686018427387904.0 /* 2^62 */

/* What must be complete. */
enum needs {
	NEEDS_NOTHING = 0,
	NEEDS_COUNTERS = 1, /* the counters of all processes */
	NEEDS_BREAK = 2,    /* every move of their breaks */
	NEEDS_TABLES = 4,   /* the ledger of objects */
	NEEDS_EVENTS = 8,
};

enum unit { COUNT, BYTES };

static const struct quantity_row {
	const char *name;
	enum unit unit;
	unsigned needs;
} quantities[QUANTITY_COUNT] = {
#define QUANTITY(id, name, unit, needs, meaning) [QUANTITY_##id] = {#name, unit, needs},
#include "report/model/expect.def"
#undef QUANTITY
	[QUANTITY_FINDING] = {"finding:", COUNT, NEEDS_TABLES | NEEDS_EVENTS},
};

/* ---- parsing ---- */

static const char *expect_read_operator(const char *text, struct expectation *expectation)
{
	/* The longer ones first. */
	static const struct {
		const char *text;
		enum expect_operator operator;
	} operators[] = {{"!=", EXPECT_UNEQUAL}, {"<=", EXPECT_AT_MOST}, {">=", EXPECT_AT_LEAST},
			 {"<", EXPECT_LESS},     {">", EXPECT_MORE},     {"=", EXPECT_EQUAL}};

	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
		size_t length = strlen(operators[i].text);

		if (strncmp(text, operators[i].text, length) == 0) {
			expectation->operator= operators[i].operator;
			return text + length;
		}
	}
	return NULL;
}

/* Digits, perhaps with a sign and a point, and K, M or G. */
static bool expect_read_value(const char *text, struct expectation *expectation)
{
	static const char form[] = "+-.0123456789";
	size_t length = strspn(text, form);
	unsigned shift;
	char *end;

	expectation->value = strtod(text, &end);
	if (length == 0 || end != text + length)
		return false;
	shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
	expectation->value *= (double)(1u << shift);
	end += shift != 0;
	end += strspn(end, BLANKS);
	return *end == '\0' && fabs(expectation->value) <= VALUE_MAX;
}

static const char *expect_read_name(const char *text, struct expectation *expectation)
{
	size_t length = strcspn(text, BLANKS "=!<>");
	char kind[64];

	if (strncmp(text, "finding:", 8) == 0 && length > 8 && length - 8 < sizeof kind) {
		int number;

		snprintf(kind, sizeof kind, "%.*s", (int)length - 8, text + 8);
		number = model_finding_kind(kind);
		expectation->quantity = QUANTITY_FINDING;
		expectation->kind = number < 0 ? FINDING_COUNT : (enum finding_kind)number;
		return number < 0 ? NULL : text + length;
	}
	for (int i = 0; i < QUANTITY_FINDING; i++)
		if (strlen(quantities[i].name) == length &&
		    strncmp(quantities[i].name, text, length) == 0) {
			expectation->quantity = (enum quantity)i;
			return text + length;
		}
	return NULL;
}

const char *expectation_parse(const char *text, struct expectation *expectation)
{
	const char *at = text + strspn(text, BLANKS);

	*expectation = (struct expectation){.text = text};
	at = expect_read_name(at, expectation);
	if (!at)
		return "an expression such as leaked=0: 'memshim help report' lists the names";
	at = expect_read_operator(at + strspn(at, BLANKS), expectation);
	if (!at)
		return "NAME OP VALUE, with one of the operators = != < <= > >=";
	if (!expect_read_value(at + strspn(at, BLANKS), expectation))
		return "NAME OP VALUE, with a number, K, M or G";
	return NULL;
}

/* ---- what is there ---- */

static double process_quantity(const struct model_process *process, enum quantity quantity)
{
	const struct process_facts *facts = &process->facts;

	switch (quantity) {
	case QUANTITY_FAILED:
		return (double)model_failed(facts);
	case QUANTITY_MOVES:
		return (double)model_moves(facts);
	case QUANTITY_GROWN:
		return (double)model_grown(facts);
	case QUANTITY_NET:
		return (double)(int64_t)(facts->break_current - facts->break_initial);
	case QUANTITY_PEAK:
		return (double)model_heap_peak(facts);
	case QUANTITY_ATTACHED:
		return (double)process->attached_peak_bytes;
	default:
		return 1;
	}
}

static double expect_of_processes(const struct model *model, const struct filter *filter,
				  enum quantity quantity)
{
	bool most = quantity == QUANTITY_PEAK || quantity == QUANTITY_ATTACHED;
	double sum = 0;

	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];
		double value;

		if (!process || !filter_process(filter, process))
			continue;
		value = process_quantity(process, quantity);
		sum = !most ? sum + value : value > sum ? value : sum;
	}
	return sum;
}

static double expect_of_objects(const struct model_segments *objects, const struct filter *filter,
				bool leaked)
{
	double count = 0;

	for (uint32_t i = 0; i < objects->count; i++)
		if (filter_segment(filter, objects->rows[i]))
			count += leaked ? objects->rows[i]->leaked
					: objects->rows[i]->created != CREATED_NOT;
	return count;
}

static double expect_suppressed(const struct model *model, enum quantity quantity)
{
	const uint64_t *of = model->findings.suppressed_of;

	if (quantity == QUANTITY_LEAKED)
		return (double)(of[FINDING_LEAKED_SEGMENT] + of[FINDING_LEAKED_SEMAPHORES] +
				of[FINDING_LEAKED_QUEUE]);
	return quantity == QUANTITY_FAILED ? (double)of[FINDING_FAILED_CALL] : 0;
}

static double expect_of_findings(const struct model *model, enum finding_kind kind)
{
	double count = 0;

	for (uint32_t i = 0; i < model->findings.count; i++)
		if (model->findings.rows[i].kind == kind)
			count += (double)model->findings.rows[i].count;
	return count;
}

/* ---- what is missing ---- */

static bool model_has_loss(const struct model *model, const enum loss *losses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (model->losses.lost[losses[i]])
			return true;
	return false;
}

static const char *expect_missing(const struct model *model, unsigned needs)
{
	static const enum loss counters[] = {LOST_NESTED, LOST_NO_SLOT, LOST_SLOT_REUSED,
					     LOST_DAMAGED};
	static const enum loss tables[] = {LOST_NESTED, LOST_NO_SLOT, LOST_LEDGER_FULL,
					   LOST_DAMAGED};
	static const enum loss events[] = {LOST_OVERWRITTEN, LOST_TORN,    LOST_NO_SPACE,
					   LOST_NESTED,      LOST_NO_SLOT, LOST_DAMAGED};
	const uint64_t *accepted = model->findings.suppressed_of;

	if (needs == NEEDS_NOTHING)
		return NULL;
	if (model->no_memory)
		return "there was not enough memory to count all";
	if (model->processes.count == 0)
		return "no process ran under the shim";
	if (model->processes.unfollowed_count > accepted[FINDING_NOT_FOLLOWED])
		return "a process ran without the shim";
	if (needs & NEEDS_BREAK && model->losses.level == COVERED_CALLS &&
	    !accepted[FINDING_CALLS_ONLY])
		return "the moves of the break by malloc were not seen";
	if (needs & NEEDS_BREAK && model->losses.unseen_moves && !accepted[FINDING_UNSEEN_MOVES])
		return "the break moved without a call that the shim saw";
	if (accepted[FINDING_LOST_EVENTS])
		return NULL;
	if (model->session.segment_missing)
		return "the live segment is gone, with what was not yet recorded";
	if ((needs & NEEDS_COUNTERS && model_has_loss(model, counters, 4)) ||
	    (needs & NEEDS_TABLES && model_has_loss(model, tables, 4)) ||
	    (needs & NEEDS_EVENTS && model_has_loss(model, events, 6)))
		return "the log is incomplete: see COVERAGE AND LOSSES in memshim(1)";
	return NULL;
}

double expectation_measure(const struct expectation *expectation, const struct model *model,
			   const struct filter *filter, const char **missing)
{
	enum quantity quantity = expectation->quantity;
	bool leaked = quantity == QUANTITY_LEAKED;
	double found, hidden;

	*missing = expect_missing(model, quantities[quantity].needs);
	if (quantity == QUANTITY_FINDING) {
		if (model->findings.omitted_count)
			*missing = "there are more findings than are kept";
		return expect_of_findings(model, expectation->kind);
	}
	if (quantity == QUANTITY_LOST)
		return (double)model_lost(model);
	if (leaked || quantity == QUANTITY_OBJECTS)
		found = expect_of_objects(&model->segments, filter, leaked) +
			expect_of_objects(&model->objects, filter, leaked);
	else
		found = expect_of_processes(model, filter, quantity);
	hidden = expect_suppressed(model, quantity);
	return found > hidden || hidden == 0 ? found - hidden : 0;
}

/* ---- the answer ---- */

static bool expectation_fits(const struct expectation *expectation, double found)
{
	double value = expectation->value;

	switch (expectation->operator) {
	case EXPECT_EQUAL:
		return found == value;
	case EXPECT_UNEQUAL:
		return found != value;
	case EXPECT_LESS:
		return found < value;
	case EXPECT_AT_MOST:
		return found <= value;
	case EXPECT_MORE:
		return found > value;
	default:
		return found >= value;
	}
}

enum expect_answer expectation_judge(const struct expectation *expectation, double found,
				     const char *missing)
{
	if (!missing)
		return expectation_fits(expectation, found) ? EXPECT_HOLDS : EXPECT_FAILS;
	/* What is missing may only be added. A net growth may also shrink. */
	if (expectation->quantity == QUANTITY_NET || found < expectation->value ||
	    (found == expectation->value &&
	     expectation->operator!= EXPECT_AT_LEAST && expectation->operator!= EXPECT_LESS))
		return EXPECT_UNKNOWN;
	return expectation_fits(expectation, found) ? EXPECT_HOLDS : EXPECT_FAILS;
}

const char *expectation_words(const struct expectation *expectation, double found,
			      char words[EXPECT_WORDS_BYTES])
{
	const char *sign = found < 0 ? "-" : "";
	char text[FORMAT_BYTES];
	double size = fabs(found);

	format_bytes(text, (uint64_t)size);
	if (quantities[expectation->quantity].unit == BYTES && size >= 1024)
		snprintf(words, EXPECT_WORDS_BYTES, "%s%s (%s%.0f bytes)", sign, text, sign, size);
	else
		snprintf(words, EXPECT_WORDS_BYTES, "%s%.0f%s", sign, size,
			 quantities[expectation->quantity].unit == BYTES ? " bytes" : "");
	return words;
}
