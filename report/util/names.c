/* SPDX-License-Identifier: MIT */
#include "report/util/names.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>

static const char *const errnos[] = {
#define ERRNO(name) [name] = #name,
#include "report/util/errnos.def"
#undef ERRNO
};

static const char *const signals[] = {
#define SIGNAL(name) [name] = #name,
#include "report/util/signals.def"
#undef SIGNAL
};

static const char *names_pick(const char *const *table, size_t count, int number)
{
	return number >= 0 && (size_t)number < count ? table[number] : NULL;
}

const char *name_of_errno(int error)
{
	return names_pick(errnos, sizeof errnos / sizeof *errnos, error);
}

const char *name_of_signal(int number)
{
	return names_pick(signals, sizeof signals / sizeof *signals, number);
}

void name_of_user(uint32_t uid, char *name, size_t bytes)
{
	const struct passwd *user = getpwuid(uid);

	if (user && strlen(user->pw_name) < bytes)
		strcpy(name, user->pw_name);
	else
		name[0] = '\0';
}
