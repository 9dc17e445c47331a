/* SPDX-License-Identifier: MIT */
/* struct source, for the files of this room only. */
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
	uint64_t slots_given;     /* chunks before this one: their process rows were visited */
	uint64_t snapshots_given; /* the same, of kernel snapshots */
	struct timescale scale;
	struct session_facts facts;
	bool same_pids;             /* its pid namespace is this program's */
	uint64_t own_pid_namespace; /* of this program; 0 unknown */
};

/* The header to use: the recording's, which stores the end, if there is a recording. */
static inline const struct segment_header *source_header(const struct source *source)
{
	return file_is_open(&source->recording) ? &source->recording.header
						: &source->segment.header;
}

/* Whether the machine has not restarted since that boot id (36 bytes). */
bool source_same_boot(const char *boot_id);

/*
 * Whether an IPC namespace is this program's. The kernel reuses the inode of a namespace that has
 * ended, but not its id, which only newer kernels tell. The first namespace's inode is constant.
 */
enum source_ipc { SOURCE_IPC_OTHER, SOURCE_IPC_PERHAPS, SOURCE_IPC_SAME };
enum source_ipc source_compare_ipc(uint64_t inode, uint64_t id);

/* Sets same_ipc and maybe_ipc. Requires same_boot and same_pids. */
void source_learn_ipc(struct source *source);

bool source_recorder_runs(const struct source *source);

/* Whether an image whose slot says RUNNING still runs; true where that cannot be told from here. */
bool source_process_runs(const struct source *source, const struct segment_process *slot);

/* The same; writes the start time in this program's time namespace, if it can be read. */
bool source_process_since(const struct source *source, const struct segment_process *slot,
			  uint64_t *start_time);

/*
 * Whether the process of an image, and the image itself, still run: see enum still in facts.h.
 * `state` is the slot's; PROCESS_RUNNING for a process whose slot was reused.
 */
struct source_asked {
	int32_t pid, host_pid;
	uint64_t pid_namespace, start_time;
	uint32_t state;
};
enum still source_process_still(const struct source *source, const struct source_asked *asked);
/* The same for a pid of the recorder's pid namespace, by the kernel alone. */
enum still source_recorders_pid_still(const struct source *source, int32_t pid,
				      uint64_t start_time);
enum still source_image_still(enum still process, uint32_t state);

/* Indexes what the recorder has added. False without memory. */
bool source_update(struct source *source);

/* Copies slot i of the live segment; false when it is free, or reused during the copy. */
bool source_slot(const struct source *source, uint32_t i, struct segment_process *slot);
uint32_t source_slot_count(const struct source *source);

#endif
