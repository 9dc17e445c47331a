/* SPDX-License-Identifier: MIT */
#include "report/view/ipcs_totals.h"

#include <stdio.h>
#include <string.h>

#include "report/util/format.h"

#define NO_LIMIT (1ull << 53) /* the defaults of SHMALL and SHMMAX are none */

void ipcs_totals_segments(struct out *out, const void *const *rows, unsigned count)
{
	unsigned orphaned = 0;
	uint64_t bytes = 0;
	char text[FORMAT_BYTES];

	for (unsigned i = 0; i < count; i++) {
		const struct ipc_segment *segment = rows[i];

		orphaned += strcmp(ipcs_state(segment), "orphaned") == 0;
		bytes += segment->kernel.size;
	}
	if (count) {
		OUT(out, ", ");
		out_text(out, format_bytes(text, bytes));
	}
	if (!orphaned)
		return;
	OUT(out, ", ");
	out_number(out, orphaned);
	OUT(out, " orphaned");
}

void ipcs_totals_limits(struct out *out, const struct ipcs_limit limits[IPCS_LIMITS])
{
	char text[96];

	for (unsigned i = 0; i < IPCS_LIMITS; i++) {
		if (!limits[i].most || limits[i].most > NO_LIMIT)
			continue;
		snprintf(text, sizeof text, "; %s %llu of %llu", limits[i].name,
			 (unsigned long long)limits[i].used, (unsigned long long)limits[i].most);
		out_text(out, text);
	}
}
