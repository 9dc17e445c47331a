/* SPDX-License-Identifier: MIT */
/* Nothing at all: what preloading any library costs a process's start. */
