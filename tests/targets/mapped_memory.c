/* SPDX-License-Identifier: MIT */
/*
 * mapped_memory: makes each call that maps memory, by name, by libc's own entry, by syscall(2) and
 * from malloc and pthread_create, also with arguments that libc or the kernel refuses.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define BLOCK (1 << 20)
#define THREADS 4
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

static int wrong;
#define EXPECT(what, error)                                                       \
	do {                                                                      \
		errno = 0;                                                        \
		if (!(what) || errno != (error))                                  \
			wrong = 1, printf("wrong: %s, errno %d\n", #what, errno); \
	} while (0)

static pthread_barrier_t together;

static void *thread_allocates(void *unused)
{
	char *small = malloc(1000), *large;

	(void)unused;
	pthread_barrier_wait(&together); /* each thread has an arena of its own */
	small[999] = 1;
	large = malloc(BLOCK);
	large[BLOCK - 1] = 1;
	large = realloc(large, 4 * BLOCK);
	free(large);
	free(small);
	return NULL;
}

static void use_threads(void)
{
	pthread_t threads[THREADS];

	pthread_barrier_init(&together, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		EXPECT(pthread_create(&threads[i], NULL, thread_allocates, NULL) == 0, 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void call_by_name(void)
{
	char *at = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, PRIVATE, -1, 0), *moved;
	char *shared = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	FILE *self = fopen("/proc/self/exe", "re");
	char *file = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fileno(self), 0);

	EXPECT(at != MAP_FAILED && shared != MAP_FAILED && file != MAP_FAILED, 0);
	EXPECT(mmap(at + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fileno(self), 0) ==
		       at + PAGE,
	       0);
	EXPECT(mmap(at, PAGE, PROT_READ, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED,
	       EEXIST);
	EXPECT(mmap(NULL, PAGE, PROT_READ, PRIVATE, -1, 77) == MAP_FAILED, EINVAL);
	EXPECT(mmap(NULL, 0, PROT_READ, PRIVATE, -1, 0) == MAP_FAILED, EINVAL);
	EXPECT(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0) == MAP_FAILED, EBADF);
	EXPECT(mprotect(at + 2 * PAGE, PAGE, PROT_NONE) == 0, 0);
	EXPECT(mprotect(at + 1, PAGE, PROT_NONE) == -1, EINVAL);
	EXPECT(madvise(at + 4 * PAGE, PAGE, MADV_DONTNEED) == 0, 0);
	EXPECT(madvise(at + 4 * PAGE, PAGE, MADV_FREE) == 0, 0);
	EXPECT(madvise(at + 4 * PAGE, PAGE, MADV_WILLNEED) == 0, 0);
	EXPECT(madvise(at + 1, PAGE, MADV_DONTNEED) == -1, EINVAL);
	EXPECT(munmap(at + 8 * PAGE, PAGE) == 0, 0);
	EXPECT(munmap(at + 1, PAGE) == -1, EINVAL);
	moved = mremap(at + 4 * PAGE, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	EXPECT(moved != MAP_FAILED && moved != at + 4 * PAGE, 0);
	EXPECT(mremap(moved, 64 * PAGE, 32 * PAGE, 0) == moved, 0);
	EXPECT(mremap(moved, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + 4 * PAGE) ==
		       at + 4 * PAGE,
	       0);
	EXPECT(mremap(at + 1, PAGE, PAGE, MREMAP_MAYMOVE) == MAP_FAILED, EINVAL);
	EXPECT(mremap(at, PAGE, PAGE, MREMAP_FIXED, moved) == MAP_FAILED, EINVAL);
	EXPECT(mremap(at, PAGE, PAGE, 0x63) == MAP_FAILED, EINVAL);
	munmap(shared, PAGE);
	munmap(file, PAGE);
	fclose(self);
}

static void call_otherwise(void)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	void *(*own_mmap)(void *, size_t, int, int, int,
			  off_t) = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(libc,
											  "mmap64");
	int (*own_munmap)(void *, size_t) = (int (*)(void *, size_t))dlsym(libc, "munmap");
	char *at = own_mmap(NULL, 3 * PAGE, PROT_READ, PRIVATE, -1, 0);

	EXPECT(at != MAP_FAILED && own_munmap(at, 3 * PAGE) == 0, 0);
	at = (char *)syscall(SYS_mmap, NULL, (size_t)4 * PAGE, PROT_READ, PRIVATE, -1, (off_t)0);
	EXPECT(syscall(SYS_mprotect, at, (size_t)PAGE, PROT_READ | PROT_WRITE) == 0, 0);
	EXPECT(syscall(SYS_madvise, at, (size_t)PAGE, MADV_DONTNEED) == 0, 0);
	EXPECT((char *)syscall(SYS_mremap, at, (size_t)4 * PAGE, (size_t)2 * PAGE, 0, NULL) == at,
	       0);
	EXPECT(syscall(SYS_mremap, at, (size_t)PAGE, (size_t)PAGE, 0x63, NULL) == -1, EINVAL);
	EXPECT(syscall(SYS_mmap, NULL, (size_t)PAGE, PROT_READ, PRIVATE, -1, (off_t)77) == -1,
	       EINVAL);
	EXPECT(syscall(SYS_munmap, at, (size_t)2 * PAGE) == 0, 0);
	EXPECT(syscall(SYS_getppid) == getppid(), 0);
}

/* With an argument, the test looks at the process before and after. */
static void stop_at(const char *what)
{
	puts(what);
	fflush(stdout);
	getchar();
}

int main(int argc, char **argv)
{
	int status = 0;
	pid_t child;

	(void)argv;
	if (argc > 1)
		stop_at("begins");
	call_by_name();
	call_otherwise();
	use_threads();
	if (argc > 1)
		stop_at("done");
	child = fork();
	if (child == 0) {
		munmap(mmap(NULL, BLOCK, PROT_READ, PRIVATE, -1, 0), BLOCK);
		_exit(wrong);
	}
	EXPECT(waitpid(child, &status, 0) == child && status == 0, 0);
	return wrong;
}
