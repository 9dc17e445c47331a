/* SPDX-License-Identifier: MIT */
/* Semaphore sets and queues in the IPC table: their state and their users, as far as known. */
#ifndef MEMSHIM_VIEW_IPCS_OBJECTS_H
#define MEMSHIM_VIEW_IPCS_OBJECTS_H

#include "report/model/ipc.h"
#include "report/view/json.h"
#include "report/view/table.h"

/*
 * "waited for", "in use": a process of a live session that used it runs; "unused": only its creator
 * runs; "orphaned": its creator has ended and no process is known that used it; null: unknown.
 */
const char *ipcs_object_state(const struct ipc_object *object);

/* "httpd 12, httpd 13 +3 more". */
void ipcs_object_put_users(struct cell *cell, const struct ipc_object *object, unsigned most);

/* The members "state", "waiting" and "users". */
void ipcs_object_json(struct json *json, const struct ipc_object *object);

#endif
