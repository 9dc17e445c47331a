/* SPDX-License-Identifier: MIT */
/* Which processes may still use a segment that no process has attached. */
#ifndef MEMSHIM_MODEL_FAMILY_H
#define MEMSHIM_MODEL_FAMILY_H

#include "report/reader/facts.h"

struct model;
struct model_process;
struct model_segment;

/* Why it is unknown which processes may still use an object. */
enum model_doubt {
	DOUBT_NONE,
	DOUBT_FAMILY,       /* the creator's relatives are not known */
	DOUBT_UNREGISTERED, /* a process has the session's segment mapped, and no slot */
	DOUBT_UNREADABLE,   /* a process may have no slot, and /proc/PID/maps is unreadable */
};

/* Whether all processes of a group ended; `instance`: one that runs or may run, 0 unknown. */
struct model_kin {
	enum still still;
	uint32_t instance;
};

/* Which processes may still use an object that no process has attached: see family.c. */
struct model_family {
	struct model_kin creator;   /* its process, in any image */
	struct model_kin relatives; /* processes with the creator's memory, by fork */
	struct model_kin users;     /* other processes that attached it */
	enum model_doubt doubt;
	int32_t doubt_pid; /* 0: /proc could not be read */
};

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
