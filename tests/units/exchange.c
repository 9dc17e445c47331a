/* SPDX-License-Identifier: MIT */
/*
 * exchange: three threads write into one small ring of a log while a fourth one reads it. Each
 * event that the reader takes for whole must be one that was written. The writers meet before each
 * lap, so that no writer is overtaken (a window that preload/segment/publish.h names). They
 * continue until the reader has read enough, however late it got a CPU.
 *
 * Made for ThreadSanitizer, which finds a payload that is not atomic. protocol.c tests the memory
 * orders.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "preload/segment/publish.h"

#define WRITERS 3
#define RING_EVENTS 1024
#define LAPS 400                     /* at least */
#define EACH (RING_EVENTS / WRITERS) /* events of each writer in a lap */

static struct segment_ring ring = {SEGMENT_FIRST_CLAIM, ""};
static struct segment_event events[RING_EVENTS];
static pthread_barrier_t lap;
static _Atomic uint32_t writing = WRITERS, satisfied, over;

/* One thread decides for all. */
static bool begin_lap(uint32_t i)
{
	if (pthread_barrier_wait(&lap) == PTHREAD_BARRIER_SERIAL_THREAD)
		half_store(&over, i >= LAPS && half_load(&satisfied));
	pthread_barrier_wait(&lap);
	return !half_load(&over);
}

static void *write_laps(void *unused)
{
	for (uint32_t i = 0; begin_lap(i); i++) {
		for (uint32_t k = 0; k < EACH; k++) {
			uint64_t n = segment_claim(&ring);
			struct segment_event event = {.clock = n, .u.word = {n, n, n, n}};

			segment_publish(events + (n & (RING_EVENTS - 1)), &event, n);
		}
	}
	half_add(&writing, (uint32_t)-1);
	return unused;
}

static bool is_right(const struct segment_event *event, uint64_t n)
{
	const uint64_t right[4] = {n, n, n, n};

	return event->clock == n && memcmp(event->u.word, right, sizeof right) == 0;
}

/* Reads what the ring holds again and again, wherever its head is. */
static uint64_t read_all(uint64_t *whole)
{
	uint64_t wrong = 0, head, last = 0;
	struct segment_event event;

	do {
		last = half_load(&writing);
		head = word_load(&ring.head);
		for (uint64_t n = head - RING_EVENTS; n != head; n++)
			if (segment_read(&ring, events, RING_EVENTS, n, &event) == READ_WHOLE) {
				++*whole;
				wrong += !is_right(&event, n);
			}
		half_store(&satisfied, *whole > RING_EVENTS);
	} while (last > 0);
	return wrong;
}

int main(void)
{
	pthread_t thread[WRITERS];
	uint64_t whole = 0, wrong;

	pthread_barrier_init(&lap, NULL, WRITERS);
	for (int i = 0; i < WRITERS; i++)
		if (pthread_create(&thread[i], NULL, write_laps, NULL) != 0)
			return 2;
	wrong = read_all(&whole);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(thread[i], NULL);
	printf("%s; %llu wrong\n", whole > RING_EVENTS ? "read" : "nothing read",
	       (unsigned long long)wrong);
	return wrong != 0;
}
