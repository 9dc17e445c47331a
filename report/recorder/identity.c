/* SPDX-License-Identifier: MIT */
#include "report/recorder/identity.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report/procfs/maps.h"
#include "report/procfs/proc.h"
#include "report/procfs/status.h"
#include "report/procfs/timens.h"
#include "report/recorder/drain_struct.h"
#include "report/recorder/session_create.h"
#include "report/recorder/slots.h"
#include "report/recorder/usage.h"

#define UID_UNKNOWN ((uid_t)-1)

/* Until its parent has waited, no other process can have its pid. */
static bool identity_exists(int fd)
{
	return syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0 || errno == EPERM;
}

/*
 * Reads start time and uids from /proc, and keeps them only if the process still had its pid
 * afterwards. SO_PEERCRED's effective uid takes precedence: it may have changed since.
 */
static void identity_ask_proc(struct drain_identity *identity, int fd, bool is_child)
{
	struct status_facts status;
	struct proc_facts facts;
	bool known = proc_facts(identity->pid, &facts);
	bool has_uids = known && status_read(identity->pid, &status) && status.uids_known;

	if (!known || !(is_child || (fd >= 0 && identity_exists(fd))))
		return;
	identity->start_time = facts.start_time;
	usage_begin(&identity->usage, facts.faults, facts.cpu_ns);
	if (!has_uids)
		return;
	if (identity->effective_uid == UID_UNKNOWN)
		identity->effective_uid = status.effective_uid;
	if (identity->effective_uid == status.effective_uid)
		identity->real_uid = status.real_uid;
}

/* A pidfd that was opened by pid is the image's if the process has the image's start time. */
static bool identity_fits(const struct drain_identity *identity,
			  const struct registration *registration)
{
	return identity->start_time != 0 && registration->image.start_time != 0 &&
	       timens_same_start(identity->pid, identity->start_time,
				 registration->image.start_time);
}

/*
 * Where the pid is from the slot, which any process of the session can write, the process must map
 * the segment.
 */
static bool identity_maps_segment(const struct drain_identity *identity, const struct drain *drain,
				  int fd)
{
	return maps_has_file(identity->pid, strrchr(drain_segment_path(drain), '/')) &&
	       identity_exists(fd);
}

void identity_verify(struct drain_identity *identity, const struct drain *drain,
		     const struct registration *registration, pid_t pid, bool is_child)
{
	*identity = (struct drain_identity){
		.pid = pid,
		.proof = is_child ? DRAIN_BY_CHILD : registration->proof,
		.real_uid = UID_UNKNOWN,
		.effective_uid = registration->proof ? registration->uid : UID_UNKNOWN,
		.known_clock = drain_now(drain),
	};
	if (pid <= 0 || (!is_child && registration->fd < 0)) {
		identity->proof = DRAIN_UNPROVED;
		return;
	}
	identity_ask_proc(identity, registration->fd, is_child);
	if (identity->proof == DRAIN_BY_PEER_CRED && !identity_fits(identity, registration))
		identity->proof = DRAIN_UNPROVED;
	else if (!identity->proof && identity_fits(identity, registration) &&
		 identity_maps_segment(identity, drain, registration->fd))
		identity->proof = DRAIN_BY_START_TIME;
}

/* ---- in the recording ---- */

_Static_assert((int)DRAIN_BY_START_TIME + 1 == (int)IDENTITY_PROOF_END, "proofs");

static struct segment_identity *identity_row(struct drain *drain, uint32_t instance)
{
	for (uint32_t i = 0; i < drain->identity_count; i++)
		if (drain->identities[i].instance == instance)
			return &drain->identities[i];
	if (drain->identity_count == DRAIN_IDENTITIES)
		drain_flush_identities(drain);
	return &drain->identities[drain->identity_count++];
}

static void identity_end(struct segment_identity *row, const struct drain_identity_end *end)
{
	row->flags |= IDENTITY_ENDED;
	if (end->by_kernel)
		row->flags |= IDENTITY_END_BY_KERNEL;
	if (end->replaced) {
		row->flags |= IDENTITY_REPLACED;
		return;
	}
	if (end->how == DRAIN_EXITED)
		row->exit_status = end->status;
	if (end->how == DRAIN_KILLED)
		row->exit_signal = end->signal;
}

static void identity_put_usage(struct segment_identity *row, const struct drain_usage *usage)
{
	row->samples = usage->samples;
	row->sample_clock = usage->clock;
	row->faults = usage->faults;
	row->cpu_ns = usage->cpu_ns;
	row->waited_ns = usage->waited_ns;
	row->resident_peak_bytes = usage->resident_peak_bytes;
	row->anonymous_bytes = usage->anonymous_bytes;
	row->anonymous_peak_bytes = usage->anonymous_peak_bytes;
	row->anonymous_peak_clock = usage->anonymous_peak_clock;
	row->anonymous_peak_break = usage->anonymous_peak_break;
	if (usage->heap_known) {
		row->flags |= IDENTITY_HEAP_KNOWN;
		row->heap_bytes = usage->heap_bytes;
		row->heap_free_bytes = usage->heap_free_bytes;
	}
}

void drain_identify(struct drain *drain, uint32_t instance, const struct drain_identity *identity,
		    const struct drain_identity_end *end)
{
	struct segment_identity *row = identity_row(drain, instance);

	*row = (struct segment_identity){
		.instance = instance,
		.pid = identity->pid,
		.real_uid = identity->real_uid,
		.effective_uid = identity->effective_uid,
		.start_time = identity->start_time,
		.known_clock = identity->known_clock,
		.proof = identity->proof,
		.exit_status = -1,
	};
	identity_put_usage(row, &identity->usage);
	if (!end)
		return;
	row->end_clock = drain_clock(drain);
	identity_end(row, end);
}

void drain_flush_identities(struct drain *drain)
{
	drain_append(drain, REGION_IDENTITIES, drain->identities, sizeof *drain->identities,
		     drain->identity_count);
	drain->identity_count = 0;
}

/* ---- the end ---- */

/* linux/pidfd.h since Linux 6.13, its exit_code since 6.15; older ones answer ENOTTY. */
struct pidfd_answer {
	uint64_t mask;
	uint64_t cgroup_id;
	uint32_t ids[11];
	int32_t exit_code; /* as wait(2) has it */
};
#define PIDFD_ASK _IOWR(0xFF, 11, struct pidfd_answer)
#define PIDFD_EXIT (1u << 3)

static bool ask_zombie(pid_t pid, uint64_t start_time, int *wait_status)
{
	struct proc_facts facts;

	if (!proc_facts(pid, &facts) || facts.state != 'Z' || !proc_may_read(pid) ||
	    (start_time != 0 && !timens_same_start(pid, facts.start_time, start_time)))
		return false;
	*wait_status = facts.exit_code;
	return true;
}

enum ending ending_ask(pid_t pid, uint64_t start_time, int fd, int *wait_status)
{
	struct pidfd_answer answer = {.mask = PIDFD_EXIT};

	if (ask_zombie(pid, start_time, wait_status))
		return ENDING_KNOWN;
	if (fd < 0)
		return ENDING_NEVER;
	if (ioctl(fd, PIDFD_ASK, &answer) != 0)
		return errno == ESRCH ? ENDING_LATER : ENDING_NEVER;
	*wait_status = answer.exit_code;
	return answer.mask & PIDFD_EXIT ? ENDING_KNOWN : ENDING_LATER;
}
