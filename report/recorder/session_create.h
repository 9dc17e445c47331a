/* SPDX-License-Identifier: MIT */
/* The beginning of a recorded session: its segment, its recording, and their names. */
#ifndef MEMSHIM_RECORDER_SESSION_CREATE_H
#define MEMSHIM_RECORDER_SESSION_CREATE_H

#include "report/recorder/drain_types.h"

/* Options of a new session. */
struct drain_options {
	uint64_t log_bytes; /* 0: the default */
	uint32_t stack_depth;
	bool no_follow;
	bool anonymous;
	bool no_compress;
	int fd;                     /* the recording: empty, writable; drain_make takes it over */
	const char *recording_path; /* absolute */
	const char *command;        /* NUL-separated words */
	uint32_t command_bytes;
	pid_t command_pid;
};

/* Creates the segment in this user's folder and begins the recording. Null on failure. */
struct drain *drain_make(const struct drain_options *options, struct drain_error *error);

/* The segment's absolute path, for COMMAND's environment. */
const char *drain_segment_path(const struct drain *drain);

/* The session's name, and the path of the peer socket: see preload/common/registration.h. */
const char *drain_session(const struct drain *drain);
const char *drain_registration_path(const struct drain *drain);

/* COMMAND has not run: removes the segment and frees `drain`. The caller removes the recording. */
void drain_cancel(struct drain *drain);

/* Why a session cannot be created in the folder; null: nothing is known against it. */
const char *session_create_shortage(const char *folder);

#endif
