// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "store/crypto.h"
#include "store/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char names[][NAME_SIZE] = { "a.example.org", "192.0.2.1" };
static struct key *key;

/* A text that was accepted is clean: read again it is the same text. */
static void check_text(const struct chain *chain)
{
	struct fault fault;
	size_t leaf, length, leaf_again, length_again;
	const char *text = chain_text(chain, &leaf, &length), *again;
	struct chain *copy = chain_read(text, length, &fault);

	if (!copy || leaf > length)
		abort();
	again = chain_text(copy, &leaf_again, &length_again);
	if (leaf != leaf_again || length != length_again || memcmp(text, again, length))
		abort();
	chain_free(copy);
}

static void try(const char *pem, size_t length)
{
	static struct facts facts;
	struct fault fault;
	struct chain *chain = chain_read(pem, length, &fault);

	if (!chain)
		return;
	check_text(chain);
	if (chain_facts(chain, &facts, &fault) == 0)
		for (uint32_t i = 0; i < facts.names; i++)
			if (!facts.name[i][0] || strlen(facts.name[i]) >= NAME_SIZE)
				abort();
	if (trust_verify(chain, key, names, LENGTH_OF(names), 1800000000, &fault) == 0)
		abort(); /* nobody else has the key */
	chain_free(chain);
}

/* The certificate as DER, so that mutations need not get past base64. */
static void try_der(const uint8_t *data, size_t size)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----\n", end[] = "\n-----END CERTIFICATE-----\n";
	char *pem = malloc(sizeof(begin) + sizeof(end) + size * 2 + 8);
	char *at = stpcpy(pem, begin);

	at += EVP_EncodeBlock((unsigned char *)at, data, (int)size);
	at = stpcpy(at, end);
	try(pem, (size_t)(at - pem));
	free(pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fault fault;
	char *text;

	if (!key) {
		crypto_start();
		key = key_generate(KEY_P256, &fault);
	}
	if (size && data[0] == 0x30) {
		try_der(data, size);
		return 0;
	}
	text = malloc(size + 1);
	memcpy(text, data, size);
	try(text, size);
	free(text);
	return 0;
}
