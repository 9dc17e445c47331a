/* SPDX-License-Identifier: MIT */
/* Which processes may still use a segment that no process has attached. */
#ifndef MEMSHIM_MODEL_FAMILY_H
#define MEMSHIM_MODEL_FAMILY_H

#include "report/model/model.h"

struct families {
	const struct model *model;
	bool at_end; /* a recorded session: by what the recorder knew then, without /proc */
	const struct model_process **known;    /* all images, in the order of their instances */
	const struct model_process **images;   /* that have not surely ended */
	const struct model_process **outlived; /* that ran when the recorder left */
	uint32_t known_count, count, outlived_count;
	bool may_miss;            /* processes without a slot may run */
	int32_t unregistered_pid; /* a process that has the session's segment, and no slot */
	int32_t unreadable_pid;   /* one that may have it */
};

/* After holders_finalize. */
void families_begin(struct families *families, struct model *model, bool at_end);

void families_end(struct families *families);

/* Whether all of these processes have ended, and that is known. */
bool family_has_ended(const struct model_family *family);

/* Finds out which processes may come back to a segment. */
void families_judge(const struct families *families, struct model_segment *segment);

#endif
