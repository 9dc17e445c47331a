/* SPDX-License-Identifier: MIT */
#include "report/procfs/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "preload/common/files.h"
#include "report/procfs/timens.h"

#define CHILDREN_BYTES 16384

ssize_t proc_read(pid_t pid, const char *name, char *buffer, size_t size)
{
	char path[96];
	size_t used = 0;
	ssize_t got = 0;
	int fd;

	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while (used < size - 1 && (got = read(fd, buffer + used, size - 1 - used)) > 0)
		used += (size_t)got;
	close(fd);
	buffer[used] = '\0';
	return got < 0 && used == 0 ? -1 : (ssize_t)used;
}

/* Points at the fields from the third on; the name before them may hold anything. */
static char *split_stat(char *text, struct proc_facts *facts)
{
	char *name = strchr(text, '('), *end = strrchr(text, ')');

	if (!name || !end || end < name || end[1] != ' ')
		return NULL;
	*end = '\0';
	snprintf(facts->comm, sizeof facts->comm, "%s", name + 1);
	return end + 2;
}

static uint64_t proc_tick_ns(void)
{
	static uint64_t tick_ns;

	if (!tick_ns)
		tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	return tick_ns;
}

static bool proc_parse_stat(char *text, struct proc_facts *facts)
{
	char *at = split_stat(text, facts);

	if (!at)
		return false;
	facts->state = *at;
	for (int field = 4; field <= 52; field++) {
		at = strchr(at, ' ');
		if (!at)
			break;
		at++;
		if (field == 4)
			facts->ppid = (pid_t)strtol(at, NULL, 10);
		else if (field == 10)
			facts->faults = strtoull(at, NULL, 10);
		else if (field == 14 || field == 15)
			facts->cpu_ns += strtoull(at, NULL, 10) * proc_tick_ns();
		else if (field == 20)
			facts->threads = strtol(at, NULL, 10);
		else if (field == 22)
			facts->start_time = strtoull(at, NULL, 10);
		else if (field == 47)
			facts->start_break = strtoull(at, NULL, 10);
		else if (field == 52)
			facts->exit_code = (int)strtol(at, NULL, 10);
	}
	return true;
}

bool proc_facts(pid_t pid, struct proc_facts *facts)
{
	char text[1024];

	*facts = (struct proc_facts){.state = '?'};
	return proc_read(pid, "stat", text, sizeof text) > 0 && proc_parse_stat(text, facts);
}

uint64_t proc_waited_ns(pid_t pid)
{
	unsigned long long ran, waited;
	char text[128];

	if (proc_read(pid, "schedstat", text, sizeof text) <= 0 ||
	    sscanf(text, "%llu %llu", &ran, &waited) != 2)
		return 0;
	return waited;
}

uint64_t proc_own_start_time(void)
{
	struct proc_facts facts = {0};
	char text[1024];

	return sys_read_file("/proc/self/stat", text, sizeof text) > 0 &&
			       proc_parse_stat(text, &facts)
		       ? facts.start_time
		       : 0;
}

uid_t proc_other_uid(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%ld", (long)pid);
	return stat(path, &st) == 0 && st.st_uid != geteuid() ? st.st_uid : 0;
}

bool proc_link(pid_t pid, const char *name, char *target, size_t bytes)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
	length = readlink(path, target, bytes - 1);
	target[length > 0 ? length : 0] = '\0';
	return length > 0;
}

uint64_t proc_ipc_namespace(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%ld/ns/ipc", (long)pid);
	return sys_inode(path);
}

uint64_t proc_own_ipc_namespace(void)
{
	return sys_inode("/proc/self/ns/ipc");
}

bool proc_may_read(pid_t pid)
{
	char path[64], link[8];

	/* The right comes first: ENOENT is the answer for a zombie that may be read. */
	snprintf(path, sizeof path, "/proc/%ld/exe", (long)pid);
	return readlink(path, link, sizeof link) >= 0 || errno == ENOENT;
}

bool proc_started_by(const struct proc_facts *facts, uint64_t second)
{
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return (uint64_t)(now.tv_sec - up.tv_sec) +
		       facts->start_time / (uint64_t)sysconf(_SC_CLK_TCK) <=
	       second + 1;
}

bool proc_each(void (*visit)(void *context, pid_t pid), void *context)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	if (!dir)
		return false;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			visit(context, (pid_t)atol(entry->d_name));
	closedir(dir);
	return true;
}

static void visit_children(char *text, void (*visit)(void *context, pid_t child), void *context)
{
	for (char *at = text, *end; *at; at = end) {
		pid_t child = (pid_t)strtol(at, &end, 10);

		if (end == at)
			return;
		visit(context, child);
		end += *end == ' ';
	}
}

void proc_each_child(pid_t pid, void (*visit)(void *context, pid_t child), void *context)
{
	char path[64], name[64], *text = malloc(CHILDREN_BYTES); /* the caller goes on in depth */
	struct dirent *entry;
	DIR *tasks;

	if (!text)
		return;
	snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "task/%.20s/children", entry->d_name);
		if (proc_read(pid, name, text, CHILDREN_BYTES) > 0)
			visit_children(text, visit, context);
	}
	if (tasks)
		closedir(tasks);
	free(text);
}

/* ---- whether a process still runs ---- */

enum answer { ANSWER_NONE, ANSWER_ENDED, ANSWER_RUNS };

/* A process whose first thread has ended is a zombie in /proc while its other threads run. */
static enum answer alive_read_stat(int32_t pid, uint64_t *start_time)
{
	struct proc_facts facts;

	if (pid <= 0 || !proc_facts(pid, &facts) || facts.start_time == 0)
		return ANSWER_NONE;
	*start_time = facts.start_time;
	return facts.state == 'X' || (facts.state == 'Z' && facts.threads <= 1) ? ANSWER_ENDED
										: ANSWER_RUNS;
}

uint64_t alive_start(int32_t pid, uint64_t start_time)
{
	uint64_t start;

	if (alive_read_stat(pid, &start) != ANSWER_RUNS)
		return 0;
	return start_time == 0 || timens_same_start(pid, start, start_time) ? start : 0;
}

bool alive_process(int32_t pid, uint64_t start_time)
{
	return alive_start(pid, start_time) != 0;
}

enum still alive_still(int32_t pid, uint64_t start_time)
{
	enum answer answer;
	uint64_t start;

	if (pid <= 0)
		return STILL_UNKNOWN;
	answer = alive_read_stat(pid, &start);
	if (answer == ANSWER_NONE)
		return kill(pid, 0) != 0 && errno == ESRCH ? STILL_ENDED : STILL_UNKNOWN;
	if (answer == ANSWER_ENDED)
		return STILL_ENDED;
	if (start_time == 0)
		return STILL_UNKNOWN; /* it may be another process with this pid */
	return timens_same_start(pid, start, start_time) ? STILL_RUNS : STILL_ENDED;
}
