/* SPDX-License-Identifier: MIT */
/* Removes the objects that a session leaked. Without --force, lists them only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/cli/command.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/cli/options_files.h"
#include "report/model/creator.h"
#include "report/model/objects.h"
#include "report/session/left_behind.h"
#include "report/session/reap.h"
#include "report/session/session.h"
#include "report/util/array.h"
#include "report/util/error.h"
#include "report/util/format.h"
#include "report/util/progress.h"
#include "report/view/page.h"
#include "report/view/reap_table.h"

struct reaping {
	const struct options *options;
	const struct model *model;
	struct out *out;
	struct reap_table table;
	struct left_behind_notes notes;
	unsigned removed, kept, failed;
};

/* "httpd (1234)". */
static const char *reap_creator(const struct reaping *r, const struct model_segment *segment,
				char text[CREATOR_LABEL_BYTES + 16])
{
	const struct model_process *creator = model_process(r->model, segment->creator);
	char label[CREATOR_LABEL_BYTES];

	if (!creator || segment->created == CREATED_NOT)
		return "-";
	snprintf(text, CREATOR_LABEL_BYTES + 16, "%s (%d)",
		 creator_process_label(&creator->facts, label), creator->facts.pid);
	return text;
}

static void reap_one(struct reaping *r, const struct model_segment *segment)
{
	char words[REAP_WHY_BYTES], creator[CREATOR_LABEL_BYTES + 16];
	const char *why = reap_why_kept(
		r->model, segment, r->options->filter.by_id || r->options->filter.by_key, words);
	bool dry = !r->options->force, refused = false;
	struct kernel_segment object = segment->current;

	if (!why && !dry) {
		why = reap_remove(segment);
		if (!why)
			left_behind_note_removed(&r->notes, segment);
		refused = why != NULL;
	}
	object.kind = segment->kind;
	object.shmid = segment->shmid;
	object.key = segment->key;
	object.size = segment->size;
	r->removed += !why;
	r->kept += why && !refused;
	r->failed += refused;
	if (why)
		reap_table_add(&r->table, r->out, REAP_KEPT, &object,
			       reap_creator(r, segment, creator), why);
	else
		reap_table_add(&r->table, r->out, dry ? REAP_LEAKED : REAP_REMOVED, &object,
			       reap_creator(r, segment, creator),
			       segment->orphaned_now ? "not in use; its creator has ended"
						     : "not in use; all that used it have ended");
}

static void reap_put_sum(struct reaping *r)
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

/* Whether the segment still exists. */
static bool reap_is_there(const struct model_segment *segment)
{
	return segment->presence != PRESENCE_REMOVED &&
	       (segment->state == SEGMENT_PRESENT || segment->state == SEGMENT_MARKED);
}

/* ---- objects that other sessions left ---- */

struct others {
	struct reaping *reaping;
	char *path; /* receives the first recording that has the wanted object; null */
	bool found;
};

static bool reap_is_wanted(const struct others *others, const struct catalog_object *object)
{
	const struct filter *filter = &others->reaping->options->filter;

	return (!filter->by_id ||
		(filter->kind == object->segment.kind && filter->id == object->segment.shmid)) &&
	       (!filter->by_key || filter->key == object->segment.key);
}

static void find_recording(void *context, const struct catalog *catalog,
			   const struct catalog_object *object, const char *recording)
{
	struct others *others = context;

	(void)catalog;
	if (others->found || !*recording || !reap_is_wanted(others, object))
		return;
	snprintf(others->path, PATH_MAX, "%s", recording);
	others->found = true;
}

/* For an object named by id or key, the catalog names the recording. */
static bool find_file(struct reaping *r, char path[PATH_MAX])
{
	const struct options *options = r->options;
	struct others others = {r, path, false};

	if (!options->file && !options->process &&
	    (options->filter.by_id || options->filter.by_key))
		left_behind_each(find_recording, &others);
	return others.found || options_find_file(options, path);
}

static void reap_put_other(void *context, const struct catalog *catalog,
			   const struct catalog_object *object, const char *recording)
{
	struct others *others = context;
	struct reaping *r = others->reaping;
	char label[CREATOR_LABEL_BYTES], creator[CREATOR_LABEL_BYTES + 16];
	char *file = format_word(recording), *why = NULL;

	if (strcmp(catalog->name, r->model->session.name) != 0 && reap_is_wanted(others, object)) {
		snprintf(creator, sizeof creator, "%s (%d)",
			 creator_label(object->program, object->cmdline, label),
			 object->segment.creator_pid);
		if (!*recording || !file || asprintf(&why, "see 'memshim reap %s'", file) < 0)
			why = NULL;
		reap_table_add(&r->table, r->out, REAP_OTHER, &object->segment, creator,
			       why ? why : "its session's recording is gone");
	}
	free(why);
	free(file);
}

static void reap_put_others(struct reaping *r)
{
	struct others others = {r, NULL, false};

	if (!r->options->file && !r->options->process && !r->options->no_headings)
		left_behind_each(reap_put_other, &others);
}

/* The kernel reuses ids: only the latest object of an id can exist. True: there was one. */
static bool reap_each(struct reaping *r, const struct model_segments *of)
{
	bool any = false;

	for (uint32_t i = 0; i < of->count; i++) {
		const struct model_segment *segment = of->rows[i];

		if (!filter_segment(&r->options->filter, segment) ||
		    segment != model_latest(r->model, segment) || !reap_is_there(segment))
			continue;
		any = true;
		reap_one(r, segment);
	}
	return any;
}

/* True: one of the wanted objects was there. */
static bool reap_objects(struct reaping *r)
{
	bool any = reap_each(r, &r->model->segments);

	any = reap_each(r, &r->model->objects) || any;
	left_behind_write_notes(&r->notes);
	return any;
}

static int reap_end(struct reaping *r)
{
	int ret;

	reap_table_print(&r->table, r->out);
	reap_put_sum(r);
	ret = out_finish(r->out);
	return r->failed ? EXIT_ABSENT : ret;
}

/* Reads a session and reaps its objects. 0, or the exit code after one line. */
static int reap_session(struct reaping *r, const char *path, bool *any)
{
	struct session session;
	int ret = session_all(&session, path);

	if (ret != 0)
		return ret;
	if (!session.model->session.recorded)
		left_behind_keep(&session);
	if (!r->out) /* after the first line on the error output, if there is one */
		r->out = page_begin(r->options->color);
	r->notes.session = &session;
	r->model = session.model;
	*any = reap_objects(r);
	if (!r->options->orphans)
		reap_put_others(r);
	session_close(&session);
	return 0;
}

/* ---- all sessions ---- */

/* The recordings that have objects left, each once. */
struct left_recordings {
	struct reaping *reaping;
	char (*paths)[PATH_MAX];
	uint32_t count, capacity;
	unsigned gone; /* objects whose session's recording is gone */
};

static void reap_note_recording(void *context, const struct catalog *catalog,
				const struct catalog_object *object, const char *recording)
{
	struct left_recordings *left = context;
	struct others others = {left->reaping, NULL, false};

	(void)catalog;
	if (!reap_is_wanted(&others, object))
		return;
	left->gone += !*recording;
	for (uint32_t i = 0; i < left->count; i++)
		if (strcmp(left->paths[i], recording) == 0)
			return;
	if (*recording && ARRAY_RESERVE(left->paths, left->capacity, left->count + 1))
		snprintf(left->paths[left->count++], PATH_MAX, "%s", recording);
}

static int reap_all_sessions(struct reaping *r)
{
	struct left_recordings left = {.reaping = r};
	int ret = 0;
	bool any;

	left_behind_each(reap_note_recording, &left);
	for (uint32_t i = 0; i < left.count; i++)
		if (reap_session(r, left.paths[i], &any) != 0)
			ret = EXIT_ABSENT;
	free(left.paths);
	if (!r->out)
		r->out = page_begin(r->options->color);
	if (left.gone) {
		out_number(r->out, left.gone);
		OUT(r->out, " more: the recordings of their sessions are gone, and with them the "
			    "proof; 'memshim ipcs' lists them\n");
	}
	return ret;
}

int command_reap(int argc, char **argv)
{
	struct options options;
	char path[PATH_MAX];
	struct reaping reaping = {.options = &options};
	bool any = true;
	int ret = options_read(&options, COMMAND_REAP, argc, argv), end;

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("reap");
	if (options.orphans && (options.file || options.process)) {
		error_line("reap", "--orphans looks at all sessions: name none");
		return EXIT_USAGE;
	}
	reaping.table = (struct reap_table){
		.exact = options.exact, .no_headings = options.no_headings, .top = options.top};
	if (!options.orphans && !find_file(&reaping, path))
		return EXIT_ABSENT;
	progress_allow();
	ret = options.orphans ? reap_all_sessions(&reaping) : reap_session(&reaping, path, &any);
	if (ret != 0 && !options.orphans)
		return ret;
	if (!any && (options.filter.by_id || options.filter.by_key)) {
		error_line("reap", "no such object of this session exists any more");
		out_finish(reaping.out);
		return EXIT_ABSENT;
	}
	end = reap_end(&reaping);
	return ret != 0 ? ret : end;
}
