// SPDX-License-Identifier: GPL-3.0-or-later
/* Keys, accounts and certificates that other clients have left: JSON and PEM, whole and damaged. */
#include "store/pile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acme/foreign.h"
#include "store/crypto.h"
#include "store/jwk.h"
#include "tiny_ca.h"

#define TEST(function) cmocka_unit_test(function)

static const char names[][NAME_SIZE] = { "a.example", "b.example" };

/* RFC 7515, A.2 and A.3 */
#define RSA_N \
	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR" \
	"T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB" \
	"dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia" \
	"GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define RSA_D \
	"Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46su" \
	"i395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4" \
	"qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB" \
	"4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ"
#define RSA_P \
	"4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8" \
	"cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc"
#define RSA_Q \
	"uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t" \
	"62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc"
#define RSA_DP \
	"BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCj" \
	"n12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0"
#define RSA_DQ \
	"h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnw" \
	"gjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU"
#define RSA_QI \
	"IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93" \
	"IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U"
#define RSA(kty, first, n, q) \
	"{" first "\"kty\":\"" kty "\",\"n\":\"" n "\",\"e\":\"AQAB\",\"d\":\"" RSA_D "\",\"p\":\"" RSA_P "\",\"q\":\"" q \
	"\",\"dp\":\"" RSA_DP "\",\"dq\":\"" RSA_DQ "\",\"qi\":\"" RSA_QI "\"}"
#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC_D "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
#define EC(crv, x, d) "{\"kty\":\"EC\",\"crv\":\"" crv "\",\"x\":\"" x "\",\"y\":\"" EC_Y "\",\"d\":\"" d "\"}"

static struct fault fault;
static struct key *key; /* P-256 */
static char key_pem[KEY_PEM_SIZE], chain_pem[TINY_PEM_SIZE], pile[4 * TINY_PEM_SIZE];

static int set_up(void **state)
{
	static unsigned char csr[WIRE_DATA];
	const struct tiny_order order = { .with_root = 1 };
	int n;

	(void)state;
	crypto_start();
	key = key_generate(KEY_P256, &fault);
	n = key ? key_request(key, names, 2, csr, sizeof(csr), &fault) : -1;
	if (n < 0 || key_write(key, key_pem, &fault) < 0)
		return -1;
	tiny_ca_issue(csr, (size_t)n, &order, chain_pem);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	key_free(key);
	return 0;
}

static struct key *read_json(const char *text)
{
	static struct jwk jwk;

	return foreign_key(text, strlen(text), &jwk, &fault) < 0 ? NULL : jwk_read(&jwk, &fault);
}

static void keys_in_json(void **state)
{
	static const struct {
		const char *text;
		enum key_type type;
		const char *thumbprint;
	} good[] = {
		{ RSA("RSA", "", RSA_N, RSA_Q), KEY_RSA2048, "IsUn6_e04MaShXFIISMp4kG62LWzMIPy_MvSA5pJgX8" },
		{ EC("P-256", EC_X, EC_D), KEY_P256, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(good); i++) {
		struct key *read = read_json(good[i].text);
		struct account account;

		assert_non_null(read);
		assert_true(key_is(read, good[i].type));
		assert_int_equal(key_describe(read, &account, &fault), 0);
		assert_string_equal(account.thumbprint, good[i].thumbprint);
		key_free(read);
	}
}

static void damaged_keys_in_json(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "neither PEM" },
		{ "[]", "neither PEM" },
		{ "{\"kty\":\"RSA\"", "neither PEM" },
		{ "{\"kty\":\"RSA\"}", "missing" },
		{ "{\"kty\":\"oct\",\"k\":\"AAAA\"}", "kind" },
		{ "{\"kty\":\"EC\"}", "kind" },
		{ RSA("RSA", "", "!", RSA_Q), "\"n\"" },
		{ RSA("RSA", "", RSA_N, ""), "missing" },
		{ RSA("RSA", "", EC_X, RSA_Q), "belong" },
		{ EC("P-256", EC_Y, EC_D), "belong" },
		{ EC("P-256", EC_X, EC_X), "belong" },
		{ EC("P-256", "", EC_D), "missing" },
		{ EC("P-384", EC_X, EC_D), "belong" },
		{ EC("P-9999999", EC_X, EC_D), "belong" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(bad); i++) {
		assert_null(read_json(bad[i].text));
		assert_non_null(strstr(fault.text, bad[i].why));
	}
}

static void accounts(void **state)
{
	static const struct {
		const char *text, *url; /* NULL: it has none */
	} cases[] = {
		{ "", "" },
		{ "https://ca.example/account/1", "https://ca.example/account/1" },
		{ "{\"body\":{},\"uri\":\"https://ca.example/acct/2\"}\n", "https://ca.example/acct/2" },
		{ "{\"email\":\"a@b\",\"registration\":{\"body\":{},\"uri\":\"https://ca.example/acct/3\"}}\n",
		  "https://ca.example/acct/3" },
		{ "{}", NULL },
		{ "{\"uri\":3}", NULL },
		{ "{\"uri\":\"http://ca.example/acct/2\"}", NULL },
		{ "{\"uri\":\"https://ca.example/a\\\"b\"}", NULL },
		{ "{\"registration\":\"https://ca.example/\"}", NULL },
		{ "nonsense", NULL },
	};
	char url[URL_SIZE];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		assert_int_equal(foreign_account(cases[i].text, strlen(cases[i].text), url, &fault), cases[i].url ? 0 : -1);
		assert_string_equal(url, cases[i].url ? cases[i].url : "");
	}
}

/* What the text has, as far as it is good: the chain as it came from the CA. */
static void assert_pile(const char *text)
{
	struct key *found;
	struct chain *chain;
	size_t leaf, length;

	assert_int_equal(pile_read(text, strlen(text), &found, &chain, &fault), 0);
	assert_true(chain_has_key(chain, found));
	(void)chain_text(chain, &leaf, &length);
	assert_int_equal(length, strlen(chain_pem));
	assert_memory_equal(chain_text(chain, &leaf, &length), chain_pem, length);
	chain_free(chain);
	key_free(found);
}

static void assert_no_pile(const char *text, const char *why)
{
	struct key *found;
	struct chain *chain;

	assert_int_equal(pile_read(text, strlen(text), &found, &chain, &fault), -1);
	assert_non_null(strstr(fault.text, why));
	assert_null(chain);
	key_free(found);
}

static const char *put(const char *format, ...) PRINTF_LIKE(1, 2);
static const char *put(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(pile, sizeof(pile), format, args);
	va_end(args);
	return pile;
}

static void piles(void **state)
{
	const char *second = strstr(chain_pem + 1, "-----BEGIN"), *third = strstr(second + 1, "-----BEGIN");
	const int leaf = (int)(second - chain_pem), issuer = (int)(third - second);

	(void)state;
	assert_pile(put("%s%s", key_pem, chain_pem));
	assert_pile(put("%s\n%s", chain_pem, key_pem));
	assert_pile(put("Bag Attributes\n%s%s and so on", key_pem, chain_pem));
	assert_pile(put("%.*s%s%s", leaf, chain_pem, key_pem, second));
	assert_pile(put("%s%.*s%s", second, leaf, chain_pem, key_pem));	  /* the leaf comes last */
	assert_pile(put("%s%s%.*s", key_pem, chain_pem, issuer, second)); /* an issuer comes twice */
	assert_pile(put("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n%s%s", key_pem, chain_pem));
}

static void damaged_piles(void **state)
{
	const char *second = strstr(chain_pem + 1, "-----BEGIN");
	struct key *other = key_generate(KEY_P256, &fault);
	char other_pem[KEY_PEM_SIZE];

	(void)state;
	assert_int_equal(key_write(other, other_pem, &fault), 0);
	key_free(other);
	assert_no_pile("", "no private key");
	assert_no_pile("text", "no private key");
	assert_no_pile(chain_pem, "no private key");
	assert_no_pile(key_pem, "no certificate");
	assert_no_pile(put("%s%s", other_pem, chain_pem), "does not belong to any of the certificates");
	assert_no_pile(put("%s%s", key_pem, second), "does not belong");
	assert_no_pile(put("%s%s%s", key_pem, other_pem, chain_pem), "two private keys");
	assert_no_pile(put("%.200s\n%s", key_pem, chain_pem), "no end");
	assert_no_pile(put("%s%.300s", key_pem, chain_pem), "no end");
	assert_no_pile(put("%s%.300s\n%s", key_pem, chain_pem, second), "no end");
	assert_no_pile(put("-----BEGIN "), "no end");
	assert_no_pile(put("-----BEGIN %060d-----\n", 1), "no end");
	assert_no_pile(put("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII=\n-----END ENCRYPTED PRIVATE KEY-----\n%s", chain_pem),
		       "passphrase");
	assert_no_pile(put("-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n%s", chain_pem), "reading a private key");
	assert_no_pile(put("%s-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", key_pem), "cannot be read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_in_json), TEST(damaged_keys_in_json), TEST(accounts), TEST(piles), TEST(damaged_piles),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
