/* SPDX-License-Identifier: MIT */
/* `memshim export --format=prometheus`: of one session, or of all. */
#ifndef MEMSHIM_CLI_EXPORT_METRICS_H
#define MEMSHIM_CLI_EXPORT_METRICS_H

#include "report/cli/options.h"

/* The exit code. `path`: of the session; null: all sessions of this user. */
int export_metrics(const struct options *options, const char *path);

#endif
