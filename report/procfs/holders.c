/* SPDX-License-Identifier: MIT */
#include "report/procfs/holders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/procfs/proc.h"

#define SHMEM_MINOR                                                                  \
	1u /* the device of segments in small pages: the kernel's first mount of all \
	    */

struct scan {
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

static void visit(void *context, pid_t pid)
{
	struct scan *scan = context;
	struct kernel_holder row = {.pid = pid};
	struct proc_facts facts;
	char name[64], line[4352];
	uint64_t space;
	FILE *maps;

	snprintf(name, sizeof name, "/proc/%ld/maps", (long)pid);
	maps = fopen(name, "re");
	if (!maps || !proc_facts(pid, &facts)) {
		if (maps)
			fclose(maps);
		return;
	}
	snprintf(name, sizeof name, "%ld", (long)pid);
	space = ipc_namespace(name);
	row.other_ipc = space && scan->own_ipc && space != scan->own_ipc;
	row.start_time = facts.start_time;
	snprintf(row.comm, sizeof row.comm, "%s", facts.comm);
	while (fgets(line, sizeof line, maps))
		if (parse_line(line, &row))
			scan->take(scan->context, &row);
	if (!ferror(maps)) {
		row.shmid = -1;
		row.start = row.end = row.offset = 0;
		scan->take(scan->context, &row);
	}
	fclose(maps);
}

bool holders_each(void (*take)(void *context, const struct kernel_holder *holder), void *context)
{
	struct scan scan = {take, context, ipc_namespace("self")};

	return proc_each(visit, &scan);
}
