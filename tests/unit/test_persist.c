// SPDX-License-Identifier: GPL-3.0-or-later
/* dns-persist-01 and dns-account-01: the vectors of the drafts, which records are good, and how they are written down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "acme/persist.h"
#include "agent/terms.h"
#include "store/crypto.h"

#define ACCOUNT "https://ca.example/acct/123"
#define NOW INT64_C(1800000000)

static const struct persist_terms terms = {
	.issuers = 2, .issuer = { "authority.example", "ca.example.net" }, .accounts = 1, .account = { ACCOUNT }
};

/* draft-ietf-acme-dns-persist-02 */
static void the_vectors_of_the_hashed_account(void **state)
{
	static const struct account_name account = { ACCOUNT, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" };
	char hash[VALUE_SIZE];
	struct fault fault;

	(void)state;
	assert_int_equal(terms_hash(&account, "example.com", hash, &fault), 0);
	assert_string_equal(hash, "5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw");
	assert_int_equal(terms_hash(&account, "*", hash, &fault), 0);
	assert_string_equal(hash, "NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug");
}

/* draft-ietf-acme-dns-account-label */
static void the_vector_of_the_account_label(void **state)
{
	static const char url[] = "https://example.com/acme/acct/ExampleAccount";
	unsigned char hash[SHA256_SIZE];
	char label[ACCOUNT_LABEL_SIZE];
	struct fault fault;

	(void)state;
	assert_int_equal(crypto_sha256(url, strlen(url), hash, &fault), 0);
	persist_account_label(hash, label);
	assert_string_equal(label, "_ujmmovf2vn55tgye");
}

static void which_records_are_good(void **state)
{
	static const struct {
		const char *text;
		bool wildcard;
		enum persist_verdict verdict;
		int64_t until;
	} cases[] = {
		{ "authority.example; accounturi=" ACCOUNT, false, PERSIST_GOOD, 0 },
		{ "ca.example.net;accounturi=" ACCOUNT, false, PERSIST_GOOD, 0 },
		{ " \tAuthority.EXAMPLE  ;  ACCOUNTURI  =  " ACCOUNT "  ;  Policy  =  WildCard \t", true, PERSIST_GOOD, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; foo=; another=thing=x", false, PERSIST_GOOD, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; PERSISTUNTIL=1800000000", false, PERSIST_GOOD, NOW },
		{ "authority.example; accounturi=" ACCOUNT "; persistUntil=4102444800", false, PERSIST_GOOD, 4102444800 },
		{ "authority.example; accounturi=" ACCOUNT "; persistUntil=1799999999", false, PERSIST_LAPSED, NOW - 1 },
		{ "authority.example; accounturi=" ACCOUNT "; persistUntil=0", false, PERSIST_LAPSED, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; persistUntil=-1", false, PERSIST_LAPSED, -1 },
		{ "authority.example; accounturi=" ACCOUNT, true, PERSIST_NARROW, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; policy=wildcards", true, PERSIST_NARROW, 0 },
		{ "authority.example; accounturi=" ACCOUNT "4", false, PERSIST_STRANGER, 0 },
		{ "authority.example; accounturi=https://ca.example/acct/12", false, PERSIST_STRANGER, 0 },
		{ "authority.example; accounturi=https://CA.example/acct/123", false, PERSIST_STRANGER, 0 },
		{ "authority.example", false, PERSIST_MALFORMED, 0 },
		{ "authority.example;", false, PERSIST_MALFORMED, 0 },
		{ "authority.example; policy=wildcard", false, PERSIST_MALFORMED, 0 },
		{ "authority.example; accounturi=", false, PERSIST_MALFORMED, 0 },
		{ "authority.example; accounturi=" ACCOUNT ";", false, PERSIST_MALFORMED, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; ; policy=wildcard", false, PERSIST_MALFORMED, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; accounturi=" ACCOUNT, false, PERSIST_MALFORMED, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; AccountURI=x", false, PERSIST_MALFORMED, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; foo=a; FOO=b", false, PERSIST_MALFORMED, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; word", false, PERSIST_MALFORMED, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; =x", false, PERSIST_MALFORMED, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; policy=wild card", false, PERSIST_MALFORMED, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; policy=\001", false, PERSIST_MALFORMED, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; persistUntil=", false, PERSIST_MALFORMED, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; persistUntil=soon", false, PERSIST_MALFORMED, 0 },
		{ "authority.example; accounturi=" ACCOUNT "; persistUntil=1e10", false, PERSIST_MALFORMED, 1 },
		{ "authority.example; accounturi=" ACCOUNT "; persistUntil=+4102444800", false, PERSIST_MALFORMED, 4102444800 },
		{ "authority.example; accounturi=" ACCOUNT "; persistUntil=99999999999999999999", false, PERSIST_MALFORMED,
		  INT64_MAX },
		{ "other.example; accounturi=" ACCOUNT "; accounturi=x", false, PERSIST_FOREIGN, 0 },
		{ "authority.example.org; accounturi=" ACCOUNT, false, PERSIST_FOREIGN, 0 },
		{ "; accounturi=" ACCOUNT, false, PERSIST_FOREIGN, 0 },
		{ "v=spf1 -all", false, PERSIST_FOREIGN, 0 },
		{ "", false, PERSIST_FOREIGN, 0 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		struct persist_terms wanted = terms;
		int64_t until = 77;

		wanted.wildcard = cases[i].wildcard;
		if (persist_judge(&wanted, cases[i].text, NOW, &until) != cases[i].verdict || until != cases[i].until)
			fail_msg("%s: verdict %d, until %lld", cases[i].text,
				 (int)persist_judge(&wanted, cases[i].text, NOW, &until), (long long)until);
	}
}

/* One that has more parameters than anybody writes, and one that never ends. */
static void long_records_are_malformed(void **state)
{
	char text[4096] = "authority.example; accounturi=" ACCOUNT;
	int64_t until;

	(void)state;
	for (int i = 0; i < 31; i++)
		sprintf(text + strlen(text), "; t%d=x", i);
	assert_int_equal(persist_judge(&terms, text, NOW, &until), PERSIST_GOOD);
	strcat(text, "; one=more");
	assert_int_equal(persist_judge(&terms, text, NOW, &until), PERSIST_MALFORMED);
}

static void what_is_written_is_good(void **state)
{
	struct persist_terms wanted = terms;
	char text[PERSIST_TEXT_SIZE], value[PERSIST_TEXT_SIZE] = "";
	int64_t until;

	(void)state;
	persist_write(&wanted, "example.com", text, sizeof(text));
	assert_string_equal(text, "_validation-persist.example.com. IN TXT \"authority.example; accounturi=" ACCOUNT "\"");
	wanted.wildcard = true;
	wanted.until = 4102444800;
	memset(wanted.account[0] + strlen(ACCOUNT), 'x', 300);
	persist_write(&wanted, "example.com", text, sizeof(text));
	assert_non_null(strstr(text, "; policy=wildcard; persistUntil=4102444800\""));
	for (char *c = strchr(text, '"'); c; c = strchr(c + 1, '"')) { /* each string, without its quotes */
		char *end = strchr(c + 1, '"');

		assert_non_null(end);
		assert_true(end - c - 1 <= 255);
		strncat(value, c + 1, (size_t)(end - c - 1));
		c = end;
	}
	assert_true(strlen(value) > 255);
	assert_int_equal(persist_judge(&wanted, value, NOW, &until), PERSIST_GOOD);
	assert_int_equal(until, 4102444800);
}

static void names_of_issuers(void **state)
{
	static const char *const good[] = { "ca.example", "xn--nicode-example-9jb.com", "a" };
	static const char *const bad[] = { "",		 "CA.example", "ca.example.",	  ".ca", "ca..example",
					   "ca example", "ca;x",       "\303\274.example" };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(good); i++)
		assert_true(persist_is_issuer(good[i]));
	for (size_t i = 0; i < LENGTH_OF(bad); i++)
		assert_false(persist_is_issuer(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_the_hashed_account),
		cmocka_unit_test(the_vector_of_the_account_label),
		cmocka_unit_test(which_records_are_good),
		cmocka_unit_test(long_records_are_malformed),
		cmocka_unit_test(what_is_written_is_good),
		cmocka_unit_test(names_of_issuers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
