// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The main() of a fuzz target without libFuzzer: every file of its corpus, cut short and with bits turned over, in an
 * order that never changes. TAP on stdout; whatever the target finds kills the process.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CUTS 32
#define FLIPS 64
#define MOST_SECONDS 1.5

static size_t inputs;
static struct timespec start;

static bool time_is_left(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 < MOST_SECONDS;
}

/* In a block of its own size, so that one byte too far is seen. */
static void feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + !size);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	inputs++;
}

static void feed_cut(const uint8_t *data, size_t size)
{
	size_t step = size / CUTS + 1;

	for (size_t n = 0; n < size && time_is_left(); n += step)
		feed(data, n);
	if (size > 1 && time_is_left())
		feed(data, size - 1);
}

static void feed_flipped(uint8_t *data, size_t size)
{
	uint32_t random = 2463534242;

	for (int i = 0; size && i < FLIPS && time_is_left(); i++) {
		uint8_t bit;
		size_t at;

		random ^= random << 13; /* xorshift32 */
		random ^= random >> 17;
		random ^= random << 5;
		at = (random >> 3) % size;
		bit = (uint8_t)(1U << (random & 7));
		data[at] ^= bit;
		feed(data, size);
		data[at] ^= bit;
	}
}

/* The whole file, or NULL. */
static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "re");
	uint8_t *data = NULL;
	struct stat s;

	if (!file)
		return NULL;
	if (fstat(fileno(file), &s) == 0 && S_ISREG(s.st_mode)) {
		*size = (size_t)s.st_size;
		data = malloc(*size + 1);
		if (data && fread(data, 1, *size, file) != *size) {
			free(data);
			data = NULL;
		}
	}
	fclose(file);
	return data;
}

/* Whole files first, so that the time goes to all of them before the variations begin. */
static void feed_all(const char *directory, struct dirent **entry, int entries)
{
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < entries; i++) {
			OWN_FREE uint8_t *data = NULL;
			char path[4096];
			size_t size;

			snprintf(path, sizeof(path), "%s/%s", directory, entry[i]->d_name);
			data = read_file(path, &size);
			if (!data)
				continue;
			if (round == 0)
				feed(data, size);
			else if (round == 1)
				feed_cut(data, size);
			else
				feed_flipped(data, size);
		}
}

static const char *name_of(const char *program)
{
	const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;

	if (!strncmp(name, "lt-", 3))
		name += 3;
	return strncmp(name, "fuzz_", 5) ? name : name + 5;
}

int main(int argc, char **argv)
{
	const char *name = name_of(argv[0]), *top = getenv("top_srcdir");
	char directory[2048];
	struct dirent **entry;
	int entries;

	if (argc > 1)
		snprintf(directory, sizeof(directory), "%s", argv[1]);
	else
		snprintf(directory, sizeof(directory), "%s/tests/fuzz/corpus/%s", top ? top : ".", name);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..1\n");
	clock_gettime(CLOCK_MONOTONIC, &start);
	entries = scandir(directory, &entry, NULL, alphasort);
	if (entries < 0)
		printf("# %s: %s\n", directory, strerror(errno));
	feed_all(directory, entry, entries);
	while (entries > 0)
		free(entry[--entries]);
	if (entries == 0)
		free(entry);
	printf(inputs ? "ok 1 - %s: %zu inputs\n" : "not ok 1 - %s: %zu inputs, the corpus is empty\n", name, inputs);
	return inputs ? 0 : 1;
}
