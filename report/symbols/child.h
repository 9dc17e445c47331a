/* SPDX-License-Identifier: MIT */
/*
 * The reporter's side of the symbol child: a process that reads what strangers' files say, so that
 * a hostile one costs a name and not the report. It is started when it is first asked, ended when
 * it takes too long, and started again for the next question.
 */
#ifndef MEMSHIM_SYMBOLS_CHILD_H
#define MEMSHIM_SYMBOLS_CHILD_H

#include "report/symbols/protocol.h"
#include "report/symbols/symbols.h"

struct symbol_child;

enum child_outcome {
	CHILD_ANSWERED,
	CHILD_SLOW,   /* it took too long */
	CHILD_LARGE,  /* it wanted too much memory */
	CHILD_BROKEN, /* it crashed, or its answer makes no sense */
	CHILD_NONE,   /* it cannot be started */
	CHILD_SPENT,  /* all that may be spent on names in this report is spent */
};

/* Null without memory. `wish` is to outlive it. */
struct symbol_child *symbol_child_make(const struct symbols_options *options);
void symbol_child_free(struct symbol_child *child);

/* Which child this is, from 1 on; 0: none runs. A module has to be opened once in each. */
unsigned symbol_child_number(const struct symbol_child *child);

/*
 * *file_bytes: what the module's files hold on their disks, added to as they are opened; the time
 * for an answer follows it.
 */
enum child_outcome symbol_child_ask(struct symbol_child *child, const struct question *question,
				    uint64_t *file_bytes);

/* Waits for one answer, and hands over the files that the child needs for it. */
enum child_outcome symbol_child_receive(struct symbol_child *child, struct answer *answer,
					enum answer_kind kind, uint64_t *file_bytes);

#endif
