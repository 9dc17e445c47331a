/* SPDX-License-Identifier: MIT */
/*
 * System calls without libc. Another preloaded library may replace any libc function, and may not
 * be ready yet when it is called; the kernel always is. Each function returns the kernel's result:
 * -errno (-4095 .. -1) on failure. errno is never changed.
 *
 * Safe everywhere: in signal handlers, and in code that runs under malloc's lock.
 */
#ifndef MEMSHIM_COMMON_RAW_H
#define MEMSHIM_COMMON_RAW_H

#include <stdbool.h>
#include <sys/syscall.h>

#if defined(__x86_64__)

#define raw_call6 raw_call6_x86_64
static inline long raw_call6_x86_64(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#elif defined(__aarch64__)

#define raw_call6 raw_call6_aarch64
static inline long raw_call6_aarch64(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

#else
#error "memshim supports x86-64 and aarch64"
#endif

static inline long raw_call3(long nr, long a, long b, long c)
{
	return raw_call6(nr, a, b, c, 0, 0, 0);
}

static inline bool raw_failed(long ret)
{
	return (unsigned long)ret > -4096UL;
}

#endif
