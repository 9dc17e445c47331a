/* SPDX-License-Identifier: MIT */
/* An empty library: the cost that preloading any library adds to a process's start. */
