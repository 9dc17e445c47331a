/* SPDX-License-Identifier: MIT */
/* Objects that a session leaves in the IPC table, and their catalog: see reader/catalog.h. */
#ifndef MEMSHIM_SESSION_LEFT_BEHIND_H
#define MEMSHIM_SESSION_LEFT_BEHIND_H

#include <limits.h>

#include "report/reader/catalog.h"
#include "report/session/session.h"

/*
 * After session_finish: stores in the catalog which processes created the objects that the session
 * left. So a later command knows the creators without the recording. Does nothing for a live
 * session, or for a session of another IPC namespace.
 */
void left_behind_keep(struct session *session);

/* Segments that `memshim reap` has removed. The catalog is not written again for each of them. */
struct left_behind_notes {
	const struct session *session;
	struct left_behind_removed {
		const struct model_segment *segment;
		bool noted;
	} * rows;
	uint32_t count, capacity;
	uint64_t first_ns;
};

/* Stores in the catalog, now or soon, that the segment was removed. */
void left_behind_note_removed(struct left_behind_notes *notes, const struct model_segment *segment);
/* Stores what is not stored yet. */
void left_behind_write_notes(struct left_behind_notes *notes);

/* Before model_finalize: adds the removals by reap, from the catalog, to the model. */
void left_behind_learn_removed(struct session *session);

/* Whether an object of the catalog is this segment of the kernel. */
bool left_behind_is(const struct catalog *catalog, const struct catalog_object *object,
		    const struct kernel_segment *row);

/*
 * The recording of a catalog's session, which may have been renamed to FILE.old. False when it does
 * not exist any more.
 */
bool left_behind_recording(const struct catalog *catalog, char path[PATH_MAX]);

/*
 * Calls `visit` for each object of this user's catalogs that still exists. `recording`: "" when the
 * session's recording is gone.
 */
void left_behind_each(void (*visit)(void *context, const struct catalog *catalog,
				    const struct catalog_object *object, const char *recording),
		      void *context);

#endif
