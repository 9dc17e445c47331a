/* SPDX-License-Identifier: MIT */
/* What a session leaves in the IPC table, and the catalog's word on it: see reader/catalog.h. */
#ifndef MEMSHIM_SESSION_LEFT_BEHIND_H
#define MEMSHIM_SESSION_LEFT_BEHIND_H

#include <limits.h>

#include "report/reader/catalog.h"
#include "report/session/session.h"

/*
 * After session_finish: writes down who created the objects that the session has left, for whoever
 * finds them later without its recording. Nothing for a live session, or for one of elsewhere.
 */
void left_behind_keep(struct session *session);

/* Writes down that `memshim reap` has removed the segment. */
void left_behind_note_removed(const struct session *session, const struct model_segment *segment);

/* Before model_finalize: what has been noted so. */
void left_behind_learn_removed(struct session *session);

/* Whether a catalog's object is this one. */
bool left_behind_is(const struct catalog *catalog, const struct catalog_object *object,
		    const struct kernel_segment *row);

/*
 * The recording of a catalog's session, which may have become FILE.old meanwhile; false when it is
 * not there any more.
 */
bool left_behind_recording(const struct catalog *catalog, char path[PATH_MAX]);

/*
 * Calls `visit` for each object that is still there and that a catalog of this user knows.
 * `recording`: "" where the session's is gone.
 */
void left_behind_each(void (*visit)(void *context, const struct catalog *catalog,
				    const struct catalog_object *object, const char *recording),
		      void *context);

#endif
