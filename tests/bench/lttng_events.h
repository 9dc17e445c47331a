/* SPDX-License-Identifier: MIT */
/*
 * The only tracepoint of liblttng.c: the arguments of the call, and the two words that memshim also
 * stores. lttng/tracepoint-event.h includes this file several times.
 */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER memshim_bench
#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "tests/bench/lttng_events.h"

#if !defined(MEMSHIM_BENCH_LTTNG_EVENTS_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define MEMSHIM_BENCH_LTTNG_EVENTS_H

#include <lttng/tracepoint.h>

/* clang-format off */
LTTNG_UST_TRACEPOINT_EVENT(
	memshim_bench, call,
	LTTNG_UST_TP_ARGS(int, kind, unsigned long, argument, unsigned long, other,
			  unsigned long, result),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(int, kind, kind)
		lttng_ust_field_integer_hex(unsigned long, argument, argument)
		lttng_ust_field_integer_hex(unsigned long, other, other)
		lttng_ust_field_integer_hex(unsigned long, result, result)))
/* clang-format on */

#endif

#include <lttng/tracepoint-event.h>
