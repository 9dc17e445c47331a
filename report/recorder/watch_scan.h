/* SPDX-License-Identifier: MIT */
/* Processes without a pidfd or with an unknown pid: scans /proc for them at intervals. */
#ifndef MEMSHIM_RECORDER_WATCH_SCAN_H
#define MEMSHIM_RECORDER_WATCH_SCAN_H

struct watch;

/* Scans, if it is time to, and notes the processes that have ended. */
void watch_scan(struct watch *watch);

#endif
