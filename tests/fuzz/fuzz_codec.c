// SPDX-License-Identifier: GPL-3.0-or-later
/* Every kind of ACME document through every parser: the first byte says which. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64url.h"
#include "acme/codec.h"
#include "acme/exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void check_text(const char *text, size_t size)
{
	check(strnlen(text, size) < size);
	for (; *text; text++)
		check(*text >= 0x20 && *text <= 0x7e);
}

static void check_url(const char *url)
{
	check(!*url || url_is_valid(url, strnlen(url, URL_SIZE)));
}

static void fuzz_directory(const char *text, size_t length)
{
	struct directory directory;
	struct fault fault;

	if (codec_directory(text, length, &directory, &fault) < 0)
		return;
	check_url(directory.new_nonce);
	check_url(directory.new_account);
	check_url(directory.new_order);
	check_text(directory.terms, sizeof(directory.terms));
	check_text(directory.profiles, sizeof(directory.profiles));
}

static void fuzz_problem(const char *text, size_t length)
{
	struct problem problem;

	codec_problem(text, length, 400, &problem);
	check(problem.text[0]);
	check(problem.type < PROBLEM_TYPES);
	check_text(problem.text, sizeof(problem.text));
	check_url(problem.instance);
}

static void fuzz_order(const char *text, size_t length)
{
	static const char names[][NAME_SIZE] = { "a.example", "192.0.2.1", "2001:db8::1" };
	struct order_object order;
	struct fault fault;

	(void)codec_order_is_for(text, length, names, LENGTH_OF(names));
	if (codec_order(text, length, &order, &fault) < 0)
		return;
	check((unsigned int)order.state < STATES);
	check_url(order.finalize);
	check_url(order.certificate);
	check_text(order.error, sizeof(order.error));
	for (size_t i = 0; i < order.authorizations; i++)
		check(url_is_valid(order.authorization[i], strlen(order.authorization[i])));
	codec_order_free(&order);
}

static void fuzz_authorization(const char *text, size_t length)
{
	static const uint8_t all[] = { CHALLENGE_DNS_PERSIST, CHALLENGE_DNS_ACCOUNT, CHALLENGE_DNS, CHALLENGE_HTTP };
	struct authorization_object authorization;
	struct fault fault;

	if (codec_authorization(text, length, all, LENGTH_OF(all), &authorization, &fault) < 0)
		return;
	check_url(authorization.url);
	check(!authorization.url[0] || !authorization.token[0] == challenge_kinds[authorization.type].standing);
	check(authorization.offer.issuers <= PERSIST_ISSUERS);
	for (uint32_t i = 0; i < authorization.offer.issuers; i++)
		check(persist_is_issuer(authorization.offer.issuer[i]));
	check_url(authorization.offer.account);
	check(strnlen(authorization.token, TOKEN_SIZE) < TOKEN_SIZE);
	for (const char *c = authorization.token; *c; c++)
		check(base64url_is(*c));
	check_text(authorization.identifier, sizeof(authorization.identifier));
	check_text(authorization.error, sizeof(authorization.error));
}

static void fuzz_account(const char *text, size_t length)
{
	static struct account_object object;
	struct fault fault;

	if (codec_account(text, length, &object, &fault) == 0)
		check((unsigned int)object.state < STATES);
	check_text(object.contact, sizeof(object.contact));
}

static void fuzz_base64url(const char *text, size_t length)
{
	char *bytes = malloc(length + 1), *again = malloc(BASE64URL_LENGTH(length) + 5);
	long n;

	check(bytes && again);
	n = base64url_decode(bytes, text, length);
	if (n >= 0) /* one spelling for each value */
		check(base64url_encode(again, bytes, (size_t)n) == length && memcmp(again, text, length) == 0);
	free(bytes);
	free(again);
}

/* A record that was found in the DNS. One that is good stays so with more terms that it may fit. */
static void fuzz_persist(const char *text, size_t length)
{
	struct persist_terms terms = { .issuers = 1, .issuer = { "ca.example" }, .accounts = 1, .account = { "https://a/1" } };
	char *record = malloc(length + 1);
	enum persist_verdict one, other;
	int64_t until;

	check(record);
	memcpy(record, text, length);
	record[length] = '\0';
	one = persist_judge(&terms, record, 1800000000, &until);
	check(one != PERSIST_GOOD || !until || until >= 1800000000);
	terms.wildcard = true;
	other = persist_judge(&terms, record, 1800000000, &until);
	check(one == other || (other == PERSIST_NARROW && one >= PERSIST_NARROW));
	free(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(const char *text, size_t length) = {
		fuzz_directory, fuzz_problem, fuzz_order, fuzz_authorization, fuzz_account, fuzz_base64url, fuzz_persist,
	};
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size); /* exactly as long as it is, so that one byte too far shows */
	check(text);
	memcpy(text, data + 1, size - 1);
	kinds[data[0] % LENGTH_OF(kinds)](text, size - 1);
	free(text);
	return 0;
}
