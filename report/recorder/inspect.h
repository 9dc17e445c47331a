/* SPDX-License-Identifier: MIT */
/*
 * Whether a program will load the shim: reads the file, and runs nothing.
 */
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
 * Whether preloading the shim is at least harmless to an INSPECT_UNSEEN program: another libc's
 * loader may refuse to run it, another word size's complains on the program's standard error, and
 * a sanitizer ends it.
 */
bool inspect_bears_preload(unsigned why);

/* COMMAND as execvp(3) would find it; a script is judged by its interpreter. */
void inspect_command(struct inspection *inspection, const char *command);

/* The program that process `pid` runs now; INSPECT_SEEN if no reason speaks against it. */
void inspect_process(struct inspection *inspection, pid_t pid);

#endif
