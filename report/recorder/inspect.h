/* SPDX-License-Identifier: MIT */
/* Whether a program loads the shim: reads the file, and runs nothing. */
#ifndef MEMSHIM_RECORDER_INSPECT_H
#define MEMSHIM_RECORDER_INSPECT_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

enum inspect_verdict {
	INSPECT_SEEN,
	INSPECT_NOT_FOUND,
	INSPECT_CANNOT_RUN,
	INSPECT_UNSEEN, /* runs, but without the shim: `why` */
};

struct inspection {
	enum inspect_verdict verdict;
	unsigned why;          /* INSPECT_UNSEEN: enum segment_unfollowed_why */
	int error;             /* NOT_FOUND, CANNOT_RUN: errno */
	char path[PATH_MAX];   /* the file */
	char interpreter[256]; /* CANNOT_RUN: the script's, if it is the reason; else "" */
};

/* The words for an INSPECT_UNSEEN's `why`. */
const char *inspect_words(unsigned why);

/*
 * Whether preloading the shim does no harm to an INSPECT_UNSEEN program. The loader of another libc
 * may refuse to run it; for another word size, the loader complains on standard error;
 * AddressSanitizer ends the program.
 */
bool inspect_bears_preload(unsigned why);

/* Inspects COMMAND as execvp(3) finds it; for a script, its interpreter. */
void inspect_command(struct inspection *inspection, const char *command);

/* Inspects the program that process `pid` runs now. INSPECT_SEEN where no reason is known. */
void inspect_process(struct inspection *inspection, pid_t pid);

#endif
