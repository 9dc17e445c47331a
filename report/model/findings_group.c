/* SPDX-License-Identifier: MIT */
/*
 * Joins findings that a person would answer in the same way. 500 leaks of one line are one finding
 * with a count, the sum of the bytes, the first ids and one command. Rules and filters that name
 * one object or process apply before: afterwards a finding about several has no pid and no id.
 */
#include "report/model/findings_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/model/place.h"
#include "report/util/format.h"
#include "report/util/hash.h"
#include "report/util/path.h"

static const struct {
	const char *headline, *text, *advice;
} words[FINDING_COUNT] = {
#define WORDS(id, headline, text, advice) [FINDING_##id] = {headline, text, advice},
#include "report/model/finding_words.def"
#undef WORDS
};

#define KEY_BYTES 1024u
#define WORDS_BYTES 4096u

/* The first finding of a group, by the text of what its members have in common. */
struct group {
	UT_hash_handle hh;
	uint32_t row;
	char key[];
};

/* ---- which belong together ---- */

static void group_key(const struct model *model, const struct finding *finding, char key[KEY_BYTES])
{
	const struct model_process *process = model_process(model, finding->instance);
	struct place place;

	place_of_stack(model, finding->stack_instance, finding->stack, &place);
	snprintf(key, KEY_BYTES, "%d %d %u %.300s %.200s %.95s %.191s %.95s %.200s",
		 (int)finding->kind, (int)finding->severity, finding->call_error,
		 finding->program[0] ? finding->program[0] : "",
		 finding->program[1] ? finding->program[1] : "", process ? process->label : "",
		 place.function, place.source, finding->cause ? finding->cause : "");
}

/* The row of the group with this key; -1 when it was added, or without memory. */
static int64_t group_find(struct model *model, struct group **groups, const char *key, uint32_t row)
{
	size_t length = strlen(key);
	struct group *group;

	HASH_FIND(hh, *groups, key, length, group);
	if (group)
		return group->row;
	group = malloc(sizeof *group + length + 1);
	if (group) {
		group->row = row;
		memcpy(group->key, key, length + 1);
		HASH_ADD_KEYPTR(hh, *groups, group->key, length, group);
	}
	if (group && group->hh.tbl)
		return -1;
	model->no_memory = true;
	free(group);
	return -1;
}

static void groups_free(struct group *groups)
{
	struct group *group, *next;

	HASH_ITER (hh, groups, group, next) {
		HASH_DEL(groups, group);
		free(group);
	}
}

/* ---- joining ---- */

static void finding_begin(struct finding *finding)
{
	if (finding->id_count)
		return;
	if (finding->shmid >= 0)
		finding_add_id(finding, finding->shmid);
	else if (finding->pid)
		finding_add_id(finding, finding->pid);
}

static void finding_join(struct finding *to, struct finding *from)
{
	to->count += from->count;
	to->bytes += from->bytes;
	for (uint32_t i = 0; i < from->id_count; i++)
		finding_add_id(to, from->ids[i]);
	if (to->pid != from->pid)
		to->pid = 0;
	if (to->shmid != from->shmid)
		to->shmid = -1;
	finding_free(from);
}

static void findings_join(struct model *model, bool *several)
{
	struct model_findings *findings = &model->findings;
	struct group *groups = NULL;
	char key[KEY_BYTES];
	uint32_t kept = 0;

	for (uint32_t i = 0; i < findings->count; i++) {
		int64_t row;

		finding_begin(&findings->rows[i]);
		group_key(model, &findings->rows[i], key);
		row = group_find(model, &groups, key, kept);
		if (row >= 0) {
			finding_join(&findings->rows[row], &findings->rows[i]);
			several[row] = true;
			continue;
		}
		findings->rows[kept++] = findings->rows[i];
	}
	findings->count = kept;
	groups_free(groups);
}

/* ---- words ---- */

static const char *finding_program(const struct finding *finding)
{
	return finding->program[0] && *finding->program[0] ? path_base_name(finding->program[0])
							   : "an unknown program";
}

/* What a {name} stands for; "" when it is none. */
static const char *word_value(const struct model *model, const struct finding *finding,
			      const char *first, const char *name, size_t length,
			      char text[FORMAT_BYTES])
{
#define IS(what) (length == sizeof(what) - 1 && memcmp(name, what, length) == 0)
	if (IS("count"))
		return format_count(text, finding->count);
	if (IS("bytes"))
		return format_bytes(text, finding->bytes);
	if (IS("s"))
		return format_s(finding->count);
	if (IS("es"))
		return finding->count == 1 ? "" : "es";
	if (IS("program"))
		return finding_program(finding);
	if (IS("exist"))
		return model->session.finished ? "still existed when the session ended, and no "
						 "process used them"
					       : "still exist, and no process uses them";
	return IS("first") ? first : "";
#undef IS
}

/* The form with its {names} replaced, for the caller to free. Null without memory. */
static char *word_expand(const struct model *model, const struct finding *finding, const char *form,
			 const char *first)
{
	char text[WORDS_BYTES] = "", number[FORMAT_BYTES];
	size_t used = 0;

	while (*form && used < sizeof text - 1) {
		size_t length = strcspn(form, *form == '{' ? "}" : "{");

		if (*form == '{')
			used += (size_t)snprintf(
				text + used, sizeof text - used, "%s",
				word_value(model, finding, first, form + 1, length - 1, number));
		else
			used += (size_t)snprintf(text + used, sizeof text - used, "%.*s",
						 (int)length, form);
		form += length + (*form == '{');
	}
	return strdup(text);
}

static void finding_replace(struct model *model, char **text, char *by)
{
	if (!by) {
		model->no_memory = true;
		return;
	}
	free(*text);
	*text = by;
}

/* "postgres: 12 processes; the first: " before what the first one says. */
static const char several_form[] = "{program}: {count} processes; the first: {first}";

static bool finding_is_leak(const struct finding *finding)
{
	return finding->kind == FINDING_LEAKED_SEGMENT ||
	       finding->kind == FINDING_LEAKED_SEMAPHORES || finding->kind == FINDING_LEAKED_QUEUE;
}

/* The option that names its object. */
static const char *finding_option(const struct finding *finding)
{
	static const char *const options[] = {"-m ", "--semid=", "--msqid="};

	return options[finding->object_kind];
}

/* One command for all of them. It removes what else the session leaked, too. */
static char *advice_on_leaks(const struct model *model)
{
	char *file = model->file ? format_word(model->file) : NULL, *advice = NULL;

	if (asprintf(&advice,
		     "'memshim reap --force%s%s' removes them and what else the session leaked; "
		     "have "
		     "the program call IPC_RMID",
		     file ? " " : "", file ? file : "") < 0)
		advice = NULL;
	free(file);
	return advice;
}

static void finding_tell_several(struct model *model, struct finding *finding)
{
	const char *form = words[finding->kind].text ? words[finding->kind].text : several_form;
	char *text;

	if (finding->failure)
		text = failure_text(model, finding->failure, finding->count);
	else
		text = word_expand(model, finding, form, finding->text ? finding->text : "");
	finding_replace(model, &finding->text, text);
	if (finding->removable && finding_is_leak(finding))
		finding_replace(model, &finding->advice, advice_on_leaks(model));
	else if (words[finding->kind].advice)
		finding_replace(model, &finding->advice, strdup(words[finding->kind].advice));
}

/* A kind without words of its own has its name: "heap-growing" is "heap growing". */
static char *headline_of_name(const struct finding *finding)
{
	char *text = strdup(model_finding_name(finding->kind));

	for (char *at = text; at && *at; at++)
		if (*at == '-')
			*at = ' ';
	return text;
}

static void finding_headline(struct model *model, struct finding *finding, bool several)
{
	const char *form = words[finding->kind].headline;
	char *head = finding->headline, *text, count[FORMAT_BYTES];

	if (!head)
		finding_replace(model, &finding->headline,
				form ? word_expand(model, finding, form, "")
				     : headline_of_name(finding));
	head = finding->headline;
	format_count(count, finding->count);
	if (!head || finding->count == 1 || (form && strncmp(form, "{count}", 7) == 0))
		return;
	if (asprintf(&text, finding->failure ? "%s, %s times" : "%s, %s processes", head, count) <
	    0)
		text = NULL;
	if (finding->failure || several)
		finding_replace(model, &finding->headline, text);
	else
		free(text);
}

/* ---- order ---- */

static int finding_compare(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->severity != y->severity)
		return x->severity < y->severity ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	if (x->id_count && y->id_count && x->ids[0] != y->ids[0])
		return x->ids[0] < y->ids[0] ? -1 : 1;
	return 0;
}

void findings_group(struct model *model)
{
	bool *several = calloc(model->findings.count + 1, sizeof *several);

	if (!several) {
		model->no_memory = true;
		return;
	}
	findings_join(model, several);
	for (uint32_t i = 0; i < model->findings.count; i++) {
		if (several[i])
			finding_tell_several(model, &model->findings.rows[i]);
		finding_headline(model, &model->findings.rows[i], several[i]);
	}
	if (model->findings.count > 1)
		qsort(model->findings.rows, model->findings.count, sizeof *model->findings.rows,
		      finding_compare);
	free(several);
}

/* ---- what to type next ---- */

static char *command_of_segment(const struct finding *finding, const char *file, const char *blank)
{
	char *command;

	if (finding->shmid < 0 ||
	    asprintf(&command, "memshim report %s%d%s%s", finding_option(finding), finding->shmid,
		     blank, file) < 0)
		return NULL;
	return command;
}

/* "memshim WHAT --exe=PROGRAM FILE". */
static char *command_of_program(const char *path, const char *what, const char *file,
				const char *blank)
{
	char *program = path && *path ? format_word(path_base_name(path)) : NULL, *command = NULL;

	if (program &&
	    asprintf(&command, "memshim %s --exe=%s%s%s", what, program, blank, file) < 0)
		command = NULL;
	free(program);
	return command;
}

static char *command_of_leak(const struct finding *finding, const char *file, const char *blank)
{
	char *command;

	if (!finding->removable)
		return NULL;
	if (finding->kind == FINDING_ORPHANED_OBJECT && finding->count > 1)
		return strdup("memshim ipcs");
	if (finding->count == 1) {
		if (asprintf(&command, "memshim reap %s%d%s%s", finding_option(finding),
			     finding->shmid, blank, file) < 0)
			return NULL;
	} else if (asprintf(&command, "memshim reap%s%s", blank, file) < 0) {
		return NULL;
	}
	return command;
}

char *finding_heap_command(const struct model *model, const char *program)
{
	char *word = model->file ? format_word(model->file) : NULL, *command;

	command = command_of_program(program, "report --flame=heap.svg", word ? word : "",
				     word ? " " : "");
	free(word);
	return command;
}

/* What shows the memory past the break: the call sites or, without mappings, another recording. */
static char *command_past_the_break(const struct model *model, const struct finding *finding)
{
	const struct model_process *process = model_process(model, finding->instance);
	const char *first = model->session.command;
	char *word, *command = NULL;

	if (process && process->facts.mappings_watched)
		return finding_heap_command(model, finding->program[0]);
	word = model->session.command_bytes ? format_word(first) : NULL;
	if (word && asprintf(&command, "memshim record -a -- %s%s", word,
			     strlen(first) + 1 < model->session.command_bytes ? " ..." : "") < 0)
		command = NULL;
	free(word);
	return command;
}

char *finding_command(const struct model *model, const struct finding *finding)
{
	char *word = model->file ? format_word(model->file) : NULL, *command = NULL;
	const char *file = word ? word : "", *blank = word ? " " : "";

	switch (finding->kind) {
	case FINDING_LEAKED_SEGMENT:
	case FINDING_LEAKED_SEMAPHORES:
	case FINDING_LEAKED_QUEUE:
	case FINDING_ORPHANED_OBJECT:
		command = command_of_leak(finding, file, blank);
		break;
	case FINDING_FAILED_CALL:
		command = command_of_program(finding->program[0], "events -Z -k", file, blank);
		break;
	case FINDING_HEAP_GROWING:
	case FINDING_HEAP_PINNED:
	case FINDING_BREAK_THRASH:
	case FINDING_MAPPINGS_GROWING:
	case FINDING_MMAP_THRASH:
		command = finding_heap_command(model, finding->program[0]);
		break;
	case FINDING_PAST_THE_BREAK:
		command = command_past_the_break(model, finding);
		break;
	case FINDING_LOST_EVENTS:
	case FINDING_NOT_FOLLOWED:
	case FINDING_CALLS_ONLY:
	case FINDING_BAD_SETTING:
		break;
	default:
		command = command_of_segment(finding, file, blank);
		if (!command)
			command = command_of_program(finding->program[0], "report", file, blank);
	}
	free(word);
	return command;
}
