/* SPDX-License-Identifier: MIT */
#include "report/recorder/jit_names.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/recorder/drain.h"
#include "report/recorder/drain_struct.h"
#include "report/recorder/slots.h"
#include "report/util/trust.h"

#define NAMES_MOST 4096u /* addresses in call stacks */
#define FILE_MOST (64 << 20)
#define SESSION_MOST (256u << 20) /* bytes of all files of a session */
#define LINE_BYTES 1024
#define CHANGES_MOST (1u << 20) /* names that one file may set: a line may cover all addresses */

struct jit_names {
	struct segment_jit_name *rows; /* by address */
	uint32_t count;
	uint32_t changes;
};

/* A process of the session chooses what is in these files, and how many there are. */
static uint64_t session_bytes;

/* Null: there is none, or it is another user's. *bytes: its length. */
static FILE *jit_names_open(const struct drain_process *image,
			    const struct drain_identity *identity, uint64_t *bytes)
{
	char path[64];
	struct stat st;
	FILE *file = NULL;
	int fd;

	if (!identity->proof || image->other_pid_namespace)
		return NULL;
	snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)identity->pid);
	fd = regular_open(AT_FDCWD, path, O_NOFOLLOW);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size <= FILE_MOST &&
	    session_bytes + (uint64_t)st.st_size <= SESSION_MOST &&
	    (st.st_uid == identity->real_uid || st.st_uid == identity->effective_uid ||
	     st.st_uid == 0))
		file = fdopen(fd, "r");
	if (!file && fd >= 0)
		close(fd);
	*bytes = file ? (uint64_t)st.st_size : 0;
	session_bytes += *bytes;
	return file;
}

static int jit_names_compare(const void *a, const void *b)
{
	const struct segment_jit_name *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

/* The addresses of frames that are in no loaded file. */
static bool jit_names_find_addresses(const struct drain *drain, struct jit_names *names)
{
	const struct segment_frame *frames = drain_region(drain, REGION_STACKS);

	names->rows = calloc(NAMES_MOST, sizeof *names->rows);
	for (uint64_t i = 0; names->rows && i < drain->header.region[REGION_STACKS].count; i++) {
		uint64_t offset = word_accept(&frames[i].offset) & SEGMENT_FRAME_OFFSET;

		if (offset && names->count < NAMES_MOST &&
		    (uint32_t)word_load(&frames[i].outer) == SEGMENT_FRAME_NOWHERE)
			names->rows[names->count++].address = offset - 1;
	}
	if (names->count)
		qsort(names->rows, names->count, sizeof *names->rows, jit_names_compare);
	return names->count > 0;
}

/* A long name ends with a mark, and never within a character. */
static void jit_names_put(struct segment_jit_name *row, const char *name)
{
	static const char mark[] = "\u2026";
	size_t length = strlen(name), most = sizeof row->name - 1;

	if (length > most) {
		length = most - strlen(mark);
		while (length > 0 && ((unsigned char)name[length] & 0xc0) == 0x80)
			length--;
	}
	memset(row->name, 0, sizeof row->name);
	memcpy(row->name, name, length);
	if (name[length])
		memcpy(row->name + length, mark, strlen(mark));
}

/* "start size name", both numbers in hexadecimal. A later line replaces an earlier one. */
static void jit_names_take_line(struct jit_names *names, char *line)
{
	unsigned long long start, size;
	uint32_t low = 0, high = names->count;
	int used = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%llx %llx %n", &start, &size, &used) != 2 || !used || !line[used])
		return;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (names->rows[middle].address <= start)
			low = middle + 1;
		else
			high = middle;
	}
	/* A return address is behind its call: in (start, start + size]. */
	for (; low < names->count && names->rows[low].address - start <= size &&
	       names->changes++ < CHANGES_MOST;
	     low++)
		jit_names_put(&names->rows[low], line + used);
}

/* The next line. What does not fit into it is skipped: it is no line of its own. */
static bool jit_names_next_line(FILE *file, char line[LINE_BYTES])
{
	int byte;

	if (!fgets(line, LINE_BYTES, file))
		return false;
	if (strchr(line, '\n'))
		return true;
	do
		byte = getc(file);
	while (byte != EOF && byte != '\n');
	return true;
}

static void jit_names_append(struct drain *drain, struct jit_names *names, uint32_t instance)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < names->count; i++)
		if (names->rows[i].name[0]) {
			names->rows[found] = names->rows[i];
			names->rows[found++].instance = instance;
		}
	for (uint32_t i = 0; i < found; i++)
		drain_append(drain, REGION_JIT_NAMES, &names->rows[i], sizeof *names->rows, 1);
}

void jit_names_keep(struct drain *drain, const struct drain_process *image,
		    const struct drain_identity *identity)
{
	uint64_t bytes;
	FILE *file = jit_names_open(image, identity, &bytes);
	struct jit_names names = {.rows = NULL};
	char line[LINE_BYTES];

	if (!file)
		return;
	if (jit_names_find_addresses(drain, &names)) {
		/* The file may grow meanwhile: what was in it at the beginning is read. */
		while ((uint64_t)ftello(file) < bytes && jit_names_next_line(file, line)) {
			jit_names_take_line(&names, line);
			drain_log_if_due(drain);
		}
		jit_names_append(drain, &names, image->instance);
	}
	free(names.rows);
	fclose(file);
}
