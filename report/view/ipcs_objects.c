/* SPDX-License-Identifier: MIT */
#include "report/view/ipcs_objects.h"

#include <stdio.h>

#include "report/view/json_members.h"

const char *ipcs_object_state(const struct ipc_object *object)
{
	if (object->waiting)
		return "waited for";
	if (object->user_count)
		return "in use";
	if (!object->creator.known)
		return NULL;
	return object->creator.runs ? "unused" : "orphaned";
}

void ipcs_object_put_users(struct cell *cell, const struct ipc_object *object, unsigned most)
{
	uint32_t named = object->user_count < most ? object->user_count : most;
	size_t used = 0;

	snprintf(cell->text, sizeof cell->text, "-");
	for (uint32_t i = 0; i < named && i < IPC_USERS; i++)
		used += (size_t)snprintf(cell->text + used, sizeof cell->text - used, "%s%s %d",
					 i ? ", " : "", object->users[i].program,
					 object->users[i].pid);
	if (object->user_count > named)
		snprintf(cell->text + used, sizeof cell->text - used, " +%u more",
			 object->user_count - named);
}

void ipcs_object_json(struct json *json, const struct ipc_object *object)
{
	json_text_or_null(json, "state", ipcs_object_state(object));
	if (object->kernel.kind == OBJECT_SEMAPHORES)
		json_number(json, "waiting", object->waiting);
	json_open(json, "users", '[');
	for (uint32_t i = 0; i < object->user_count && i < IPC_USERS; i++) {
		json_open(json, NULL, '{');
		json_signed(json, "pid", object->users[i].pid);
		json_text(json, "program", object->users[i].program);
		json_close(json, '}');
	}
	json_close(json, ']');
}
