/* SPDX-License-Identifier: MIT */
#include "report/symbols/symbols.h"

#include <stdlib.h>
#include <string.h>

#include "report/symbols/cache.h"
#include "report/symbols/child.h"

/* After so many questions that ended the child, a module is not asked about again. */
#define STRIKES_MAX 2u

/* A text that the model points to. Equal texts are stored once. */
struct symbols_text {
	UT_hash_handle hh;
	char text[];
};

struct symbols_module {
	UT_hash_handle hh;
	uint32_t number;
	enum module_names names;
	unsigned opened_in; /* number of the child that opened the module; 0: none */
	unsigned strikes;
	uint64_t file_bytes;
	bool cache_opened;
	struct cache *cache; /* null: none */
};

struct symbols {
	struct symbols_options options;
	struct symbol_child *child;
	struct symbols_module *modules;
	struct symbols_text *texts;
	struct question question;
	struct answer answer;
};

struct symbols *symbols_open(const struct symbols_options *options)
{
	struct symbols *symbols = calloc(1, sizeof *symbols);

	if (!symbols)
		return NULL;
	symbols->options = *options;
	symbols->child = symbol_child_make(&symbols->options);
	if (symbols->child)
		return symbols;
	free(symbols);
	return NULL;
}

void symbols_close(struct symbols *symbols)
{
	struct symbols_module *module, *next_module;
	struct symbols_text *text, *next_text;

	if (!symbols)
		return;
	symbol_child_free(symbols->child);
	HASH_ITER (hh, symbols->modules, module, next_module) {
		HASH_DEL(symbols->modules, module);
		cache_close(module->cache);
		free(module);
	}
	HASH_ITER (hh, symbols->texts, text, next_text) {
		HASH_DEL(symbols->texts, text);
		free(text);
	}
	free(symbols);
}

/* ---- modules ---- */

static struct symbols_module *symbols_find_module(struct symbols *symbols, uint32_t number)
{
	struct symbols_module *module;

	HASH_FIND(hh, symbols->modules, &number, sizeof number, module);
	if (module)
		return module;
	module = calloc(1, sizeof *module);
	if (!module)
		return NULL;
	module->number = number;
	module->names = NAMES_NOT_ASKED;
	HASH_ADD(hh, symbols->modules, number, sizeof module->number, module);
	if (module->hh.tbl)
		return module;
	free(module);
	return NULL;
}

/* A question about this module failed: the outcome becomes the state of its names. */
static void symbols_strike_module(struct symbols_module *module, enum child_outcome outcome)
{
	static const enum module_names names[] = {
		[CHILD_SLOW] = NAMES_SLOW,     [CHILD_LARGE] = NAMES_LARGE,
		[CHILD_BROKEN] = NAMES_BROKEN, [CHILD_NONE] = NAMES_UNREAD,
		[CHILD_SPENT] = NAMES_SLOW,
	};

	module->names = names[outcome];
	module->strikes += outcome == CHILD_NONE || outcome == CHILD_SPENT ? STRIKES_MAX : 1;
}

static bool symbols_may_read(const struct symbols_module *module)
{
	return module->strikes < STRIKES_MAX && module->names != NAMES_MISSING &&
	       module->names != NAMES_CHANGED;
}

/* Tells the running child to open the module. A new child has no module open. */
static void symbols_open_module(struct symbols *symbols, const struct module_facts *facts,
				struct symbols_module *module)
{
	struct answer *answer = &symbols->answer;
	enum child_outcome outcome;

	symbols->question = (struct question){.kind = QUESTION_MODULE, .module = *facts};
	outcome = symbol_child_ask(symbols->child, &symbols->question, &module->file_bytes);
	if (outcome == CHILD_ANSWERED)
		outcome = symbol_child_receive(symbols->child, answer, ANSWER_MODULE,
					       &module->file_bytes);
	if (outcome != CHILD_ANSWERED) {
		symbols_strike_module(module, outcome);
		module->strikes = STRIKES_MAX; /* opening it again would end the child again */
		return;
	}
	module->opened_in = symbol_child_number(symbols->child);
	if (module->strikes == 0)
		module->names = answer->short_of_memory ? NAMES_LARGE : answer->names;
	if (answer->names == NAMES_LINES && answer->text_bytes && !module->cache_opened) {
		module->cache_opened = true;
		module->cache = cache_open(facts, answer->text);
	}
}

static bool symbols_has_open(const struct symbols *symbols, const struct symbols_module *module)
{
	return module->opened_in && module->opened_in == symbol_child_number(symbols->child);
}

/* ---- places ---- */

static const char *symbols_keep_text(struct symbols *symbols, const char *text)
{
	size_t length = strlen(text);
	struct symbols_text *kept;

	HASH_FIND(hh, symbols->texts, text, length, kept);
	if (kept)
		return kept->text;
	kept = malloc(sizeof *kept + length + 1);
	if (!kept)
		return NULL;
	memcpy(kept->text, text, length + 1);
	HASH_ADD_KEYPTR(hh, symbols->texts, kept->text, length, kept);
	if (kept->hh.tbl)
		return kept->text;
	free(kept);
	return NULL;
}

static uint32_t places_take(struct symbols *symbols, struct frame_place *places)
{
	const struct answer *answer = &symbols->answer;
	const char *at = answer->text;

	for (uint32_t i = 0; i < answer->count; i++) {
		const struct answer_place *from = &answer->places[i];

		places[i] = (struct frame_place){.line = from->line, .inlined = from->inlined};
		if (from->function_bytes)
			places[i].function = symbols_keep_text(symbols, at);
		at += from->function_bytes;
		if (from->file_bytes)
			places[i].file = symbols_keep_text(symbols, at);
		at += from->file_bytes;
	}
	return answer->count;
}

/* The state of one call of symbols_find. */
struct search {
	const struct module_facts *facts;
	const struct symbol_address *addresses;
	uint32_t count, at;
	symbols_visitor *visit;
	void *context;
};

/* Collects the next addresses that are not in the cache into one question. */
static uint32_t question_gather(struct symbols *symbols, struct symbols_module *module,
				struct search *search, uint32_t numbers[QUESTION_ADDRESSES])
{
	struct question *question = &symbols->question;
	struct frame_place places[FRAME_PLACES_MAX];

	question->kind = QUESTION_PLACES;
	question->module = *search->facts;
	question->count = 0;
	for (; search->at < search->count && question->count < QUESTION_ADDRESSES; search->at++) {
		const struct symbol_address *address = &search->addresses[search->at];
		int known = cache_find(module->cache, address->offset, address->exact, places);

		if (known >= 0) {
			search->visit(search->context, search->at, places, (uint32_t)known);
			continue;
		}
		numbers[question->count] = search->at;
		question->addresses[question->count++] = *address;
	}
	return question->count;
}

/*
 * Asks the question. Addresses without an answer are asked again later, except the one that ended
 * the child.
 */
static void places_ask(struct symbols *symbols, struct symbols_module *module,
		       struct search *search, const uint32_t numbers[QUESTION_ADDRESSES])
{
	struct frame_place places[FRAME_PLACES_MAX];
	struct question *question = &symbols->question;
	enum child_outcome outcome = symbol_child_ask(symbols->child, question,
						      &module->file_bytes);
	bool was_sent = outcome == CHILD_ANSWERED;
	uint32_t done = 0, count;

	for (; outcome == CHILD_ANSWERED && done < question->count; done++) {
		const struct symbol_address *address = &question->addresses[done];

		outcome = symbol_child_receive(symbols->child, &symbols->answer, ANSWER_PLACES,
					       &module->file_bytes);
		if (outcome != CHILD_ANSWERED)
			break;
		count = places_take(symbols, places);
		if (symbols->answer.short_of_memory)
			module->names = NAMES_LARGE;
		else
			cache_add(module->cache, address->offset, address->exact, places, count);
		search->visit(search->context, numbers[done], places, count);
	}
	if (outcome == CHILD_ANSWERED)
		return;
	symbols_strike_module(module, outcome);
	search->at = numbers[done];
	if (was_sent)
		search->visit(search->context, search->at++, NULL, 0);
}

enum module_names symbols_find(struct symbols *symbols, const struct module_facts *facts,
			       const struct symbol_address *addresses, uint32_t count,
			       symbols_visitor *visit, void *context)
{
	struct symbols_module *module = symbols_find_module(symbols, facts->number);
	struct search search = {facts, addresses, count, 0, visit, context};
	uint32_t numbers[QUESTION_ADDRESSES];

	while (module && search.at < count) {
		if (symbols_may_read(module) && !symbols_has_open(symbols, module))
			symbols_open_module(symbols, facts, module);
		if (!symbols_may_read(module))
			break;
		if (symbols_has_open(symbols, module) &&
		    question_gather(symbols, module, &search, numbers) > 0)
			places_ask(symbols, module, &search, numbers);
	}
	for (; search.at < count; search.at++)
		visit(context, search.at, NULL, 0);
	return module ? module->names : NAMES_MISSING;
}
