/* SPDX-License-Identifier: MIT */
/*
 * Servers write what they do over their arguments: "postgres: walwriter". The title of a process is
 * its command line in /proc, where that is no longer the one that execve(2) gave it.
 */
#ifndef MEMSHIM_RECORDER_TITLE_H
#define MEMSHIM_RECORDER_TITLE_H

#include "report/recorder/watch_struct.h"

/* Keeps the title of a running process in the recording, if it has a new one. */
void title_keep(struct drain *drain, struct watched *w);

#endif
