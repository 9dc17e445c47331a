/* SPDX-License-Identifier: MIT */
/* The session that this process belongs to, by its environment. Start-up only. */
#ifndef MEMSHIM_SESSION_H
#define MEMSHIM_SESSION_H

#include <stdbool.h>

#include "settings.h"

/*
 * Joins the session. Creates one that is named and missing; a path is only joined, because its
 * recorder may have finished. Sets shim.header, shared and log. False: the shim does nothing in
 * this process.
 */
bool session_join(const struct settings *settings);

#endif
