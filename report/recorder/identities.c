/* SPDX-License-Identifier: MIT */
/*
 * Rows of the recording: which process an image is, as the recorder verified it. Several rows are
 * written as one chunk; a short process needs one row, which already has its end.
 */
#include "report/recorder/drain_internal.h"

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
	row->flags = IDENTITY_ENDED;
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
