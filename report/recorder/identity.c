/* SPDX-License-Identifier: MIT */
#include "report/recorder/identity.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report/procfs/maps.h"
#include "report/procfs/proc.h"
#include "report/procfs/status.h"
#include "report/procfs/timens.h"

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

/* Needed where the pid is from the slot, which any process of the session can write. */
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
