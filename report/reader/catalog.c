/* SPDX-License-Identifier: MIT */
#include "report/reader/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "preload/common/folder.h"
#include "report/reader/presence.h"
#include "report/util/output_file.h"
#include "report/util/trust.h"

#define HEAD "memshim left objects 1"
#define ENDING ".left"
#define FILE_MOST (8u << 20)
#define FILES_MOST 4096u /* of one folder */
#define FIELDS_MOST 16u

/* ---- a session's ---- */

void catalog_begin(struct catalog *catalog, const struct source *source)
{
	const struct segment_header *header = source_header(source);

	*catalog = (struct catalog){
		.start_ns = header->start.realtime_ns,
		.ipc_namespace = header->ipc_namespace,
		.ipc_namespace_id = header->ipc_namespace_id,
		.pid_namespace = header->pid_namespace,
		.same_ipc = source->facts.same_ipc,
		.maybe_ipc = source->facts.maybe_ipc,
		.same_pids = source->facts.same_pids,
	};
	memcpy(catalog->name, header->session, sizeof catalog->name);
	memcpy(catalog->boot_id, header->boot_id, sizeof catalog->boot_id);
	catalog->name[sizeof catalog->name - 1] = catalog->boot_id[36] = '\0';
}

void catalog_free(struct catalog *catalog)
{
	free(catalog->objects);
	catalog->objects = NULL;
	catalog->count = 0;
}

bool catalog_folder(const struct source *source, char *path, size_t bytes)
{
	const char *segment = file_is_open(&source->recording) ? source->recording.header.peer_path
							       : source->segment.path;
	const char *slash = strrchr(segment, '/');

	return slash && slash != segment &&
	       snprintf(path, bytes, "%.*s", (int)(slash - segment), segment) < (int)bytes;
}

static void file_name(const struct catalog *catalog, char name[NAME_MAX + 1])
{
	snprintf(name, NAME_MAX + 1, "%s-%llx" ENDING, catalog->name,
		 (unsigned long long)catalog->start_ns);
}

/* ---- text ---- */

static const char *const kind_names[OBJECT_KIND_COUNT] = {"shm", "sem", "msg"};

/* Bytes that would end a field or a line, and backslashes, as \xHH. */
static void catalog_put_field(FILE *out, const char *text)
{
	fputc('\t', out);
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < ' ' || byte == 0x7f || byte == '\\')
			fprintf(out, "\\x%02x", byte);
		else
			fputc(byte, out);
	}
}

static void catalog_put_number(FILE *out, uint64_t number)
{
	fprintf(out, "\t%llu", (unsigned long long)number);
}

static void catalog_put_object(FILE *out, const struct catalog_object *object)
{
	const struct kernel_segment *s = &object->segment;
	uint64_t numbers[] = {(uint32_t)s->shmid,
			      s->key,
			      s->size,
			      s->creator_uid,
			      (uint32_t)s->creator_pid,
			      s->changed,
			      object->made_ns,
			      object->started_ns,
			      object->removed_s,
			      object->remover_uid};

	fputs(kind_names[s->kind < OBJECT_KIND_COUNT ? s->kind : SHARED_MEMORY], out);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		catalog_put_number(out, numbers[i]);
	catalog_put_field(out, object->program);
	catalog_put_field(out, object->cmdline);
	catalog_put_field(out, object->site);
	fputc('\n', out);
}

static bool catalog_put_catalog(int fd, const struct catalog *catalog)
{
	int own = dup(fd);
	FILE *out = own < 0 ? NULL : fdopen(own, "w");
	bool whole;

	if (!out)
		return false;
	fputs(HEAD "\nsession", out);
	catalog_put_field(out, catalog->name);
	catalog_put_number(out, catalog->start_ns);
	catalog_put_field(out, catalog->recording);
	catalog_put_field(out, catalog->boot_id);
	catalog_put_number(out, catalog->ipc_namespace);
	catalog_put_number(out, catalog->ipc_namespace_id);
	catalog_put_number(out, catalog->pid_namespace);
	fputc('\n', out);
	for (uint32_t i = 0; i < catalog->count; i++)
		catalog_put_object(out, &catalog->objects[i]);
	whole = !ferror(out);
	return fclose(out) == 0 && whole;
}

static int catalog_digit(char byte)
{
	return byte >= '0' && byte <= '9'   ? byte - '0'
	       : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
					    : -1;
}

/* Cuts the text to `bytes`. */
static void catalog_parse_field(char *to, size_t bytes, const char *from)
{
	size_t used = 0;

	for (; *from && used + 1 < bytes; from++) {
		to[used] = *from;
		if (from[0] == '\\' && from[1] == 'x' && catalog_digit(from[2]) >= 0 &&
		    catalog_digit(from[3]) >= 0) {
			to[used] = (char)(catalog_digit(from[2]) << 4 | catalog_digit(from[3]));
			from += 3;
		}
		used++;
	}
	to[used] = '\0';
}

static bool catalog_parse_number(const char *text, uint64_t most, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *number <= most;
}

/* Cuts a line at its tabs. Returns the number of fields; 0 when there are too many. */
static unsigned catalog_split(char *line, char *fields[FIELDS_MOST])
{
	unsigned count = 0;

	while (line && count < FIELDS_MOST)
		fields[count++] = strsep(&line, "\t");
	return line ? 0 : count;
}

static bool catalog_parse_object(struct catalog *catalog, char *fields[FIELDS_MOST], unsigned count)
{
	static const uint64_t most[] = {INT32_MAX,  UINT32_MAX, UINT64_MAX, UINT32_MAX, INT32_MAX,
					UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT32_MAX};
	struct catalog_object *object = &catalog->objects[catalog->count];
	uint64_t numbers[sizeof most / sizeof *most];
	uint32_t kind = SHARED_MEMORY;

	while (count == 14 && kind < OBJECT_KIND_COUNT && strcmp(fields[0], kind_names[kind]) != 0)
		kind++;
	if (count != 14 || kind == OBJECT_KIND_COUNT)
		return false;
	for (size_t i = 0; i < sizeof most / sizeof *most; i++)
		if (!catalog_parse_number(fields[i + 1], most[i], &numbers[i]))
			return false;
	*object = (struct catalog_object){
		.segment = {.kind = kind,
			    .shmid = (int32_t)numbers[0],
			    .key = (uint32_t)numbers[1],
			    .size = numbers[2],
			    .creator_uid = (uint32_t)numbers[3],
			    .creator_pid = (int32_t)numbers[4],
			    .changed = numbers[5]},
		.made_ns = numbers[6],
		.started_ns = numbers[7],
		.removed_s = numbers[8],
		.remover_uid = (uint32_t)numbers[9],
	};
	catalog_parse_field(object->program, sizeof object->program, fields[11]);
	catalog_parse_field(object->cmdline, sizeof object->cmdline, fields[12]);
	catalog_parse_field(object->site, sizeof object->site, fields[13]);
	catalog->count++;
	return true;
}

static bool catalog_parse_session(struct catalog *catalog, char *fields[FIELDS_MOST],
				  unsigned count)
{
	if (count != 8 || strcmp(fields[0], "session") != 0 ||
	    !catalog_parse_number(fields[2], UINT64_MAX, &catalog->start_ns) ||
	    !catalog_parse_number(fields[5], UINT64_MAX, &catalog->ipc_namespace) ||
	    !catalog_parse_number(fields[6], UINT64_MAX, &catalog->ipc_namespace_id) ||
	    !catalog_parse_number(fields[7], UINT64_MAX, &catalog->pid_namespace))
		return false;
	catalog_parse_field(catalog->name, sizeof catalog->name, fields[1]);
	catalog_parse_field(catalog->recording, sizeof catalog->recording, fields[3]);
	catalog_parse_field(catalog->boot_id, sizeof catalog->boot_id, fields[4]);
	return true;
}

/* False when the text is not a catalog. A line that is not valid is skipped. */
static bool catalog_parse(struct catalog *catalog, char *text)
{
	char *fields[FIELDS_MOST], *line = strsep(&text, "\n");

	if (strcmp(line, HEAD) != 0 || !text ||
	    !catalog_parse_session(catalog, fields, catalog_split(strsep(&text, "\n"), fields)))
		return false;
	catalog->objects = calloc(CATALOG_OBJECTS_MOST, sizeof *catalog->objects);
	while (catalog->objects && text && catalog->count < CATALOG_OBJECTS_MOST) {
		line = strsep(&text, "\n");
		catalog_parse_object(catalog, fields, catalog_split(line, fields));
	}
	return catalog->objects != NULL;
}

/* ---- files ---- */

static bool catalog_is_ours(int fd, enum owner_use use, struct stat *st)
{
	return fstat(fd, st) == 0 && !(st->st_mode & 022) &&
	       (owner_is_self(fd, st) || (use == OWNER_READS && st->st_uid == 0));
}

/* The file's text, for the caller to free. Null when its owner or its mode is not trusted. */
static char *read_text(int folder, const char *name)
{
	int fd = regular_open(folder, name, O_NOFOLLOW);
	char *text = NULL;
	struct stat st;
	ssize_t got = -1;

	if (fd < 0)
		return NULL;
	if (catalog_is_ours(fd, OWNER_READS, &st) && st.st_size <= (off_t)FILE_MOST)
		text = malloc((size_t)st.st_size + 1);
	if (text)
		got = pread(fd, text, (size_t)st.st_size, 0);
	close(fd);
	if (got < 0) {
		free(text);
		return NULL;
	}
	text[got] = '\0';
	return text;
}

static bool write_in(int folder, const struct catalog *catalog)
{
	char name[NAME_MAX + 1];
	struct output_file file;
	int error;

	file_name(catalog, name);
	errno = EINVAL;
	if (strchr(name, '/'))
		return false;
	if (catalog->count == 0)
		return unlinkat(folder, name, 0) == 0 || errno == ENOENT;
	if (!output_file_open(&file, folder, name))
		return false;
	error = output_file_close(&file, catalog_put_catalog(file.fd, catalog));
	errno = error;
	return error == 0;
}

static bool read_in(int folder, const char *name, struct catalog *catalog)
{
	char *text = read_text(folder, name), expected[NAME_MAX + 1];
	bool read;

	memset(catalog, 0, sizeof *catalog);
	read = text && catalog_parse(catalog, text);
	free(text);
	if (read) { /* the catalog is written back under the name that its own fields give */
		file_name(catalog, expected);
		read = strcmp(expected, name) == 0;
	}
	if (!read)
		catalog_free(catalog);
	return read;
}

static void learn_place(struct catalog *catalog)
{
	bool same_boot = source_same_boot(catalog->boot_id);
	enum source_ipc ipc = source_compare_ipc(catalog->ipc_namespace, catalog->ipc_namespace_id);

	catalog->same_ipc = same_boot && ipc == SOURCE_IPC_SAME;
	catalog->maybe_ipc = same_boot && ipc != SOURCE_IPC_OTHER;
	catalog->same_pids = same_boot && catalog->pid_namespace == sys_inode("/proc/self/ns/pid");
	if (!same_boot) /* the restart removed its objects */
		catalog->count = 0;
}

/*
 * The folder itself is locked, so no lock file is left behind. -1 with errno when the folder's
 * owner or mode is not trusted.
 */
static int catalog_open_folder(const char *path, enum owner_use use)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd >= 0 && catalog_is_ours(fd, use, &st))
		return fd;
	if (fd >= 0) {
		close(fd);
		errno = EPERM;
	}
	return -1;
}

/* A process may be stopped while it holds the lock. After one second others go on without it. */
static bool lock_folder(int fd)
{
	struct timespec pause = {0, 10000000};

	for (int i = 0; i < 100; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

bool catalog_write(const char *folder, const struct catalog *catalog)
{
	int fd = catalog_open_folder(folder, OWNER_WRITES);
	bool written;

	if (fd < 0)
		return false;
	lock_folder(fd);
	written = write_in(fd, catalog);
	close(fd);
	return written;
}

static bool is_catalog(const char *name)
{
	size_t length = strlen(name);

	return length > strlen(ENDING) && strcmp(name + length - strlen(ENDING), ENDING) == 0;
}

void catalog_each(const char *folder, bool (*visit)(void *context, struct catalog *catalog),
		  void *context)
{
	int fd = catalog_open_folder(folder, OWNER_READS), own = fd < 0 ? -1 : dup(fd);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	struct dirent *entry;
	bool locked = fd >= 0 && lock_folder(fd), changed;
	struct catalog catalog;

	for (unsigned i = 0; dir && i < FILES_MOST && (entry = readdir(dir));) {
		if (!is_catalog(entry->d_name) || !read_in(fd, entry->d_name, &catalog))
			continue;
		i++;
		learn_place(&catalog);
		changed = catalog.count == 0;
		changed |= visit(context, &catalog);
		if (changed && locked)
			write_in(fd, &catalog);
		catalog_free(&catalog);
	}
	if (dir)
		closedir(dir);
	else if (own >= 0)
		close(own);
	if (fd >= 0)
		close(fd);
}
