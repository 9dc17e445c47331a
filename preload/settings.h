/* SPDX-License-Identifier: MIT */
/* The settings of this process, from its environment. Start-up only. */
#ifndef MEMSHIM_SETTINGS_H
#define MEMSHIM_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The variables of memshim(1), ENVIRONMENT; null where not set. */
struct settings {
	const char *session;        /* MEMSHIM_SESSION */
	const char *folder;         /* MEMSHIM_DIR */
	const char *runtime_folder; /* XDG_RUNTIME_DIR */
	const char *tmp_folder;     /* TMPDIR */
	uint64_t log_bytes;         /* MEMSHIM_LOG_SIZE, 0 not set */
	uint32_t stack_depth;       /* MEMSHIM_STACK_DEPTH */
	uid_t self;                 /* the effective uid, AT_EUID; not from the environment */
	bool off;                   /* MEMSHIM_OFF=1 */
	bool anonymous;             /* MEMSHIM_ANONYMOUS=1 */
	bool redirect;              /* MEMSHIM_PATCH, true unless 0 */
	uint32_t bad_count;         /* wrong values, ignored */
};

/* Reads `envp`, which the loader passes to constructors: libc's environ is not set that early. */
void settings_read(struct settings *settings, char **envp);

#endif
