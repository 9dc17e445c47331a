/* SPDX-License-Identifier: MIT */
/*
 * Unfollowed processes: descendants of the session's processes that run without the shim. The
 * kernel does not report them without privilege, so the recorder scans /proc: soon after a
 * registration, then at growing intervals. A process that lives for less than an interval may be
 * missed.
 *
 * A process without the shim may be about to load it. So a certain reason (a static program) is
 * recorded at once. Any other reason is recorded when the process has ended or has run for a
 * second, and not at all if it registers.
 */
#ifndef MEMSHIM_RECORDER_TREE_H
#define MEMSHIM_RECORDER_TREE_H

#include "report/recorder/watch.h"

struct tree;

/* `silent`: only tree_alive matters, nothing is recorded. Null when there is no memory. */
struct tree *tree_make(struct drain *drain, struct watch *watch, pid_t command, bool silent);
void tree_free(struct tree *tree);

/* COMMAND itself is known to run without the shim: `why` is an enum unfollowed_why. */
void tree_note_command(struct tree *tree, unsigned why, const char *exe);

/* Scans if it is time to. `hurry`: an image has registered. Returns ns until the next scan. */
uint64_t tree_scan(struct tree *tree, bool hurry);

/* The last scan: records the uncertain processes, too. */
void tree_finish(struct tree *tree);

/* Whether any process of the tree was alive at the last scan, with the shim or without. */
bool tree_alive(const struct tree *tree);

#endif
