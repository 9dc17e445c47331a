/* SPDX-License-Identifier: MIT */
#include "report/procfs/holders.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "report/procfs/maps.h"
#include "report/procfs/proc.h"
#include "report/procfs/status.h"
#include "report/util/path.h"

/* Minor device number of segments in small pages: the kernel's first mount without a disk. */
#define SHMEM_MINOR 1u

struct scan {
	const struct holders_session *session;
	void (*visit)(void *context, const struct kernel_holder *holder);
	void *context;
	uint64_t own_ipc;         /* inode of this program's IPC namespace */
	struct kernel_holder row; /* of the process that is read */
	bool has_mappings;        /* that process */
};

/* Whether a mapping is the session's segment, mapped as the shim does; readers cannot write. */
static bool holder_is_session(const struct holders_session *session,
			      const struct mapping_facts *mapping)
{
	if (!session || !session->name[0] || strcmp(mapping->perm, "rw-s") != 0)
		return false;
	if (session->inode == 0)
		return strncmp(path_base_name(mapping->name), session->name,
			       strlen(session->name)) == 0;
	return mapping->inode == session->inode &&
	       mapping->device_major == major(session->device) &&
	       mapping->device_minor == minor(session->device);
}

static bool holder_visit_mapping(void *context, const struct mapping_facts *mapping)
{
	struct scan *scan = context;
	struct kernel_holder *row = &scan->row;

	scan->has_mappings = true;
	row->member |= holder_is_session(scan->session, mapping);
	if (!mapping->segment)
		return true;
	row->start = mapping->start;
	row->end = mapping->end;
	row->offset = mapping->offset;
	row->shmid = (int32_t)mapping->inode;
	row->readonly = mapping->perm[1] != 'w';
	row->huge = mapping->device_minor != SHMEM_MINOR;
	scan->visit(scan->context, row);
	return true;
}

/* Sets row->shmid: whether the process could be read. */
static void holder_visit_process(struct scan *scan)
{
	struct kernel_holder *row = &scan->row;
	uint64_t ipc = proc_ipc_namespace(row->pid);
	int error;

	scan->has_mappings = false;
	row->other_ipc = ipc && scan->own_ipc && ipc != scan->own_ipc;
	error = -maps_visit(row->pid, holder_visit_mapping, scan);
	/* ESRCH: a zombie, or a kernel thread: it has no mappings. */
	row->shmid = error == 0 || (error == ESRCH && !scan->has_mappings) ? HOLDER_READ
									   : HOLDER_UNREADABLE;
}

/* The process's mappings cannot be read. Only a process of this user can be of its sessions. */
static void holder_mark_unreadable(struct kernel_holder *row)
{
	struct status_facts status;

	row->shmid = HOLDER_UNREADABLE;
	row->same_user = !status_read(row->pid, &status) || !status.uids_known ||
			 status.real_uid == getuid() || getuid() == 0;
}

static void holder_visit(void *context, pid_t pid)
{
	struct scan *scan = context;
	struct kernel_holder *row = &scan->row;
	struct proc_facts facts;

	*row = (struct kernel_holder){.pid = pid};
	if (!proc_facts(pid, &facts))
		return;
	row->start_time = facts.start_time;
	snprintf(row->comm, sizeof row->comm, "%s", facts.comm);
	holder_visit_process(scan);
	/* Its first thread may have ended since: without mappings only a later state counts. */
	if (!scan->has_mappings && !proc_facts(pid, &facts))
		return;
	if (facts.state == 'Z' && facts.threads > 1) /* /proc shows no mappings then */
		row->shmid = HOLDER_UNREADABLE;
	if (row->shmid != HOLDER_READ)
		holder_mark_unreadable(row);
	row->start = row->end = row->offset = 0;
	scan->visit(scan->context, row);
}

bool holders_each(const struct holders_session *session,
		  void (*visit)(void *context, const struct kernel_holder *holder), void *context)
{
	struct scan scan = {session, visit, context, proc_own_ipc_namespace(), {0}, false};

	return proc_each(holder_visit, &scan);
}
