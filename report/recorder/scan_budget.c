/* SPDX-License-Identifier: MIT */
#include "report/recorder/scan_budget.h"

#include "report/util/now.h"

#define SHORTEST_NS 300000ull
#define LONGEST_NS 50000000ull
#define SHARE 20            /* scans take at most 1/20 of the time in the long run */
#define CREDIT_NS 2000000ll /* but may be this much ahead of their share */

struct scan_budget scan_budget_begin(void)
{
	return (struct scan_budget){
		.last_ns = now_ns(),
		.pause_ns = SHORTEST_NS,
		.credit_ns = CREDIT_NS,
	};
}

void scan_budget_hurry(struct scan_budget *budget, uint64_t now)
{
	budget->pause_ns = SHORTEST_NS;
	if (budget->credit_ns > 0 && budget->next_ns > now + SHORTEST_NS)
		budget->next_ns = now + SHORTEST_NS;
}

void scan_budget_charge(struct scan_budget *budget, uint64_t began)
{
	uint64_t now = now_ns();

	budget->credit_ns += (int64_t)(now - budget->last_ns) / SHARE - (int64_t)(now - began);
	if (budget->credit_ns > CREDIT_NS)
		budget->credit_ns = CREDIT_NS;
	budget->last_ns = now;
	budget->next_ns = now + budget->pause_ns;
	if (budget->credit_ns < 0)
		budget->next_ns += (uint64_t)-budget->credit_ns * SHARE;
	budget->pause_ns = budget->pause_ns * 2 < LONGEST_NS ? budget->pause_ns * 2 : LONGEST_NS;
}
