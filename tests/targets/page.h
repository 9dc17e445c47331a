/* SPDX-License-Identifier: MIT */
/*
 * A page that a target shares with its test. The target counts there what it has done, however it
 * ends. The test writes there how many calls the target may make.
 */
#ifndef MEMSHIM_TESTS_PAGE_H
#define MEMSHIM_TESTS_PAGE_H

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES 65536
#define PAGE_WORKERS 1000

struct page {
	_Atomic uint64_t pid;
	_Atomic uint64_t limit; /* calls that each worker may make; the test raises it */
	_Atomic uint64_t stop;  /* the test sets it: the target must exit */
	_Atomic uint64_t wrong; /* wrong results */
	struct {
		_Atomic uint64_t tid;
		_Atomic uint64_t finished; /* calls that have returned */
	} worker[PAGE_WORKERS];
};

static inline struct page *page_map(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *at = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	close(fd);
	return at;
}

#endif
