// SPDX-License-Identifier: GPL-3.0-or-later
#include "generation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "store.h"

#define BROKEN ".broken"
#define KEPT 3
#define LOOKED_AT 64	/* the newest, in one directory */

struct generations {
	size_t count;
	uint32_t number[LOOKED_AT];	/* the newest first */
	uint32_t last;			/* highest number in use, those put aside too */
};

struct number_text {
	char text[24];
};

static struct number_text spell(uint32_t number)
{
	struct number_text name;

	snprintf(name.text, sizeof(name.text), "%" PRIu32, number);
	return name;
}

/* 0: this is not the name of a generation. *end is what stands behind the number. */
static uint32_t parse_number(const char *name, const char **end)
{
	uint32_t number = 0;
	size_t digits = strspn(name, "0123456789");

	*end = name + digits;
	if (!digits || digits > 9 || name[0] == '0')
		return 0;
	for (const char *c = name; c < *end; c++)
		number = number * 10 + (uint32_t)(*c - '0');
	return number;
}

static int add_generation(int dir, const char *name, void *context)
{
	struct generations *generations = context;
	const char *end;
	uint32_t number = parse_number(name, &end);
	size_t i = generations->count;

	(void)dir;
	if (!number || (*end && strcmp(end, BROKEN)))
		return 0;
	if (number > generations->last)
		generations->last = number;
	if (*end || (i == LOOKED_AT && number < generations->number[i - 1]))
		return 0;
	if (i == LOOKED_AT)
		i--;
	else
		generations->count++;
	for (; i > 0 && generations->number[i - 1] < number; i--)
		generations->number[i] = generations->number[i - 1];
	generations->number[i] = number;
	return 0;
}

static int list_generations(int dir, struct generations *generations, struct fault *fault)
{
	memset(generations, 0, sizeof(*generations));
	if (dir_each(dir, add_generation, generations) < 0)
		return fault_errno(fault, FAULT_FAILED, "listing the generations");
	return 0;
}

uint32_t generation_next(int dir, struct fault *fault)
{
	struct generations generations;

	return list_generations(dir, &generations, fault) < 0 ? 0 : generations.last + 1;
}

int generation_name(int dir, const char *temporary, uint32_t number, struct fault *fault)
{
	struct number_text name = spell(number);

	if (renameat(dir, temporary, dir, name.text) < 0 || fsync(dir) < 0)
		return fault_errno(fault, FAULT_FAILED, "naming generation %s", name.text);
	return 0;
}

uint32_t generation_live(int dir, bool *unusable)
{
	char target[16];
	const char *end;
	ssize_t n = readlinkat(dir, "live", target, sizeof(target) - 1);
	uint32_t number;

	*unusable = n >= 0 || errno != ENOENT;
	if (n <= 0)
		return 0;
	target[n] = '\0';
	number = parse_number(target, &end);
	if (!number || *end)
		return 0;
	*unusable = false;
	return number;
}

int generation_switch(int dir, uint32_t number, struct fault *fault)
{
	struct number_text name = spell(number);

	if ((unlinkat(dir, TEMPORARY "live", 0) < 0 && errno != ENOENT) ||
	    symlinkat(name.text, dir, TEMPORARY "live") < 0 || renameat(dir, TEMPORARY "live", dir, "live") < 0 ||
	    fsync(dir) < 0)
		return fault_errno(fault, FAULT_FAILED, "making generation %s the live one", name.text);
	return 0;
}

/* Removing takes several steps, so the generation loses its name first. */
static int remove_named(int dir, uint32_t number, const char *suffix)
{
	char old[32], aside[48];

	snprintf(old, sizeof(old), "%" PRIu32 "%s", number, suffix);
	snprintf(aside, sizeof(aside), TEMPORARY "%s", old);
	if (renameat(dir, old, dir, aside) < 0)
		return -1;
	return dir_remove(dir, aside);
}

void generation_remove(int dir, uint32_t number)
{
	(void)remove_named(dir, number, "");
}

static int prune_broken(int dir, const char *name, void *context)
{
	const uint32_t *oldest = context;
	const char *end;
	uint32_t number = parse_number(name, &end);

	if (number && number < *oldest && !strcmp(end, BROKEN))
		(void)remove_named(dir, number, BROKEN);
	return 0;
}

/* What cannot be removed now will be the next time: the new generation is live, and that is what counts. */
void generation_prune(int dir, uint32_t live)
{
	struct generations generations;
	struct fault ignored;
	size_t kept = 1;
	uint32_t oldest = live;

	if (list_generations(dir, &generations, &ignored) < 0)
		return;
	for (size_t i = 0; i < generations.count; i++) {
		uint32_t number = generations.number[i];

		if (number == live)
			continue;
		if (kept < KEPT) {
			kept++;
			oldest = number < oldest ? number : oldest;
		} else {
			(void)remove_named(dir, number, "");
		}
	}
	if (dir_each(dir, prune_broken, &oldest) == 0)
		(void)fsync(dir);
}

/* 1: the file has this content. 0: it has not. -1: it cannot be read. */
static int compare_file(int dir, const char *name, const char *data, size_t length)
{
	size_t n;
	OWN_FREE char *content = file_read(dir, name, &n);

	if (!content)
		return file_is_broken(errno) ? 0 : -1;
	return n == length && !memcmp(content, data, n);
}

/* 1: it is these two, one behind the other, or is not there: generations had no such files once. 0: it is not. -1: as above. */
static int compare_joined(int dir, const char *name, const char *first, size_t m, const char *second, size_t n)
{
	size_t length;
	char *content = file_read(dir, name, &length);
	int same;

	if (!content)
		return errno == ENOENT ? 1 : file_is_broken(errno) ? 0 : -1;
	same = length == m + n && !memcmp(content, first, m) && !memcmp(content + m, second, n);
	crypto_wipe(content, length);
	free(content);
	return same;
}

static int compare_both_joined(int dir, const char *chain, size_t n)
{
	size_t length;
	char *key = file_read(dir, "privkey.pem", &length);
	int rc = key ? compare_joined(dir, "combined.pem", chain, n, key, length) : -1;

	if (rc > 0)
		rc = compare_joined(dir, "keyfirst.pem", key, length, chain, n);
	if (key)
		crypto_wipe(key, length);
	free(key);
	return rc;
}

/* 1: key and certificate belong together and all files agree. 0: they do not. -1: that could not be found out. */
static int examine_files(int dir, struct facts *facts, struct fault *fault)
{
	size_t length, leaf, n;
	OWN_KEY struct key *key = store_read_key(dir, "privkey.pem", fault);
	OWN_FREE char *pem = key ? file_read(dir, "fullchain.pem", &length) : NULL;
	OWN_CHAIN struct chain *chain = pem ? chain_read(pem, length, fault) : NULL;
	const char *text;
	int cert, rest, joined;

	if (key && !pem)
		fault_errno(fault, file_is_broken(errno) ? FAULT_FAILED : FAULT_LATER, "fullchain.pem");
	if (!chain)
		return fault->kind == FAULT_LATER ? -1 : 0;
	text = chain_text(chain, &leaf, &n);
	cert = compare_file(dir, "cert.pem", text, leaf);
	rest = compare_file(dir, "chain.pem", text + leaf, n - leaf);
	joined = compare_both_joined(dir, pem, length);
	if (cert < 0 || rest < 0 || joined < 0)
		return fault_errno(fault, FAULT_LATER, "reading the certificate");
	if (chain_facts(chain, facts, fault) < 0)
		return fault->kind == FAULT_LATER ? -1 : 0;
	return cert && rest && joined && n == length && chain_has_key(chain, key);
}

int generation_examine(int dir, uint32_t number, struct facts *facts, struct fault *fault)
{
	struct number_text name = spell(number);
	OWN_FD int generation = dir_open(dir, name.text);

	if (generation < 0)
		return file_is_broken(errno) ? 0 : fault_errno(fault, FAULT_LATER, "generation %s", name.text);
	return examine_files(generation, facts, fault);
}

int generation_put_aside(int dir, uint32_t number, struct fault *fault)
{
	struct number_text name = spell(number);
	char aside[48];

	if (!number)
		snprintf(name.text, sizeof(name.text), "live");
	snprintf(aside, sizeof(aside), "%s" BROKEN, name.text);
	if (renameat(dir, name.text, dir, aside) < 0 && errno != ENOENT)
		return fault_errno(fault, FAULT_FAILED, "renaming what is broken to %s", aside);
	return 0;
}

int generation_find_whole(int dir, struct facts *facts, uint32_t *number, struct fault *fault)
{
	struct generations generations;

	*number = 0;
	if (list_generations(dir, &generations, fault) < 0)
		return -1;
	for (size_t i = 0; i < generations.count; i++) {
		int whole = generation_examine(dir, generations.number[i], facts, fault);

		if (whole < 0)
			return -1;
		if (whole) {
			*number = generations.number[i];
			return 0;
		}
		if (generation_put_aside(dir, generations.number[i], fault) < 0)
			return -1;
	}
	return 0;
}
