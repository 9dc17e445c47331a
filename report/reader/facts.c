/* SPDX-License-Identifier: MIT */
#include "report/reader/facts.h"

#include <stddef.h>

#include "preload/segment/recorded.h"

_Static_assert((int)LOST_DAMAGED == (int)LOSS_COUNT, "losses");
_Static_assert((int)PROOF_START_TIME + 1 == (int)IDENTITY_PROOF_END, "proofs");

static const struct {
	const char *name, *words;
} losses[LOST_COUNT] = {
#define LOSS(id, name, meaning, who) [LOST_##id] = {#name, meaning},
#include "preload/segment/losses.def"
#undef LOSS
	[LOST_DAMAGED] = {"damaged", "parts of the file make no sense and were left out"},
};

const char *loss_name(unsigned loss)
{
	return loss < LOST_COUNT ? losses[loss].name : NULL;
}

const char *loss_words(unsigned loss)
{
	return loss < LOST_COUNT ? losses[loss].words : NULL;
}

int session_compare(const struct session_facts *a, const struct session_facts *b)
{
	uint64_t x = a->started_realtime_ns, y = b->started_realtime_ns;

	if (a->same_boot != b->same_boot)
		return a->same_boot ? 1 : -1;
	if (a->same_boot) { /* the wall clock may have been set since */
		x = a->started_monotonic_ns;
		y = b->started_monotonic_ns;
	}
	return x < y ? -1 : x > y;
}

static const char *const words[WHY_COUNT] = {
#define UNFOLLOWED(id, why) [WHY_##id] = why,
#include "preload/segment/unfollowed.def"
#undef UNFOLLOWED
};

const char *unfollowed_words(unsigned why)
{
	return why < WHY_COUNT ? words[why] : "unknown";
}
