/* SPDX-License-Identifier: MIT */
/*
 * The reporter's side of the symbol child. The child is a process that reads the ELF and debug
 * files. A hostile file may break the child; then its names are missing, but the report goes on.
 * The first question starts the child. When the child takes too long, the reporter kills it; the
 * next question starts another.
 */
#ifndef MEMSHIM_SYMBOLS_CHILD_H
#define MEMSHIM_SYMBOLS_CHILD_H

#include "report/symbols/protocol.h"
#include "report/symbols/symbols.h"

struct symbol_child;

enum child_outcome {
	CHILD_ANSWERED,
	CHILD_SLOW,   /* the child took too long */
	CHILD_LARGE,  /* the child needed too much memory */
	CHILD_BROKEN, /* the child crashed or sent an invalid answer */
	CHILD_NONE,   /* no child can be started */
	CHILD_SPENT,  /* the time for all names of this report is spent */
};

/* Null without memory. `options` must outlive the child. */
struct symbol_child *symbol_child_make(const struct symbols_options *options);
void symbol_child_free(struct symbol_child *child);

/* The number of the running child, from 1 on; 0: none runs. Each child opens a module again. */
unsigned symbol_child_number(const struct symbol_child *child);

/*
 * *file_bytes: the bytes on disk of the module's files. Each file that is opened adds to it. The
 * time limit for an answer grows with it.
 */
enum child_outcome symbol_child_ask(struct symbol_child *child, const struct question *question,
				    uint64_t *file_bytes);

/* Waits for one answer of this kind. Meanwhile opens the files that the child asks for. */
enum child_outcome symbol_child_receive(struct symbol_child *child, struct answer *answer,
					enum answer_kind kind, uint64_t *file_bytes);

#endif
