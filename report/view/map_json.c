/* SPDX-License-Identifier: MIT */
#include "report/view/map_json.h"

#include "report/view/json_members.h"
#include "report/view/map_uses.h"

static void map_json_put_break(struct json *json, const struct zones *zones)
{
	json_open(json, "break", '{');
	json_address_or_null(json, "initial", zones->process.break_initial);
	json_address_or_null(json, "current", zones->process.break_current);
	json_address_or_null(json, "peak", zones->process.break_peak);
	json_number_or_null(json, "headroom_bytes", zones->headroom_known, zones->headroom_bytes);
	json_number_or_null(json, "headroom_at_most_bytes",
			    zones->headroom_known || zones->headroom_at_most,
			    zones->headroom_bytes);
	json_close(json, '}');
}

static void map_json_put_holders(struct json *json, const struct zone *zone)
{
	json_open(json, "holders", '[');
	for (uint32_t i = 0; i < zone->holder_count; i++) {
		const struct zone_holder *holder = &zone->holders[i];

		json_open(json, NULL, '{');
		json_holder_place(json, holder->pid, holder->comm, holder->address);
		json_bool(json, "readonly", holder->readonly);
		json_close(json, '}');
	}
	json_close(json, ']');
}

/* A zone that is no attachment has the same members: null, and an empty array of holders. */
static void map_json_put_attachment(struct json *json, const struct zone *zone)
{
	bool listed = zone->listed;

	json_number_or_null(json, "shmid", zone->shmid >= 0, (uint64_t)zone->shmid);
	if (zone->key_known)
		json_key(json, zone->key);
	else
		json_null(json, "key");
	json_number_or_null(json, "size", zone->size_known, zone->size);
	if (zone->shmid >= 0)
		json_bool(json, "readonly", zone->readonly);
	else
		json_null(json, "readonly");
	if (listed)
		json_mode(json, zone->segment.mode);
	else
		json_null(json, "mode");
	json_number_or_null(json, "nattch", listed, zone->segment.nattch);
	json_number_or_null(json, "creator_pid", listed && zone->segment.creator_pid > 0,
			    (uint64_t)zone->segment.creator_pid);
	if (listed)
		json_bool(json, "marked", zone->segment.mode & 01000);
	else
		json_null(json, "marked");
	map_json_put_holders(json, zone);
}

static void map_json_put_zone(struct json *json, const struct zone *zone)
{
	uint64_t page = zone->page_bytes ? zone->page_bytes : 1;

	json_open(json, NULL, '{');
	json_text(json, "kind", zone_kind_name(zone->kind));
	json_address(json, "start", zone->start);
	json_address(json, "end", zone->end);
	json_number(json, "bytes", zone_bytes(zone));
	json_number(json, "pages", zone_bytes(zone) / page);
	json_number(json, "page_size", zone->page_bytes);
	json_number_or_null(json, "resident_pages", zone->pages_known, zone->resident_bytes / page);
	json_number_or_null(json, "swapped_pages", zone->pages_known, zone->swapped_bytes / page);
	json_text_or_null(json, "perm", zone->perm[0] ? zone->perm : NULL);
	json_text_or_null(json, "name", zone->name);
	map_json_put_attachment(json, zone);
	json_close(json, '}');
}

void map_json(struct out *out, const struct zones *zones)
{
	struct json json = {out, false};

	json_open(&json, NULL, '{');
	json_number(&json, "schema", 1);
	json_signed(&json, "pid", zones->process.pid);
	json_text(&json, "comm", zones->process.comm);
	json_text(&json, "exe", zones->process.exe);
	json_bool(&json, "live", zones->process.live);
	json_number(&json, "page_size", zones->process.page_bytes);
	map_json_put_break(&json, zones);
	json_open(&json, "zones", '[');
	for (uint32_t i = 0; i < zones->count; i++)
		map_json_put_zone(&json, &zones->zones[i]);
	json_close(&json, ']');
	map_uses_json(&json, zones);
	json_close(&json, '}');
	out_char(out, '\n');
}
