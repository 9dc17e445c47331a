/* SPDX-License-Identifier: MIT */
#include "report/util/owner.h"

#include <stdio.h>
#include <unistd.h>

#include "preload/common/owner.h"

static enum owner_rule owner_rule;

void owner_set_rule(enum owner_rule rule)
{
	owner_rule = rule;
}

/* Whether the kernel treats the caller as the owner: it allows only an owner to set O_NOATIME. */
static bool is_granted(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NOATIME) == 0;
}

bool owner_is_believed(int fd, const struct stat *st, char *why, size_t size)
{
	bool ours = owner_check(st, geteuid(), OWNER_READS) == 0 &&
		    (st->st_uid != OWNER_UNMAPPED || is_granted(fd));

	if (ours || owner_rule == OWNER_ALLOW_FOREIGN)
		return true;
	snprintf(why, size, "belongs to another user (uid %lu)%s", (unsigned long)st->st_uid,
		 owner_rule == OWNER_REFUSE_FOREIGN ? "; --foreign reads it" : "");
	return false;
}
