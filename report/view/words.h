/* SPDX-License-Identifier: MIT */
/* Numbers as the names in the system calls' manual pages. */
#ifndef MEMSHIM_VIEW_WORDS_H
#define MEMSHIM_VIEW_WORDS_H

#include "report/model/model.h"
#include "report/view/out.h"

struct word {
	const char *name;
	uint32_t bit;
};

/* Arrays end with a null name. */
extern const struct word words_get_flags[];
extern const struct word words_at_flags[];
extern const struct word words_ipc_flags[];     /* semget, msgget */
extern const struct word words_message_flags[]; /* msgsnd, msgrcv */
extern const struct word words_protections[];   /* mmap, mprotect */
extern const struct word words_map_flags[];     /* mmap */
extern const struct word words_mremap_flags[];

/* "IPC_CREAT|IPC_EXCL|0x8|0600". `mode`: the low nine bits are permissions. */
void words_flags(struct out *out, uint32_t flags, const struct word *words, bool mode);

/* ["IPC_CREAT","0x8"]. `mode`: leave out the low nine bits. */
void words_flags_json(struct out *out, uint32_t flags, const struct word *words, bool mode);

/* "IPC_RMID"; null for an unknown command. IPC_64 is ignored. */
const char *words_command(int32_t command); /* of shmctl */
const char *words_semctl_command(int32_t command);
const char *words_msgctl_command(int32_t command);

/* "IPC_PRIVATE" or 0x0000abcd. */
void words_key(struct out *out, uint32_t key);
void words_key_hex(struct out *out, uint32_t key);

/* "ENOMEM", or "errno 4000". */
void words_errno(struct out *out, int error);
void words_errno_json(struct out *out, int error);

/* "live", "ended" or "abandoned". */
const char *words_session_state(const struct session_facts *session);

/* "running", "exit 0", "SIGKILL" ... into `to`. */
const char *words_state(const struct process_facts *facts, char to[32]);

/* "2026-11-23T20:46:07.123456789+00:00" into `to`. */
const char *words_time(uint64_t realtime_ns, char to[64]);

/* The name of a segment's state, for text and JSON. */
const char *words_segment_state(const struct model_segment *segment);
/* The suffix of the state: ", leaked", ", orphaned", or "". */
const char *words_segment_fault(const struct model_segment *segment);

#endif
