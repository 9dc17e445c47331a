/* SPDX-License-Identifier: MIT */
#include "report/view/json_members.h"
#include "report/view/report_text.h"
#include "report/view/words.h"

void json_key(struct json *json, uint32_t key)
{
	json_name(json, "key");
	out_char(json->out, '"');
	words_key_hex(json->out, key);
	out_char(json->out, '"');
}

void json_mode(struct json *json, uint32_t mode)
{
	json_name(json, "mode");
	out_char(json->out, '"');
	out_octal(json->out, mode & 0777, 4);
	out_char(json->out, '"');
}

void json_time(struct json *json, const char *name, uint64_t seconds)
{
	char text[64];

	json_text_or_null(json, name, seconds ? words_time(seconds * 1000000000u, text) : NULL);
}

void json_session(struct json *json, const struct session_facts *session)
{
	char started[64];

	json_text(json, "name", session->name);
	json_text(json, "state", words_session_state(session));
	json_text(json, "started", words_time(session->started_realtime_ns, started));
}

void json_process(struct json *json, const struct model_process *process)
{
	json_signed_or_null(json, "pid", process != NULL, process ? process->facts.pid : 0);
	json_text_or_null(json, "exe", process ? process->facts.exe : NULL);
}

void json_owners(struct json *json, uint32_t owner_uid, uint32_t owner_gid, uint32_t creator_uid,
		 uint32_t creator_gid)
{
	json_number(json, "owner_uid", owner_uid);
	json_number(json, "owner_gid", owner_gid);
	json_number(json, "creator_uid", creator_uid);
	json_number(json, "creator_gid", creator_gid);
}

void json_segment(struct json *json, const struct model_segment *segment)
{
	json_signed(json, "shmid", segment->shmid);
	json_number_or_null(json, "ipc_namespace", segment->space != 0, segment->space);
}

void json_segment_state(struct json *json, const struct model_segment *segment)
{
	json_text(json, "state", words_segment_state(segment));
	json_bool(json, "leaked", segment->leaked);
	json_bool(json, "orphaned", segment->orphaned);
}

void json_segment_size(struct json *json, const struct model_segment *segment)
{
	json_number_or_null(json, "size", segment->size != 0, segment->size);
}

void json_holder_place(struct json *json, int32_t pid, const char *comm, uint64_t address)
{
	json_signed(json, "pid", pid);
	json_text(json, "comm", comm);
	json_address(json, "address", address);
}

void json_holder(struct json *json, const struct kernel_holder *holder)
{
	json_holder_place(json, holder->pid, holder->comm, holder->start);
	json_number(json, "bytes", holder->end - holder->start);
	json_bool(json, "readonly", holder->readonly);
	json_bool(json, "huge_pages", holder->huge);
	json_bool(json, "other_ipc_namespace", holder->other_ipc);
}
