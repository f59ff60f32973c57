// SPDX-License-Identifier: GPL-3.0-or-later
/* Renewal information (RFC 9773) against a CA that answers as it is told, and the identifiers of certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "acme/renewal_info.h"
#include "base/base64url.h"
#include "fake_transport.h"
#include "store/chain.h"

static struct fault fault;

/* --- identifiers -------------------------------------------------------------------------------------------------- */

static EVP_PKEY *pkey;

/* A certificate with this serial number and key identifier of the issuer ("aa:bb:..."; NULL: none), as PEM; the caller frees it. */
static char *certificate(const unsigned char *serial, int length, const char *issuer)
{
	X509 *x509 = X509_new();
	BIGNUM *number = BN_bin2bn(serial, length, NULL);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text, *pem;
	long n;

	X509_set_version(x509, X509_VERSION_3);
	BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509));
	X509_gmtime_adj(X509_getm_notBefore(x509), 0);
	X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
	X509_set_pubkey(x509, pkey);
	if (issuer) {
		AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();

		id->keyid = s2i_ASN1_OCTET_STRING(NULL, NULL, issuer);
		assert_int_equal(X509_add1_ext_i2d(x509, NID_authority_key_identifier, id, 0, 0), 1);
		AUTHORITY_KEYID_free(id);
	}
	assert_true(X509_sign(x509, pkey, EVP_sha256()) > 0);
	PEM_write_bio_X509(bio, x509);
	n = BIO_get_mem_data(bio, &text);
	pem = strndup(text, (size_t)n);
	BIO_free(bio);
	BN_free(number);
	X509_free(x509);
	return pem;
}

static void expect_id(const unsigned char *serial, int length, const char *issuer, const char *id)
{
	char *pem = certificate(serial, length, issuer);
	struct chain *chain = chain_read(pem, strlen(pem), &fault);
	static struct facts facts;

	assert_non_null(chain);
	assert_int_equal(chain_facts(chain, &facts, &fault), 0);
	assert_string_equal(facts.certid, id);
	chain_free(chain);
	free(pem);
}

#define RFC_ISSUER "69:88:5B:6B:87:46:40:41:E1:B3:7B:84:7B:A0:AE:2C:DE:01:C8:D4"

static void test_id_of_the_rfc(void **state)
{
	(void)state;
	expect_id((const unsigned char *)"\x87\x65\x43\x21", 4, RFC_ISSUER, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

/* The content of a DER INTEGER, by hand: no leading zeros, but one where the first bit is set. */
static void test_ids_of_serials(void **state)
{
	(void)state;
	srand(9773);
	for (int i = 0; i < 1000; i++) {
		unsigned char serial[22] = { 0 }, *first = serial + 1;
		char id[CERTID_SIZE] = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.";
		int length = 1 + rand() % 21, n = length;

		for (int k = 0; k < length; k++)
			first[k] = (unsigned char)(rand() >> 7);
		if (i % 10 == 0)
			first[0] = (unsigned char)(i % 20 ? 0 : 0x80);
		for (; n > 1 && !*first; n--)
			first++;
		if (*first & 0x80) {
			*--first = 0;
			n++;
		}
		base64url_encode(id + strlen(id), first, (size_t)n);
		expect_id(serial + 1, length, RFC_ISSUER, id);
	}
}

static void test_without_id(void **state)
{
	char issuer[46 * 3 + 1] = "";

	(void)state;
	expect_id((const unsigned char *)"\x01", 1, NULL, "");
	for (int i = 0; i < 46; i++)
		strcat(issuer, i ? ":AA" : "AA");
	expect_id((const unsigned char *)"\x01", 1, issuer, "");
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static struct acme *acme;
static struct renewal_info infos[2];

/* The CA's answer; url: of the last question. */
static struct {
	unsigned int status; /* 0: it does not answer at all */
	const char *body, *retry_after;
	const char *problem;
	char url[URL_SIZE];
	unsigned int questions;
} ca;

static void serve(struct fake *unused, struct exchange *exchange)
{
	(void)unused;
	assert_int_equal(exchange->method, METHOD_GET);
	assert_null(exchange->body);
	snprintf(ca.url, sizeof(ca.url), "%s", exchange->url);
	ca.questions++;
	if (!ca.status) {
		exchange->kind = FAULT_FAILED;
		snprintf(exchange->reason, sizeof(exchange->reason), "no route");
		return;
	}
	exchange_header(exchange, "Date", "Thu, 26 Nov 2026 12:00:00 GMT");
	if (ca.retry_after)
		exchange_header(exchange, "Retry-After", ca.retry_after);
	if (ca.problem)
		fake_problem(exchange, ca.status, ca.problem);
	else
		fake_answer(exchange, ca.status, ca.body);
}

static void use(const char *renewal_info)
{
	struct directory directory;

	acme = fake_start(serve);
	directory = *acme_directory(acme);
	snprintf(directory.renewal_info, sizeof(directory.renewal_info), "%s", renewal_info);
	acme_set_directory(acme, &directory);
	memset(&ca, 0, sizeof(ca));
	memset(infos, 0, sizeof(infos));
	snprintf(infos[0].certid, sizeof(infos[0].certid), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

static const struct suggestion *ask(unsigned int status, const char *body, const char *retry_after)
{
	ca.status = status;
	ca.body = body;
	ca.retry_after = retry_after;
	assert_int_equal(renewal_info_fetch(infos, 1, acme, &fault), 0);
	return &infos[0].suggestion;
}

static int set_up(void **state)
{
	(void)state;
	use(CA "renewal-info");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	acme_free(acme);
	return 0;
}

#define WINDOW(start, end) "{\"suggestedWindow\":{\"start\":\"" start "\",\"end\":\"" end "\"}}"
#define GOOD WINDOW("2026-12-02T04:00:00Z", "2026-12-03T04:00:00Z")

static void test_window(void **state)
{
	const struct suggestion *suggestion;

	(void)state;
	suggestion = ask(200,
			 "{\"suggestedWindow\":{\"start\":\"2021-01-03T00:00:00Z\",\"end\":\"2021-01-07T00:00:00Z\"},"
			 "\"explanationURL\":\"https://acme.example.com/docs/ari\"}",
			 "21600");
	assert_int_equal(suggestion->answer, SUGGESTION_WINDOW);
	assert_int_equal(suggestion->start, 1609632000);
	assert_int_equal(suggestion->end, 1609977600);
	assert_int_equal(suggestion->again, 21600);
	assert_string_equal(suggestion->explanation, "https://acme.example.com/docs/ari");
	assert_string_equal(ca.url, CA "renewal-info/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
	assert_int_equal(fake.posts + fake.heads, 0);
}

static void test_slash(void **state)
{
	(void)state;
	tear_down(state);
	use(CA "renewal-info/");
	ask(200, GOOD, NULL);
	assert_string_equal(ca.url, CA "renewal-info/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

static void test_not_asked(void **state)
{
	(void)state;
	infos[0].certid[0] = '\0';
	assert_int_equal(ask(200, GOOD, NULL)->answer, SUGGESTION_NONE);
	tear_down(state);
	use("");
	assert_int_equal(ask(200, GOOD, NULL)->answer, SUGGESTION_NONE);
	assert_int_equal(ca.questions, 0);
}

static void test_retry_after(void **state)
{
	static const struct {
		const char *header;
		int64_t seconds;
	} cases[] = {
		{ NULL, 21600 },
		{ "0", 60 },
		{ "1", 60 },
		{ "60", 60 },
		{ "61", 61 },
		{ "86400", 86400 },
		{ "86401", 86400 },
		{ "99999999999999999999", 86400 },
		{ "-1", 21600 },
		{ "soon", 21600 },
		{ "Thu, 26 Nov 2026 13:00:00 GMT", 3600 },
		{ "Thu, 26 Nov 2026 11:00:00 GMT", 60 },
		{ "Thu, 26 Nov 2036 13:00:00 GMT", 86400 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		const struct suggestion *suggestion = ask(200, GOOD, cases[i].header);

		assert_int_equal(suggestion->answer, SUGGESTION_WINDOW);
		assert_int_equal(suggestion->again, cases[i].seconds);
	}
}

/* A broken answer gives no window, no fault, and a moment to ask again. */
static void test_broken(void **state)
{
	static const char *const bodies[] = {
		"",
		"null",
		"[]",
		"{}",
		"<html>",
		"{\"suggestedWindow\":null}",
		"{\"suggestedWindow\":[\"2026-12-02T04:00:00Z\",\"2026-12-03T04:00:00Z\"]}",
		"{\"suggestedWindow\":{\"start\":\"2026-12-02T04:00:00Z\"}}",
		"{\"suggestedWindow\":{\"start\":1,\"end\":2}}",
		WINDOW("2026-12-03T04:00:00Z", "2026-12-02T04:00:00Z"),
		WINDOW("2026-12-02T04:00:00Z", "2026-12-02T04:00:00Z"),
		WINDOW("", "2026-12-02T04:00:00Z"),
		WINDOW("2026-12-02T04:00:00", "2026-12-03T04:00:00Z"),
		WINDOW("2026-12-02 04:00:00Z", "2026-12-03T04:00:00Z"),
		WINDOW("2026-02-30T04:00:00Z", "2026-12-03T04:00:00Z"),
		WINDOW("2026-12-02T24:00:00Z", "2026-12-03T04:00:00Z"),
		WINDOW("2026-00-02T04:00:00Z", "2026-12-03T04:00:00Z"),
		WINDOW("2026-12-02T04:00:00Zx", "2026-12-03T04:00:00Z"),
		WINDOW("2026-12-02T04:00:00.Z", "2026-12-03T04:00:00Z"),
		WINDOW("2026-12-02T04:00:00+5:30", "2026-12-03T04:00:00Z"),
		WINDOW("1960-12-02T04:00:00Z", "2026-12-03T04:00:00Z"),
		WINDOW("2026-12-02T04:00:00.0000000000000000000000000000000000000000000000000000000Z", "2026-12-03T04:00:00Z"),
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(bodies); i++) {
		const struct suggestion *suggestion = ask(200, bodies[i], NULL);

		assert_int_equal(suggestion->answer, SUGGESTION_BROKEN);
		assert_int_equal(suggestion->start, 0);
		assert_int_equal(suggestion->end, 0);
		assert_int_equal(suggestion->again, 3600);
		assert_string_equal(suggestion->explanation, "");
	}
}

static void test_explanation(void **state)
{
	static const char *const wrong[] = { "javascript:alert(1)", "http://ca.example/", "https://ca.example/\\u001b[2J",
					     "https://a b" };
	char body[512];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(wrong); i++) {
		const struct suggestion *suggestion;

		snprintf(body, sizeof(body),
			 "{\"explanationURL\":\"%s\",\"suggestedWindow\":{\"start\":\"2026-12-02T04:00:00Z\",\"end\":"
			 "\"2026-12-03T04:00:00Z\"}}",
			 wrong[i]);
		suggestion = ask(200, body, NULL);
		assert_int_equal(suggestion->answer, SUGGESTION_WINDOW);
		assert_string_equal(suggestion->explanation, "");
	}
}

static void test_statuses(void **state)
{
	static const struct {
		unsigned int status;
		const char *problem;
		enum suggestion_answer answer;
		int64_t again;
	} cases[] = {
		{ 404, "malformed", SUGGESTION_UNKNOWN, 21600 },    { 400, "malformed", SUGGESTION_REFUSED, 21600 },
		{ 403, "unauthorized", SUGGESTION_REFUSED, 21600 }, { 429, "rateLimited", SUGGESTION_BUSY, 3600 },
		{ 503, "serverInternal", SUGGESTION_BUSY, 3600 },   { 500, "serverInternal", SUGGESTION_BROKEN, 3600 },
		{ 302, "malformed", SUGGESTION_BROKEN, 3600 },	    { 0, NULL, SUGGESTION_BROKEN, 3600 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		const struct suggestion *suggestion;

		ca.problem = cases[i].problem;
		suggestion = ask(cases[i].status, "", NULL);
		if (cases[i].status == 503 || cases[i].status == 500) /* serverInternal is tried again meanwhile */
			assert_true(ca.questions > 1);
		assert_int_equal(suggestion->answer, cases[i].answer);
		assert_int_equal(suggestion->again, cases[i].again);
	}
	ca.problem = "rateLimited";
	assert_int_equal(ask(503, "", "7200")->again, 7200);
}

/* One question that is never answered does not keep the other from its answer, nor a run for long. */
static void test_silence(void **state)
{
	int64_t before;

	(void)state;
	before = fake.now;
	fake.silent = true;
	assert_int_equal(ask(200, GOOD, NULL)->answer, SUGGESTION_BROKEN);
	assert_true(fake.now - before <= 21000);
}

static void test_moments(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} cases[] = {
		{ "2026-11-26T20:00:00Z", 1795723200 },
		{ "2026-11-26t20:00:00z", 1795723200 },
		{ "2026-11-26T20:00:00.999Z", 1795723200 },
		{ "2026-11-26T20:00:00+00:00", 1795723200 },
		{ "2026-11-26T22:30:00+02:30", 1795723200 },
		{ "2026-11-26T10:00:00-10:00", 1795723200 },
		{ "2026-11-26T19:59:60Z", 1795723200 },
		{ "2024-02-29T00:00:00Z", 1709164800 },
		{ "2023-02-29T00:00:00Z", 0 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
		{ "0000-01-01T00:00:00Z", 0 },
		{ "2026-11-26T20:00:00+24:00", 0 },
		{ "2026-11-26T20:00", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
		assert_int_equal(renewal_info_moment(cases[i].text), cases[i].seconds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id_of_the_rfc),
		cmocka_unit_test(test_ids_of_serials),
		cmocka_unit_test(test_without_id),
		cmocka_unit_test(test_moments),
		cmocka_unit_test_setup_teardown(test_window, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_slash, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_retry_after, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_broken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_explanation, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_statuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_silence, set_up, tear_down),
	};
	int failed;

	pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	EVP_PKEY_free(pkey);
	return failed;
}
