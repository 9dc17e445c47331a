/* SPDX-License-Identifier: MIT */
#include "report/recorder/peer_claims.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "preload/common/registration.h"

#define SILENT_SHARE 4 /* 1/4 of the claims may be connections that have sent nothing */
#define PID_SHARE 16   /* 1/16 of the claims may be one process's */

bool peer_claims_open(struct peer_claims *claims, uid_t uid, uint32_t capacity)
{
	*claims = (struct peer_claims){.uid = uid, .capacity = capacity};
	claims->claim = calloc(capacity, sizeof *claims->claim);
	return claims->claim != NULL;
}

static struct peer_claim *claim_at(struct peer_claims *claims, uint32_t position)
{
	return &claims->claim[position & (claims->capacity - 1)];
}

static uint32_t pid_place(pid_t pid)
{
	return (uint32_t)pid % CLAIM_PIDS;
}

static void claim_hang_up(struct peer_claims *claims, struct peer_claim *claim)
{
	if (claim->connection < 0)
		return;
	close(claim->connection);
	claim->connection = -1;
	claims->silent--;
}

static void claim_drop(struct peer_claims *claims, struct peer_claim *claim)
{
	if (!claim->used)
		return;
	claim_hang_up(claims, claim);
	if (claim->peer.fd >= 0)
		close(claim->peer.fd);
	claim->used = false;
	claims->of_pid[pid_place(claim->peer.pid)]--;
}

static void claim_drop_first(struct peer_claims *claims)
{
	claim_drop(claims, claim_at(claims, claims->first++));
}

void peer_claims_close(struct peer_claims *claims)
{
	while (claims->first != claims->next)
		claim_drop_first(claims);
	free(claims->claim);
	claims->claim = NULL;
}

/* False when it will never send its instance: the peer has ended, or is not of the session. */
static bool claim_listen(struct peer_claims *claims, struct peer_claim *claim)
{
	struct registration_message registration_message;
	ssize_t got;

	if (claim->connection < 0)
		return true;
	got = recv(claim->connection, &registration_message, sizeof registration_message,
		   MSG_DONTWAIT);
	if (got < 0 && errno == EAGAIN)
		return true;
	if (got != sizeof registration_message)
		return false;
	claim_hang_up(claims, claim);
	claim->instance = registration_message.instance;
	return true;
}

bool peer_claims_has_place(const struct peer_claims *claims, pid_t pid)
{
	return claims->of_pid[pid_place(pid)] < claims->capacity / PID_SHARE;
}

void peer_claims_add(struct peer_claims *claims, const struct peer_claim *claim)
{
	struct peer_claim *place;

	if (claims->next - claims->first == claims->capacity)
		claim_drop_first(claims);
	place = claim_at(claims, claims->next++);
	*place = *claim;
	place->used = true;
	claims->of_pid[pid_place(place->peer.pid)]++;
	claims->silent += place->connection >= 0;
	if (!claim_listen(claims, place) || claims->silent > claims->capacity / SILENT_SHARE)
		claim_drop(claims, place);
}

void peer_claims_listen(struct peer_claims *claims)
{
	for (uint32_t i = claims->first; claims->silent > 0 && i != claims->next; i++) {
		struct peer_claim *claim = claim_at(claims, i);

		if (claim->used && !claim_listen(claims, claim))
			claim_drop(claims, claim);
	}
}

void peer_claims_drop_old(struct peer_claims *claims, uint64_t until_ns)
{
	while (claims->first != claims->next) {
		struct peer_claim *oldest = claim_at(claims, claims->first);

		if (oldest->used && oldest->since_ns >= until_ns)
			return;
		claim_drop_first(claims);
	}
}

bool peer_claims_take(struct peer_claims *claims, uint32_t instance, struct peer *peer)
{
	for (uint32_t i = claims->first; i != claims->next; i++) {
		struct peer_claim *claim = claim_at(claims, i);

		if (!claim->used || claim->connection >= 0 || claim->instance != instance)
			continue;
		*peer = claim->peer;
		claim->used = false;
		claims->of_pid[pid_place(claim->peer.pid)]--;
		return true;
	}
	return false;
}
