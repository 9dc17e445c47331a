/* SPDX-License-Identifier: MIT */
/*
 * The instances that peers of one user sent to the recorder's socket, until their images are found.
 * A ring of fixed capacity for each user: a flood drops only the oldest claims of its own user.
 */
#ifndef MEMSHIM_RECORDER_PEER_CLAIMS_H
#define MEMSHIM_RECORDER_PEER_CLAIMS_H

#include "report/recorder/peer_socket.h"

struct peer_claim {
	struct peer peer;
	uint64_t since_ns;
	uint32_t instance;
	int connection; /* -1: it has sent its instance */
	bool used;
};

struct peer_claims {
	uid_t uid;
	uint32_t capacity;    /* a power of two */
	uint32_t first, next; /* ring positions, [first, next) */
	uint32_t silent;      /* open connections that have sent nothing yet */
	struct peer_claim *claim;
};

/* False without memory. */
bool peer_claims_open(struct peer_claims *claims, uid_t uid, uint32_t capacity);
void peer_claims_close(struct peer_claims *claims);

/* Keeps a claim; it owns its descriptors from now on. */
void peer_claims_add(struct peer_claims *claims, const struct peer_claim *claim);

/* Reads what the silent connections have sent. */
void peer_claims_listen(struct peer_claims *claims);
void peer_claims_drop_old(struct peer_claims *claims, uint64_t until_ns);

/* Takes the oldest claim with this instance; false when there is none. */
bool peer_claims_take(struct peer_claims *claims, uint32_t instance, struct peer *peer);

#endif
