/* SPDX-License-Identifier: MIT */
/*
 * A session as it lies there: a live segment, a recording, or, while its recorder is at work or
 * when it was killed, both at once. Everything else in the reader starts from here.
 */
#ifndef MEMSHIM_READER_SOURCE_H
#define MEMSHIM_READER_SOURCE_H

#include "report/procfs/holders.h"
#include "report/reader/facts.h"

struct source;

#define SOURCE_WHY_BYTES 256 /* of a reason */

/* Opens a recording or a live segment, and its other half. Null after one line on stderr. */
struct source *source_open(const char *path);
/* The same of an open recording, whose descriptor is taken; `path` is for messages. */
struct source *source_open_descriptor(int fd, const char *path);
/* The same without a word, for those who look at many. */
struct source *source_try(const char *path);

/* The same; *foreign tells whether it was refused as another user's, with the reason in why. */
struct source *source_try_own(const char *path, bool *foreign, char why[SOURCE_WHY_BYTES]);
void source_close(struct source *source);

const struct session_facts *source_session(const struct source *source);

/* The same, as of now. */
const struct session_facts *source_renew(struct source *source);

/* The file that was named; valid as long as the source. */
const char *source_path(const struct source *source);

/* How the session's segment is found among the mappings of its processes. */
void source_session_mapping(const struct source *source, struct holders_session *session);

/* Events that were logged so far, read or not. */
uint64_t source_event_count(const struct source *source);

/* Looks again whether the session is still live. */
bool source_is_live(struct source *source);

#endif
