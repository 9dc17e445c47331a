/* SPDX-License-Identifier: MIT */
/*
 * Why a call failed, by what the recorder saw right after it: which limit was reached and who had
 * filled it, which segment was there, what lay above the break.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/human.h"
#include "report/model/inside.h"

#define OVERCOMMIT_NEVER 2u

static void add_find(struct model *model, const struct sight_facts *sight)
{
	struct model_find *find;

	HASH_FIND(hh, model->finds, &sight->time_ns, sizeof sight->time_ns, find);
	if (find)
		return;
	find = calloc(1, sizeof *find);
	if (find) {
		find->time_ns = sight->time_ns;
		find->sight = *sight;
		HASH_ADD(hh, model->finds, time_ns, sizeof find->time_ns, find);
	}
	if (!find || !find->hh.tbl) {
		model->no_memory = true;
		free(find);
	}
}

void model_add_sight(struct model *model, const struct sight_facts *sight)
{
	if (sight->error == 0 && sight->shmid >= 0) {
		add_find(model, sight);
		return;
	}
	if (model_grow(model, (void **)&model->sights, &model->sight_room, model->sight_count,
		       sizeof *model->sights))
		model->sights[model->sight_count++] = *sight;
}

__attribute__((format(printf, 1, 2))) static char *words(const char *form, ...)
{
	char *text = NULL;
	va_list args;
	int ret;

	va_start(args, form);
	ret = vasprintf(&text, form, args);
	va_end(args);
	return ret < 0 ? NULL : text;
}

/* The maker by the name that the session knows, or the kernel told; "pid 12, which has ended". */
static const char *maker(const struct model *model, int32_t pid, const char *name, char to[96])
{
	for (uint32_t i = model->instance_room; i > 1; i--) {
		const struct model_process *process = model->by_instance[i - 1];

		if (process && process->facts.pid == pid) {
			name = model_program_name(&process->facts);
			break;
		}
	}
	if (*name)
		snprintf(to, 96, "%.60s (%d)", name, pid);
	else
		snprintf(to, 96, "pid %d, which has ended", pid);
	return to;
}

static char *explain_full(const struct model *model, const struct sight_facts *s, uint64_t asked)
{
	uint64_t page = model->session.page_bytes ? model->session.page_bytes : 4096;
	uint64_t pages = (asked + page - 1) / page;
	char who[96];

	if (s->used_segments >= s->limit_segments)
		return words("all %llu segments that kernel.shmmni allows are there; %u of them, "
			     "the most, were made by %s",
			     (unsigned long long)s->limit_segments, s->most_segments,
			     maker(model, s->most_pid, s->most_name, who));
	if (s->used_pages + pages > s->limit_pages)
		return words("%llu pages were asked for, and %llu of the %llu that kernel.shmall "
			     "allows are taken; %llu of them, the most, by %s",
			     (unsigned long long)pages, (unsigned long long)s->used_pages,
			     (unsigned long long)s->limit_pages, (unsigned long long)s->most_pages,
			     maker(model, s->most_pid, s->most_name, who));
	return NULL;
}

static char *explain_size(const struct model *model, const struct sight_facts *s, uint64_t asked)
{
	char wanted[HUMAN_BYTES], has[HUMAN_BYTES], who[96];

	human_bytes(wanted, asked);
	if (s->shmid >= 0 && asked > s->size)
		return words("segment %d with this key has %s, and %s were asked for; it was made "
			     "by %s",
			     s->shmid, human_bytes(has, s->size), wanted,
			     maker(model, s->creator_pid, "", who));
	if (s->limit_size && asked > s->limit_size)
		return words("%s were asked for, and kernel.shmmax is %s", wanted,
			     human_bytes(has, s->limit_size));
	return NULL;
}

static char *explain_shmget(const struct model *model, const struct sight_facts *s, uint64_t asked)
{
	char who[96];

	switch (s->error) {
	case ENOSPC:
		return explain_full(model, s, asked);
	case EINVAL:
		return explain_size(model, s, asked);
	case EACCES:
		return s->shmid < 0 ? NULL
				    : words("segment %d has mode %04o and belongs to uid %u",
					    s->shmid, s->mode & 0777, s->owner_uid);
	case EEXIST:
		return s->shmid < 0 ? NULL
				    : words("segment %d has this key, made by %s", s->shmid,
					    maker(model, s->creator_pid, "", who));
	default:
		return NULL;
	}
}

static char *explain_move(const struct model_process *process, const struct sight_facts *s,
			  uint64_t asked)
{
	uint64_t before = process->refused_at, grown = before - process->facts.break_initial;
	char room[HUMAN_BYTES], wanted[HUMAN_BYTES];

	human_bytes(wanted, asked);
	if (s->next_start && before && s->next_start < before + asked)
		return words("%s%s begins %s above the break, and %s were asked for",
			     s->next_name[0] ? "" : "a mapping without a file", s->next_name,
			     human_bytes(room, s->next_start - before), wanted);
	if (s->limit_data && s->limit_data != UINT64_MAX && grown + asked > s->limit_data)
		return words("RLIMIT_DATA is %s, and %s more were asked for",
			     human_bytes(room, s->limit_data), wanted);
	if (s->overcommit == OVERCOMMIT_NEVER)
		return words("%s were asked for, and vm.overcommit_memory 2 promises no more than "
			     "there is",
			     wanted);
	return NULL;
}

char *sight_explain(const struct model *model, uint32_t instance, uint32_t call, uint32_t error,
		    uint64_t asked_bytes)
{
	const struct model_process *process = model_process(model, instance);

	for (uint32_t i = 0; process && i < model->sight_count; i++) {
		const struct sight_facts *s = &model->sights[i];

		if (s->instance != instance || s->call != call || s->error != error)
			continue;
		return call == KIND_SHMGET ? explain_shmget(model, s, asked_bytes)
		       : call <= KIND_SBRK ? explain_move(process, s, asked_bytes)
					   : NULL;
	}
	return NULL;
}
