// SPDX-License-Identifier: GPL-3.0-or-later
#include "check/lines.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"

#define LINE_SIZE 1024
#define MOST_LINES 5000
#define MOST_PATH 256

void lines_read(const char *path, lines_take *take, void *context)
{
	struct stat s;
	FILE *file = stat(path, &s) == 0 && S_ISREG(s.st_mode) ? fopen(path, "re") : NULL;
	char line[LINE_SIZE], place[LINES_PLACE];
	bool more = true;

	for (unsigned int number = 1; file && more && number <= MOST_LINES && fgets(line, sizeof(line), file); number++) {
		const char *at = line + strspn(line, " \t");

		snprintf(place, sizeof(place), "%.*s:%u", MOST_PATH, path, number);
		more = *at == '#' || take(context, place, at);
	}
	if (file)
		fclose(file);
}

void lines_read_all(const char *directory, const char *suffix, lines_take *take, void *context)
{
	OWN_DIR DIR *dir = opendir(directory);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		size_t length = strlen(entry->d_name), end = strlen(suffix);
		char path[MOST_PATH];

		if (entry->d_name[0] == '.' || length < end || strcmp(entry->d_name + length - end, suffix) != 0)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) < (int)sizeof(path))
			lines_read(path, take, context);
	}
}
