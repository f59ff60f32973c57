// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/proof.h"

#include <stdio.h>
#include <string.h>

#include "agent/questions.h"
#include "base/base64url.h"
#include "base/dns.h"
#include "base/log.h"
#include "base/reply.h"
#include "base/wire.h"
#include "store/crypto.h"

#define DNS_PATIENCE 1000 /* seconds; acmegate-dns has the limit that the configuration says, the warden that of a run */

/* To the storer, by way of the signer, where the host's web server answers; else to the responder. */
static int publish_token(const struct proof *proof, struct authorization *authorization, struct fault *fault)
{
	struct token token = { "", "" };

	snprintf(token.token, sizeof(token.token), "%s", authorization->token);
	snprintf(token.key_authorization, sizeof(token.key_authorization), "%s.%s", authorization->token, proof->thumbprint);
	return proof->list->webroot ? questions_ask(VERB_TOKEN, 0, &token, sizeof(token), fault) :
				      wire_send(FD_RESPONDER, VERB_TOKEN, 0, &token, sizeof(token), fault);
}

static void withdraw_tokens(const struct proof *proof)
{
	struct fault ignored;

	if (proof->list->webroot) /* what the storer cannot remove now it tries again at its end, and says so */
		(void)!questions_ask(VERB_WITHDRAW, 0, NULL, 0, &ignored);
}

/* Without "*.", and in lower case: the CA may spell it in another. */
static void copy_name(char name[NAME_SIZE], const struct authorization *authorization)
{
	const char *from = authorization->name;

	snprintf(name, NAME_SIZE, "%s", strncmp(from, "*.", 2) ? from : from + 2);
	for (char *c = name; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 'a' - 'A') : *c;
}

/* SHA-256 of the key authorization. */
static int digest(const struct proof *proof, const struct authorization *authorization, unsigned char hash[SHA256_SIZE],
		  struct fault *fault)
{
	char text[TOKEN_SIZE + 64];

	snprintf(text, sizeof(text), "%s.%s", authorization->token, proof->thumbprint);
	return crypto_sha256(text, strlen(text), hash, fault);
}

/* To acmegate-tls, which makes the certificate (RFC 8737, 3). */
static int publish_digest(const struct proof *proof, struct authorization *authorization, struct fault *fault)
{
	struct digest data = { .token = "" };

	_Static_assert(DIGEST_BYTES == SHA256_SIZE, "one is sent as the other");
	snprintf(data.token, sizeof(data.token), "%s", authorization->token);
	copy_name(data.name, authorization);
	return digest(proof, authorization, data.digest, fault) < 0 ?
		       -1 :
		       wire_send(FD_RESPONDER, VERB_DIGEST, 0, &data, sizeof(data), fault);
}

/* The digest as text (RFC 8555, 8.4). */
static int make_value(const struct proof *proof, const struct authorization *authorization, struct value *value, struct fault *fault)
{
	unsigned char hash[SHA256_SIZE];

	memset(value, 0, sizeof(*value));
	copy_name(value->name, authorization);
	if (digest(proof, authorization, hash, fault) < 0)
		return -1;
	base64url_encode(value->text, hash, sizeof(hash));
	if (authorization->type != CHALLENGE_DNS_ACCOUNT)
		return 0;
	if (crypto_sha256(proof->account, strlen(proof->account), hash, fault) < 0)
		return -1;
	persist_account_label(hash, value->account);
	return 0;
}

int proof_ask_dns(int dns, enum verb verb, uint32_t index, const void *data, size_t length, struct record *reply, struct fault *fault)
{
	int n;

	if (dns < 0)
		return fault_set(fault, FAULT_FAILED, "acmegate-dns was not started, which looks into the DNS");
	if (wire_send(dns, verb, index, data, length, fault) < 0)
		return -1;
	n = wire_await(dns, reply, DNS_PATIENCE, fault);
	if (n == 0)
		return fault_set(fault, FAULT_FAILED, "acmegate-dns has ended");
	if (n > 0 && reply_check(reply, fault) < 0) {
		fault->kind = fault->kind == FAULT_LATER ? FAULT_LATER : FAULT_FAILED;
		return -1;
	}
	return n < 0 ? -1 : 0;
}

static int ask_dns(const struct proof *proof, enum verb verb, const struct authorization *authorization, struct fault *fault)
{
	static struct record reply;
	struct value value;

	if (make_value(proof, authorization, &value, fault) < 0)
		return -1;
	return proof_ask_dns(proof->dns, verb, authorization->index, &value, sizeof(value), &reply, fault);
}

static int publish_value(const struct proof *proof, struct authorization *authorization, struct fault *fault)
{
	return ask_dns(proof, VERB_ADD_VALUE, authorization, fault);
}

static int await_value(const struct proof *proof, struct authorization *authorization, struct fault *fault)
{
	authorization->published = ask_dns(proof, VERB_AWAIT_VALUE, authorization, fault) == 0;
	return authorization->published ? 0 : -1;
}

static void withdraw_values(const struct proof *proof)
{
	struct fault why;

	for (size_t i = 0; i < proof->list->count; i++) {
		const struct authorization *authorization = &proof->list->item[i];

		if (authorization->challenge && challenge_kinds[authorization->type].section && proof->dns >= 0 &&
		    authorization->name && ask_dns(proof, VERB_REMOVE_VALUE, authorization, &why) < 0)
			log_warning("%s: %s", authorization->name, why.text);
	}
}

static const struct way {
	int (*publish)(const struct proof *, struct authorization *, struct fault *); /* NULL: that is not ours to do */
	int (*await)(const struct proof *, struct authorization *, struct fault *);   /* until the CA can find it; NULL: at once */
	void (*withdraw)(const struct proof *); /* NULL: it ends with the process that has it, or stays */
	bool apart;				/* a failure concerns this authorization alone */
} ways[CHALLENGE_TYPES] = {
	[CHALLENGE_HTTP] = { .publish = publish_token, .withdraw = withdraw_tokens },
	[CHALLENGE_DNS] = { .publish = publish_value, .await = await_value, .withdraw = withdraw_values, .apart = true },
	[CHALLENGE_TLS] = { .publish = publish_digest },
	[CHALLENGE_DNS_ACCOUNT] = { .publish = publish_value, .await = await_value, .apart = true }, /* withdrawn with those of dns-01 */
	[CHALLENGE_DNS_PERSIST] = { 0 }, /* its record is there already: persistence.h */
};

/* One step for all of them, so that they wait at the same time. Where there is no room, it has to be one of those before that takes it. */
static int take_step(const struct proof *proof, enum challenge_window window, bool await, struct fault *fault)
{
	size_t placed = 0;

	for (size_t i = 0; i < proof->list->count; i++) {
		struct authorization *authorization = &proof->list->item[i];
		const struct way *way = &ways[authorization->type];
		int (*step)(const struct proof *, struct authorization *, struct fault *) = await ? way->await : way->publish;

		if (!authorization_is_at_hand(authorization, window) || !step)
			continue;
		if (step(proof, authorization, fault) == 0) {
			placed++;
			continue;
		}
		authorization->waits = placed && fault->code == DNS_NO_ROOM;
		if (authorization->waits)
			continue;
		if (!way->apart)
			return -1;
		authorization->outcome.result = RESULT_HOST;
		authorization_fail(authorization, fault->kind, fault->text);
	}
	return 0;
}

int proof_publish(const struct proof *proof, enum challenge_window window, struct fault *fault)
{
	return take_step(proof, window, false, fault) < 0 || take_step(proof, window, true, fault) < 0 ? -1 : 0;
}

void proof_withdraw(const struct proof *proof, enum challenge_window window)
{
	for (size_t i = 0; i < LENGTH_OF(ways); i++)
		if (challenge_kinds[i].window == window && ways[i].withdraw)
			ways[i].withdraw(proof);
}
