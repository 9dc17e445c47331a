/* SPDX-License-Identifier: MIT */
/*
 * Descendants of the session's processes that run without the shim. The kernel tells nobody of
 * them without privilege, so /proc is looked through now and then: soon after something has begun,
 * ever more seldom while nothing does. One that lives for less than that may pass unseen.
 *
 * A process without the shim may just be about to load it. So what can be certain is said at once
 * (a static program, say), the rest when the process has ended or had a second's time, and nothing
 * at all if it registers after all.
 */
#ifndef MEMSHIM_RECORDER_TREE_H
#define MEMSHIM_RECORDER_TREE_H

#include "report/recorder/watch.h"

struct tree;

/* `silent`: only tree_alive matters, nothing is witnessed. Null when there is no memory. */
struct tree *tree_make(struct drain *drain, struct watch *watch, pid_t command, bool silent);
void tree_free(struct tree *tree);

/* COMMAND itself was found beforehand to run without the shim: `why` is an enum unfollowed_why. */
void tree_note_command(struct tree *tree, unsigned why, const char *exe);

/* Looks, if it is time to. `hurry`: something has just begun. Returns ns until the next look. */
uint64_t tree_look(struct tree *tree, bool hurry);

/* The last look: what was not certain is said now. */
void tree_finish(struct tree *tree);

/* Whether any process of the tree was alive at the last look, with the shim or without. */
bool tree_alive(const struct tree *tree);

#endif
