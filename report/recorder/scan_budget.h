/* SPDX-License-Identifier: MIT */
/*
 * When the recorder scans /proc for processes that did not register: at growing intervals, from
 * 0.3 ms to 50 ms, and at most 1/20 of the time in the long run. All times are now_ns().
 */
#ifndef MEMSHIM_RECORDER_SCAN_BUDGET_H
#define MEMSHIM_RECORDER_SCAN_BUDGET_H

#include <stdint.h>

struct scan_budget {
	uint64_t last_ns;  /* end of the last scan */
	uint64_t next_ns;  /* the next scan is due */
	uint64_t pause_ns; /* after the next scan */
	int64_t credit_ns; /* what scans may take now; below 0: they wait */
};

/* A scan is due at once. */
struct scan_budget scan_budget_begin(void);

/* Something has happened: intervals are short again. The next scan is due soon, with credit. */
void scan_budget_hurry(struct scan_budget *budget, uint64_t now);

/* A scan that began then has ended: charges its time, and sets when the next is due. */
void scan_budget_charge(struct scan_budget *budget, uint64_t began);

#endif
