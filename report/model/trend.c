/* SPDX-License-Identifier: MIT */
/*
 * When a session outgrows its pieces of time, each two pieces become one of double length. When
 * they cover `keep_ns`, the oldest piece is dropped instead.
 */
#include "report/model/trend.h"

#include <stdlib.h>
#include <string.h>

#include "report/util/array.h"

#define FIRST_PIECE_NS 100000000u /* 12 s in all */
#define SECOND_NS 1e9
#define RECENT_NS 2000000000u
#define LEAST_SAMPLE_NS 50000000u /* a shorter time gives no useful rate */

void trends_begin(struct trends *trends, uint64_t whole_ns, uint64_t keep_ns)
{
	*trends = (struct trends){.piece_ns = FIRST_PIECE_NS, .keep_ns = keep_ns};
	if (whole_ns)
		trends->piece_ns = whole_ns / TREND_PIECES + 1;
}

void trends_free(struct trends *trends)
{
	for (uint32_t i = 0; i < trends->capacity; i++)
		free(trends->by_instance[i]);
	free(trends->by_instance);
	free(trends->site_bytes);
	*trends = (struct trends){0};
}

/* ---- pieces ---- */

static void trend_merge(struct trend_piece *to, const struct trend_piece *from, uint64_t number)
{
	if (to->number != number) {
		*to = *from;
		to->number = number;
		return;
	}
	to->low = from->low < to->low ? from->low : to->low;
	to->high = from->high > to->high ? from->high : to->high;
	to->last = from->last;
	to->grows += from->grows;
	to->shrinks += from->shrinks;
}

static int by_number(const void *a, const void *b)
{
	const struct trend_piece *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static void double_pieces(struct trend *trend)
{
	struct trend_piece old[TREND_PIECES];

	memcpy(old, trend->pieces, sizeof old);
	memset(trend->pieces, 0, sizeof trend->pieces);
	qsort(old, TREND_PIECES, sizeof *old, by_number);
	for (uint32_t i = 0; i < TREND_PIECES; i++) {
		uint64_t half = (old[i].number - 1) / 2;

		if (old[i].number)
			trend_merge(&trend->pieces[half % TREND_PIECES], &old[i], half + 1);
	}
}

static bool must_double(const struct trends *trends, uint64_t time_ns)
{
	return time_ns / trends->piece_ns >= TREND_PIECES &&
	       (!trends->keep_ns || trends->piece_ns * TREND_PIECES < trends->keep_ns);
}

static void trend_reach(struct trends *trends, uint64_t time_ns)
{
	while (must_double(trends, time_ns)) {
		for (uint32_t i = 0; i < trends->capacity; i++)
			if (trends->by_instance[i])
				double_pieces(trends->by_instance[i]);
		trends->piece_ns *= 2;
	}
}

static struct trend *find_or_make(struct trends *trends, uint32_t instance)
{
	if (!ARRAY_RESERVE_ZEROED(trends->by_instance, trends->capacity, instance + 1))
		return NULL;
	if (!trends->by_instance[instance])
		trends->by_instance[instance] = calloc(1, sizeof **trends->by_instance);
	return trends->by_instance[instance];
}

#define INSTANCES_MOST (1u << 22)

void trends_add_event(struct trends *trends, const struct event *event)
{
	uint64_t before = event->u.brk.before, after = event->u.brk.after;
	struct trend_piece piece = {
		.low = before < after ? before : after,
		.high = before < after ? after : before,
		.last = after,
		.grows = after > before,
		.shrinks = after < before,
	};
	struct trend *trend;
	uint64_t number;

	if (event->kind > KIND_SBRK || event_failed(event) || event->process >= INSTANCES_MOST)
		return;
	trend_reach(trends, event->time_ns);
	number = event->time_ns / trends->piece_ns;
	trend = find_or_make(trends, event->process);
	if (trend)
		trend_merge(&trend->pieces[number % TREND_PIECES], &piece, number + 1);
	trends->no_memory |= !trend;
}

const struct trend *trends_of(const struct trends *trends, uint32_t instance)
{
	return instance < trends->capacity ? trends->by_instance[instance] : NULL;
}

uint64_t trends_number(const struct trends *trends, uint64_t now_ns, uint32_t count, uint32_t at)
{
	uint64_t last = now_ns / trends->piece_ns + 1;

	/* A chart that is not full is filled from the left. */
	if (last < count)
		return at < last ? at + 1 : 0;
	return last - count + 1 + at;
}

const struct trend_piece *trends_piece(const struct trend *trend, uint64_t number)
{
	const struct trend_piece *piece = &trend->pieces[(number - 1) % TREND_PIECES];

	return number && piece->number == number ? piece : NULL;
}

/* ---- rates ---- */

/* The rates over the life of the image, where there is no earlier sample. */
static void rate_over_life(struct trend *trend, const struct process_facts *facts, uint64_t now_ns)
{
	uint64_t end = facts->ended ? facts->end_ns : now_ns;
	uint64_t life = end > facts->start_ns ? end - facts->start_ns : 0;
	double seconds = life > LEAST_SAMPLE_NS ? (double)life / SECOND_NS : 0;

	trend->moves_per_s = seconds > 0 ? (double)trend->moves / seconds : 0;
	trend->growth_per_s = seconds > 0 ? ((double)trend->grown - (double)trend->shrunk) / seconds
					  : 0;
}

/* The last piece before `first`, and the sums from `first` on. */
struct window {
	const struct trend_piece *before, *earliest;
	uint64_t moves;
};

static struct window trend_window(const struct trend *trend, uint64_t first)
{
	struct window window = {0};

	for (uint32_t i = 0; i < TREND_PIECES; i++) {
		const struct trend_piece *piece = &trend->pieces[i];

		if (!piece->number)
			continue;
		if (piece->number >= first) {
			window.moves += piece->grows + piece->shrinks;
			if (!window.earliest || piece->number < window.earliest->number)
				window.earliest = piece;
		} else if (!window.before || piece->number > window.before->number) {
			window.before = piece;
		}
	}
	return window;
}

/*
 * The rates of the last two seconds, by the events, where there is no earlier sample. The mean over
 * the whole life would hide that a process grew at its start and has been idle since.
 */
static void rate_of_late(const struct trends *trends, struct trend *trend,
			 const struct process_facts *facts, uint64_t now_ns)
{
	uint64_t first = (now_ns - RECENT_NS) / trends->piece_ns;
	double seconds = (double)(now_ns - first * trends->piece_ns) / SECOND_NS;
	struct window window = trend_window(trend, first + 1);
	uint64_t before = facts->break_at_start;

	if (window.before)
		before = window.before->last;
	else if (window.earliest)
		before = window.earliest->grows ? window.earliest->low : window.earliest->high;
	trend->moves_per_s = (double)window.moves / seconds;
	trend->growth_per_s = window.moves
				      ? ((double)facts->break_current - (double)before) / seconds
				      : 0;
}

static void rate_since(struct trend *trend, uint64_t moves, int64_t net, double seconds)
{
	int64_t growth = (int64_t)(trend->grown - trend->shrunk) - net;

	trend->moves_per_s = (double)(trend->moves - moves) / seconds;
	trend->growth_per_s = (double)growth / seconds;
}

static void trend_sample(struct trends *trends, const struct model_process *process,
			 uint64_t now_ns)
{
	struct trend *trend = find_or_make(trends, process->facts.instance);
	uint64_t moves = trend ? trend->moves : 0;
	int64_t net = trend ? (int64_t)(trend->grown - trend->shrunk) : 0;

	if (!trend)
		return;
	trend->moves = model_moves(&process->facts);
	trend->grown = model_grown(&process->facts);
	trend->shrunk = model_shrunk(&process->facts);
	if (process->facts.state == STATE_RUNNING && trends->sampled_ns > process->facts.start_ns)
		rate_since(trend, moves, net, (double)trends->span_ns / SECOND_NS);
	else if (process->facts.state == STATE_RUNNING &&
		 now_ns > process->facts.start_ns + RECENT_NS)
		rate_of_late(trends, trend, &process->facts, now_ns);
	else
		rate_over_life(trend, &process->facts, now_ns);
}

/* Keeps the bytes of each site, to compare them with the next sample. */
static void trends_sample_sites(struct trends *trends, struct model *model)
{
	uint64_t *bytes = calloc(model->sites.count + 1, sizeof *bytes);

	for (uint32_t i = 0; bytes && i < model->sites.count; i++) {
		bytes[i] = model->sites.rows[i].bytes;
		model->sites.rows[i].earlier_bytes = i < trends->site_count ? trends->site_bytes[i]
									    : 0;
	}
	free(trends->site_bytes);
	trends->site_bytes = bytes;
	trends->site_count = bytes ? model->sites.count : 0;
}

void trends_sample(struct trends *trends, struct model *model, uint64_t now_ns)
{
	if (trends->sampled_ns && now_ns < trends->sampled_ns + LEAST_SAMPLE_NS)
		return;
	trend_reach(trends, now_ns);
	trends->span_ns = now_ns - trends->sampled_ns;
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++)
		if (model->processes.by_instance[i])
			trend_sample(trends, model->processes.by_instance[i], now_ns);
	trends_sample_sites(trends, model);
	trends->sampled_ns = now_ns;
}
