/* SPDX-License-Identifier: MIT */
/*
 * zones < MAPPINGS: reads lines "START END NAME" in the order in which the kernel gives them, as
 * the mappings of one live process, and prints the zones that the map draws: "START END KIND".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/model/zones.h"

int main(void)
{
	struct zones_process process = {
		.pid = 1, .live = true, .page_bytes = 4096, .exe = "/bin/program"};
	struct zones *zones = zones_make(&process);
	struct mapping_facts facts = {.perm = "rw-p"};
	char name[64];

	facts.name = name;
	while (zones && scanf("%" SCNx64 " %" SCNx64 " %63s", &facts.start, &facts.end, name) == 3)
		zones_add_mapping(zones, &facts);
	if (!zones)
		return 1;
	zones_finalize(zones);
	for (uint32_t i = 0; i < zones->count; i++)
		printf("%" PRIx64 " %" PRIx64 " %s\n", zones->zones[i].start, zones->zones[i].end,
		       zone_kind_name(zones->zones[i].kind));
	zones_free(zones);
	return 0;
}
