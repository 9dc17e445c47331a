/* SPDX-License-Identifier: MIT */
/* What a source is made of; for the files of this room only. */
#ifndef MEMSHIM_READER_READER_INTERNAL_H
#define MEMSHIM_READER_READER_INTERNAL_H

#include "report/reader/chunk_payload.h"
#include "report/reader/facts.h"
#include "report/reader/file.h"
#include "report/reader/source.h"
#include "report/reader/timescale.h"

struct source {
	struct file recording; /* one of the two may be closed */
	struct file segment;
	struct chunks chunks; /* of the recording */
	struct chunk_cache cache;
	uint64_t slots_given;     /* chunks whose process slots somebody was given */
	uint64_t snapshots_given; /* the same, of sights */
	struct timescale scale;
	struct session_facts facts;
	bool same_pids;             /* a pid in it means the same process here */
	uint64_t own_pid_namespace; /* of this program; 0 unknown */
};

/* The header to go by: the recording's, which knows the end, if there is one. */
static inline const struct segment_header *source_header(const struct source *source)
{
	return file_is_open(&source->recording) ? &source->recording.header
						: &source->segment.header;
}

/* Whether this is the boot of that id, 36 bytes. */
bool source_same_boot(const char *boot_id);

/*
 * Whether an IPC namespace is this program's. Its inode is used again when it has ended; its id,
 * which newer kernels give, is not. Of the machine's first namespace the inode never changes.
 */
enum source_ipc { SOURCE_IPC_OTHER, SOURCE_IPC_PERHAPS, SOURCE_IPC_SAME };
enum source_ipc source_compare_ipc(uint64_t inode, uint64_t id);

/* Of the session; after its facts say whether the boot and the pids are the same. */
void source_learn_ipc(struct source *source);

bool source_recorder_runs(const struct source *source);

/* Whether a running image still runs, as far as that can be told from here. */
bool source_process_runs(const struct source *source, const struct segment_process *slot);

/* And its start time as it is read here, where it can be had. */
bool source_process_since(const struct source *source, const struct segment_process *slot,
			  uint64_t *start_time);

/*
 * Whether the process of an image still runs, and what the image's memory holds; see facts.h.
 * `state` is the slot's: PROCESS_RUNNING for a process that has none any more.
 */
struct source_asked {
	int32_t pid, host_pid;
	uint64_t pid_namespace, start_time;
	uint32_t state;
};
enum still source_process_still(const struct source *source, const struct source_asked *asked);
/* The same, of a pid as the recorder sees it: by the kernel alone. */
enum still source_recorders_pid_still(const struct source *source, int32_t pid,
				      uint64_t start_time);
enum still source_image_still(enum still process, uint32_t state);

/* Takes in what the recorder has added. False without memory. */
bool source_update(struct source *source);

/* Copies slot i of the live segment; false when it is free or just changing hands. */
bool source_slot(const struct source *source, uint32_t i, struct segment_process *slot);
uint32_t source_slot_count(const struct source *source);

#endif
