/* SPDX-License-Identifier: MIT */
/*
 * Joins the kernel's IPC table with the ledgers of this user's sessions and with the catalog. Reads
 * no events of the sessions, so that thousands of segments are shown at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report/cli/command.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/procfs/holders.h"
#include "report/procfs/proc.h"
#include "report/procfs/sysvipc.h"
#include "report/reader/tables.h"
#include "report/session/find.h"
#include "report/session/ipc_usage.h"
#include "report/session/left_behind.h"
#include "report/util/array.h"
#include "report/util/error.h"
#include "report/view/ipcs_json.h"
#include "report/view/ipcs_text.h"
#include "report/view/page.h"

static void ipcs_visit_segment(void *table, const struct kernel_segment *segment)
{
	ipc_add_segment(table, segment);
}

static void ipcs_visit_object(void *table, const struct kernel_object *object)
{
	ipc_add_object(table, object);
}

static void ipcs_visit_holder(void *table, const struct kernel_holder *holder)
{
	ipc_add_holder(table, holder);
}

/* ---- creators from the sessions ---- */

#define INSTANCES_MOST (1u << 20)

struct session_ledger {
	struct ipc_table *table;
	const struct session_facts *facts;
	struct process_facts *processes; /* by instance */
	uint32_t process_capacity;
	struct ledger_facts *rows;
	uint32_t row_count, row_capacity;
	struct use_facts *uses;
	uint32_t use_count, use_capacity;
};

static void session_ledger_keep_process(void *context, const struct process_facts *facts)
{
	struct session_ledger *s = context;
	uint32_t before = s->process_capacity;

	if (facts->instance >= INSTANCES_MOST ||
	    !ARRAY_RESERVE(s->processes, s->process_capacity, facts->instance + 1))
		return;
	memset(s->processes + before, 0, (s->process_capacity - before) * sizeof *s->processes);
	s->processes[facts->instance] = *facts;
}

/* Keeps the ledger's facts of a creator, unless its slot still has them. */
static void session_ledger_keep_creator(void *context, const struct process_facts *facts)
{
	struct session_ledger *s = context;

	if (facts->instance >= s->process_capacity || !s->processes[facts->instance].instance)
		session_ledger_keep_process(context, facts);
}

static void session_ledger_keep_row(void *context, const struct ledger_facts *row)
{
	struct session_ledger *s = context;

	if (ARRAY_RESERVE(s->rows, s->row_capacity, s->row_count + 1))
		s->rows[s->row_count++] = *row;
}

static void session_ledger_keep_use(void *context, const struct use_facts *use)
{
	struct session_ledger *s = context;

	if (ARRAY_RESERVE(s->uses, s->use_capacity, s->use_count + 1))
		s->uses[s->use_count++] = *use;
}

static void ipcs_name_user(const struct session_ledger *s, const struct use_facts *use)
{
	struct ipc_object *object = ipc_find_object(s->table, use->kind, use->id);
	const struct process_facts *user = use->instance < s->process_capacity
						   ? &s->processes[use->instance]
						   : NULL;

	if (object && user && user->instance && user->state == STATE_RUNNING &&
	    s->facts->state == SESSION_LIVE && user->pid_namespace == 0)
		ipc_add_user(object, user->pid, model_program_name(user));
}

static void ipcs_put_creator(struct ipc_creator *to, const struct process_facts *creator,
			     const char *session)
{
	to->known = to->by_session = true;
	to->runs = creator->state == STATE_RUNNING || creator->state == STATE_EXEC;
	snprintf(to->program, sizeof to->program, "%.63s", model_program_name(creator));
	snprintf(to->cmdline, sizeof to->cmdline, "%s", creator->cmdline);
	snprintf(to->session, sizeof to->session, "%s", session);
}

static void ipcs_name_object(const struct session_ledger *s, const struct ledger_facts *row)
{
	struct ipc_object *object = ipc_find_object(s->table, row->kind, row->id);
	const struct process_facts *creator = row->creator < s->process_capacity
						      ? &s->processes[row->creator]
						      : NULL;
	uint64_t made_s = (s->facts->started_realtime_ns + row->seen_ns) / 1000000000u;

	if (!object || !creator || !creator->instance || !ipc_is_of_object_row(object, row, made_s))
		return;
	object->creator.pid = s->facts->same_pids && creator->pid_namespace == 0 ? creator->pid : 0;
	ipcs_put_creator(&object->creator, creator, s->facts->name);
}

static void ipcs_name_creator(const struct session_ledger *s, const struct ledger_facts *row)
{
	struct ipc_segment *segment = ipc_find(s->table, row->id);
	const struct process_facts *creator = row->creator < s->process_capacity
						      ? &s->processes[row->creator]
						      : NULL;
	struct ipc_creator *to = segment ? &segment->creator : NULL;

	if (!to || !creator || !creator->instance || !ipc_is_of_row(segment, row) ||
	    (creator->pid_namespace == 0 && creator->pid != to->pid))
		return;
	ipcs_put_creator(to, creator, s->facts->name);
}

/* The table to be completed, and the number of files that another user owns. */
struct reading {
	struct ipc_table *table;
	unsigned refused;
};

static void ipcs_report_refusal(void *reading, const char *path, const char *why)
{
	((struct reading *)reading)->refused++;
	error_line(path, why);
}

static bool ipcs_read_session(void *context, const char *path)
{
	struct reading *reading = context;
	char why[SOURCE_WHY_BYTES];
	bool foreign;
	struct source *source = source_try_own(path, &foreign, why);
	struct session_ledger s = {.table = reading->table};
	struct facts_visitor visitor = {.process = session_ledger_keep_process,
					.creator = session_ledger_keep_creator,
					.ledger = session_ledger_keep_row,
					.use = session_ledger_keep_use,
					.context = &s};

	if (!source && foreign)
		ipcs_report_refusal(reading, path, why);
	if (source && source_session(source)->same_ipc) {
		s.facts = source_session(source);
		tables_read(source, &visitor);
		for (uint32_t i = 0; i < s.row_count; i++)
			if (s.rows[i].kind == SHARED_MEMORY)
				ipcs_name_creator(&s, &s.rows[i]);
			else
				ipcs_name_object(&s, &s.rows[i]);
		for (uint32_t i = 0; i < s.use_count; i++)
			ipcs_name_user(&s, &s.uses[i]);
	}
	free(s.processes);
	free(s.uses);
	free(s.rows);
	source_close(source);
	return false;
}

/* ---- creators from the catalog ---- */

#define REMOVED_KEPT_S (7ull * 24 * 3600) /* an object that reap removed is listed for a week */

static void ipcs_name_from_catalog(struct ipc_creator *to, const struct catalog *catalog,
				   const struct catalog_object *object, const char *recording)
{
	if (!to->known) {
		if (!to->pid && catalog->same_pids)
			to->pid = object->segment.creator_pid;
		to->known = to->by_session = true;
		snprintf(to->program, sizeof to->program, "%s", object->program);
		snprintf(to->cmdline, sizeof to->cmdline, "%s", object->cmdline);
		snprintf(to->session, sizeof to->session, "%s", catalog->name);
	}
	snprintf(to->recording, sizeof to->recording, "%.511s", recording);
	snprintf(to->site, sizeof to->site, "%s", object->site);
}

/* The creator, to be named, of the object that the catalog knows; null when it is gone. */
static struct ipc_creator *ipcs_find_left(const struct ipc_table *table,
					  const struct catalog *catalog,
					  const struct catalog_object *object)
{
	struct ipc_segment *segment;
	struct ipc_object *other;
	struct kernel_segment row;

	if (object->segment.kind == SHARED_MEMORY) {
		segment = ipc_find(table, object->segment.shmid);
		return segment && left_behind_is(catalog, object, &segment->kernel)
			       ? &segment->creator
			       : NULL;
	}
	other = ipc_find_object(table, object->segment.kind, object->segment.shmid);
	if (!other)
		return NULL;
	row = object->segment;
	row.key = other->kernel.key;
	row.creator_uid = other->kernel.creator_uid;
	row.changed = other->kernel.changed;
	row.size = other->kernel.kind == OBJECT_SEMAPHORES ? other->kernel.count : 0;
	row.creator_pid = 0;
	return left_behind_is(catalog, object, &row) ? &other->creator : NULL;
}

/* Names the creators of objects. Drops those that are gone from the catalog. */
static bool ipcs_visit_catalog(void *context, struct catalog *catalog)
{
	struct ipc_table *table = context;
	uint64_t now_s = (uint64_t)time(NULL);
	uint32_t kept = 0, count = catalog->count;
	char recording[PATH_MAX];
	bool searched = false;

	for (uint32_t i = 0; i < count; i++) {
		const struct catalog_object *object = &catalog->objects[i];
		struct ipc_creator *creator = ipcs_find_left(table, catalog, object);
		bool here = creator != NULL;
		bool noted = object->removed_s && object->removed_s + REMOVED_KEPT_S > now_s;

		if (here && !object->removed_s) {
			if (!searched)
				left_behind_recording(catalog, recording);
			searched = true;
			ipcs_name_from_catalog(creator, catalog, object, recording);
		}
		if (!catalog->same_ipc || (here && !object->removed_s) || noted)
			catalog->objects[kept++] = *object;
	}
	catalog->count = kept;
	return kept != count;
}

static bool ipcs_read_folder(void *table, const char *folder)
{
	catalog_each(folder, ipcs_visit_catalog, table);
	return false;
}

/* ---- creators that still run ---- */

static uint64_t boot_seconds(void)
{
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return (uint64_t)(now.tv_sec - up.tv_sec);
}

/* A process that started after the segment was created reuses the creator's pid. */
static void ipcs_read_process(struct ipc_segment *segment, uint64_t booted)
{
	struct ipc_creator *creator = &segment->creator;
	struct proc_facts facts;
	uint64_t started;

	if (creator->pid <= 0 || !proc_facts(creator->pid, &facts) || facts.state == 'Z') {
		creator->runs = false;
		return;
	}
	started = booted + facts.start_time / (uint64_t)sysconf(_SC_CLK_TCK);
	creator->runs = started <= segment->kernel.changed + 1;
	if (!creator->runs || creator->known)
		return;
	creator->known = true;
	snprintf(creator->program, sizeof creator->program, "%s", facts.comm);
	if (proc_read(creator->pid, "cmdline", creator->cmdline, sizeof creator->cmdline) <= 0)
		creator->cmdline[0] = '\0';
}

/* Reads all sessions of this user, and the named recordings or memshim.data. */
static void ipcs_read_sessions(struct reading *reading, const struct options *options,
			       const char *process_session)
{
	struct find_visitor visitor = {ipcs_read_session, ipcs_report_refusal, reading};

	find_each(&visitor);
	for (unsigned i = 0; i < options->file_count; i++)
		ipcs_read_session(reading, options->files[i]);
	if (options->process)
		ipcs_read_session(reading, process_session);
	if (!options->file && !options->process)
		ipcs_read_session(reading, FIND_RECORDING);
}

/* False after one line. */
static bool ipcs_gather(struct reading *reading, const struct options *options)
{
	struct ipc_table *table = reading->table;
	uint64_t booted = boot_seconds();
	char process_session[PATH_MAX];

	if (options->process && !find_by_pid(options->process, false, process_session))
		return false;
	if (!sysvipc_segments(ipcs_visit_segment, table)) {
		error_line("/proc/sysvipc", "cannot be read: is /proc mounted, and has the kernel "
					    "System V IPC?");
		return false;
	}
	sysvipc_objects(OBJECT_QUEUE, ipcs_visit_object, table);
	sysvipc_objects(OBJECT_SEMAPHORES, ipcs_visit_object, table);
	if (table->segment_count)
		holders_each(NULL, ipcs_visit_holder, table);
	ipc_finalize(table);
	if (table->segment_count || table->object_count)
		ipcs_read_sessions(reading, options, process_session);
	find_each_folder(ipcs_read_folder, table);
	for (uint32_t i = 0; i < table->segment_count; i++)
		ipcs_read_process(&table->segments[i], booted);
	for (uint32_t i = 0; i < table->object_count; i++)
		if (table->objects[i].kernel.kind == OBJECT_SEMAPHORES)
			table->objects[i].waiting = sysvipc_waiting(table->objects[i].kernel.id,
								    table->objects[i].kernel.count);
	if (table->no_memory)
		error_line("ipcs", "not enough memory");
	return !table->no_memory;
}

/* A named file must be readable. False after one line. */
static bool may_be_read(const char *file)
{
	char why[SOURCE_WHY_BYTES];
	bool foreign;

	source_close(source_try_own(file, &foreign, why));
	if (foreign)
		error_line(file, why);
	return !foreign;
}

/* False after one line. */
static bool ipcs_has(const struct ipc_table *table, const struct filter *filter)
{
	static const char *const names[] = {"segment", "semaphore set", "message queue"};
	bool there = !filter->by_id ||
		     (filter->kind == SHARED_MEMORY && ipc_find(table, filter->id));

	for (uint32_t i = 0; i < table->object_count && !there; i++)
		there = ipc_wants_object(filter, &table->objects[i].kernel);
	if (!there)
		error_format("ipcs", "there is no %s %d", names[filter->kind], filter->id);
	return there;
}

static void ipcs_set_limit(struct ipcs_limit *limit, const struct ipc_usage *usage)
{
	*limit = (struct ipcs_limit){usage->name, usage->used, usage->limit};
}

static void ipcs_read_limits(struct ipcs_options *options)
{
	struct ipc_usage usage[LIMIT_COUNT];

	ipc_usage_read(usage);
	ipcs_set_limit(&options->limits[SHARED_MEMORY][0], &usage[LIMIT_SHMMNI]);
	ipcs_set_limit(&options->limits[SHARED_MEMORY][1], &usage[LIMIT_SHMALL]);
	ipcs_set_limit(&options->limits[SEMAPHORE_SET][0], &usage[LIMIT_SEMMNI]);
	ipcs_set_limit(&options->limits[SEMAPHORE_SET][1], &usage[LIMIT_SEMMNS]);
	ipcs_set_limit(&options->limits[MESSAGE_QUEUE][0], &usage[LIMIT_MSGMNI]);
}

static int ipcs_show(const struct options *options, const struct ipc_table *table)
{
	struct out *out = page_begin(options->color);
	char *folder = getcwd(NULL, 0);
	struct ipcs_options view_options = {
		.folder = folder,
		.filter = &options->filter,
		.sort = options->sort,
		.columns = options->columns,
		.column_count = options->column_count,
		.exact = options->exact,
		.no_headings = options->no_headings,
	};

	bool shown = true;

	ipcs_read_limits(&view_options);
	if (options->json)
		ipcs_json(out, table, &view_options);
	else
		shown = ipcs_text(out, table, &view_options);
	free(folder);
	return shown ? out_finish(out) : EXIT_USAGE;
}

int command_ipcs(int argc, char **argv)
{
	struct ipc_table table = {0};
	struct reading reading = {&table, 0};
	struct options options;
	int ret = options_read(&options, COMMAND_IPCS, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("ipcs");
	for (unsigned i = 0; i < options.file_count; i++)
		if (!may_be_read(options.files[i]))
			return EXIT_ABSENT;
	ret = ipcs_gather(&reading, &options) && ipcs_has(&table, &options.filter)
		      ? ipcs_show(&options, &table)
		      : EXIT_ABSENT;
	if (ret == 0 && reading.refused)
		ret = EXIT_ABSENT;
	ipc_free(&table);
	return ret;
}
