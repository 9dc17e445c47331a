/* SPDX-License-Identifier: MIT */
/*
 * Members that several JSON documents have in common: keys, modes, times, processes, segments,
 * attachments. Each name and each form is written here once.
 */
#ifndef MEMSHIM_VIEW_JSON_MEMBERS_H
#define MEMSHIM_VIEW_JSON_MEMBERS_H

#include "report/model/model.h"
#include "report/view/json.h"

/* "key":"0x0000abcd". */
void json_key(struct json *json, uint32_t key);

/* "mode":"0600": the nine bits of permission. */
void json_mode(struct json *json, uint32_t mode);

/* Seconds since 1970 as a date; 0: null. */
void json_time(struct json *json, const char *name, uint64_t seconds);

/* "name", "state" and "started" of a session. */
void json_session(struct json *json, const struct session_facts *session);

/* "pid" and "exe"; both null for a null process. */
void json_process(struct json *json, const struct model_process *process);

/* "owner_uid" to "creator_gid" of an IPC object. */
void json_owners(struct json *json, uint32_t owner_uid, uint32_t owner_gid, uint32_t creator_uid,
		 uint32_t creator_gid);

/* "shmid" and "ipc_namespace". */
void json_segment(struct json *json, const struct model_segment *segment);

/* "state", "leaked" and "orphaned". */
void json_segment_state(struct json *json, const struct model_segment *segment);

/* "size"; null while no event and no kernel snapshot gave it. */
void json_segment_size(struct json *json, const struct model_segment *segment);

/* "pid", "comm" and "address" of one attachment in a process. */
void json_holder_place(struct json *json, int32_t pid, const char *comm, uint64_t address);

/* All members of an attachment that /proc/PID/maps shows. */
void json_holder(struct json *json, const struct kernel_holder *holder);

#endif
