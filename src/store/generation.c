// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/generation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/file.h"

#define BROKEN ".broken"
#define KEPT 3
#define LOOKED_AT 64 /* the newest, in one directory */

struct generations {
	size_t count;
	uint32_t number[LOOKED_AT]; /* the newest first */
	uint32_t last;		    /* highest number in use, those put aside too */
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

	if ((unlinkat(dir, TEMPORARY "live", 0) < 0 && errno != ENOENT) || symlinkat(name.text, dir, TEMPORARY "live") < 0 ||
	    renameat(dir, TEMPORARY "live", dir, "live") < 0 || fsync(dir) < 0)
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

/* Failures are ignored: the new generation is live, and the next run removes the old ones. */
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

/* The files of one generation; NULL: there is none. */
struct files {
	char *key, *full, *cert, *chain;
	char *form;   /* PKCS#12, if there is one */
	bool keyless; /* the key is elsewhere */
	size_t key_length, full_length, cert_length, chain_length, form_length;
};

static void free_files(struct files *files)
{
	if (files->key)
		explicit_bzero(files->key, files->key_length);
	free(files->key);
	free(files->full);
	free(files->cert);
	free(files->chain);
	free(files->form);
}
#define OWN_FILES __attribute__((cleanup(free_files)))

/* As below. */
static int read_one(int dir, const char *name, char **data, size_t *length, struct fault *fault)
{
	*data = file_read(dir, name, length);
	if (*data)
		return 1;
	return file_is_broken(errno) ? 0 : fault_errno(fault, FAULT_LATER, "%s", name);
}

/* 1: all of them. 0: one is broken, but for PKCS#12, which can be made anew. -1: one cannot be read, which says nothing about it. */
static int read_files(int dir, struct files *files, struct fault *fault)
{
	int rc = 1;

	files->keyless = file_exists(dir, KEYLESS);
	if (!files->keyless)
		rc = read_one(dir, "privkey.pem", &files->key, &files->key_length, fault);
	if (rc > 0)
		rc = read_one(dir, "fullchain.pem", &files->full, &files->full_length, fault);
	if (rc > 0)
		rc = read_one(dir, "cert.pem", &files->cert, &files->cert_length, fault);
	if (rc > 0)
		rc = read_one(dir, "chain.pem", &files->chain, &files->chain_length, fault);
	if (rc > 0 && read_one(dir, "bundle.p12", &files->form, &files->form_length, fault) < 0)
		return -1;
	return rc;
}

/* 1: it is these two, one behind the other, or is not there: generations had no such files once. 0: it is not. -1: as above. */
static int compare_joined(int dir, const char *name, const char *first, size_t m, const char *second, size_t n, struct fault *fault)
{
	size_t length;
	char *content = file_read(dir, name, &length);
	int same;

	if (!content && errno == ENOENT)
		return 1;
	if (!content)
		return file_is_broken(errno) ? 0 : fault_errno(fault, FAULT_LATER, "%s", name);
	same = length == m + n && !memcmp(content, first, m) && !memcmp(content + m, second, n);
	explicit_bzero(content, length);
	free(content);
	return same;
}

/* Do all files say the same? As above. */
static int compare_files(int dir, const struct files *f, struct fault *fault)
{
	int rc = f->full_length == f->cert_length + f->chain_length && !memcmp(f->full, f->cert, f->cert_length) &&
		 !memcmp(f->full + f->cert_length, f->chain, f->chain_length);

	if (f->keyless)
		return rc;
	if (rc > 0)
		rc = compare_joined(dir, "combined.pem", f->full, f->full_length, f->key, f->key_length, fault);
	if (rc > 0)
		rc = compare_joined(dir, "keyfirst.pem", f->key, f->key_length, f->full, f->full_length, fault);
	return rc;
}

/* As above, by whoever can read keys and certificates. */
static int ask_examiner(const struct files *f, const struct examiner *examiner, struct verdict *verdict, struct fault *fault)
{
	size_t length = sizeof(struct bundle) + f->key_length + f->full_length;
	const size_t form = f->form && length + f->form_length <= WIRE_DATA ? f->form_length : 0;
	struct bundle *bundle;
	int rc;

	if (!f->key_length != f->keyless || f->key_length >= KEY_PEM_SIZE || !f->cert_length || f->full_length > CHAIN_SIZE)
		return 0;
	length += form;
	bundle = malloc(length);
	if (!bundle)
		return fault_errno(fault, FAULT_LATER, "reading a certificate");
	*bundle = (struct bundle){ .key_length = (uint32_t)f->key_length,
				   .leaf_length = (uint32_t)f->cert_length,
				   .form_length = (uint32_t)form };
	if (f->key)
		memcpy(bundle->text, f->key, f->key_length);
	memcpy(bundle->text + f->key_length, f->full, f->full_length);
	if (form)
		memcpy(bundle->text + f->key_length + f->full_length, f->form, form);
	rc = examiner->examine(examiner->context, bundle, length, verdict, fault);
	explicit_bzero(bundle, length);
	free(bundle);
	return rc < 0 ? -1 : verdict->whole != 0;
}

int generation_open(int dir, uint32_t number)
{
	struct number_text name = spell(number);

	return dir_open(dir, name.text);
}

int generation_examine(int dir, uint32_t number, const struct examiner *examiner, struct verdict *verdict, struct fault *fault)
{
	struct number_text name = spell(number);
	OWN_FD int generation = generation_open(dir, number);
	OWN_FILES struct files files = { 0 };
	int rc;

	if (generation < 0)
		return file_is_broken(errno) ? 0 : fault_errno(fault, FAULT_LATER, "generation %s", name.text);
	rc = read_files(generation, &files, fault);
	if (rc > 0)
		rc = compare_files(generation, &files, fault);
	return rc > 0 ? ask_examiner(&files, examiner, verdict, fault) : rc;
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

int generation_find_whole(int dir, const struct examiner *examiner, struct verdict *verdict, uint32_t *number, struct fault *fault)
{
	struct generations generations;

	*number = 0;
	if (list_generations(dir, &generations, fault) < 0)
		return -1;
	for (size_t i = 0; i < generations.count; i++) {
		int whole = generation_examine(dir, generations.number[i], examiner, verdict, fault);

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
