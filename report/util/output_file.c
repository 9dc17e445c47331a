/* SPDX-License-Identifier: MIT */
#include "report/util/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/util/path.h"
#include "report/util/trust.h"

#define TRIES 16

const char *output_file_error(int error)
{
	return error == EINVAL ? "is not a regular file: give another name" : strerror(error);
}

/* /dev/null, /dev/full, a terminal: the user named a device below /dev on purpose. */
static bool output_is_device(int folder, const char *path, const struct stat *st)
{
	return S_ISCHR(st->st_mode) && folder == AT_FDCWD && strncmp(path, "/dev/", 5) == 0;
}

/* Opens the folder of `path`, and stores the name in it. */
static bool output_open_folder(struct output_file *file, int folder, const char *path)
{
	const char *name = path_base_name(path);
	char parent[PATH_MAX];
	size_t length = (size_t)(name - path);

	errno = ENAMETOOLONG;
	if (strlen(name) > NAME_MAX || length >= sizeof parent)
		return false;
	errno = EISDIR;
	if (!*name)
		return false;
	memcpy(parent, path, length);
	parent[length] = '\0';
	strcpy(file->place, name);
	file->folder = openat(folder, length ? parent : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return file->folder >= 0;
}

static bool output_open_beside(struct output_file *file)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t number;

		if (getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number)
			number = ((uint64_t)getpid() << 32) + (uint64_t)i;
		snprintf(file->beside, sizeof file->beside, ".memshim-%016llx",
			 (unsigned long long)number);
		file->fd = openat(file->folder, file->beside,
				  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (file->fd >= 0 || errno != EEXIST)
			return file->fd >= 0;
	}
	return false;
}

bool output_file_open(struct output_file *file, int folder, const char *path)
{
	int given = regular_named_descriptor(path), error;
	struct stat st;

	*file = (struct output_file){.fd = -1, .folder = -1};
	if (given >= 0)
		file->fd = fcntl(given, F_DUPFD_CLOEXEC, 3);
	else if (fstatat(folder, path, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISREG(st.st_mode)) {
		if (output_open_folder(file, folder, path) && output_open_beside(file))
			return true;
		error = errno;
		if (file->folder >= 0)
			close(file->folder);
		errno = error;
	} else if (output_is_device(folder, path, &st))
		file->fd = openat(folder, path, O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	else
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	return file->fd >= 0;
}

int output_file_close(struct output_file *file, bool whole)
{
	int error = close(file->fd) == 0 ? 0 : errno;

	if (file->folder < 0)
		return error;
	if (whole && !error && renameat(file->folder, file->beside, file->folder, file->place) != 0)
		error = errno;
	if (!whole || error)
		unlinkat(file->folder, file->beside, 0);
	close(file->folder);
	return error;
}
