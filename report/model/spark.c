/* SPDX-License-Identifier: MIT */
/* There may be millions of moves: within one piece a move costs two comparisons. */
#include "report/model/spark.h"

static void spark_begin(struct spark *spark, const struct process_facts *facts,
			const struct event *event, uint64_t until_ns)
{
	uint64_t begin = facts->start_ns, end = facts->ended ? facts->end_ns : until_ns;

	if (facts->placeholder || begin > event->time_ns)
		begin = event->time_ns;
	spark->begin_ns = begin;
	spark->step_ns = (end > begin ? end - begin : 0) / SPARK_PIECES + 1;
	spark->next_ns = begin + spark->step_ns;
	spark->level = spark->high[0] = event->u.brk.before;
}

static void spark_advance(struct spark *spark, uint64_t time_ns)
{
	while (spark->next_ns <= time_ns && spark->at + 1 < SPARK_PIECES) {
		spark->high[++spark->at] = spark->level;
		spark->next_ns += spark->step_ns;
	}
	if (spark->at + 1 == SPARK_PIECES)
		spark->next_ns = UINT64_MAX;
}

void spark_add_move(struct spark *spark, const struct process_facts *facts,
		    const struct event *event, uint64_t until_ns)
{
	if (!spark->step_ns)
		spark_begin(spark, facts, event, until_ns);
	if (event->time_ns >= spark->next_ns)
		spark_advance(spark, event->time_ns);
	spark->level = event->u.brk.after;
	if (spark->level > spark->high[spark->at])
		spark->high[spark->at] = spark->level;
}

bool spark_pieces(const struct spark *spark, uint64_t high[SPARK_PIECES])
{
	for (uint32_t i = 0; i < SPARK_PIECES; i++)
		high[i] = i <= spark->at ? spark->high[i] : spark->level;
	return spark->step_ns != 0;
}
