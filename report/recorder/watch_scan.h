/* SPDX-License-Identifier: MIT */
/* Processes without a pidfd, or whose pid is not known: searched in /proc at intervals. */
#ifndef MEMSHIM_RECORDER_WATCH_SCAN_H
#define MEMSHIM_RECORDER_WATCH_SCAN_H

struct watch;

/* Searches them, if it is time to, and notes those that have ended. */
void watch_scan(struct watch *watch);

#endif
