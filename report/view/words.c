/* SPDX-License-Identifier: MIT */
#include "report/view/words.h"

#include <stdio.h>
#include <time.h>

#include "report/util/format.h"

#define IPC_64_BIT 0x100
#define MODE_BITS 0777u

const struct word words_get_flags[] = {
#define GETFLAG(name, bit) {#name, bit},
#include "report/view/ipc.def"
	{NULL, 0},
};

const struct word words_at_flags[] = {
#define ATFLAG(name, bit) {#name, bit},
#include "report/view/ipc.def"
	{NULL, 0},
};

const struct word words_ipc_flags[] = {
	{"IPC_CREAT", 01000},
	{"IPC_EXCL", 02000},
	{NULL, 0},
};

const struct word words_message_flags[] = {
#define MSGFLAG(name, bit) {#name, bit},
#include "report/view/ipc.def"
	{NULL, 0},
};

const struct word words_protections[] = {
#define PROTECTION(name, bit) {#name, bit},
#include "report/view/ipc.def"
	{NULL, 0},
};

const struct word words_map_flags[] = {
#define MAPFLAG(name, bit) {#name, bit},
#include "report/view/ipc.def"
	{NULL, 0},
};

const struct word words_mremap_flags[] = {
#define REMAPFLAG(name, bit) {#name, bit},
#include "report/view/ipc.def"
	{NULL, 0},
};

static void word_separate(struct out *out, bool *any)
{
	if (*any)
		out_char(out, '|');
	*any = true;
}

void words_flags(struct out *out, uint32_t flags, const struct word *words, bool mode)
{
	uint32_t permissions = mode ? flags & MODE_BITS : 0;
	bool any = false;

	flags &= ~permissions;
	for (; words->name; words++) {
		if ((flags & words->bit) != words->bit)
			continue;
		word_separate(out, &any);
		out_text(out, words->name);
		flags &= ~words->bit;
	}
	if (flags) {
		word_separate(out, &any);
		out_hex(out, flags);
	}
	if (mode) {
		word_separate(out, &any);
		out_octal(out, permissions, 4);
	} else if (!any) {
		out_char(out, '0');
	}
}

void words_flags_json(struct out *out, uint32_t flags, const struct word *words, bool mode)
{
	bool any = false;

	flags &= mode ? ~MODE_BITS : ~0u;
	out_char(out, '[');
	for (; words->name; words++) {
		if ((flags & words->bit) != words->bit)
			continue;
		if (any)
			out_char(out, ',');
		any = true;
		out_char(out, '"');
		out_text(out, words->name);
		out_char(out, '"');
		flags &= ~words->bit;
	}
	if (flags) {
		if (any)
			out_char(out, ',');
		out_char(out, '"');
		out_hex(out, flags);
		out_char(out, '"');
	}
	out_char(out, ']');
}

const char *words_command(int32_t command)
{
	switch (command & ~IPC_64_BIT) {
#define COMMAND(name, number) \
	case number:          \
		return #name;
#include "report/view/ipc.def"
	default:
		return NULL;
	}
}

const char *words_semctl_command(int32_t command)
{
	switch (command & ~IPC_64_BIT) {
#define SEMCOMMAND(name, number) \
	case number:             \
		return #name;
#include "report/view/ipc.def"
	default:
		return NULL;
	}
}

const char *words_msgctl_command(int32_t command)
{
	switch (command & ~IPC_64_BIT) {
#define MSGCOMMAND(name, number) \
	case number:             \
		return #name;
#include "report/view/ipc.def"
	default:
		return NULL;
	}
}

void words_key_hex(struct out *out, uint32_t key)
{
	OUT(out, "0x");
	for (int shift = 28; shift >= 0; shift -= 4)
		out_char(out, "0123456789abcdef"[key >> shift & 15]);
}

void words_key(struct out *out, uint32_t key)
{
	if (key == 0)
		OUT(out, "IPC_PRIVATE");
	else
		words_key_hex(out, key);
}

void words_errno(struct out *out, int error)
{
	const char *name = name_of_errno(error);

	if (name) {
		out_text(out, name);
	} else {
		OUT(out, "errno ");
		out_signed(out, error);
	}
}

void words_errno_json(struct out *out, int error)
{
	out_char(out, '"');
	words_errno(out, error);
	out_char(out, '"');
}

const char *words_state(const struct process_facts *facts, char to[32])
{
	const char *name = name_of_signal(facts->exit_signal);

	switch (facts->state) {
	case STATE_RUNNING:
		return "running";
	case STATE_EXEC:
		return "exec";
	case STATE_EXITED:
		if (facts->exit_status < 0)
			return "exited";
		snprintf(to, 32, "exit %d", facts->exit_status);
		return to;
	case STATE_KILLED:
		if (name)
			return name;
		snprintf(to, 32, "signal %d", facts->exit_signal);
		return to;
	default:
		return "gone";
	}
}

const char *words_time(uint64_t realtime_ns, char to[64])
{
	time_t seconds = (time_t)(realtime_ns / 1000000000u);
	char zone[8] = "", base[40] = "";
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || !strftime(base, sizeof base, "%Y-%m-%dT%H:%M:%S", &tm) ||
	    !strftime(zone, sizeof zone, "%z", &tm))
		snprintf(to, 64, "1970-01-01T00:00:00Z");
	else
		snprintf(to, 64, "%s.%09llu%.3s:%.2s", base,
			 (unsigned long long)(realtime_ns % 1000000000u), zone, zone + 3);
	return to;
}

const char *words_session_state(const struct session_facts *session)
{
	static const char *const states[] = {"live", "ended", "abandoned"};

	return states[session->state];
}

const char *words_segment_state(const struct model_segment *segment)
{
	static const char *const names[] = {"present", "marked", "destroyed", "vanished"};

	return names[segment->state];
}

const char *words_segment_fault(const struct model_segment *segment)
{
	return segment->leaked ? ", leaked" : segment->orphaned ? ", orphaned" : "";
}
