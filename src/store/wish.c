// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/wish.h"

#include <nettle/sha2.h>
#include <string.h>

#include "base/cas.h"

static void add_text(struct sha256_ctx *sum, const char *text)
{
	sha256_update(sum, strlen(text) + 1, (const uint8_t *)text);
}

/* Of a CA. */
struct asked {
	const char *directory, *profile, *chain;
};

static uint64_t wish_for(const struct config *config, const struct certificate *certificate, struct asked asked, enum key_type type)
{
	struct sha256_ctx sum;
	uint8_t key = (uint8_t)type;
	uint64_t wish;

	sha256_init(&sum);
	add_text(&sum, asked.directory);
	add_text(&sum, asked.profile);
	add_text(&sum, asked.chain);
	sha256_update(&sum, sizeof(key), &key);
	for (uint32_t i = 0; i < certificate->names; i++)
		add_text(&sum, config->name[certificate->first_name + i]);
	sha256_update(&sum, certificate->csr_length, (const uint8_t *)config->csr + certificate->csr_at);
	sha256_digest(&sum, sizeof(wish), (uint8_t *)&wish);
	return wish ? wish : 1;
}

static struct asked asked_at_hand(const struct config *config, const struct certificate *certificate)
{
	return (struct asked){ config->acme.directory, certificate->profile, certificate->chain };
}

static struct asked asked_of(const struct config *config, const struct certificate *certificate, uint32_t ca)
{
	return (struct asked){ config->ca[ca].directory, cas_profile(config, certificate, ca), cas_chain(config, certificate, ca) };
}

uint64_t wish_of(const struct config *config, const struct certificate *certificate)
{
	return wish_for(config, certificate, asked_at_hand(config, certificate), certificate->key);
}

static bool is_for_type(const struct config *config, const struct certificate *certificate, uint64_t live, enum key_type type)
{
	for (uint32_t i = 0; i < certificate->cas; i++)
		if (live == wish_for(config, certificate, asked_of(config, certificate, certificate->ca[i]), type))
			return true;
	return live == wish_for(config, certificate, asked_at_hand(config, certificate), type);
}

uint64_t wish_older(const struct config *config, const struct certificate *certificate, uint64_t live)
{
	for (unsigned int type = 0; certificate->reuse && type < KEY_TYPES; type++)
		if (is_for_type(config, certificate, live, (enum key_type)type))
			return live;
	return 0;
}

uint64_t wish_at(const struct config *config, const struct certificate *certificate, uint32_t ca)
{
	return wish_for(config, certificate, asked_of(config, certificate, ca), certificate->key);
}
