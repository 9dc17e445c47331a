/* SPDX-License-Identifier: MIT */
/*
 * The files of a session: a live segment, a recording, or both while the recorder runs or after it
 * was killed. All other files of the reader work on a source.
 */
#ifndef MEMSHIM_READER_SOURCE_H
#define MEMSHIM_READER_SOURCE_H

#include "report/procfs/holders.h"
#include "report/reader/facts.h"

struct segment_process;
struct source;

#define SOURCE_WHY_BYTES 256 /* of a reason */

/* Opens a recording or a live segment, and its other half. Null after one line on stderr. */
struct source *source_open(const char *path);
/* The same for an open recording; takes over the descriptor. `path` is for messages. */
struct source *source_open_descriptor(int fd, const char *path);
/* The same without a message. */
struct source *source_try(const char *path);

/* The same, with the reason in why. *foreign: it was refused because another user owns it. */
struct source *source_try_own(const char *path, bool *foreign, char why[SOURCE_WHY_BYTES]);
void source_close(struct source *source);

const struct session_facts *source_session(const struct source *source);

/* Reads the facts again, as of now. */
const struct session_facts *source_renew(struct source *source);

/* The path of the recording, else of the segment. Valid as long as the source. */
const char *source_path(const struct source *source);

/* Fills in how to find the session's segment in the maps of its processes. */
void source_session_mapping(const struct source *source, struct holders_session *session);

/* What its files take on their file systems, in bytes. */
uint64_t source_bytes(const struct source *source);

/* Events logged so far, whether read or not. */
uint64_t source_event_count(const struct source *source);

/* Checks again whether the session is live. */
bool source_is_live(struct source *source);

/* ---- for the files of this room ---- */

/* Indexes what the recorder has added. False without memory. */
bool source_update(struct source *source);

/* Copies slot i of the live segment; false when it is free, or reused during the copy. */
bool source_slot(const struct source *source, uint32_t i, struct segment_process *slot);
uint32_t source_slot_count(const struct source *source);

#endif
