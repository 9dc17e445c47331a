/* SPDX-License-Identifier: MIT */
#include "report/view/ipcs_files.h"

#include <stdlib.h>
#include <string.h>

#include "report/model/ipc.h"
#include "report/util/format.h"

#define FILES_NAMED 3u
#define IDS_NAMED 6u

static const char *recording_of(const struct table *table, unsigned i)
{
	return ((const struct ipc_segment *)table->rows[i])->creator.recording;
}

/*
 * The recording's name, without the folder if that is the current one. Null: the default
 * recording, which needs no name on the command line.
 */
static const char *short_name(const char *recording, const char *folder)
{
	size_t length = folder ? strlen(folder) : 0;

	if (length == 0 || strncmp(recording, folder, length) != 0 || recording[length] != '/' ||
	    strchr(recording + length + 1, '/'))
		return recording;
	return strcmp(recording + length + 1, "memshim.data") == 0 ? NULL : recording + length + 1;
}

static void ipcs_files_put_ids(struct out *out, const struct table *table, unsigned first)
{
	unsigned count = 0;

	for (unsigned i = first; i < table->row_count; i++) {
		if (strcmp(recording_of(table, i), recording_of(table, first)) != 0)
			continue;
		if (count < IDS_NAMED) {
			out_text(out, count ? ", " : "");
			out_number(out, (uint32_t)((const struct ipc_segment *)table->rows[i])
						->kernel.shmid);
		}
		count++;
	}
	if (count <= IDS_NAMED)
		return;
	OUT(out, " and ");
	out_number(out, count - IDS_NAMED);
	OUT(out, " more");
}

/* The recording that has details: "see 'memshim report FILE' for 3, 4". */
static bool ipcs_files_put_file(struct out *out, const struct table *table, unsigned first,
				const char *folder)
{
	const char *file = short_name(recording_of(table, first), folder);
	char *word = file ? format_word(file) : NULL;

	if (!word)
		return false;
	OUT(out, "see 'memshim report ");
	out_safe(out, word);
	OUT(out, "' for ");
	ipcs_files_put_ids(out, table, first);
	out_char(out, '\n');
	free(word);
	return true;
}

static bool is_first_of_file(const struct table *table, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (strcmp(recording_of(table, k), recording_of(table, i)) == 0)
			return false;
	return recording_of(table, i)[0];
}

void ipcs_files_text(struct out *out, const struct table *table, const char *folder)
{
	unsigned named = 0;

	for (unsigned i = 0; i < table->row_count && named < FILES_NAMED; i++)
		if (is_first_of_file(table, i))
			named += ipcs_files_put_file(out, table, i, folder);
}
