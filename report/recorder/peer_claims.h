/* SPDX-License-Identifier: MIT */
/*
 * The instances that peers of one user sent to the recorder's socket, until their images are found.
 * A ring of fixed capacity for each user: a flood drops only the oldest claims of its own user. One
 * process has few places in it: its flood drops no claim of another process.
 */
#ifndef MEMSHIM_RECORDER_PEER_CLAIMS_H
#define MEMSHIM_RECORDER_PEER_CLAIMS_H

#include "report/recorder/peer_socket.h"

#define CLAIM_PIDS 4096u /* processes whose pids differ by a multiple of it share their places */

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
	uint16_t of_pid[CLAIM_PIDS]; /* claims in use, by pid modulo CLAIM_PIDS */
};

/* False without memory. */
bool peer_claims_open(struct peer_claims *claims, uid_t uid, uint32_t capacity);
void peer_claims_close(struct peer_claims *claims);

/* Whether one more claim of this process may be added. */
bool peer_claims_has_place(const struct peer_claims *claims, pid_t pid);

/* Keeps a claim; it owns its descriptors from now on. */
void peer_claims_add(struct peer_claims *claims, const struct peer_claim *claim);

/* Reads what the silent connections have sent. */
void peer_claims_listen(struct peer_claims *claims);
void peer_claims_drop_old(struct peer_claims *claims, uint64_t until_ns);

/* Takes the oldest claim with this instance; false when there is none. */
bool peer_claims_take(struct peer_claims *claims, uint32_t instance, struct peer *peer);

#endif
