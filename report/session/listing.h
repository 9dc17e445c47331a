/* SPDX-License-Identifier: MIT */
/* The sessions of this user, live and ended, and the recording in the current folder. */
#ifndef MEMSHIM_SESSION_LISTING_H
#define MEMSHIM_SESSION_LISTING_H

#include "report/view/sessions.h"

struct listing {
	struct session_row **rows; /* the oldest first */
	unsigned count, capacity;
	unsigned refused; /* files and folders of other users */
	bool quiet;       /* do not report what cannot be read */
	bool no_memory;
};

void listing_make(struct listing *listing, bool quiet);
void listing_free(struct listing *listing);

#endif
