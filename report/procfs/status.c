/* SPDX-License-Identifier: MIT */
#include "report/procfs/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "preload/common/files.h"
#include "report/procfs/proc.h"

/* ---- status ---- */

/* A number that the file has in kB. */
static uint64_t status_bytes(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoull(line + strlen(name), NULL, 10) << 10 : 0;
}

/* The last number of "NSpid:". */
static pid_t status_last_pid(char *text)
{
	char *line = strstr(text, "\nNSpid:"), *last;

	if (!line)
		return 0;
	line++;
	line[strcspn(line, "\n")] = '\0';
	last = strrchr(line, '\t');
	return last ? (pid_t)atol(last + 1) : 0;
}

bool status_read(pid_t pid, struct status_facts *status)
{
	char text[8192], *line;

	*status = (struct status_facts){0};
	if (proc_read(pid, "status", text, sizeof text) <= 0)
		return false;
	line = strstr(text, "\nUid:");
	status->uids_known = line && sscanf(line + 5, "%u %u", &status->real_uid,
					    &status->effective_uid) == 2;
	line = strstr(text, "\nGid:");
	status->gids_known = line && sscanf(line + 5, "%*u %u", &status->effective_gid) == 1;
	status->mapped_bytes = status_bytes(text, "\nVmSize:");
	status->data_bytes = status_bytes(text, "\nVmData:");
	status->resident_peak_bytes = status_bytes(text, "\nVmHWM:");
	status->anonymous_bytes = status_bytes(text, "\nRssAnon:");
	status->inner_pid = status_last_pid(text); /* cuts the text */
	return true;
}

pid_t status_inner_pid(pid_t pid)
{
	struct status_facts status;

	return status_read(pid, &status) ? status.inner_pid : 0;
}

bool status_has_other_rights(pid_t pid)
{
	struct status_facts status;

	return status_read(pid, &status) &&
	       ((status.uids_known && status.effective_uid != geteuid()) ||
		(status.gids_known && status.effective_gid != getegid()));
}

/* ---- limits ---- */

uint64_t status_limit(pid_t pid, int resource)
{
	const char *name = resource == RLIMIT_AS ? "\nMax address space" : "\nMax data size";
	struct rlimit limit;
	char text[4096], *line;

	if (prlimit(pid, resource, NULL, &limit) == 0)
		return limit.rlim_cur;
	if (proc_read(pid, "limits", text, sizeof text) <= 0 || !(line = strstr(text, name)))
		return 0;
	line += strlen(name);
	line += strspn(line, " ");
	return *line == 'u' ? RLIM_INFINITY : strtoull(line, NULL, 10);
}

/* ---- meminfo ---- */

static uint64_t meminfo_number(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

void meminfo_read(struct meminfo_facts *meminfo)
{
	char text[4096];

	*meminfo = (struct meminfo_facts){0};
	if (sys_read_file("/proc/sys/vm/overcommit_memory", text, sizeof text) > 0)
		meminfo->overcommit = (uint32_t)(text[0] - '0');
	if (sys_read_file("/proc/meminfo", text, sizeof text) <= 0)
		return;
	meminfo->memory_bytes = (meminfo_number(text, "MemTotal:") +
				 meminfo_number(text, "SwapTotal:"))
				<< 10;
	meminfo->huge_pages = meminfo_number(text, "HugePages_Total:");
	meminfo->huge_free = meminfo_number(text, "HugePages_Free:");
	meminfo->huge_reserved = meminfo_number(text, "HugePages_Rsvd:");
}
