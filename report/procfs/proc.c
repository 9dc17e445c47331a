/* SPDX-License-Identifier: MIT */
#include "report/procfs/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

bool proc_facts(pid_t pid, struct proc_facts *facts)
{
	char text[1024], *at;

	*facts = (struct proc_facts){.state = '?'};
	if (proc_read(pid, "stat", text, sizeof text) <= 0 || !(at = split_stat(text, facts)))
		return false;
	facts->state = *at;
	for (int field = 4; field <= 52; field++) {
		at = strchr(at, ' ');
		if (!at)
			break;
		at++;
		if (field == 4)
			facts->ppid = (pid_t)strtol(at, NULL, 10);
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

bool proc_real_uid(pid_t pid, uid_t *uid)
{
	char text[8192], *line;

	if (proc_read(pid, "status", text, sizeof text) <= 0 || !(line = strstr(text, "\nUid:")))
		return false;
	*uid = (uid_t)strtoul(line + sizeof "\nUid:", NULL, 10);
	return true;
}

pid_t proc_inner_pid(pid_t pid)
{
	char text[8192], *line, *last;

	if (proc_read(pid, "status", text, sizeof text) <= 0 || !(line = strstr(text, "\nNSpid:")))
		return 0;
	line++;
	line[strcspn(line, "\n")] = '\0';
	last = strrchr(line, '\t');
	return last ? (pid_t)atol(last + 1) : 0;
}

bool proc_uids(pid_t pid, uid_t *real, uid_t *effective)
{
	char text[8192], *line = NULL;

	if (proc_read(pid, "status", text, sizeof text) > 0)
		line = strstr(text, "\nUid:");
	return line && sscanf(line + 5, "%u %u", real, effective) == 2;
}

/* Of the four numbers behind Uid: or Gid:, the second one counts. */
static bool has_line(const char *status, const char *name, unsigned long own)
{
	const char *line = strstr(status, name);
	unsigned long real, effective;

	return !line || sscanf(line + strlen(name), "%lu %lu", &real, &effective) != 2 ||
	       effective == own;
}

bool proc_has_other_rights(pid_t pid)
{
	char text[8192];

	return proc_read(pid, "status", text, sizeof text) > 0 &&
	       !(has_line(text, "\nUid:", geteuid()) && has_line(text, "\nGid:", getegid()));
}

uid_t proc_other_uid(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%ld", (long)pid);
	return stat(path, &st) == 0 && st.st_uid != geteuid() ? st.st_uid : 0;
}

bool proc_may_look(pid_t pid)
{
	char path[64], link[8];

	/* The right comes first: ENOENT is the answer for a zombie that may be looked at. */
	snprintf(path, sizeof path, "/proc/%ld/exe", (long)pid);
	return readlink(path, link, sizeof link) >= 0 || errno == ENOENT;
}

static bool ends_in(char *line, const char *name)
{
	size_t length = strcspn(line, "\n"), name_length = strlen(name);
	static const char deleted[] = " (deleted)";

	line[length] = '\0';
	if (length > sizeof deleted - 1 &&
	    strcmp(line + length - (sizeof deleted - 1), deleted) == 0)
		length -= sizeof deleted - 1;
	return length > name_length && memcmp(line + length - name_length, name, name_length) == 0;
}

bool proc_maps(pid_t pid, const char *name)
{
	char path[64], *line = NULL;
	bool found = false;
	size_t capacity = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/maps", (long)pid);
	file = fopen(path, "re");
	while (file && !found && getline(&line, &capacity, file) > 0)
		found = ends_in(line, name);
	free(line);
	if (file)
		fclose(file);
	return found;
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

bool proc_is_heap(const char *line)
{
	int name = 0;

	return sscanf(line, "%*s %*s %*s %*s %*s %n", &name) == 0 && name > 0 &&
	       strcmp(line + name, "[heap]\n") == 0;
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
