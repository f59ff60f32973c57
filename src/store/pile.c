// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/pile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#define BLOCKS 16
#define LABEL 40 /* characters: "ENCRYPTED PRIVATE KEY" is a long one */
#define BEGIN "-----BEGIN "
#define DASHES "-----"

struct block {
	const char *at;
	size_t length;
};

struct pile {
	struct block key;
	size_t keys, certificates;
	struct block certificate[BLOCKS];
};

static bool ends_with(const char *label, size_t length, const char *end)
{
	size_t n = strlen(end);

	return length >= n && !memcmp(label + length - n, end, n);
}

/* Was the same certificate there before? Clients keep it alone and at the head of its chain. */
static bool is_known(const struct pile *pile, const struct block *block)
{
	for (size_t i = 0; i < pile->certificates; i++)
		if (pile->certificate[i].length == block->length && !memcmp(pile->certificate[i].at, block->at, block->length))
			return true;
	return false;
}

static int add(struct pile *pile, const char *label, size_t length, const struct block *block, struct fault *fault)
{
	if (ends_with(label, length, "PRIVATE KEY")) {
		pile->key = *block;
		return pile->keys++ ?
			       fault_set(fault, FAULT_FAILED, "there are two private keys: name the files of one certificate") :
			       0;
	}
	if (length != strlen("CERTIFICATE") || !ends_with(label, length, "CERTIFICATE") || is_known(pile, block))
		return 0;
	if (pile->certificates == BLOCKS)
		return fault_set(fault, FAULT_FAILED, "there are more than %d certificates: name the files of one", BLOCKS);
	pile->certificate[pile->certificates++] = *block;
	return 0;
}

/* Its end, behind the last dash. NULL: the file was cut off. label: of `length` characters, up to the dashes behind it. */
static const char *find_end(const char *label, size_t length, const char *end)
{
	const char *begin = memmem(label, (size_t)(end - label), BEGIN, strlen(BEGIN)), *stop;
	char last[64];
	int n = snprintf(last, sizeof(last), "-----END %.*s-----", (int)length, label);

	if (length > LABEL)
		return NULL;
	stop = memmem(label, (size_t)((begin ? begin : end) - label), last, (size_t)n);
	return stop ? stop + n : NULL;
}

/* The blocks of the text, each from its first dash to its last one. */
static int sort(struct pile *pile, const char *text, size_t length, struct fault *fault)
{
	const char *const end = text + length;
	const char *at = text;

	while ((at = memmem(at, (size_t)(end - at), BEGIN, strlen(BEGIN)))) {
		const char *label = at + strlen(BEGIN), *close = memmem(label, (size_t)(end - label), DASHES, strlen(DASHES));
		const char *stop = close ? find_end(label, (size_t)(close - label), end) : NULL;

		if (!stop)
			return fault_set(fault, FAULT_FAILED, "a block of PEM has no end: the file is damaged");
		if (add(pile, label, (size_t)(close - label), &(struct block){ at, (size_t)(stop - at) }, fault) < 0)
			return -1;
		at = stop;
	}
	return 0;
}

static struct key *read_key(const struct block *block, struct fault *fault)
{
	if (memmem(block->at, block->length, "ENCRYPTED", strlen("ENCRYPTED"))) {
		fault_set(fault, FAULT_FAILED,
			  "the private key has a passphrase: take it away (openssl pkey -in FILE -out OTHER-FILE)");
		return NULL;
	}
	return key_read(block->at, block->length, fault);
}

/* -1: none of the certificates is for this key, or one cannot be read. */
static int find_leaf(const struct pile *pile, const struct key *key, size_t *leaf, struct fault *fault)
{
	for (size_t i = 0; i < pile->certificates; i++) {
		OWN_CHAIN struct chain *one = chain_read(pile->certificate[i].at, pile->certificate[i].length, fault);

		if (!one)
			return -1;
		if (chain_has_key(one, key)) {
			*leaf = i;
			return 0;
		}
	}
	return fault_set(fault, FAULT_FAILED, "the private key does not belong to %s",
			 pile->certificates > 1 ? "any of the certificates" : "the certificate");
}

static struct chain *join(const struct pile *pile, size_t length, size_t leaf, struct fault *fault)
{
	OWN_FREE char *text = malloc(length + BLOCKS + 1);
	size_t used = 0;

	if (!text) {
		fault_set(fault, FAULT_LATER, "no memory for a chain of certificates");
		return NULL;
	}
	for (size_t i = 0; i <= pile->certificates; i++) {
		const struct block *block = &pile->certificate[i ? i - 1 : leaf];

		if (i && i - 1 == leaf)
			continue;
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a block has its text */
		memcpy(text + used, block->at, block->length);
		used += block->length;
		text[used++] = '\n';
	}
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): OWN_FREE releases, which clang 14 does not know */
	return chain_read(text, used, fault);
}

int pile_read(const char *text, size_t length, struct key **key, struct chain **chain, struct fault *fault)
{
	struct pile pile = { 0 };
	size_t leaf = 0;

	*key = NULL;
	*chain = NULL;
	if (sort(&pile, text, length, fault) < 0)
		return -1;
	if (!pile.keys)
		return fault_set(fault, FAULT_FAILED, "there is no private key (PEM)");
	if (!pile.certificates)
		return fault_set(fault, FAULT_FAILED, "there is no certificate (PEM)");
	*key = read_key(&pile.key, fault);
	if (!*key || find_leaf(&pile, *key, &leaf, fault) < 0)
		return -1;
	*chain = join(&pile, length, leaf, fault);
	return *chain ? 0 : -1;
}
