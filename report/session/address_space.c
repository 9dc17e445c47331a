/* SPDX-License-Identifier: MIT */
#include "report/session/address_space.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report/model/zones_recorded.h"
#include "report/procfs/holders.h"
#include "report/procfs/maps.h"
#include "report/procfs/proc.h"
#include "report/procfs/status.h"
#include "report/procfs/sysvipc.h"
#include "report/reader/tables.h"
#include "report/session/find.h"
#include "report/session/session.h"
#include "report/util/error.h"

/* ---- attachments of a running process ---- */

static void address_space_add_mapping(void *zones, const struct mapping_facts *facts)
{
	zones_add_mapping(zones, facts);
}

static void address_space_add_segment(void *zones, const struct kernel_segment *segment)
{
	zones_add_segment(zones, segment);
}

struct holder_search {
	struct zones *zones;
	bool other_ipc; /* the process is in another IPC namespace than this program */
};

/* Whether the process is in that IPC namespace; false where it is not known. */
static bool is_same_ipc(uint64_t ipc, pid_t pid)
{
	return ipc != 0 && ipc == proc_ipc_namespace(pid);
}

static void address_space_add_holder(void *context, const struct kernel_holder *row)
{
	struct holder_search *search = context;
	struct zone_holder holder = {
		.pid = row->pid,
		.address = row->start,
		.readonly = row->readonly,
	};

	if (row->shmid < 0 || row->other_ipc != search->other_ipc)
		return;
	if (row->other_ipc &&
	    !is_same_ipc(proc_ipc_namespace(row->pid), search->zones->process.pid))
		return;
	snprintf(holder.comm, sizeof holder.comm, "%s", row->comm);
	zones_add_holder(search->zones, row->shmid, &holder);
}

static void ask_about_attachments(struct zones *zones)
{
	struct holder_search search = {zones,
				       !is_same_ipc(proc_own_ipc_namespace(), zones->process.pid)};

	if (!zones->attached_count)
		return;
	if (!search.other_ipc)
		sysvipc_segments(address_space_add_segment, zones);
	holders_each(NULL, address_space_add_holder, &search);
}

/* ---- its session ---- */

struct own_row {
	pid_t pid, inner_pid;
	uint64_t start_time;
	struct process_facts facts; /* instance 0: none */
};

/* The last image is the one that runs. */
static void visit_own_process(void *context, const struct process_facts *facts)
{
	struct own_row *own = context;

	if (facts->start_time == own->start_time && facts->state == STATE_RUNNING &&
	    (facts->pid == own->pid || facts->pid == own->inner_pid) &&
	    facts->instance > own->facts.instance)
		own->facts = *facts;
}

struct own_uses {
	struct zones *zones;
	uint32_t instance;
};

static void visit_own_use(void *context, const struct use_facts *facts)
{
	struct own_uses *own = context;

	if (facts->instance == own->instance)
		zones_add_use(own->zones, facts);
}

static void visit_own_wait(void *context, const struct wait_facts *facts)
{
	struct own_uses *own = context;

	if (facts->instance == own->instance)
		zones_add_wait(own->zones, facts);
}

static void address_space_ask_session(struct address_space *address_space, struct zones *zones)
{
	struct zones_process *process = &zones->process;
	struct own_row own = {address_space->pid,
			      status_inner_pid(address_space->pid),
			      address_space->start_time,
			      {0}};
	struct facts_visitor visitor = {.process = visit_own_process, .context = &own};
	struct own_uses uses = {zones, 0};
	struct facts_visitor rest = {
		.use = visit_own_use, .wait = visit_own_wait, .context = &uses};
	char path[PATH_MAX];

	if (!address_space->session_sought && find_by_pid(address_space->pid, true, path))
		address_space->source = source_try(path);
	address_space->session_sought = true;
	if (!address_space->source)
		return;
	tables_read_processes(address_space->source, &visitor);
	if (!own.facts.instance)
		return;
	/*
	 * After a fork, the shim has the break at the fork; the kernel has the program's first
	 * break.
	 */
	if (!process->break_initial)
		process->break_initial = own.facts.break_initial;
	process->break_current = own.facts.break_current;
	process->break_peak = own.facts.break_peak;
	uses.instance = own.facts.instance;
	tables_read_rest(address_space->source, &rest);
}

/* ---- a running process ---- */

static struct zones *address_space_refuse(pid_t pid, const char *why)
{
	char name[64];

	snprintf(name, sizeof name, "process %ld", (long)pid);
	error_line(name, why);
	return NULL;
}

static struct zones *refuse_empty(pid_t pid, const struct proc_facts *facts)
{
	if (facts->state == 'Z' || facts->state == 'X')
		return address_space_refuse(pid, "it has ended");
	return address_space_refuse(pid,
				    "it has no address space: it is a kernel thread, or is ending");
}

static void address_space_describe(struct address_space *address_space,
				   const struct proc_facts *facts, struct zones_process *process)
{
	*process = (struct zones_process){
		.pid = address_space->pid,
		.live = true,
		.page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
		.break_initial = facts->start_break,
	};
	snprintf(process->comm, sizeof process->comm, "%s", facts->comm);
	proc_link(address_space->pid, "exe", process->exe, sizeof process->exe);
}

struct zones *address_space_read(struct address_space *address_space)
{
	bool again = address_space->start_time != 0;
	struct zones_process process;
	struct proc_facts facts;
	struct zones *zones;
	int error;

	if (!proc_facts(address_space->pid, &facts))
		return again ? NULL : address_space_refuse(address_space->pid, "no such process");
	if (again && facts.start_time != address_space->start_time)
		return NULL;
	address_space->start_time = facts.start_time;
	address_space_describe(address_space, &facts, &process);
	zones = zones_make(&process);
	error = zones ? maps_visit_pages(address_space->pid, address_space_add_mapping, zones)
		      : -ENOMEM;
	if (error == 0 && zones->count > 0) {
		address_space_ask_session(address_space, zones);
		zones_finalize(zones);
		ask_about_attachments(zones);
		return zones;
	}
	zones_free(zones);
	if (again)
		return NULL;
	return error == -ESRCH || error == -ENOENT
		       ? address_space_refuse(address_space->pid, "no such process")
	       : error ? address_space_refuse(address_space->pid, strerror(-error))
		       : refuse_empty(address_space->pid, &facts);
}

void address_space_end(struct address_space *address_space)
{
	source_close(address_space->source);
	address_space->source = NULL;
}

/* ---- a session ---- */

static const struct model_process *address_space_last_image(const struct model *model, int32_t pid)
{
	const struct model_process *last = NULL;

	for (uint32_t i = 1; i < model->processes.instance_capacity; i++)
		if (model->processes.by_instance[i] &&
		    model_has_pid(&model->processes.by_instance[i]->facts, pid))
			last = model->processes.by_instance[i];
	return last;
}

/* The process `pid`; else COMMAND's; else the only process of the session. */
static const struct model_process *address_space_choose(const struct model *model, int32_t pid,
							const char *path, int *ret)
{
	const struct model_process *process = NULL;

	*ret = EXIT_ABSENT;
	if (!pid)
		pid = model->session.command_pid;
	for (uint32_t i = 1; !pid && i < model->processes.instance_capacity; i++) {
		if (!model->processes.by_instance[i])
			continue;
		if (process && process->facts.pid != model->processes.by_instance[i]->facts.pid) {
			error_line(path, "several processes are in it: choose one with --pid=PID");
			*ret = EXIT_USAGE;
			return NULL;
		}
		process = model->processes.by_instance[i];
	}
	if (pid)
		process = address_space_last_image(model, pid);
	if (!process && pid)
		error_format(path, "process %ld is not in it; 'memshim report' lists them",
			     (long)pid);
	else if (!process)
		error_line(path, "no process is in it");
	return process;
}

static bool runs_here(const struct model *model, const struct model_process *process)
{
	pid_t pid = model_pid_here(model, &process->facts);

	return model->session.state == SESSION_LIVE && model->session.same_boot &&
	       process->facts.state == STATE_RUNNING && process->facts.start_time && pid &&
	       alive_process(pid, process->facts.start_time) && proc_may_read(pid);
}

struct zones *address_space_of_session(const char *path, int32_t pid, pid_t *runs, int *ret)
{
	const struct model_process *process;
	struct zones *zones = NULL;
	struct session session;

	*ret = session_all(&session, path);
	if (*ret != 0)
		return NULL;
	process = address_space_choose(session.model, pid, path, ret);
	if (process && runs_here(session.model, process))
		*runs = model_pid_here(session.model, &process->facts);
	else if (process && !(zones = zones_recorded(session.model, process)))
		error_line(path, strerror(ENOMEM));
	session_close(&session);
	return zones;
}
