/* SPDX-License-Identifier: MIT */
/*
 * Growing arrays. An array is a pointer and its capacity in elements, an unsigned integer of any
 * width, both 0 at first.
 */
#ifndef MEMSHIM_UTIL_ARRAY_H
#define MEMSHIM_UTIL_ARRAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_FIRST_CAPACITY 16u

/*
 * The array with a capacity of `wanted` elements or more, and that capacity in *capacity. Null
 * without memory, or when the capacity would pass `most`: then the array is unchanged.
 */
static inline void *array_grow(void *array, size_t element_bytes, uint64_t *capacity,
			       uint64_t wanted, uint64_t most)
{
	uint64_t doubled = *capacity < most / 2 ? *capacity * 2 : most;
	uint64_t count = wanted > doubled ? wanted : doubled;
	void *grown;

	if (count < ARRAY_FIRST_CAPACITY && most >= ARRAY_FIRST_CAPACITY)
		count = ARRAY_FIRST_CAPACITY;
	if (count > most || count > SIZE_MAX / element_bytes)
		return NULL;
	grown = realloc(array, (size_t)count * element_bytes);
	if (grown)
		*capacity = count;
	return grown;
}

/* The largest value of an unsigned integer's type. */
#define ARRAY_TYPE_MAX(integer) ((uint64_t)(__typeof__(integer))-1)

/*
 * Makes the capacity `wanted` elements or more, and writes both `array` and `capacity`. False
 * without memory: then both are unchanged.
 */
#define ARRAY_RESERVE(array, capacity, wanted)                                                    \
	__extension__({                                                                           \
		uint64_t array_wanted = (wanted), array_capacity = (capacity);                    \
		bool array_ok = array_wanted <= array_capacity;                                   \
                                                                                                  \
		if (!array_ok) {                                                                  \
			void *array_grown = array_grow((array), sizeof *(array), &array_capacity, \
						       array_wanted, ARRAY_TYPE_MAX(capacity));   \
                                                                                                  \
			array_ok = array_grown != NULL;                                           \
			if (array_ok) {                                                           \
				(array) = array_grown;                                            \
				(capacity) = (__typeof__(capacity))array_capacity;                \
			}                                                                         \
		}                                                                                 \
		array_ok;                                                                         \
	})

/* The same; new elements are zero. */
#define ARRAY_RESERVE_ZEROED(array, capacity, wanted)                                             \
	__extension__({                                                                           \
		uint64_t array_old = (capacity);                                                  \
		bool array_enough = ARRAY_RESERVE(array, capacity, wanted);                       \
                                                                                                  \
		if ((capacity) > array_old)                                                       \
			memset((array) + array_old, 0, ((capacity)-array_old) * sizeof *(array)); \
		array_enough;                                                                     \
	})

#endif
