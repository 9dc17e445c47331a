/* SPDX-License-Identifier: MIT */
/*
 * How an event gets from a hook to a reader: the one file that orders memory.
 *
 * The log is a set of parts, one per CPU, each a ring that overwrites its oldest events. Writers
 * are any threads of any processes; they never wait. A claim number is given out once and wraps
 * with 64 bits; event number n of a part lives in slot n modulo part_events.
 *
 *   writer (hook, after its call)                reader (recorder or report)
 *   ------------------------------------------   ------------------------------------------------
 *   n = part.head++                      W1
 *   fence release                        W2      p = event.published                acquire   R1
 *   event.clock .. event.u = ...         W3      p != segment_published(n): not there (yet)
 *   event.published = published(n)       W4      copy event                                   R2
 *     release                                    fence acquire                                R3
 *                                                head = part.head                             R4
 *                                                head - n > part_events: overwritten, drop it
 *
 * W4 pairs with R1: a reader that finds n published finds n's words, or newer ones.
 * W2 pairs with R3: a reader whose copy took any word of a later writer m of the same slot
 *   (m = n + k * part_events) finds head > m at R4, and drops the copy.
 *
 * Windows that stay, named:
 * - killed between W1 and W4: n is never published. Readers skip it and count it as torn.
 * - overtaken: a writer that is held up between W1 and W4 while its part goes round once writes
 *   into a slot that a later event owns. That event's `published` is then n's again, so a reader
 *   counts it as torn; only in the few instructions between the late W3 and the late W4 is a mixed
 *   event taken for whole. It takes a whole lap during one preemption, and a read in those
 *   nanoseconds.
 *
 * tests/units/protocol.c runs every execution of a few writers and a reader over this code, and
 * finds one that goes wrong as soon as one of these orders is weakened.
 *
 * Everything here is async-signal-safe, allocation-free and system-call-free.
 */
#ifndef MEMSHIM_SEGMENT_PUBLISH_H
#define MEMSHIM_SEGMENT_PUBLISH_H

#include <stdatomic.h>
#include <stdbool.h>

#include "layout.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* The word that stands in `published` for claim number n: never 0, which a fresh page holds. */
static inline uint64_t segment_published(uint64_t n)
{
	return n << 1 | 1;
}

static inline uint64_t segment_claim(struct segment_part *part)
{
	/* Relaxed: only uniqueness matters here; W2 orders it before the payload. */
	uint64_t n = atomic_fetch_add_explicit(&part->head, 1, memory_order_relaxed);

	atomic_thread_fence(memory_order_release); /* W2, pairs with R3 */
	return n;
}

/*
 * Word by word and relaxed: a reader may look on (R2), and then drops what it copied.
 * `event->published` is ignored.
 */
static inline void segment_publish(struct segment_event *slot, const struct segment_event *event,
				   uint64_t n)
{
	const uint64_t *from = (const uint64_t *)event;
	_Atomic uint64_t *to = (_Atomic uint64_t *)slot;

#pragma GCC unroll 8
	for (size_t i = 1; i < sizeof *event / sizeof *from; i++)
		atomic_store_explicit(to + i, from[i], memory_order_relaxed);
	atomic_store_explicit(&slot->published, segment_published(n),
			      memory_order_release); /* W4 */
}

enum segment_read {
	READ_WHOLE,       /* *out is event n */
	READ_UNPUBLISHED, /* not there: being written, or its writer died */
	READ_OVERWRITTEN, /* the ring has gone round */
};

/* Reads event n out of a mapping that writers still write to. `part_events` is a power of two. */
static inline enum segment_read segment_read(const struct segment_part *part,
					     const struct segment_event *log, uint64_t part_events,
					     uint64_t n, struct segment_event *out)
{
	const struct segment_event *slot = log + (n & (part_events - 1));
	const _Atomic uint64_t *from = (const _Atomic uint64_t *)slot;
	uint64_t *to = (uint64_t *)out;
	uint64_t published = atomic_load_explicit(&slot->published, memory_order_acquire); /* R1 */
	uint64_t head;

	to[0] = published;
	for (size_t i = 1; i < sizeof *out / sizeof *to; i++)
		to[i] = atomic_load_explicit(from + i, memory_order_relaxed); /* R2 */
	atomic_thread_fence(memory_order_acquire);                      /* R3, pairs with W2 */
	head = atomic_load_explicit(&part->head, memory_order_relaxed); /* R4 */
	if (head - n > part_events)
		return READ_OVERWRITTEN;
	return published == segment_published(n) ? READ_WHOLE : READ_UNPUBLISHED;
}

/*
 * Words that stand alone: no other word's meaning hangs on them, so relaxed is enough; a reader
 * of a counter sees some recent value. `alone`: this process has one thread, so one instruction
 * that no signal can split will do, at a tenth of a locked one's price.
 */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n, bool alone)
{
#if defined(__x86_64__)
	if (LIKELY(alone)) {
		__asm__ volatile("addq %1, %0" : "+m"(*(uint64_t *)counter) : "er"(n) : "cc");
		return;
	}
#else
	(void)alone;
#endif
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/*
 * The same for words that only this process changes, while it is alone: no other CPU writes them,
 * so one instruction without the bus lock is atomic enough, and no signal splits it.
 */
static inline uint32_t half_add_own(_Atomic uint32_t *word, uint32_t n, bool alone)
{
#if defined(__x86_64__)
	if (LIKELY(alone)) {
		uint32_t old = n;

		__asm__ volatile("xaddl %0, %1" : "+r"(old), "+m"(*(uint32_t *)word) : : "cc");
		return old + n;
	}
#else
	(void)alone;
#endif
	return atomic_fetch_add_explicit(word, n, memory_order_relaxed) + n;
}

static inline bool half_take_own(_Atomic uint32_t *word, uint32_t from, uint32_t to, bool alone)
{
#if defined(__x86_64__)
	if (LIKELY(alone)) {
		uint32_t seen = from;

		__asm__ volatile("cmpxchgl %2, %1"
				 : "+a"(seen), "+m"(*(uint32_t *)word)
				 : "r"(to)
				 : "cc", "memory");
		return seen == from;
	}
#else
	(void)alone;
#endif
	return atomic_compare_exchange_strong_explicit(word, &from, to, memory_order_acq_rel,
						       memory_order_relaxed);
}

static inline uint64_t word_load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void word_store(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

/* Hands over what was written before it: pairs with word_accept by another process. */
static inline void word_hand_over(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

static inline uint64_t word_accept(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

/* Bits that stand alone, too. */
#define word_set_bits(word, bits) atomic_fetch_or_explicit(word, bits, memory_order_relaxed)

/* Takes a word from one owner to another; acquire and release, for both sides of the hand-over. */
static inline bool word_take(_Atomic uint64_t *word, uint64_t from, uint64_t to)
{
	return atomic_compare_exchange_strong_explicit(word, &from, to, memory_order_acq_rel,
						       memory_order_relaxed);
}

/* A number that nobody else gets. */
static inline uint64_t counter_next(_Atomic uint64_t *counter)
{
	return atomic_fetch_add_explicit(counter, 1, memory_order_relaxed) + 1;
}

static inline uint32_t half_load(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void half_store(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

static inline uint32_t half_accept(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

static inline void half_hand_over(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

static inline bool half_take(_Atomic uint32_t *word, uint32_t from, uint32_t to)
{
	return atomic_compare_exchange_strong_explicit(word, &from, to, memory_order_acq_rel,
						       memory_order_relaxed);
}

static inline uint32_t half_add(_Atomic uint32_t *word, uint32_t n)
{
	return atomic_fetch_add_explicit(word, n, memory_order_relaxed) + n;
}

/*
 * Both write, and look at nothing that follows before that is seen: of two that each announce
 * something and then look for the other's word, at least one finds it. The second hands over what
 * was written before it, too: pairs with half_accept.
 */
static inline void half_announce(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

static inline void half_announce_one_more(_Atomic uint32_t *word)
{
	(void)atomic_fetch_add_explicit(word, 1, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
}

static inline uint32_t short_load(const _Atomic uint16_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static inline bool short_take(_Atomic uint16_t *word, uint16_t from, uint16_t to)
{
	return atomic_compare_exchange_strong_explicit(word, &from, to, memory_order_acq_rel,
						       memory_order_relaxed);
}

/* Raises *word to value if it is lower: the peaks. */
static inline void word_raise(_Atomic uint64_t *word, uint64_t value)
{
	uint64_t seen = word_load(word);

	while (UNLIKELY(seen < value) &&
	       !atomic_compare_exchange_weak_explicit(word, &seen, value, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

static inline void half_raise(_Atomic uint32_t *word, uint32_t value)
{
	uint32_t seen = half_load(word);

	while (UNLIKELY(seen < value) &&
	       !atomic_compare_exchange_weak_explicit(word, &seen, value, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

#endif
