/* SPDX-License-Identifier: MIT */
/*
 * How an event gets from a hook to a reader. No other file orders memory.
 *
 * The log has one ring for each CPU. A ring overwrites its oldest events. Any thread of any process
 * of the session may write, and a writer never waits. A claim number is given out once; the numbers
 * wrap after 64 bits. Event number n of a ring is in slot n modulo ring_events.
 *
 *   writer (hook, after its call)                reader (recorder or report)
 *   ------------------------------------------   ------------------------------------------------
 *   n = ring.head++                      W1
 *   fence release                        W2      p = event.published                acquire   R1
 *   event.clock .. event.u = ...         W3      p != segment_published(n): not there (yet)
 *   event.published = published(n)       W4      copy event                                   R2
 *     release                                    fence acquire                                R3
 *                                                head = ring.head                             R4
 *                                                head - n > ring_events: overwritten, drop it
 *
 * W4 pairs with R1: a reader that finds n published finds the words of n, or newer ones.
 * W2 pairs with R3: a reader whose copy holds any word of a later writer m of the same slot
 *   (m = n + k * ring_events) finds head > m at R4, and drops the copy.
 *
 * Two windows stay open. First, a writer is killed between W1 and W4: n is never published. Readers
 * skip it and count it as unpublished. Second, a writer is delayed between W1 and W4 while its ring
 * goes round once. It then writes into a slot that a later event owns, and sets `published` of that
 * event to n's again: a reader counts the later event as unpublished. A reader takes a mixed event
 * for a whole one only between the late W3 and the late W4. This needs a whole lap during one
 * preemption, and a read within these few nanoseconds.
 *
 * tests/units/protocol.c runs every execution of a few writers and a reader over this code. It
 * finds a wrong execution as soon as one of these orders is weakened.
 *
 * Everything here is async-signal-safe, allocates nothing and makes no system call.
 */
#ifndef MEMSHIM_SEGMENT_PUBLISH_H
#define MEMSHIM_SEGMENT_PUBLISH_H

#include <stdatomic.h>
#include <stdbool.h>

#include "layout.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* The value of `published` for claim number n. Never 0, which a fresh page holds. */
static inline uint64_t segment_published(uint64_t n)
{
	return n << 1 | 1;
}

static inline uint64_t segment_claim(struct segment_ring *ring)
{
	/* Relaxed: only uniqueness matters here. W2 orders it before the payload. */
	uint64_t n = atomic_fetch_add_explicit(&ring->head, 1, memory_order_relaxed);

	atomic_thread_fence(memory_order_release); /* W2, pairs with R3 */
	return n;
}

/*
 * Stores word by word and relaxed: a reader may copy at the same time (R2), and drops such a copy.
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
	READ_UNPUBLISHED, /* not published: being written, or its writer died */
	READ_OVERWRITTEN, /* the ring has overwritten it */
};

/* Reads event n from a mapping that writers may change. `ring_events` is a power of two. */
static inline enum segment_read segment_read(const struct segment_ring *ring,
					     const struct segment_event *log, uint64_t ring_events,
					     uint64_t n, struct segment_event *out)
{
	const struct segment_event *slot = log + (n & (ring_events - 1));
	const _Atomic uint64_t *from = (const _Atomic uint64_t *)slot;
	uint64_t *to = (uint64_t *)out;
	uint64_t published = atomic_load_explicit(&slot->published, memory_order_acquire); /* R1 */
	uint64_t head;

	to[0] = published;
	for (size_t i = 1; i < sizeof *out / sizeof *to; i++)
		to[i] = atomic_load_explicit(from + i, memory_order_relaxed); /* R2 */
	atomic_thread_fence(memory_order_acquire);                      /* R3, pairs with W2 */
	head = atomic_load_explicit(&ring->head, memory_order_relaxed); /* R4 */
	if (head - n > ring_events)
		return READ_OVERWRITTEN;
	return published == segment_published(n) ? READ_WHOLE : READ_UNPUBLISHED;
}

/*
 * Independent words: the meaning of no other word depends on them, so relaxed is enough. A reader
 * of a counter sees some recent value. `alone`: this process has one thread. Then one instruction,
 * which no signal can split, is enough, at a tenth of the price of a locked one.
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
 * The same for words that only this process changes. While it has one thread (`alone`), no other
 * CPU writes them: one instruction without the bus lock is atomic enough, and no signal splits it.
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

/* Releases all that this thread wrote before. Pairs with word_accept in another process. */
static inline void word_hand_over(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

static inline uint64_t word_accept(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

/* Independent bits: relaxed. */
#define word_set_bits(word, bits) atomic_fetch_or_explicit(word, bits, memory_order_relaxed)

/* Passes a word from one owner to another: acquire and release, for both sides. */
static inline bool word_take(_Atomic uint64_t *word, uint64_t from, uint64_t to)
{
	return atomic_compare_exchange_strong_explicit(word, &from, to, memory_order_acq_rel,
						       memory_order_relaxed);
}

/* A number that no other caller gets. */
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
 * Both store, and make the store visible before any later load. If two threads each announce
 * something and then read the word of the other, at least one of them finds the announcement.
 * half_announce_one_more also releases all that was written before it: pairs with half_accept.
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

/* Raises *word to `value` if it is lower. For peaks. */
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
