/* SPDX-License-Identifier: MIT */
/*
 * What each process uses beside its calls: resident memory, page faults, CPU time, and what lies
 * free in its heap. The recorder samples /proc while the process runs. The last sample is kept with
 * the identity of the image.
 */
#ifndef MEMSHIM_RECORDER_USAGE_H
#define MEMSHIM_RECORDER_USAGE_H

#include "report/recorder/watch.h"

struct rusage;

/* When the image registered: what earlier images of its process used is not its own. */
void usage_begin(struct drain_usage *usage, uint64_t faults, uint64_t cpu_ns);

/* The milliseconds between two samples, where the user chose them; see record_options. */
void usage_choose_pause(struct watch *watch, int32_t sample_ms);

/* How long the recorder may wait before the next sample; UINT64_MAX: there is none to come. */
uint64_t usage_wait_ns(const struct watch *watch);

/* Samples the watched processes, within a share of the time. `registered`: there are new ones. */
void usage_turn(struct watch *watch, bool registered);

/* The process has ended, and its parent may not have waited yet: the counters are final. */
void usage_end(struct watched *watched);

/* COMMAND has ended; `alone`: no other process of the session existed. */
void usage_command_ended(struct watched *watched, const struct rusage *used, bool alone);

#endif
