/* SPDX-License-Identifier: MIT */
/* Removes what a session leaked; without --force, says what it would remove. */
#include <stdio.h>

#include "report/cli/command.h"
#include "report/cli/options.h"
#include "report/session/reap.h"
#include "report/session/session.h"
#include "report/util/error.h"
#include "report/util/format.h"
#include "report/view/page.h"

struct reaping {
	const struct options *options;
	const struct model *model;
	struct out *out;
	unsigned removed, kept, failed;
};

static void put_name(struct reaping *r, const struct model_segment *segment)
{
	const struct model_process *maker = model_process(r->model, segment->maker);
	char size[HUMAN_BYTES], text[160];

	if (r->options->exact)
		snprintf(size, sizeof size, "%llu", (unsigned long long)segment->size);
	else
		human_bytes(size, segment->size);
	if (segment->key)
		snprintf(text, sizeof text, "segment %d, key 0x%08x, %s", segment->shmid,
			 segment->key, size);
	else
		snprintf(text, sizeof text, "segment %d, IPC_PRIVATE, %s", segment->shmid, size);
	out_text(r->out, text);
	if (!maker || segment->created == CREATED_NOT)
		return;
	OUT(r->out, ", created by ");
	out_safe(r->out, model_program_name(&maker->facts));
	snprintf(text, sizeof text, " (%d)", maker->facts.pid);
	out_text(r->out, text);
}

/* Of another user's, root is told whose it is. */
static void put_user(struct reaping *r, const struct model_segment *segment)
{
	char text[64];

	if (!reap_is_of_other(segment))
		return;
	snprintf(text, sizeof text, ", of user %u", segment->current.creator_uid);
	out_text(r->out, text);
	if (segment->current.owner_uid == segment->current.creator_uid)
		return;
	snprintf(text, sizeof text, ", given to user %u", segment->current.owner_uid);
	out_text(r->out, text);
}

static void reap_one(struct reaping *r, const struct model_segment *segment)
{
	char words[REAP_WHY_BYTES];
	const char *why = reap_why_kept(
		r->model, segment, r->options->filter.by_shmid || r->options->filter.by_key, words);
	bool dry = !r->options->force, refused = false;

	if (!why && !dry) {
		why = reap_remove(segment);
		refused = why != NULL;
	}
	out_text(r->out, why ? "kept     " : dry ? "leaked   " : "removed  ");
	put_name(r, segment);
	put_user(r, segment);
	if (why) {
		OUT(r->out, ": ");
		out_safe(r->out, why);
	} else if (dry) {
		out_text(r->out, segment->orphaned_now
					 ? ": nobody uses it, and its creator has ended"
					 : ": nobody uses it, and all who did have ended");
	}
	out_char(r->out, '\n');
	r->removed += !why;
	r->kept += why && !refused;
	r->failed += refused;
}

static void put_sum(struct reaping *r)
{
	if (r->options->no_headings)
		return;
	if (r->removed + r->kept + r->failed == 0) {
		OUT(r->out, "nothing leaked\n");
		return;
	}
	out_number(r->out, r->removed);
	out_text(r->out, r->options->force ? " removed, " : " to be removed, ");
	out_number(r->out, r->kept + r->failed);
	OUT(r->out, " kept");
	if (!r->options->force && r->removed)
		OUT(r->out, "; --force removes");
	out_char(r->out, '\n');
}

/* What there is still, of what the session had to do with. */
static bool is_there(const struct model_segment *segment)
{
	return segment->presence != PRESENCE_REMOVED &&
	       (segment->state == SEGMENT_PRESENT || segment->state == SEGMENT_MARKED);
}

/* Two sessions may know one id; only the latest segment of an id can be there. */
static int reap(struct reaping *r)
{
	bool asked = r->options->filter.by_shmid || r->options->filter.by_key, any = false;
	int ret;

	for (uint32_t i = 0; i < r->model->segment_count; i++) {
		const struct model_segment *segment = r->model->segments[i];

		if (!filter_segment(&r->options->filter, segment) ||
		    segment != model_segment_in(r->model, segment->space, segment->shmid) ||
		    !is_there(segment))
			continue;
		any = true;
		reap_one(r, segment);
	}
	if (asked && !any) {
		error_line("reap", "this session has no such segment any more");
		return EXIT_ABSENT;
	}
	put_sum(r);
	ret = out_finish(r->out);
	return r->failed ? EXIT_ABSENT : ret;
}

int command_reap(int argc, char **argv)
{
	struct options options;
	struct load load;
	char path[PATH_MAX];
	struct reaping reaping = {.options = &options};
	int ret = options_read(&options, COMMAND_REAP, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("reap");
	if (!options_find_file(&options, path))
		return EXIT_ABSENT;
	ret = load_all(&load, path);
	if (ret != 0)
		return ret;
	reaping.model = load.model;
	reaping.out = page_begin(options.color);
	ret = reap(&reaping);
	load_close(&load);
	return ret;
}
