/* SPDX-License-Identifier: MIT */
/* Findings about semaphore sets and message queues, and about calls that wait for them. */
#ifndef MEMSHIM_MODEL_FINDINGS_OBJECTS_H
#define MEMSHIM_MODEL_FINDINGS_OBJECTS_H

struct model;

void findings_check_objects(struct model *model);

/* Calls that have waited for long, and processes that wait for each other. */
void findings_check_waits(struct model *model);

#endif
