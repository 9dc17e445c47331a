/* SPDX-License-Identifier: MIT */
/*
 * Which files are trusted: those of the effective user and of root, by preload/common/owner.h. A
 * recording, a segment or a folder of another user is refused; --foreign allows it for commands
 * that only read.
 */
#ifndef MEMSHIM_UTIL_OWNER_H
#define MEMSHIM_UTIL_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum owner_rule {
	OWNER_REFUSE,         /* the command removes or writes: it has no --foreign */
	OWNER_REFUSE_FOREIGN, /* it has --foreign, which was not given */
	OWNER_ALLOW_FOREIGN,
};

void owner_set_rule(enum owner_rule rule);

/*
 * Whether the open file `fd` is trusted; *st is its stat. False with the reason in why. Call it
 * before a byte of the file is used.
 */
bool owner_is_believed(int fd, const struct stat *st, char *why, size_t size);

#endif
