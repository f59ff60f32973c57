// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64url.h"
#include "acme/codec.h"
#include "acme/exchange.h"
#include "acme/jws.h"
#include "acme/payload.h"

#define URL "https://ca.example/"

static struct fault fault;

static void test_directory(void **state)
{
	static const char full[] = "{\"newNonce\":\"" URL "n\",\"newAccount\":\"" URL "a\",\"newOrder\":\"" URL "o\",\"keyChange\":7,"
				   "\"meta\":{\"termsOfService\":\"" URL "t\",\"externalAccountRequired\":true,\"website\":null,"
				   "\"profiles\":{\"classic\":\"x\",\"shortlived\":\"y\"}}}";
	static const char bare[] = "{\"newNonce\":\"" URL "n\",\"newAccount\":\"" URL "a\",\"newOrder\":\"" URL "o\","
				   "\"meta\":null}";
	struct directory directory;

	(void)state;
	assert_int_equal(codec_directory(full, strlen(full), &directory, &fault), 0);
	assert_string_equal(directory.new_order, URL "o");
	assert_string_equal(directory.terms, URL "t");
	assert_true(directory.account_required);
	assert_non_null(strstr(directory.profiles, "shortlived"));
	assert_int_equal(codec_directory(bare, strlen(bare), &directory, &fault), 0);
	assert_string_equal(directory.terms, "");
	assert_false(directory.account_required);
}

static void test_directory_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"null",
		"[]",
		"{}",
		"<html>",
		"{\"newNonce\":\"http://ca/n\",\"newAccount\":\"" URL "\",\"newOrder\":\"" URL "\"}",
		"{\"newNonce\":null,\"newAccount\":\"" URL "\",\"newOrder\":\"" URL "\"}",
		"{\"newNonce\":\"" URL "\\\"x\",\"newAccount\":\"" URL "\",\"newOrder\":\"" URL "\"}",
		"{\"newNonce\":\"" URL " x\",\"newAccount\":\"" URL "\",\"newOrder\":\"" URL "\"}",
		"{\"newNonce\":99999999999999999999999999,\"newAccount\":1e999,\"newOrder\":[]}",
	};
	struct directory directory;

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(wrong); i++)
		assert_int_equal(codec_directory(wrong[i], strlen(wrong[i]), &directory, &fault), -1);
	assert_int_equal(codec_directory(NULL, 0, &directory, &fault), -1);
}

static void test_urls(void **state)
{
	char longest[URL_SIZE + 8] = URL;

	(void)state;
	assert_true(url_is_valid("https://a/", 10));
	assert_true(url_is_valid("https://[2001:db8::1]:14000/x?y=%20#z", 37));
	assert_false(url_is_valid("https://", 8));
	assert_false(url_is_valid("https:///x", 10));
	assert_false(url_is_valid("ftp://a/bbb", 11));
	assert_false(url_is_valid("https://a/\\", 11));
	assert_false(url_is_valid("https://a/\n", 11));
	assert_false(url_is_valid("https://a/\0b", 12));
	memset(longest + strlen(URL), 'x', URL_SIZE - strlen(URL));
	assert_true(url_is_valid(longest, URL_SIZE - 1));
	assert_false(url_is_valid(longest, URL_SIZE));
	assert_true(url_same_origin("https://a:1/x", "https://a:1"));
	assert_false(url_same_origin("https://a:1/x", "https://a:11/x"));
	assert_false(url_same_origin("https://a/x", "https://ab/x"));
	assert_false(url_same_origin("", "https://a/x"));
}

static void test_problem(void **state)
{
	static const char text[] = "{\"type\":\"urn:ietf:params:acme:error:compound\",\"detail\":\"see "
				   "below\",\"status\":403,\"subproblems\":["
				   "{\"type\":\"urn:ietf:params:acme:error:caa\",\"detail\":\"CAA\\u0007 "
				   "forbids\",\"identifier\":{\"type\":\"dns\","
				   "\"value\":\"a.example\"}},null,{\"type\":\"urn:other\",\"identifier\":null}],\"instance\":\"" URL
				   "help\"}";
	struct problem problem;

	(void)state;
	codec_problem(text, strlen(text), 403, &problem);
	assert_int_equal(problem.type, PROBLEM_OTHER);
	assert_non_null(strstr(problem.text, "compound: see below; a.example: caa: CAA? forbids"));
	assert_non_null(strstr(problem.text, "urn:other"));
	assert_string_equal(problem.instance, URL "help");
	codec_problem("<html>", 6, 502, &problem);
	assert_int_equal(problem.type, PROBLEM_OTHER);
	assert_non_null(strstr(problem.text, "502"));
	codec_problem("{\"type\":{},\"detail\":[],\"subproblems\":7}", 40, 500, &problem);
	assert_non_null(strstr(problem.text, "500"));
}

static void test_order(void **state)
{
	static const char text[] = "{\"status\":\"ready\",\"authorizations\":[\"" URL "1\",\"" URL "2\"],\"finalize\":\"" URL
				   "f\",\"identifiers\":[{\"type\":\"ip\",\"value\":\"2001:DB8:0::1\"},{\"type\":\"dns\",\"value\":"
				   "\"B.example\"}],\"error\":null,\"expires\":123}";
	static const char names[][NAME_SIZE] = { "b.example", "2001:db8::1" }, others[][NAME_SIZE] = { "b.example", "c.example" };
	struct order_object order;

	(void)state;
	assert_int_equal(codec_order(text, strlen(text), &order, &fault), 0);
	assert_int_equal(order.state, STATE_READY);
	assert_int_equal(order.authorizations, 2);
	assert_string_equal(order.authorization[1], URL "2");
	assert_string_equal(order.certificate, "");
	assert_string_equal(order.error, "");
	codec_order_free(&order);
	assert_true(codec_order_is_for(text, strlen(text), names, 2));
	assert_false(codec_order_is_for(text, strlen(text), names, 1));
	assert_false(codec_order_is_for(text, strlen(text), others, 2));
}

static void test_order_odd(void **state)
{
	static const char *const fine[] = { "{}", "{\"authorizations\":null}", "{\"authorizations\":[]}", "{\"authorizations\":{}}",
					    "{\"status\":\"new\",\"error\":{\"subproblems\":[[[]]]}}" };
	static const char *const wrong[] = { "[]", "", "{\"authorizations\":[null]}", "{\"authorizations\":[\"" URL "\",\"x\"]}",
					     "{\"authorizations\":[\"file:///etc\"]}" };
	struct order_object order;

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(fine); i++) {
		assert_int_equal(codec_order(fine[i], strlen(fine[i]), &order, &fault), 0);
		assert_int_equal(order.authorizations, 0);
		assert_int_equal(order.state, STATE_UNKNOWN);
		codec_order_free(&order);
	}
	for (size_t i = 0; i < LENGTH_OF(wrong); i++)
		assert_int_equal(codec_order(wrong[i], strlen(wrong[i]), &order, &fault), -1);
}

static void test_order_too_many(void **state)
{
	static char text[32 * 1024];
	struct order_object order;
	size_t used = (size_t)sprintf(text, "{\"authorizations\":[");

	(void)state;
	for (int i = 0; i < 500; i++)
		used += (size_t)sprintf(text + used, "%s\"" URL "%d\"", i ? "," : "", i);
	strcat(text, "]}");
	assert_int_equal(codec_order(text, strlen(text), &order, &fault), -1);
}

static const uint8_t http[] = { CHALLENGE_HTTP };

static void test_authorization(void **state)
{
	static const char text[] = "{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\",\"value\":\"a.example\"},\"challenges\":["
				   "{\"type\":\"dns-persist-01\",\"url\":\"" URL "p\",\"status\":\"pending\"},null,7,"
				   "{\"type\":\"http-01\",\"url\":\"" URL "h\",\"token\":\"abc_-9\",\"status\":\"pending\"},"
				   "{\"type\":\"tls-alpn-01\",\"url\":\"" URL
				   "t\",\"token\":\"zzz\",\"status\":\"pending\"}],\"wildcard\":false}";
	struct authorization_object authorization;

	(void)state;
	assert_int_equal(codec_authorization(text, strlen(text), http, LENGTH_OF(http), &authorization, &fault), 0);
	assert_int_equal(authorization.state, STATE_PENDING);
	assert_int_equal(authorization.challenge, STATE_PENDING);
	assert_string_equal(authorization.identifier, "a.example");
	assert_string_equal(authorization.url, URL "h");
	assert_string_equal(authorization.token, "abc_-9");
}

/* The first in the list that the CA offers, whatever the CA's order; then the reason of that one counts. */
static void test_authorization_preference(void **state)
{
	static const char text[] = "{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\",\"value\":\"a.example\"},\"challenges\":["
				   "{\"type\":\"http-01\",\"url\":\"" URL "h\",\"token\":\"t\",\"status\":\"pending\","
				   "\"error\":{\"detail\":\"no port\"}},"
				   "{\"type\":\"dns-01\",\"url\":\"" URL "d\",\"token\":\"u\",\"status\":\"processing\","
				   "\"error\":{\"detail\":\"no value\"}}],\"wildcard\":true}";
	static const uint8_t dns_first[] = { CHALLENGE_DNS, CHALLENGE_HTTP };
	struct authorization_object authorization;

	(void)state;
	assert_int_equal(codec_authorization(text, strlen(text), dns_first, LENGTH_OF(dns_first), &authorization, &fault), 0);
	assert_int_equal(authorization.type, CHALLENGE_DNS);
	assert_int_equal(authorization.challenge, STATE_PROCESSING);
	assert_string_equal(authorization.url, URL "d");
	assert_string_equal(authorization.token, "u");
	assert_non_null(strstr(authorization.error, "no value"));
	assert_true(authorization.wildcard && authorization.own_error);
	assert_string_equal(authorization.offers, "http-01, dns-01");
	assert_int_equal(codec_authorization(text, strlen(text), http, LENGTH_OF(http), &authorization, &fault), 0);
	assert_int_equal(authorization.type, CHALLENGE_HTTP);
	assert_string_equal(authorization.url, URL "h");
	assert_non_null(strstr(authorization.error, "no port"));
}

/* Without a token; each spelling of the drafts. */
static void test_persist(void **state)
{
	static const char *const names[] = { "issuerDomainNames", "issuer-domain-names" };
	static const uint8_t persist_first[] = { CHALLENGE_DNS_PERSIST, CHALLENGE_HTTP };
	struct authorization_object authorization;
	char text[1024];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(names); i++) {
		snprintf(text, sizeof(text),
			 "{\"status\":\"pending\",\"challenges\":[{\"type\":\"http-01\",\"url\":\"" URL "h\",\"token\":\"t\"},"
			 "{\"type\":\"dns-persist-01\",\"url\":\"" URL "p\",\"status\":\"pending\",\"accounturi\":\"" URL
			 "a\",\"%s\":[\"a.example\",\"b.example\"]}]}",
			 names[i]);
		assert_int_equal(codec_authorization(text, strlen(text), persist_first, 2, &authorization, &fault), 0);
		assert_int_equal(authorization.type, CHALLENGE_DNS_PERSIST);
		assert_string_equal(authorization.url, URL "p");
		assert_string_equal(authorization.token, "");
		assert_int_equal(authorization.offer.issuers, 2);
		assert_string_equal(authorization.offer.issuer[1], "b.example");
		assert_string_equal(authorization.offer.account, URL "a");
		assert_string_equal(authorization.spoiled, "");
	}
}

/* A malformed one is none: the next in the list is taken. */
static void test_persist_malformed(void **state)
{
	static const char *const members[] = {
		"\"x\":1",
		"\"issuerDomainNames\":[]",
		"\"issuerDomainNames\":\"a.example\"",
		"\"issuerDomainNames\":[\"a.example\",7]",
		"\"issuerDomainNames\":[\"A.example\"]",
		"\"issuerDomainNames\":[\"a.example.\"]",
		"\"issuerDomainNames\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]",
		"\"issuerDomainNames\":[\"a.example\"],\"accounturi\":\"mailto:somebody\"",
	};
	static const uint8_t persist_first[] = { CHALLENGE_DNS_PERSIST, CHALLENGE_HTTP };
	struct authorization_object authorization;
	char text[1024];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(members); i++) {
		snprintf(text, sizeof(text),
			 "{\"status\":\"pending\",\"challenges\":[{\"type\":\"dns-persist-01\",\"url\":\"" URL "p\",%s},"
			 "{\"type\":\"http-01\",\"url\":\"" URL "h\",\"token\":\"t\"}]}",
			 members[i]);
		assert_int_equal(codec_authorization(text, strlen(text), persist_first, 2, &authorization, &fault), 0);
		assert_int_equal(authorization.type, CHALLENGE_HTTP);
		assert_non_null(strstr(authorization.spoiled, "malformed"));
	}
}

static void test_persist_directory(void **state)
{
	static const struct {
		const char *meta, *prefix;
		uint32_t issuers;
		bool wrong;
	} cases[] = {
		{ "", "", 0, false },
		{ "\"accountHashPrefix\":\"urn:hash:\",\"issuerDomainNames\":[\"a.example\"]", "urn:hash:", 1, false },
		{ "\"accountHashPrefix\":\"urn; x\"", "", 0, false },
		{ "\"accountHashPrefix\":7", "", 0, false },
		{ "\"issuerDomainNames\":[\"a.example\",\"b.example\"],\"caaIdentities\":[\"b.example\",\"a.example\"]", "", 2,
		  false },
		{ "\"issuerDomainNames\":[\"a.example\",\"b.example\"],\"caaIdentities\":[\"a.example\"]", "", 2, true },
		{ "\"issuerDomainNames\":[\"a.example\"],\"caaIdentities\":[]", "", 1, false },
		{ "\"issuerDomainNames\":[]", "", 0, true },
	};
	struct directory directory;
	char text[1024];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		snprintf(text, sizeof(text),
			 "{\"newNonce\":\"" URL "\",\"newAccount\":\"" URL "\",\"newOrder\":\"" URL "\",\"meta\":{%s}}",
			 cases[i].meta);
		assert_int_equal(codec_directory(text, strlen(text), &directory, &fault), 0);
		assert_string_equal(directory.persist.hash_prefix, cases[i].prefix);
		assert_int_equal(directory.persist.issuers, cases[i].issuers);
		assert_int_equal(directory.persist.wrong, cases[i].wrong);
	}
}

static void no_challenge(const char *challenge)
{
	struct authorization_object authorization;
	char text[1024];

	snprintf(text, sizeof(text), "{\"status\":\"pending\",\"challenges\":[%s]}", challenge);
	assert_int_equal(codec_authorization(text, strlen(text), http, LENGTH_OF(http), &authorization, &fault), 0);
	assert_string_equal(authorization.url, "");
}

static void test_authorization_without(void **state)
{
	char token[256];

	(void)state;
	no_challenge("");
	no_challenge("{\"type\":\"http-01\"}");
	no_challenge("{\"type\":\"http-01\",\"url\":\"" URL "\"}");
	no_challenge("{\"type\":\"http-01\",\"url\":\"" URL "\",\"token\":null}");
	no_challenge("{\"type\":\"http-01\",\"url\":\"" URL "\",\"token\":\"../../etc/passwd\"}");
	no_challenge("{\"type\":\"http-01\",\"url\":\"" URL "\",\"token\":\"\"}");
	no_challenge("{\"type\":\"http-01\",\"url\":\"ftp://x\",\"token\":\"abc\"}");
	snprintf(token, sizeof(token), "{\"type\":\"http-01\",\"url\":\"" URL "\",\"token\":\"%0129d\"}", 0);
	no_challenge(token);
}

static void test_authorization_error(void **state)
{
	static const char text[] = "{\"status\":\"invalid\",\"challenges\":[{\"type\":\"http-01\",\"url\":\"" URL
				   "\",\"token\":\"x\","
				   "\"status\":\"invalid\",\"error\":{\"type\":\"urn:ietf:params:acme:error:connection\",\"detail\":"
				   "\"1.2.3.4: timeout\"}},{\"type\":\"dns-01\"}]}";
	struct authorization_object authorization;

	(void)state;
	assert_int_equal(codec_authorization(text, strlen(text), http, LENGTH_OF(http), &authorization, &fault), 0);
	assert_int_equal(authorization.state, STATE_INVALID);
	assert_string_equal(authorization.error, "connection: 1.2.3.4: timeout");
}

static void test_depth(void **state)
{
	static char text[200 * 1024];
	struct authorization_object authorization;
	struct problem problem;

	(void)state;
	memset(text, '[', sizeof(text));
	codec_problem(text, sizeof(text), 400, &problem);
	memcpy(text, "{\"a\":", 5);
	assert_int_equal(codec_authorization(text, sizeof(text), http, LENGTH_OF(http), &authorization, &fault), -1);
}

static void test_payloads(void **state)
{
	static const char names[][NAME_SIZE] = { "a.example", "192.0.2.1", "2001:db8::1" };
	OWN_FREE char *order = payload_new_order(names, 3, "shortlived", "a.b"), *plain = payload_new_order(names, 1, "", "");
	OWN_FREE char *account = payload_new_account("me@a.example", true, false, "{\"payload\":\"x\"}");
	OWN_FREE char *existing = payload_new_account("", false, true, NULL), *finalize = jws_finalize("foobar", 6);

	(void)state;
	assert_string_equal(
		order,
		"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"},{\"type\":\"ip\",\"value\":"
		"\"192.0.2.1\"},{\"type\":\"ip\",\"value\":\"2001:db8::1\"}],\"profile\":\"shortlived\",\"replaces\":\"a.b\"}");
	assert_string_equal(plain, "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}]}");
	assert_string_equal(account, "{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:me@a.example\"],"
				     "\"externalAccountBinding\":{\"payload\":\"x\"}}");
	assert_string_equal(existing, "{\"onlyReturnExisting\":true}");
	assert_string_equal(finalize, "{\"csr\":\"Zm9vYmFy\"}");
}

static void decoded(char *out, const char *text, size_t length)
{
	long n = base64url_decode(out, text, length);

	assert_true(n >= 0);
	out[n] = '\0';
}

static void test_jws(void **state)
{
	const struct jws with_key = { "ES256", "{\"kty\":\"EC\"}", NULL, "nnn", URL "o", "{}" };
	const struct jws by_url = { "ES256", NULL, URL "acct/1", "nnn", URL "o", NULL };
	const struct jws binding = { "HS256", NULL, "kid-1", NULL, URL "a", "{\"kty\":\"EC\"}" };
	OWN_FREE char *one = jws_signing_input(&with_key), *two = jws_signing_input(&by_url);
	OWN_FREE char *three = jws_signing_input(&binding), *jws = jws_flatten("AAA.BBB", "foobar", 6);
	char text[512];

	(void)state;
	decoded(text, one, strcspn(one, "."));
	assert_string_equal(text, "{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\"},\"nonce\":\"nnn\",\"url\":\"" URL "o\"}");
	assert_string_equal(strchr(one, '.'), ".e30");
	decoded(text, two, strcspn(two, "."));
	assert_string_equal(text, "{\"alg\":\"ES256\",\"kid\":\"" URL "acct/1\",\"nonce\":\"nnn\",\"url\":\"" URL "o\"}");
	assert_string_equal(strchr(two, '.'), ".");
	decoded(text, three, strcspn(three, "."));
	assert_string_equal(text, "{\"alg\":\"HS256\",\"kid\":\"kid-1\",\"url\":\"" URL "a\"}");
	assert_string_equal(jws, "{\"protected\":\"AAA\",\"payload\":\"BBB\",\"signature\":\"Zm9vYmFy\"}");
}

static void test_headers(void **state)
{
	static struct exchange x;

	(void)state;
	exchange_reset(&x);
	assert_int_equal(exchange_retry_after(&x, 0, 1000), -1);
	exchange_header(&x, "retry-after", "3");
	assert_int_equal(exchange_retry_after(&x, 0, 10000), 3000);
	assert_int_equal(exchange_retry_after(&x, 0, 1000), 1000);
	exchange_header(&x, "Retry-After", "99999999999999999999999999");
	assert_int_equal(exchange_retry_after(&x, 0, 86400000), 86400000);
	exchange_reset(&x);
	exchange_header(&x, "Date", "Sun, 06 Nov 1994 08:49:37 GMT");
	exchange_header(&x, "Retry-After", "Sun, 06 Nov 1994 08:49:57 GMT");
	assert_int_equal(x.date, 784111777);
	assert_int_equal(exchange_retry_after(&x, 0, 60000), 20000);
	exchange_header(&x, "Retry-After", "-5");
	assert_int_equal(exchange_retry_after(&x, 7, 60000), -1);
	exchange_header(&x, "Replay-Nonce", "abc+");
	assert_string_equal(x.nonce, "");
	exchange_header(&x, "replay-nonce", "abc-_");
	assert_string_equal(x.nonce, "abc-_");
	exchange_header(&x, "Location", "javascript:1");
	assert_string_equal(x.location, "");
	exchange_header(&x, "link", "<" URL "dir>;rel=\"index\", <" URL "1>; title=\"a, b\"; rel=\"alternate\"");
	exchange_header(&x, "Link", "<" URL "2>;rel=alternate,<x>;rel=alternate,<");
	assert_string_equal(x.alternate[0], URL "1");
	assert_string_equal(x.alternate[1], URL "2");
	assert_string_equal(x.alternate[2], "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_directory_refused),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_problem),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_order_odd),
		cmocka_unit_test(test_order_too_many),
		cmocka_unit_test(test_authorization),
		cmocka_unit_test(test_authorization_preference),
		cmocka_unit_test(test_persist),
		cmocka_unit_test(test_persist_malformed),
		cmocka_unit_test(test_persist_directory),
		cmocka_unit_test(test_authorization_without),
		cmocka_unit_test(test_authorization_error),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_payloads),
		cmocka_unit_test(test_jws),
		cmocka_unit_test(test_headers),
	};

	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
