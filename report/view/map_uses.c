/* SPDX-License-Identifier: MIT */
#include "report/view/map_uses.h"

#include <stdio.h>

#include "report/util/format.h"

uint32_t map_use_lines(const struct zones *zones)
{
	return zones->use_count < MAP_USES_MOST ? zones->use_count : MAP_USES_MOST;
}

static void map_use_put_counts(struct out *out, const struct zone_use *use)
{
	char text[96];

	if (use->kind == SEMAPHORE_SET)
		snprintf(text, sizeof text, "set %d: %llu operation%s", use->id,
			 (unsigned long long)use->operations, format_s(use->operations));
	else
		snprintf(text, sizeof text, "queue %d: %llu sent, %llu received", use->id,
			 (unsigned long long)use->operations, (unsigned long long)use->received);
	out_text(out, text);
}

static void map_use_put_wait(struct out *out, const struct wait_facts *wait)
{
	char text[64];

	OUT(out, "; waits in ");
	out_text(out, event_name(wait->call));
	if (wait->kind != SEMAPHORE_SET || !wait->nsops)
		return;
	snprintf(text, sizeof text, " for semaphore %d (%+d)", wait->semnum, wait->op);
	out_text(out, text);
}

void map_use_text(struct out *out, const struct zones *zones, uint32_t line)
{
	const struct zone_use *use = &zones->uses[line];

	if (line + 1 == MAP_USES_MOST && zones->use_count > MAP_USES_MOST) {
		OUT(out, "and ");
		out_number(out, zones->use_count - line);
		OUT(out, " more sets and queues");
		return;
	}
	map_use_put_counts(out, use);
	if (use->waits)
		map_use_put_wait(out, &use->wait);
}

void map_uses_json(struct json *json, const struct zones *zones)
{
	json_open(json, "uses", '[');
	for (uint32_t i = 0; i < zones->use_count; i++) {
		const struct zone_use *use = &zones->uses[i];

		json_open(json, NULL, '{');
		if (use->kind == SEMAPHORE_SET) {
			json_signed(json, "semid", use->id);
			json_number(json, "operations", use->operations);
		} else {
			json_signed(json, "msqid", use->id);
			json_number(json, "sent", use->operations);
			json_number(json, "received", use->received);
		}
		json_text_or_null(json, "waits_in", use->waits ? event_name(use->wait.call) : NULL);
		json_close(json, '}');
	}
	json_close(json, ']');
}
