/* SPDX-License-Identifier: MIT */
/*
 * A finished recording is complete. An unfinished one names its live segment, and a live segment
 * names its recording: events that the recorder has not copied yet are read from the segment.
 */
#include "report/reader/source.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "preload/common/files.h"
#include "preload/segment/publish.h"
#include "report/procfs/proc.h"
#include "report/procfs/sysvipc.h"
#include "report/procfs/timens.h"
#include "report/reader/presence.h"
#include "report/util/error.h"
#include "report/util/path.h"

static bool same_boot(const struct segment_header *header)
{
	return source_same_boot(header->boot_id);
}

/* ---- slots and processes ---- */

bool source_slot(const struct source *source, uint32_t i, struct segment_process *slot)
{
	uint64_t before, after;

	if (!file_record(&source->segment, REGION_INDEX, i, &before) || (uint32_t)before == 0 ||
	    !file_record(&source->segment, REGION_PROCESSES, i, slot) ||
	    !file_record(&source->segment, REGION_INDEX, i, &after))
		return false;
	return before == after && slot->instance == (uint32_t)before;
}

uint32_t source_slot_count(const struct source *source)
{
	struct segment_shared shared;
	uint64_t capacity = source->segment.header.region[REGION_PROCESSES].count;

	if (!file_is_open(&source->segment) ||
	    !file_record(&source->segment, REGION_SHARED, 0, &shared))
		return 0;
	return shared.slot_high < capacity ? shared.slot_high : (uint32_t)capacity;
}

static bool any_process_runs(const struct source *source)
{
	uint32_t count = source_slot_count(source);
	struct segment_process slot;

	for (uint32_t i = 0; i < count; i++)
		if (source_slot(source, i, &slot) && source_process_runs(source, &slot))
			return true;
	return false;
}

static enum session_state source_judge(const struct source *source)
{
	const struct segment_header *header = source_header(source);

	if (header->kind == SEGMENT_RECORDING && header->finished)
		return SESSION_ENDED;
	if (source_recorder_runs(source) ||
	    (file_is_open(&source->segment) && any_process_runs(source)))
		return SESSION_LIVE;
	return header->recorder_pid ? SESSION_ABANDONED : SESSION_ENDED;
}

bool source_is_live(struct source *source)
{
	if (file_is_open(&source->recording))
		file_refresh(&source->recording);
	source->facts.state = source_judge(source);
	return source->facts.state == SESSION_LIVE;
}

/* ---- facts ---- */

static void learn_owner(struct source *source)
{
	const struct file *files[] = {&source->recording, &source->segment};
	struct session_facts *facts = &source->facts;
	struct stat st;
	bool any = false, same = true;

	for (int i = 0; i < 2; i++) {
		if (!file_is_open(files[i]))
			continue;
		if (fstat(files[i]->fd, &st) != 0 || (any && st.st_uid != facts->owner_uid))
			same = false;
		facts->owner_uid = st.st_uid;
		any = true;
	}
	facts->owner_known = any && same;
}

uint64_t source_bytes(const struct source *source)
{
	const struct file *files[] = {&source->recording, &source->segment};
	uint64_t bytes = 0;
	struct stat st;

	for (int i = 0; i < 2; i++)
		if (file_is_open(files[i]) && fstat(files[i]->fd, &st) == 0)
			bytes += (uint64_t)st.st_blocks * 512;
	return bytes;
}

static void learn_limits(struct source *source)
{
	struct segment_shared shared;

	source->facts.follows_all = !(source_header(source)->options & OPTION_NO_FOLLOW);
	source->facts.unsure_slots = 0;
	if (file_is_open(&source->segment) &&
	    file_record(&source->segment, REGION_SHARED, 0, &shared))
		source->facts.unsure_slots = half_load(&shared.unsure_slots);
}

static void learn_command(struct session_facts *facts, const struct segment_header *header)
{
	facts->command_bytes = header->command_bytes;
	memcpy(facts->command, header->command, header->command_bytes);
	facts->command[header->command_bytes] = '\0';
	if (facts->command_bytes && facts->command[facts->command_bytes - 1] != '\0')
		facts->command_bytes++;
}

/* How far the wall clock ran ahead from the session's start until its end, or until now. */
static int64_t wall_drift(const struct segment_header *header)
{
	uint64_t wall = header->finished ? header->end.realtime_ns : sys_clock_ns(CLOCK_REALTIME);
	uint64_t steady = header->finished ? header->end.monotonic_ns : timens_monotonic_ns();

	return (int64_t)(wall - header->start.realtime_ns - (steady - header->start.monotonic_ns));
}

static void learn_times(struct session_facts *facts, const struct segment_header *header)
{
	uint64_t wall = sys_clock_ns(CLOCK_REALTIME);
	uint64_t end = header->finished               ? header->end.monotonic_ns
		       : facts->state == SESSION_LIVE ? timens_monotonic_ns()
						      : 0;

	facts->started_realtime_ns = header->start.realtime_ns;
	facts->started_monotonic_ns = header->start.monotonic_ns;
	facts->wall_drift_ns = wall_drift(header);
	facts->age_ns = wall > header->start.realtime_ns ? wall - header->start.realtime_ns : 0;
	facts->duration_ns = end > header->start.monotonic_ns ? end - header->start.monotonic_ns
							      : 0;
}

static void source_learn(struct source *source)
{
	const struct segment_header *header = source_header(source);
	struct session_facts *facts = &source->facts;

	facts->same_boot = same_boot(header);
	source->own_pid_namespace = sys_inode("/proc/self/ns/pid");
	source->same_pids = source_same_namespace(header->pid_namespace, "/proc/self/ns/pid");
	facts->same_pids = facts->same_boot && source->same_pids;
	source_learn_ipc(source);
	facts->objects_known = header->kind == SEGMENT_RECORDING && header->finished &&
			       header->objects_known == 1;
	facts->members_scanned = facts->objects_known && header->members_scanned == 1;
	facts->unregistered_pid = header->unregistered_pid;
	facts->unreadable_pid = header->unreadable_pid;
	facts->rmid_forced = header->finished ? header->rmid_forced != 0
					      : facts->same_ipc && sysvipc_rmid_forced();
	facts->state = source_judge(source);
	facts->recorded = header->recorder_pid != 0;
	facts->recorder_pid = header->recorder_pid;
	facts->command_pid = header->command_pid;
	facts->page_bytes = header->page_bytes;
	facts->finished = header->finished;
	facts->segment_missing = !header->finished && !file_is_open(&source->segment);
	facts->exit_status = header->exit_status;
	facts->exit_signal = header->exit_signal;
	memcpy(facts->name, header->session, sizeof facts->name);
	facts->stack_depth = header->stack_depth;
	memcpy(facts->host, header->host, sizeof facts->host);
	memcpy(facts->kernel, header->kernel, sizeof facts->kernel);
	memcpy(facts->machine, header->machine, sizeof facts->machine);
	learn_owner(source);
	learn_limits(source);
	learn_command(facts, header);
	learn_times(facts, header);
	source->scale = timescale_make(header, facts->same_boot);
}

const struct session_facts *source_renew(struct source *source)
{
	if (file_is_open(&source->recording))
		file_refresh(&source->recording);
	source_learn(source);
	return &source->facts;
}

/* ---- opening ---- */

static bool open_peer(struct source *source, struct file *peer, const struct file *known,
		      const char *path, uint32_t kind)
{
	char why[FILE_WHY_BYTES];

	if (!path[0] || !file_open(peer, path, why))
		return false;
	if (peer->header.kind == kind && file_same_session(peer, known) &&
	    same_boot(&source->recording.header))
		return true;
	file_close(peer);
	return false;
}

/* Finds a segment that was renamed or deleted among the recorder's open files. */
static void open_through_recorder(struct source *source)
{
	const struct segment_header *header = &source->recording.header;
	struct file *segment = &source->segment;
	struct dirent *entry;
	char path[512];
	struct stat st;
	DIR *fds;

	if (!same_boot(header) ||
	    !source_same_namespace(header->pid_namespace, "/proc/self/ns/pid") ||
	    !alive_process(header->recorder_pid, header->recorder_start_time))
		return;
	snprintf(path, sizeof path, "/proc/%ld/fd", (long)header->recorder_pid);
	fds = opendir(path);
	while (fds && !file_is_open(segment) && (entry = readdir(fds))) {
		snprintf(path, sizeof path, "/proc/%ld/fd/%s", (long)header->recorder_pid,
			 entry->d_name);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		    open_peer(source, segment, &source->recording, path, SEGMENT_LIVE))
			snprintf(segment->path, sizeof segment->path, "%s", header->peer_path);
	}
	if (fds)
		closedir(fds);
}

/* Opens the recording of a segment, or the segment of an unfinished recording. */
static void open_other_half(struct source *source)
{
	struct file *recording = &source->recording, *segment = &source->segment;

	if (!file_is_open(recording)) {
		open_peer(source, recording, segment, segment->header.peer_path, SEGMENT_RECORDING);
		if (file_is_open(recording) && recording->header.finished)
			file_close(segment);
		return;
	}
	if (recording->header.finished ||
	    open_peer(source, segment, recording, recording->header.peer_path, SEGMENT_LIVE))
		return;
	open_through_recorder(source);
	/* The recorder may have finished meanwhile: then the recording is complete. */
	file_refresh(recording);
	if (recording->header.finished)
		file_close(segment);
}

bool source_update(struct source *source)
{
	if (!file_is_open(&source->recording))
		return true;
	file_refresh(&source->recording);
	if (!chunks_update(&source->chunks, &source->recording))
		return false;
	source->facts.truncated = source->chunks.truncated;
	return true;
}

/* Takes over the file. */
static struct source *open_with(struct file *file, char why[FILE_WHY_BYTES])
{
	struct source *source = calloc(1, sizeof *source);

	if (!source) {
		snprintf(why, FILE_WHY_BYTES, "not enough memory");
		file_close(file);
		return NULL;
	}
	source->recording.fd = source->segment.fd = -1;
	*(file->header.kind == SEGMENT_RECORDING ? &source->recording : &source->segment) = *file;
	open_other_half(source);
	chunks_begin(&source->chunks, source_header(source));
	if (source_update(source)) {
		source_learn(source);
		return source;
	}
	snprintf(why, FILE_WHY_BYTES, "not enough memory");
	source_close(source);
	return NULL;
}

struct source *source_open(const char *path)
{
	char why[FILE_WHY_BYTES];
	struct file file;
	struct source *source = file_open(&file, path, why) ? open_with(&file, why) : NULL;

	if (!source)
		error_line(path, why);
	return source;
}

struct source *source_open_descriptor(int fd, const char *path)
{
	char why[FILE_WHY_BYTES];
	struct file file;
	struct source *source = file_open_descriptor(&file, fd, path, why) ? open_with(&file, why)
									   : NULL;

	if (!source)
		error_line(path, why);
	return source;
}

struct source *source_try_own(const char *path, bool *foreign, char why[SOURCE_WHY_BYTES])
{
	struct file file;
	bool opened = file_open(&file, path, why);

	*foreign = !opened && file.is_foreign;
	return opened ? open_with(&file, why) : NULL;
}

struct source *source_try(const char *path)
{
	char why[FILE_WHY_BYTES];
	bool foreign;

	return source_try_own(path, &foreign, why);
}

void source_close(struct source *source)
{
	if (!source)
		return;
	file_close(&source->recording);
	file_close(&source->segment);
	chunks_free(&source->chunks);
	chunk_cache_free(&source->cache);
	free(source);
}

const struct session_facts *source_session(const struct source *source)
{
	return &source->facts;
}

const char *source_path(const struct source *source)
{
	return file_is_open(&source->recording) ? source->recording.path : source->segment.path;
}

void source_session_mapping(const struct source *source, struct holders_session *session)
{
	const struct file *segment = &source->segment;
	const char *path = file_is_open(segment) ? segment->path : source_header(source)->peer_path;
	struct stat st;

	*session = (struct holders_session){0};
	snprintf(session->name, sizeof session->name, "%.255s", path_base_name(path));
	if (file_is_open(segment) && fstat(segment->fd, &st) == 0) {
		session->device = st.st_dev;
		session->inode = st.st_ino;
	}
}

uint64_t source_event_count(const struct source *source)
{
	const struct segment_header *header = &source->segment.header;
	uint64_t count = source->chunks.event_count;
	struct segment_ring ring;

	if (!file_is_open(&source->segment))
		return count;
	for (uint32_t i = 0; i < header->ring_count && i < SEGMENT_RINGS_MAX; i++)
		if (file_record(&source->segment, REGION_RINGS, i, &ring))
			count += ring.head - source->chunks.next[i];
	return count;
}
