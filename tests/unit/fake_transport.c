// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64url.h"
#include "fake_transport.h"
#include "acme/jws.h"

struct fake fake;

static void start(void *context, struct exchange *exchange)
{
	(void)context;
	assert_true(fake.in_flight < EXCHANGES_MOST);
	assert_non_null(exchange->url);
	fake.flying[fake.in_flight++] = exchange;
	if (fake.in_flight > fake.most_in_flight)
		fake.most_in_flight = fake.in_flight;
}

static void decode(char *out, size_t size, const char *body, const char *member)
{
	const char *at = strstr(body, member);
	size_t length;
	long n;

	assert_non_null(at);
	at += strlen(member);
	length = strcspn(at, "\"");
	assert_true(length < size);
	n = base64url_decode(out, at, length);
	assert_true(n >= 0);
	out[n] = '\0';
}

/* The JWS is well-formed, for this URL, and its nonce is fresh. */
static void check_post(const struct exchange *exchange)
{
	char url[URL_SIZE + 16];
	const char *nonce;

	fake.posts++;
	decode(fake.header, sizeof(fake.header), exchange->body, "\"protected\":\"");
	decode(fake.payload, sizeof(fake.payload), exchange->body, "\"payload\":\"");
	snprintf(url, sizeof(url), "\"url\":\"%s\"", exchange->url);
	assert_non_null(strstr(fake.header, url));
	assert_true(!strstr(fake.header, "\"kid\"") != !strstr(fake.header, "\"jwk\""));
	nonce = strstr(fake.header, "\"nonce\":\"N");
	assert_non_null(nonce);
	assert_int_equal(sscanf(nonce, "\"nonce\":\"N%u\"", &fake.last_nonce), 1);
	assert_true(fake.last_nonce > 0 && fake.last_nonce <= fake.given);
	assert_false(fake.taken[fake.last_nonce]);
	fake.taken[fake.last_nonce] = true;
}

static int next(void *context, int64_t milliseconds, struct exchange **exchange, struct fault *fault)
{
	(void)context;
	if (fake.stop_after && --fake.stop_after == 0)
		return fault_set(fault, FAULT_FAILED, "stop");
	if (fake.in_flight == 0 || fake.silent) {
		int64_t until = fake.now + (milliseconds > 0 ? milliseconds : 1);
		bool woken = fake.wake_at > fake.now && fake.wake_at <= until;

		fake.now = woken ? fake.wake_at : until;
		if (woken)
			fake.wake();
		return 0;
	}
	*exchange = fake.flying[--fake.in_flight]; /* the last first: answers come in any order */
	if ((*exchange)->method == METHOD_POST)
		check_post(*exchange);
	fake.heads += (*exchange)->method == METHOD_HEAD;
	assert_true(fake.given + 1 < FAKE_NONCES);
	snprintf((*exchange)->nonce, sizeof((*exchange)->nonce), "N%u", ++fake.given);
	(*exchange)->status = (*exchange)->method == METHOD_HEAD ? 200 : 0;
	fake.serve(&fake, *exchange);
	return 1;
}

static void cancel(void *context, struct exchange *exchange)
{
	(void)context;
	for (size_t i = 0; i < fake.in_flight; i++) {
		if (fake.flying[i] != exchange)
			continue;
		fake.flying[i] = fake.flying[--fake.in_flight];
		fake.cancelled++;
		return;
	}
	fail_msg("cancelled what does not fly");
}

static int64_t now(void *context)
{
	(void)context;
	return fake.now;
}

static char *wrap(const struct jws *jws)
{
	char *input = jws_signing_input(jws), *text;

	assert_non_null(input);
	text = jws_flatten(input, "signature", 9);
	free(input);
	return text;
}

/* As the signer does it: by the key where there is no account yet. */
static char *sign(void *context, bool by_key, const char *url, const char *nonce, const char *payload, struct fault *fault)
{
	const struct jws jws = { "ES256", by_key ? "{\"crv\":\"P-256\"}" : NULL, CA "acct/1", nonce, url, payload };

	(void)context;
	if (fake.unsigned_after && --fake.unsigned_after == 0) {
		fault_set(fault, FAULT_FAILED, "no key");
		return NULL;
	}
	fake.signatures++;
	return wrap(&jws);
}

static char *bind_account(void *context, const char *url, struct fault *fault)
{
	const struct jws jws = { "HS256", NULL, "kid-1", NULL, url, "{\"crv\":\"P-256\"}" };

	(void)context, (void)fault;
	fake.signatures++;
	fake.bindings++;
	return wrap(&jws);
}

struct acme *fake_start(void (*serve)(struct fake *fake, struct exchange *exchange))
{
	static const struct account account = {
		.algorithm = "ES256", .jwk = "{\"crv\":\"P-256\"}", .thumbprint = "thumb", .url = CA "acct/1"
	};
	static const struct directory directory = { .new_nonce = CA "nonce", .new_account = CA "account", .new_order = CA "order" };
	const struct transport transport = { NULL, start, next, cancel, now };
	const struct signer signer = { NULL, sign, bind_account };
	struct fault fault;
	struct acme *acme;

	memset(&fake, 0, sizeof(fake));
	fake.serve = serve;
	fake.now = 1000;
	acme = acme_start(&transport, &signer, &account, &fault);
	assert_non_null(acme);
	acme_set_directory(acme, &directory);
	return acme;
}

void fake_answer(struct exchange *exchange, unsigned int status, const char *body)
{
	exchange->status = status;
	assert_int_equal(exchange_append(exchange, body, strlen(body)), 0);
}

void fake_problem(struct exchange *exchange, unsigned int status, const char *type)
{
	char text[256];

	snprintf(text, sizeof(text), "{\"type\":\"urn:ietf:params:acme:error:%s\",\"detail\":\"so it is\"}", type);
	fake_answer(exchange, status, text);
}
