/* SPDX-License-Identifier: MIT */
/* Adds the images that have registered to the watch. */
#ifndef MEMSHIM_RECORDER_WATCH_ADD_H
#define MEMSHIM_RECORDER_WATCH_ADD_H

#include "report/recorder/watch.h"

/*
 * Verifies which process the image is, and watches it. An image that it replaced is retired. Takes
 * over the registration's pidfd.
 */
void watch_add(struct watch *watch, struct registration *registration);

#endif
