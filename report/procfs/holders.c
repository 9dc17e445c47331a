/* SPDX-License-Identifier: MIT */
#include "report/procfs/holders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "report/procfs/proc.h"

#define SHMEM_MINOR                                                                  \
	1u /* the device of segments in small pages: the kernel's first mount of all \
	    */

struct scan {
	const struct holders_session *session;
	void (*take)(void *context, const struct kernel_holder *holder);
	void *context;
	uint64_t own_ipc; /* inode of this program's IPC namespace */
};

static uint64_t ipc_namespace(const char *pid)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%s/ns/ipc", pid);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* A line of maps: "start-end rw-s offset major:minor inode   /SYSV00000000 (deleted)". */
static bool parse_line(const char *line, struct kernel_holder *row)
{
	unsigned long long start, end, offset, inode;
	unsigned major_number, minor_number;
	char rights[5];
	int name = 0;

	if (!strstr(line, " /SYSV") ||
	    sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %n", &start, &end, rights, &offset,
		   &major_number, &minor_number, &inode, &name) != 7 ||
	    strncmp(line + name, "/SYSV", 5) != 0 || major_number != 0 || inode > INT32_MAX)
		return false;
	row->start = start;
	row->end = end;
	row->offset = offset;
	row->shmid = (int32_t)inode;
	row->readonly = rights[1] != 'w';
	row->huge = minor_number != SHMEM_MINOR;
	return true;
}

/* A line of maps that is the session's segment, mapped as the shim does; readers cannot write. */
static bool holder_is_session(const struct holders_session *session, const char *line)
{
	unsigned long long inode;
	unsigned major_number, minor_number;
	const char *slash = strchr(line, ' ');

	if (!session || !session->name[0] || !slash || strncmp(slash, " rw-s", 5) != 0)
		return false;
	if (session->inode == 0) {
		slash = strrchr(line, '/');
		return slash && strncmp(slash + 1, session->name, strlen(session->name)) == 0;
	}
	return sscanf(line, "%*s %*s %*s %x:%x %llu", &major_number, &minor_number, &inode) == 3 &&
	       inode == session->inode && major_number == major(session->device) &&
	       minor_number == minor(session->device);
}

static void holder_take_process(const struct scan *scan, struct kernel_holder *row, FILE *maps)
{
	char name[32], line[4352];
	uint64_t space;

	snprintf(name, sizeof name, "%ld", (long)row->pid);
	space = ipc_namespace(name);
	row->other_ipc = space && scan->own_ipc && space != scan->own_ipc;
	while (fgets(line, sizeof line, maps)) {
		row->member |= holder_is_session(scan->session, line);
		if (parse_line(line, row))
			scan->take(scan->context, row);
	}
	row->shmid = ferror(maps) ? HOLDER_UNREADABLE : HOLDER_READ;
}

/* Its mappings cannot be read. Only a process of this user can be of its sessions. */
static void take_unreadable(struct kernel_holder *row)
{
	uid_t uid;

	row->shmid = HOLDER_UNREADABLE;
	row->same_user = !proc_real_uid(row->pid, &uid) || uid == getuid() || getuid() == 0;
}

static void holder_visit(void *context, pid_t pid)
{
	struct scan *scan = context;
	struct kernel_holder row = {.pid = pid};
	struct proc_facts facts;
	bool without_memory;
	char name[64];
	FILE *maps;

	snprintf(name, sizeof name, "/proc/%ld/maps", (long)pid);
	maps = fopen(name, "re");
	without_memory = !maps && errno == ESRCH; /* a zombie, or a thread of the kernel */
	if (proc_facts(pid, &facts)) {
		row.start_time = facts.start_time;
		snprintf(row.comm, sizeof row.comm, "%s", facts.comm);
		if (maps)
			holder_take_process(scan, &row, maps);
		else if (without_memory)
			row.shmid = HOLDER_READ;
		if (facts.state == 'Z' && facts.threads > 1) /* /proc shows no mappings then */
			row.shmid = HOLDER_UNREADABLE;
		if (row.shmid != HOLDER_READ)
			take_unreadable(&row);
		row.start = row.end = row.offset = 0;
		scan->take(scan->context, &row);
	}
	if (maps)
		fclose(maps);
}

bool holders_each(const struct holders_session *session,
		  void (*take)(void *context, const struct kernel_holder *holder), void *context)
{
	struct scan scan = {session, take, context, ipc_namespace("self")};

	return proc_each(holder_visit, &scan);
}
