/* SPDX-License-Identifier: MIT */
/*
 * protocol [WEAKENED]: every execution of three writers, each killed at any instant or not at all,
 * and of a reader, over the very code of preload/segment/publish.h, under the memory model of C11.
 * Says how many there are; or "violated", with the one that was, and fails.
 *
 * WEAKENED leaves one thing out: W2, W4, R1 and R3 are made relaxed; "early head" reads R4 before
 * R2, "early published" writes W4 before W3. Each of them must be violated.
 *
 * How: the atomic operations of publish.h are ours here. A writer's are written down once, since
 * nothing but its claim number changes them, and then run in every order in which three may meet. A
 * store leaves a message behind, with what its thread is known to have seen (its view); a load
 * takes any message that its thread's view does not rule out; acquire and release, and the fences,
 * hand views over. The reader writes nothing, so it may run last: to read an old message then is to
 * have run earlier. Stores to one place are seen in the order they were made in: for a store to be
 * held up until the ring has gone round is to be overtaken, which is a window that the file names.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Replaces layout.h: an event of two words, and a ring with nothing but its head. */
#define MEMSHIM_SEGMENT_LAYOUT_H
#define WORDS 3
struct segment_ring {
	_Atomic uint64_t head;
};
struct segment_event {
	_Atomic uint64_t published;
	uint64_t word[WORDS - 1];
};

static uint64_t model_add(const void *at, uint64_t n);
static void model_store(const void *at, uint64_t value, memory_order order);
static uint64_t model_load(const void *at, memory_order order);
static void model_fence(memory_order order);

#undef atomic_fetch_add_explicit
#undef atomic_store_explicit
#undef atomic_load_explicit
#undef atomic_thread_fence
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit
#define atomic_fetch_add_explicit(at, n, order) (__typeof__(*(at) + 0))model_add(at, n)
#define atomic_store_explicit(at, value, order) model_store(at, (uint64_t)(value), order)
#define atomic_load_explicit(at, order) (__typeof__(*(at) + 0))model_load(at, order)
#define atomic_thread_fence(order) model_fence(order)
#define atomic_compare_exchange_strong_explicit(at, from, to, won, lost) \
	((void)(at), (void)(from), (void)(to), false)
#define atomic_compare_exchange_weak_explicit atomic_compare_exchange_strong_explicit
#include "preload/segment/publish.h"

#define WRITERS 3
#define SLOTS_MOST 2
#define PLACES (1 + SLOTS_MOST * WORDS) /* the head, and each word of each slot */
#define OPERATIONS (2 + WORDS)
#define MESSAGES (WRITERS + 1)
#define FIRST (UINT64_MAX - 1) /* the claim numbers wrap during a run */

static const char *weakened = "";
static uint64_t ring_events;
static struct segment_ring ring;
static struct segment_event slots[SLOTS_MOST];

/* ---- the operations of the writers ---- */

enum kind { ADD, FENCE, STORE, NOTHING };

struct operation {
	enum kind kind;
	uint32_t place;
	uint64_t value;
	bool release;
};

static struct operation script[WRITERS][OPERATIONS];
static uint32_t script_length, writer;
static bool writing;

static bool is_weak(const char *step)
{
	return strcmp(weakened, step) == 0;
}

static uint32_t place_of(const void *at)
{
	if (at == &ring.head)
		return 0;
	return 1 + (uint32_t)((const uint64_t *)at - (const uint64_t *)slots);
}

static void note(struct operation operation)
{
	script[writer][script_length++] = operation;
}

static uint64_t model_add(const void *at, uint64_t n)
{
	note((struct operation){.kind = ADD, .place = place_of(at), .value = n});
	return FIRST + writer; /* writers are numbered in the order of their claims */
}

static void model_store(const void *at, uint64_t value, memory_order order)
{
	note((struct operation){.kind = STORE,
				.place = place_of(at),
				.value = value,
				.release = order == memory_order_release && !is_weak("W4")});
}

static uint64_t word_of(uint64_t n, uint32_t i)
{
	return n * 16 + i;
}

static struct segment_event event_of(uint64_t n)
{
	struct segment_event event = {.published = 0};

	for (uint32_t i = 1; i < WORDS; i++)
		event.word[i - 1] = word_of(n, i);
	return event;
}

static void write_script(void)
{
	writing = true;
	for (writer = 0; writer < WRITERS; writer++) {
		uint64_t n = (script_length = 0, segment_claim(&ring));
		struct segment_event event = event_of(n), *slot = slots + (n & (ring_events - 1));
		struct operation *last = &script[writer][OPERATIONS - 1];

		segment_publish(slot, &event, n);
		if (is_weak("early published")) {
			struct operation published = *last;

			memmove(last - WORDS + 2, last - WORDS + 1, (WORDS - 1) * sizeof *last);
			last[1 - WORDS] = published;
		}
		if (script_length != OPERATIONS) {
			printf("violated: a writer makes %u operations\n", script_length);
			exit(1);
		}
	}
	writing = false;
}

/* ---- messages and views ---- */

struct view {
	uint8_t seen[PLACES]; /* the oldest message that may still be read */
};

struct message {
	uint64_t value;
	struct view view;
};

struct memory {
	struct message message[PLACES][MESSAGES];
	uint32_t count[PLACES];
};

struct thread {
	struct view now;
	struct view released;   /* at its last release fence */
	struct view to_acquire; /* of what it has read, for an acquire fence */
	uint32_t done;          /* operations */
	uint32_t life;          /* operations that it makes before it is killed */
};

static void join(struct view *view, const struct view *other)
{
	for (uint32_t i = 0; i < PLACES; i++)
		if (view->seen[i] < other->seen[i])
			view->seen[i] = other->seen[i];
}

static struct message *leave(struct memory *memory, struct thread *thread, uint32_t place,
			     uint64_t value, bool release)
{
	uint32_t number = memory->count[place]++;
	struct message *message = &memory->message[place][number];

	thread->now.seen[place] = (uint8_t)number;
	*message = (struct message){value, release ? thread->now : thread->released};
	message->view.seen[place] = (uint8_t)number;
	return message;
}

static void run(struct memory *memory, struct thread *thread, const struct operation *operation)
{
	uint32_t place = operation->place;
	struct message *last, *message;

	switch (operation->kind) {
	case FENCE:
		thread->released = thread->now;
		return;
	case STORE:
		leave(memory, thread, place, operation->value, operation->release);
		return;
	case ADD: /* reads the latest value, and continues what that one released */
		last = &memory->message[place][memory->count[place] - 1];
		message = leave(memory, thread, place, last->value + operation->value, false);
		join(&message->view, &last->view);
		join(&thread->to_acquire, &last->view);
		return;
	case NOTHING:
		return;
	}
}

/* ---- the reader: all values that it may read ---- */

static struct memory *reading;
static struct thread reader;
static uint8_t choice[16], choices[16];
static uint32_t choice_count;

static uint64_t model_load(const void *at, memory_order order)
{
	uint32_t place = place_of(at), oldest = reader.now.seen[place], number;
	const struct message *message;

	choices[choice_count] = (uint8_t)(reading->count[place] - oldest);
	number = oldest + choice[choice_count++];
	message = &reading->message[place][number];
	reader.now.seen[place] = (uint8_t)number;
	join(&reader.to_acquire, &message->view);
	if (order == memory_order_acquire && !is_weak("R1"))
		join(&reader.now, &message->view);
	return message->value;
}

static void model_fence(memory_order order)
{
	bool releases = order == memory_order_release && !is_weak("W2");

	if (writing)
		note((struct operation){.kind = releases ? FENCE : NOTHING});
	else if (order == memory_order_acquire && !is_weak("R3"))
		join(&reader.now, &reader.to_acquire);
}

/* Moves to the next combination of choices; false after the last one. */
static bool choose_next(void)
{
	while (choice_count > 0 && choice[choice_count - 1] + 1 >= choices[choice_count - 1])
		choice[--choice_count] = 0;
	if (choice_count == 0)
		return false;
	choice[choice_count - 1]++;
	return true;
}

/* As segment_read, but with R4 first. */
static enum segment_read read_early_head(uint64_t n, struct segment_event *out)
{
	const struct segment_event *slot = slots + (n & (ring_events - 1));
	uint64_t head = model_load(&ring.head, memory_order_relaxed);
	uint64_t published = model_load(&slot->published, memory_order_acquire);

	for (uint32_t i = 1; i < WORDS; i++)
		out->word[i - 1] = model_load(&slot->word[i - 1], memory_order_relaxed);
	model_fence(memory_order_acquire);
	if (head - n > ring_events)
		return READ_OVERWRITTEN;
	return published == segment_published(n) ? READ_WHOLE : READ_UNPUBLISHED;
}

/* ---- what must hold ---- */

static uint64_t execution_count, answer_count[3];
static struct thread threads[WRITERS];
static uint32_t claimed_at[WRITERS], last_at[WRITERS]; /* instants of the execution */

/* Whether an earlier writer of n's slot still wrote when n was claimed. */
static bool is_overtaken(uint32_t w)
{
	for (uint32_t i = 0; i < w; i++)
		if ((w - i) % ring_events == 0 && last_at[i] > claimed_at[w])
			return true;
	return false;
}

static void check_answer(uint32_t w, enum segment_read answer, const struct segment_event *out)
{
	uint64_t n = FIRST + w;

	answer_count[answer]++;
	for (uint32_t i = 1; answer == READ_WHOLE && !is_overtaken(w) && i < WORDS; i++)
		if (out->word[i - 1] != word_of(n, i)) {
			printf("violated: word %u of claim %u is %llu, not %llu\n", i, w,
			       (unsigned long long)out->word[i - 1],
			       (unsigned long long)word_of(n, i));
			exit(1);
		}
	if (answer == READ_WHOLE && threads[w].done < OPERATIONS) {
		printf("violated: claim %u is there, and its writer died before\n", w);
		exit(1);
	}
}

static void read_claim(struct memory *memory, uint32_t w)
{
	struct segment_event out;

	reading = memory;
	memset(choice, 0, sizeof choice);
	do {
		enum segment_read answer;

		reader = (struct thread){.done = 0};
		choice_count = 0;
		answer = is_weak("early head")
				 ? read_early_head(FIRST + w, &out)
				 : segment_read(&ring, slots, ring_events, FIRST + w, &out);
		check_answer(w, answer, &out);
		execution_count++;
	} while (choose_next());
}

/*
 * A reader that begins when all writers have ended, and has seen all of it, finds each event that
 * can be there.
 */
static void read_late(struct memory *memory, uint32_t w)
{
	struct segment_event out;
	enum segment_read answer;

	memset(choice, 0, sizeof choice);
	reader = (struct thread){.done = 0};
	for (uint32_t i = 0; i < PLACES; i++)
		reader.now.seen[i] = (uint8_t)(memory->count[i] - 1);
	choice_count = 0;
	answer = segment_read(&ring, slots, ring_events, FIRST + w, &out);
	if (w + ring_events >= WRITERS && threads[w].done == OPERATIONS && !is_overtaken(w) &&
	    answer != READ_WHOLE) {
		printf("violated: claim %u was published, and is not found\n", w);
		exit(1);
	}
}

/* ---- all executions ---- */

static void run_writers(const struct memory *memory, uint32_t instant)
{
	bool over = true;

	for (uint32_t w = 0; w < WRITERS; w++) {
		struct thread before = threads[w];
		uint32_t last = last_at[w];
		struct memory next = *memory;

		if (before.done == before.life || (before.done == 0 && w && !threads[w - 1].done))
			continue;
		over = false;
		if (before.done == 0)
			claimed_at[w] = instant;
		last_at[w] = instant;
		run(&next, &threads[w], &script[w][before.done]);
		threads[w].done++;
		run_writers(&next, instant + 1);
		threads[w] = before;
		last_at[w] = last;
	}
	for (uint32_t w = 0; over && w < WRITERS; w++) {
		struct memory final = *memory;

		read_claim(&final, w);
		read_late(&final, w);
	}
}

static void run_lives(uint32_t w)
{
	struct memory memory = {.count = {0}};

	if (w < WRITERS) {
		for (uint32_t life = 1; life <= OPERATIONS; life++) {
			threads[w] = (struct thread){.life = life};
			run_lives(w + 1);
		}
		return;
	}
	for (uint32_t i = 0; i < PLACES; i++)
		memory.count[i] = 1;
	memory.message[0][0].value = FIRST;
	run_writers(&memory, 0);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		weakened = argv[1];
	for (ring_events = 1; ring_events <= SLOTS_MOST; ring_events *= 2) {
		write_script();
		run_lives(0);
	}
	printf("%llu executions: %llu whole, %llu unpublished, %llu overwritten\n",
	       (unsigned long long)execution_count, (unsigned long long)answer_count[READ_WHOLE],
	       (unsigned long long)answer_count[READ_UNPUBLISHED],
	       (unsigned long long)answer_count[READ_OVERWRITTEN]);
	return 0;
}
