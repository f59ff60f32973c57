// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "between.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/base64url.h"
#include "store/crypto.h"
#include "store/csr.h"
#include "store/pkcs12.h"
#include "store/openssl.h"
#include "store/trust.h"
#include "rsa_keys.h"
#include "tiny_ca.h"

static const char names[][NAME_SIZE] = { "a.example.org", "b.example.org", "192.0.2.1", "2001:db8::1" };
#define NAMES ((uint32_t)LENGTH_OF(names))

/* The private keys of the examples in RFC 7515, A.3.1 and A.2.1. */
static const char rfc_ec[] = "-----BEGIN PRIVATE KEY-----\n"
			     "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n"
			     "H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n"
			     "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"
			     "-----END PRIVATE KEY-----\n";
static const char rfc_rsa[] = "-----BEGIN PRIVATE KEY-----\n"
			      "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXO\n"
			      "jS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxL\n"
			      "aYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn\n"
			      "juygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5\n"
			      "ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkf\n"
			      "toaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg\n"
			      "VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW\n"
			      "PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/G\n"
			      "O+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj\n"
			      "kn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6\n"
			      "XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB\n"
			      "4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K\n"
			      "pLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr\n"
			      "0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE\n"
			      "lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6\n"
			      "kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAP\n"
			      "rq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNw\n"
			      "kgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp\n"
			      "5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds2\n"
			      "9+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/\n"
			      "evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG\n"
			      "yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZj\n"
			      "OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2\n"
			      "tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3\n"
			      "ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56\n"
			      "03k2+ZQwVK0JKSHuLFkuQ3U=\n"
			      "-----END PRIVATE KEY-----\n";
#define RFC_EC_JWK \
	"{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
static const char rfc_rsa_n[] = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt"
				"0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSX"
				"ndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5"
				"IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
static const char rfc_rsa_input[] = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGx"
				    "lLmNvbS9pc19yb290Ijp0cnVlfQ";
static const char rfc_rsa_signature[] = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W"
					"2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkS"
					"jtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnv"
					"Wh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

static struct fault fault;
static struct key *key; /* P-256 */
static unsigned char csr[WIRE_DATA];
static size_t csr_length;
static char pem[TINY_PEM_SIZE];

static int set_up(void **state)
{
	int n;

	(void)state;
	crypto_start();
	key = key_generate(KEY_P256, &fault);
	n = key ? key_request(key, names, NAMES, csr, sizeof(csr), &fault) : -1;
	csr_length = n < 0 ? 0 : (size_t)n;
	return n < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	key_free(key);
	return 0;
}

static void digest_and_hmac(void **state)
{
	static const unsigned char abc[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea };
	static const unsigned char rfc4231_2[] = { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
						   0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
						   0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43 };
	unsigned char out[SHA256_SIZE];

	(void)state;
	assert_int_equal(crypto_sha256("abc", 3, out, &fault), 0);
	assert_memory_equal(out, abc, sizeof(abc));
	assert_int_equal(crypto_hmac("Jefe", 4, "what do ya want for nothing?", 28, out, &fault), 0);
	assert_memory_equal(out, rfc4231_2, sizeof(rfc4231_2));
}

static void ec_key_of_the_rfc(void **state)
{
	struct key *rfc = key_read(rfc_ec, strlen(rfc_ec), &fault);
	struct account account = { .url = "untouched" };

	(void)state;
	assert_non_null(rfc);
	assert_int_equal(key_describe(rfc, &account, &fault), 0);
	assert_string_equal(account.algorithm, "ES256");
	assert_string_equal(account.jwk, RFC_EC_JWK);
	assert_string_equal(account.thumbprint, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
	assert_string_equal(account.url, "untouched");
	key_free(rfc);
}

static void rsa_key_and_signature_of_the_rfc(void **state)
{
	struct key *rfc = key_read(rfc_rsa, strlen(rfc_rsa), &fault);
	struct account account = { .url = "" };
	unsigned char signature[SIGNATURE_SIZE];
	char jwk[JWK_SIZE], text[BASE64URL_LENGTH(SIGNATURE_SIZE) + 1];

	(void)state;
	assert_non_null(rfc);
	assert_int_equal(key_describe(rfc, &account, &fault), 0);
	snprintf(jwk, sizeof(jwk), "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"%s\"}", rfc_rsa_n);
	assert_string_equal(account.algorithm, "RS256");
	assert_string_equal(account.jwk, jwk);
	assert_string_equal(account.thumbprint, "IsUn6_e04MaShXFIISMp4kG62LWzMIPy_MvSA5pJgX8");
	assert_int_equal(key_sign(rfc, rfc_rsa_input, strlen(rfc_rsa_input), signature, &fault), 256);
	base64url_encode(text, signature, 256);
	assert_string_equal(text, rfc_rsa_signature);
	key_free(rfc);
}

static void survives_its_pem(enum key_type type)
{
	static const int lengths[] = { [KEY_P256] = 64, [KEY_P384] = 96, [KEY_RSA2048] = 256, [KEY_RSA3072] = 384, [KEY_RSA4096] = 512 };
	_Static_assert(LENGTH_OF(lengths) == KEY_TYPES, "one length a type");
	struct key *made = key_generate(type, &fault), *read;
	struct account first = { .url = "" }, second = { .url = "" };
	unsigned char signature[SIGNATURE_SIZE];
	char text[KEY_PEM_SIZE];

	assert_non_null(made);
	assert_int_equal(key_write(made, text, &fault), 0);
	assert_memory_equal(text, "-----BEGIN PRIVATE KEY-----\n", 28);
	read = key_read(text, strlen(text), &fault);
	assert_non_null(read);
	assert_int_equal(key_describe(made, &first, &fault), 0);
	assert_int_equal(key_describe(read, &second, &fault), 0);
	assert_string_equal(first.jwk, second.jwk);
	assert_int_equal(strlen(first.thumbprint), 43);
	assert_int_equal(key_sign(read, "x", 1, signature, &fault), lengths[type]);
	key_free(made);
	key_free(read);
}

static void ec_keys_survive_their_pem(void **state)
{
	(void)state;
	survives_its_pem(KEY_P256);
	survives_its_pem(KEY_P384);
}

/* OpenSSL makes a key of as many bits as it is asked for: those of 3072 and 4096 are there already. */
EVP_PKEY *__real_EVP_PKEY_Q_keygen(OSSL_LIB_CTX *context, const char *properties, const char *type, ...);
EVP_PKEY *__wrap_EVP_PKEY_Q_keygen(OSSL_LIB_CTX *context, const char *properties, const char *type, ...);
EVP_PKEY *__wrap_EVP_PKEY_Q_keygen(OSSL_LIB_CTX *context, const char *properties, const char *type, ...)
{
	const bool rsa = !strcmp(type, "RSA");
	EVP_PKEY *made;
	va_list args;

	va_start(args, type);
	if (rsa) {
		const size_t bits = va_arg(args, size_t);
		const char *text = bits == 3072 ? rsa_key_3072 : bits == 4096 ? rsa_key_4096 : NULL;
		BIO *bio = text ? BIO_new_mem_buf(text, -1) : NULL;

		made = text ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) :
			      __real_EVP_PKEY_Q_keygen(context, properties, type, bits);
		BIO_free(bio);
	} else {
		made = __real_EVP_PKEY_Q_keygen(context, properties, type, va_arg(args, const char *));
	}
	va_end(args);
	return made;
}

static void rsa_keys_survive_their_pem(void **state)
{
	(void)state;
	survives_its_pem(KEY_RSA2048);
	survives_its_pem(KEY_RSA3072);
	survives_its_pem(KEY_RSA4096);
}

/* One coordinate and one signature in 128 begin with a zero byte; 700 of each meet some of them. */
static void widths_are_fixed(void **state)
{
	unsigned int zeros = 0;

	(void)state;
	for (int i = 0; i < 100 || (!zeros && i < 10000); i++) { /* one in 128 has a byte that is zero at the front */
		struct key *made = key_generate(KEY_P256, &fault);
		struct account account = { .url = "" };
		unsigned char signature[SIGNATURE_SIZE];

		assert_non_null(made);
		assert_int_equal(key_describe(made, &account, &fault), 0);
		assert_int_equal(strlen(account.jwk), strlen(RFC_EC_JWK));
		assert_int_equal(key_sign(made, "x", 1, signature, &fault), 64);
		zeros += !signature[0] || !signature[32];
		key_free(made);
	}
	assert_true(zeros > 0);
}

/* Against OpenSSL's own reader: put back into DER, the raw signature verifies. */
static void raw_signatures_verify(void **state)
{
	EVP_PKEY *pkey;
	BIO *bio = BIO_new_mem_buf(rfc_ec, -1);
	struct key *rfc = key_read(rfc_ec, strlen(rfc_ec), &fault);

	(void)state;
	pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	for (int i = 0; i < 50; i++) {
		unsigned char raw[SIGNATURE_SIZE], der[128], *end = der;
		ECDSA_SIG *parts = ECDSA_SIG_new();
		EVP_MD_CTX *context = EVP_MD_CTX_new();

		assert_int_equal(key_sign(rfc, "message", 7, raw, &fault), 64);
		ECDSA_SIG_set0(parts, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
		assert_true(i2d_ECDSA_SIG(parts, &end) > 0);
		assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pkey), 1);
		assert_int_equal(EVP_DigestVerify(context, der, (size_t)(end - der), (const unsigned char *)"message", 7), 1);
		ECDSA_SIG_free(parts);
		EVP_MD_CTX_free(context);
	}
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	key_free(rfc);
}

static void bad_keys_are_refused(void **state)
{
	static const char ed25519[] = "-----BEGIN PRIVATE KEY-----\n"
				      "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
				      "-----END PRIVATE KEY-----\n";
	static const char *const bad[] = { "", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", ed25519 };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(bad); i++)
		assert_null(key_read(bad[i], strlen(bad[i]), &fault));
	assert_null(key_read(rfc_ec, strlen(rfc_ec) / 2, &fault));
}

static void request_has_the_names_and_no_subject(void **state)
{
	const unsigned char *der = csr;
	X509_REQ *request = d2i_X509_REQ(NULL, &der, (long)csr_length);
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
	GENERAL_NAMES *list = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);

	(void)state;
	assert_non_null(request);
	assert_int_equal(X509_NAME_entry_count(X509_REQ_get_subject_name(request)), 0);
	assert_int_equal(sk_X509_EXTENSION_num(extensions), 1);
	assert_int_equal(sk_GENERAL_NAME_num(list), NAMES);
	assert_int_equal(sk_GENERAL_NAME_value(list, 0)->type, GEN_DNS);
	assert_int_equal(sk_GENERAL_NAME_value(list, 2)->type, GEN_IPADD);
	assert_int_equal(ASN1_STRING_length(sk_GENERAL_NAME_value(list, 2)->d.iPAddress), 4);
	assert_int_equal(ASN1_STRING_length(sk_GENERAL_NAME_value(list, 3)->d.iPAddress), 16);
	assert_int_equal(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
	GENERAL_NAMES_free(list);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(request);
	assert_int_equal(key_request(key, names, NAMES, csr, 10, &fault), -1);
}

/* --- chains ------------------------------------------------------------------------------------------------------- */

static int verify(const char *text, size_t length)
{
	struct chain *chain = chain_read(text, length, &fault);
	int rc = chain ? trust_verify(chain, key, names, NAMES, time(NULL), &fault) : -1;

	chain_free(chain);
	return rc;
}

static int verify_order(struct tiny_order order)
{
	tiny_ca_issue(csr, csr_length, &order, pem);
	return verify(pem, strlen(pem));
}

/* A request as others make it, in PEM; signed by `signed_by`, or by its own key. */
static size_t write_request(EVP_PKEY *pkey, EVP_PKEY *signed_by, const char *san, const char *common_name, char out[TINY_PEM_SIZE])
{
	X509_REQ *request = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	X509_NAME *subject = X509_REQ_get_subject_name(request);
	X509V3_CTX context;
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	int n;

	if (common_name)
		assert_true(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0));
	X509V3_set_ctx(&context, NULL, NULL, request, NULL, 0);
	if (san)
		sk_X509_EXTENSION_push(extensions, X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, san));
	assert_true(X509_REQ_set_pubkey(request, pkey) && X509_REQ_add_extensions(request, extensions));
	assert_true(X509_REQ_sign(request, signed_by ? signed_by : pkey,
				  EVP_PKEY_is_a(signed_by ? signed_by : pkey, "ED25519") ? NULL : EVP_sha256()) > 0);
	assert_true(PEM_write_bio_X509_REQ(bio, request));
	n = BIO_read(bio, out, TINY_PEM_SIZE);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(request);
	BIO_free_all(bio);
	return (size_t)n;
}

static const char (*const configured)[NAME_SIZE] = names;

static void a_request_of_others_is_read(void **state)
{
	static unsigned char der[WIRE_DATA];
	OWN_KEY struct key *read = csr_read((const char *)csr, csr_length, configured, NAMES, der, sizeof(der), &(int){ 0 }, &fault);
	OWN_KEY struct key *again = NULL;
	int n;

	(void)state;
	assert_true(read && EVP_PKEY_eq(read->pkey, key->pkey) == 1);
	assert_memory_equal(der, csr, csr_length);
	n = (int)write_request(key->pkey, NULL, "DNS:A.example.org,DNS:b.example.org,IP:192.0.2.1,IP:2001:db8::1", "a.example.org",
			       pem);
	again = csr_read(pem, (size_t)n, configured, NAMES, der, sizeof(der), &n, &fault);
	assert_true(again && n > 0 && der[0] == 0x30);
	assert_null(csr_read((const char *)csr, csr_length, configured, NAMES, der, 10, &n, &fault));
	assert_non_null(strstr(fault.text, "too much"));
}

static void a_wrong_request_is_explained(void **state)
{
	static const char *const all = "DNS:a.example.org,DNS:b.example.org,IP:192.0.2.1,IP:2001:db8::1";
	static char long_text[CSR_SIZE + 1];
	OWN_KEY struct key *other = key_generate(KEY_P256, &fault);
	EVP_PKEY *curious = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	const struct {
		EVP_PKEY *pkey, *signed_by;
		const char *san, *common_name, *why;
	} cases[] = {
		{ key->pkey, NULL, "DNS:a.example.org", NULL, "b.example.org is in names, but not" },
		{ key->pkey, NULL, NULL, "a.example.org", "a.example.org is in names, but not" },
		{ key->pkey, NULL, "DNS:a.example.org,DNS:b.example.org,IP:192.0.2.1,IP:2001:db8::1,DNS:c.example.org", NULL,
		  "it is for c.example.org, too" },
		{ key->pkey, NULL, "DNS:a.example.org,DNS:b.example.org,IP:192.0.2.1,IP:2001:db8::1,email:me@example.org", NULL,
		  "neither host names nor addresses" },
		{ key->pkey, NULL, all, "c\n.example.org", "common name is \"c?.example.org\"" },
		{ key->pkey, other->pkey, all, NULL, "not by its key" },
		{ curious, NULL, all, NULL, "P-256, P-384, or RSA" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		size_t n = write_request(cases[i].pkey, cases[i].signed_by, cases[i].san, cases[i].common_name, pem);

		assert_null(csr_read(pem, n, configured, NAMES, NULL, 0, NULL, &fault));
		if (!strstr(fault.text, cases[i].why))
			fail_msg("%s", fault.text);
	}
	EVP_PKEY_free(curious);
	assert_null(csr_read("", 0, configured, NAMES, NULL, 0, NULL, &fault));
	assert_null(csr_read((const char *)csr, csr_length - 1, configured, NAMES, NULL, 0, NULL, &fault));
	assert_null(csr_read("-----BEGIN PRIVATE KEY-----\n", 28, configured, NAMES, NULL, 0, NULL, &fault));
	assert_null(csr_read(long_text, sizeof(long_text), configured, NAMES, NULL, 0, NULL, &fault));
	assert_non_null(strstr(fault.text, "no certificate request (PKCS#10"));
}

/* With and without certificates above the leaf; read back by OpenSSL, and judged as the signer does. */
static void pkcs12_has_key_and_chain(void **state)
{
	static unsigned char der[WIRE_DATA];
	const struct tiny_order orders[] = { { 0 }, { .with_root = 1 }, { .leaf_only = 1 } };
	OWN_KEY struct key *other = key_generate(KEY_P256, &fault);

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(orders); i++) {
		OWN_CHAIN struct chain *chain = NULL;
		int n;

		tiny_ca_issue(csr, csr_length, &orders[i], pem);
		chain = chain_read(pem, strlen(pem), &fault);
		n = pkcs12_write(key, chain, "mail", "pass word", der, sizeof(der), &fault);
		assert_true(n > 0);
		assert_true(pkcs12_has(der, (size_t)n, "pass word", key, chain));
		assert_false(pkcs12_has(der, (size_t)n, "pass wore", key, chain));
		assert_false(pkcs12_has(der, (size_t)n, "pass word", other, chain));
		assert_false(pkcs12_has(der, (size_t)n - 1, "pass word", key, chain));
		assert_false(pkcs12_has(der, (size_t)n + 1, "pass word", key, chain));
		assert_false(pkcs12_has(der, 0, "pass word", key, chain));
		der[n / 2] ^= 1;
		assert_false(pkcs12_has(der, (size_t)n, "pass word", key, chain));
		assert_int_equal(pkcs12_write(key, chain, "mail", "pass word", der, (size_t)n / 2, &fault), -1);
		assert_non_null(strstr(fault.text, "too long"));
	}
}

/* The one of before a renewal. */
static void pkcs12_of_another_certificate_is_known(void **state)
{
	static unsigned char der[WIRE_DATA];
	OWN_CHAIN struct chain *before = NULL;
	OWN_CHAIN struct chain *after = NULL;
	int n;

	(void)state;
	tiny_ca_issue(csr, csr_length, &(struct tiny_order){ 0 }, pem);
	before = chain_read(pem, strlen(pem), &fault);
	tiny_ca_issue(csr, csr_length, &(struct tiny_order){ .from = -60, .until = 86400 }, pem);
	after = chain_read(pem, strlen(pem), &fault);
	n = pkcs12_write(key, before, "mail", "word", der, sizeof(der), &fault);
	assert_true(n > 0 && pkcs12_has(der, (size_t)n, "word", key, before));
	assert_false(pkcs12_has(der, (size_t)n, "word", key, after));
}

static void good_chains(void **state)
{
	(void)state;
	assert_int_equal(verify_order((struct tiny_order){ 0 }), 0);
	assert_int_equal(verify_order((struct tiny_order){ .with_root = 1 }), 0);
	assert_int_equal(verify_order((struct tiny_order){ .leaf_only = 1 }), 0);
	assert_int_equal(verify_order((struct tiny_order){ .from = 600, .until = 86400 }), 0);
}

static bool is_from(struct tiny_order order, const char *issuer)
{
	struct chain *chain;
	bool same;

	tiny_ca_issue(csr, csr_length, &order, pem);
	chain = chain_read(pem, strlen(pem), &fault);
	same = chain_is_from(chain, issuer);
	chain_free(chain);
	return same;
}

static void the_issuer_of_the_topmost(void **state)
{
	const struct tiny_order whole = { .with_root = 1 }, usual = { 0 }, leaf = { .leaf_only = 1 };

	(void)state;
	assert_true(is_from(usual, "Tiny Root"));
	assert_true(is_from(whole, "Tiny Root"));
	assert_true(is_from(leaf, "Tiny Intermediate"));
	assert_false(is_from(leaf, "Tiny Root"));
	assert_false(is_from(usual, "Tiny Intermediate"));
	assert_false(is_from(usual, "Tiny Roo"));
	assert_false(is_from(usual, "Tiny Root 2"));
	assert_false(is_from(usual, "tiny root"));
	assert_false(is_from(usual, ""));
}

static void wrong_chains(void **state)
{
	struct key *other = key_generate(KEY_P256, &fault);
	struct chain *chain;

	(void)state;
	assert_int_equal(verify_order((struct tiny_order){ .wrong_issuer = 1 }), -1);
	assert_non_null(strstr(fault.text, "link"));
	assert_int_equal(verify_order((struct tiny_order){ .from = -7200, .until = -1 }), -1);
	assert_non_null(strstr(fault.text, "expired"));
	assert_int_equal(verify_order((struct tiny_order){ .from = 86400, .until = 2 * 86400 }), -1);
	assert_non_null(strstr(fault.text, "clock"));
	assert_int_equal(verify_order((struct tiny_order){ .from = 600, .until = 300 }), -1);
	assert_non_null(strstr(fault.text, "lifetime"));
	tiny_ca_issue(csr, csr_length, &(struct tiny_order){ 0 }, pem);
	chain = chain_read(pem, strlen(pem), &fault);
	assert_int_equal(trust_verify(chain, other, names, NAMES, time(NULL), &fault), -1);
	assert_non_null(strstr(fault.text, "key"));
	assert_false(chain_has_key(chain, other));
	chain_free(chain);
	key_free(other);
}

static void other_names_are_refused(void **state)
{
#define SAN "DNS:a.example.org,DNS:b.example.org,IP:192.0.2.1"
	static const char *const wrong[] = {
		SAN,					 /* one is missing */
		SAN ",IP:2001:db8::1,DNS:c.example.org", /* one too many */
		SAN ",IP:2001:db8::2",
		SAN ",DNS:2001:db8::1",
		"DNS:*.example.org,IP:192.0.2.1,IP:2001:db8::1",
		SAN ",IP:2001:db8::1,email:a@example.org",
		"", /* none */
	};

	(void)state;
	assert_int_equal(verify_order((struct tiny_order){ .san = SAN ",IP:2001:DB8:0::1" }), 0);
	assert_int_equal(verify_order((struct tiny_order){ .san = "IP:2001:db8::1,DNS:B.Example.org,IP:192.0.2.1,"
								  "DNS:a.example.org" }),
			 0);
	for (size_t i = 0; i < LENGTH_OF(wrong); i++)
		assert_int_equal(verify_order((struct tiny_order){ .san = wrong[i] }), -1);
}

static void facts_of_a_leaf(void **state)
{
	static const char wild[][NAME_SIZE] = { "example.org", "*.example.org" };
	struct facts facts;
	struct chain *chain;
	time_t now = time(NULL);

	(void)state;
	tiny_ca_issue(csr, csr_length,
		      &(struct tiny_order){ .san = "DNS:*.Example.org,DNS:example.org", .from = -10, .until = 1000 }, pem);
	chain = chain_read(pem, strlen(pem), &fault);
	assert_int_equal(chain_facts(chain, &facts, &fault), 0);
	assert_between(facts.not_before, now - 12, now - 8);
	assert_between(facts.not_after, now + 998, now + 1003);
	assert_int_equal(facts.key, KEY_P256);
	assert_int_equal(facts.names, 2);
	assert_string_equal(facts.name[0], "*.example.org");
	assert_true(chain_facts_have_names(&facts, wild, 2));
	assert_false(chain_facts_have_names(&facts, wild, 1));
	chain_free(chain);
}

/* The text with each LF replaced. */
static size_t with_line_ends(const char *text, const char *end, char *out)
{
	char *at = out;

	for (; *text; text++)
		at = *text == '\n' ? stpcpy(at, end) : (*at = *text, at + 1);
	*at = '\0';
	return (size_t)(at - out);
}

static void text_is_clean(void **state)
{
	static char crlf[2 * TINY_PEM_SIZE];
	size_t leaf, length, n;
	struct chain *chain;
	const char *text;

	(void)state;
	tiny_ca_issue(csr, csr_length, &(struct tiny_order){ 0 }, pem);
	memcpy(crlf, " \r\n", 3);
	n = 3 + with_line_ends(pem, "\r\n", crlf + 3);
	assert_int_equal(verify(crlf, n), 0);
	chain = chain_read(crlf, n, &fault);
	assert_non_null(chain);
	text = chain_text(chain, &leaf, &length);
	assert_int_equal(length, strlen(pem));
	assert_memory_equal(text, pem, length);
	assert_memory_equal(text + leaf, "-----BEGIN", 10);
	chain_free(chain);
}

static void other_text_is_refused(void **state)
{
	static char text[2 * TINY_PEM_SIZE];
	static const char *const behind[] = { "x",
					      "#",
					      "-----BEGIN CERTIFICATE-----\n",
					      "-----END CERTIFICATE-----\n",
					      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
					      "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
					      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
					      "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n",
					      "-----BEGIN CERTIFICATE-----\n====\n-----END CERTIFICATE-----\n",
					      "-----BEGIN CERTIFICATE-----\nProc-Type: 4\n\nAAAA\n-----END CERTIFICATE-----\n" };

	(void)state;
	tiny_ca_issue(csr, csr_length, &(struct tiny_order){ 0 }, pem);
	for (size_t i = 0; i < LENGTH_OF(behind); i++) {
		snprintf(text, sizeof(text), "%s%s", pem, behind[i]);
		assert_int_equal(verify(text, strlen(text)), -1);
		snprintf(text, sizeof(text), "%s%s", behind[i], pem);
		assert_int_equal(verify(text, strlen(text)), -1);
	}
	assert_int_equal(verify(pem, strlen(pem) + 1), -1); /* a NUL behind it */
	assert_int_equal(verify("", 0), -1);
	assert_int_equal(verify(" \n", 2), -1);
	for (size_t n = 0; n < strlen(pem) - 1; n += 7) { /* cut off; at the leaf's end it is a chain, but one without its issuer */
		struct chain *chain = chain_read(pem, n, &fault);

		assert_true(!chain || strstr(pem, "-----END CERTIFICATE-----") < pem + n);
		chain_free(chain);
	}
}

static void too_many_are_refused(void **state)
{
	static char text[16 * TINY_PEM_SIZE];

	(void)state;
	tiny_ca_issue(csr, csr_length, &(struct tiny_order){ .leaf_only = 1 }, pem);
	for (int i = 0; i < CHAIN_MAX + 1; i++)
		strcat(text, pem);
	assert_null(chain_read(text, strlen(text), &fault));
	assert_non_null(strstr(fault.text, "more than"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digest_and_hmac),
		cmocka_unit_test(ec_key_of_the_rfc),
		cmocka_unit_test(rsa_key_and_signature_of_the_rfc),
		cmocka_unit_test(ec_keys_survive_their_pem),
		cmocka_unit_test(rsa_keys_survive_their_pem),
		cmocka_unit_test(widths_are_fixed),
		cmocka_unit_test(raw_signatures_verify),
		cmocka_unit_test(bad_keys_are_refused),
		cmocka_unit_test(request_has_the_names_and_no_subject),
		cmocka_unit_test(a_request_of_others_is_read),
		cmocka_unit_test(a_wrong_request_is_explained),
		cmocka_unit_test(good_chains),
		cmocka_unit_test(pkcs12_has_key_and_chain),
		cmocka_unit_test(pkcs12_of_another_certificate_is_known),
		cmocka_unit_test(the_issuer_of_the_topmost),
		cmocka_unit_test(wrong_chains),
		cmocka_unit_test(other_names_are_refused),
		cmocka_unit_test(facts_of_a_leaf),
		cmocka_unit_test(text_is_clean),
		cmocka_unit_test(other_text_is_refused),
		cmocka_unit_test(too_many_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
