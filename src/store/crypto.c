// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/crypto.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/base64url.h"

/* A CA dates certificates back; a host's clock may be a little behind all the same. */
#define CLOCK_TOLERANCE (60 * 60)

/* Of what no known root has signed: the CA/Browser Forum's limit until 2026. */
#define LIFETIME_MOST (398 * 86400LL)

/* The widest number of a public key as text: the modulus of RSA 4096. */
#define NUMBER_SIZE (BASE64URL_LENGTH(SIGNATURE_SIZE) + 1)

struct key {
	EVP_PKEY *pkey;
	enum key_type type;
};

struct chain {
	size_t count;
	X509 *certificate[CHAIN_MAX];
	BIO *text;
	size_t leaf;	/* bytes of text that are the leaf's */
};

static const struct kind {
	const char *algorithm;	/* of a JWS */
	const char *curve;	/* of a JWK; NULL: RSA */
	const char *group;	/* the same to OpenSSL */
	const char *digest;
	int width;		/* bytes of a coordinate or of the modulus */
} kinds[] = {
	[KEY_P256] = { "ES256", "P-256", "prime256v1", "SHA256", 32 },
	[KEY_P384] = { "ES384", "P-384", "secp384r1", "SHA384", 48 },
	[KEY_RSA2048] = { "RS256", NULL, NULL, "SHA256", 256 },
	[KEY_RSA3072] = { "RS256", NULL, NULL, "SHA256", 384 },
	[KEY_RSA4096] = { "RS256", NULL, NULL, "SHA256", 512 },
};
_Static_assert(LENGTH_OF(kinds) == KEY_TYPES, "one kind for each type of key");

/* NOLINTBEGIN(bugprone-macro-parentheses): a type takes none */
#define OWN_OPENSSL(type, release)                                                                                     \
	static void own_##release(type **pointer)                                                                      \
	{                                                                                                              \
		release(*pointer);                                                                                     \
	}
/* NOLINTEND(bugprone-macro-parentheses) */
OWN_OPENSSL(BIO, BIO_free_all)
OWN_OPENSSL(BIGNUM, BN_free)
OWN_OPENSSL(ECDSA_SIG, ECDSA_SIG_free)
OWN_OPENSSL(EVP_MD_CTX, EVP_MD_CTX_free)
OWN_OPENSSL(GENERAL_NAMES, GENERAL_NAMES_free)
OWN_OPENSSL(X509_REQ, X509_REQ_free)
#define OWN(release) __attribute__((cleanup(own_##release)))

void crypto_start(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

void crypto_wipe(void *secret, size_t length)
{
	OPENSSL_cleanse(secret, length);
}

/* OpenSSL has said no to something that we asked it to do: its own words, and an empty queue for the next time. */
static int refused(struct fault *fault, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason;

	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
	reason = ERR_reason_error_string(code);
	fault_set(fault, ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE ? FAULT_LATER : FAULT_FAILED, "%s: %s", what,
		  reason ? reason : "OpenSSL gives no reason");
	ERR_clear_error();
	return -1;
}

int crypto_sha256(const void *data, size_t length, unsigned char digest[SHA256_SIZE], struct fault *fault)
{
	if (!EVP_Digest(data, length, digest, NULL, EVP_sha256(), NULL))
		return refused(fault, "computing a digest");
	return 0;
}

int crypto_hmac(const void *secret, size_t secret_length, const void *data, size_t length,
		unsigned char mac[SHA256_SIZE], struct fault *fault)
{
	size_t n;

	if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret, secret_length, data, length, mac, SHA256_SIZE, &n))
		return refused(fault, "computing an HMAC");
	return 0;
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static enum key_type identify(const EVP_PKEY *pkey)
{
	char group[32] = "";
	bool rsa = EVP_PKEY_is_a(pkey, "RSA");

	if (!rsa && !(EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL)))
		return KEY_TYPES;
	for (unsigned int i = 0; i < KEY_TYPES; i++)
		if (rsa ? !kinds[i].curve && EVP_PKEY_get_bits(pkey) == kinds[i].width * 8
			: kinds[i].curve && !strcmp(group, kinds[i].group))
			return (enum key_type)i;
	return KEY_TYPES;
}

/* Takes over pkey. */
static struct key *wrap(EVP_PKEY *pkey, enum key_type type, struct fault *fault)
{
	struct key *key = malloc(sizeof(*key));

	if (!key) {
		fault_set(fault, FAULT_LATER, "no memory for a key");
		EVP_PKEY_free(pkey);
		return NULL;
	}
	key->pkey = pkey;
	key->type = type;
	return key;
}

struct key *key_generate(enum key_type type, struct fault *fault)
{
	const struct kind *kind = &kinds[type];
	EVP_PKEY *pkey = kind->curve ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind->curve)
				     : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)kind->width * 8);

	if (!pkey) {
		refused(fault, "making a key");
		return NULL;
	}
	return wrap(pkey, type, fault);
}

/* Instead of OpenSSL's own, which asks on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *user)
{
	(void)buffer, (void)size, (void)writing, (void)user;
	return -1;
}

struct key *key_read(const char *pem, size_t length, struct fault *fault)
{
	OWN(BIO_free_all) BIO *bio = length <= KEY_PEM_SIZE ? BIO_new_mem_buf(pem, (int)length) : NULL;
	EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	enum key_type type;

	if (!pkey) {
		refused(fault, "reading a private key");
		return NULL;
	}
	type = identify(pkey);
	if (type == KEY_TYPES) {
		EVP_PKEY_free(pkey);
		fault_set(fault, FAULT_FAILED, "a private key of a type that acmegate does not use");
		return NULL;
	}
	return wrap(pkey, type, fault);
}

int key_write(const struct key *key, char pem[KEY_PEM_SIZE], struct fault *fault)
{
	OWN(BIO_free_all) BIO *bio = BIO_new(BIO_s_mem());
	int n;

	if (!bio || !PEM_write_bio_PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL))
		return refused(fault, "writing a private key");
	n = BIO_read(bio, pem, KEY_PEM_SIZE - 1);
	if (n <= 0 || BIO_ctrl_pending(bio))
		return fault_set(fault, FAULT_FAILED, "a private key that is too long");
	pem[n] = '\0';
	return 0;
}

void key_free(struct key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

/* The base64url form of a number of the public key, width bytes wide (RFC 7518, 6.2.1.2); 0: as wide as it is. */
static int describe_number(const struct key *key, const char *name, int width, char *out)
{
	OWN(BN_free) BIGNUM *number = NULL;
	unsigned char bytes[SIGNATURE_SIZE];

	if (!EVP_PKEY_get_bn_param(key->pkey, name, &number))
		return -1;
	if (!width)
		width = BN_num_bytes(number);
	if (width > (int)sizeof(bytes) || BN_bn2binpad(number, bytes, width) < 0)
		return -1;
	base64url_encode(out, bytes, (size_t)width);
	return 0;
}

static int write_jwk(const struct key *key, char jwk[JWK_SIZE])
{
	const struct kind *kind = &kinds[key->type];
	char first[NUMBER_SIZE], second[NUMBER_SIZE];

	if (kind->curve) {
		if (describe_number(key, OSSL_PKEY_PARAM_EC_PUB_X, kind->width, first) < 0 ||
		    describe_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, kind->width, second) < 0)
			return -1;
		return snprintf(jwk, JWK_SIZE, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", kind->curve,
				first, second) < JWK_SIZE ? 0 : -1;
	}
	if (describe_number(key, OSSL_PKEY_PARAM_RSA_E, 0, first) < 0 ||
	    describe_number(key, OSSL_PKEY_PARAM_RSA_N, 0, second) < 0)
		return -1;
	return snprintf(jwk, JWK_SIZE, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", first, second) < JWK_SIZE ? 0
														: -1;
}

int key_describe(const struct key *key, struct account *account, struct fault *fault)
{
	unsigned char digest[SHA256_SIZE];

	snprintf(account->algorithm, sizeof(account->algorithm), "%s", kinds[key->type].algorithm);
	if (write_jwk(key, account->jwk) < 0)
		return refused(fault, "describing a public key");
	if (crypto_sha256(account->jwk, strlen(account->jwk), digest, fault) < 0)
		return -1;
	_Static_assert(sizeof(account->thumbprint) > BASE64URL_LENGTH(SHA256_SIZE), "a thumbprint fits");
	base64url_encode(account->thumbprint, digest, sizeof(digest));
	return 0;
}

/* ECDSA signatures leave OpenSSL as a DER sequence; a JWS wants r and s side by side, each as wide as the curve. */
static int unwrap_ecdsa(unsigned char *signature, size_t length, int width)
{
	const unsigned char *der = signature;
	OWN(ECDSA_SIG_free) ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &der, (long)length);

	if (!parts || BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, width) < 0 ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + width, width) < 0)
		return -1;
	return 2 * width;
}

int key_sign(const struct key *key, const void *data, size_t length, unsigned char signature[SIGNATURE_SIZE],
	     struct fault *fault)
{
	const struct kind *kind = &kinds[key->type];
	OWN(EVP_MD_CTX_free) EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t size = SIGNATURE_SIZE;
	int n;

	if (!context || !EVP_DigestSignInit_ex(context, NULL, kind->digest, NULL, NULL, key->pkey, NULL) ||
	    !EVP_DigestSign(context, signature, &size, data, length))
		return refused(fault, "signing");
	n = kind->curve ? unwrap_ecdsa(signature, size, kind->width) : (int)size;
	return n < 0 ? refused(fault, "signing") : n;
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* RFC 8738, 3: an address is an iPAddress of 4 or 16 octets. Returns that number, 0 for a DNS name. */
static int read_address(const char *name, unsigned char address[sizeof(struct in6_addr)])
{
	if (inet_pton(AF_INET6, name, address) == 1)
		return sizeof(struct in6_addr);
	return inet_pton(AF_INET, name, address) == 1 ? (int)sizeof(struct in_addr) : 0;
}

static GENERAL_NAME *make_name(const char *name)
{
	unsigned char address[sizeof(struct in6_addr)];
	int octets = read_address(name, address);
	ASN1_STRING *value = octets ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
	GENERAL_NAME *general = GENERAL_NAME_new();

	if (!value || !general ||
	    !ASN1_STRING_set(value, octets ? (const void *)address : name, octets ? octets : -1)) {
		ASN1_STRING_free(value);
		GENERAL_NAME_free(general);
		return NULL;
	}
	GENERAL_NAME_set0_value(general, octets ? GEN_IPADD : GEN_DNS, value);
	return general;
}

static int add_names(X509_REQ *request, const char (*names)[NAME_SIZE], uint32_t count)
{
	OWN(GENERAL_NAMES_free) GENERAL_NAMES *list = GENERAL_NAMES_new();
	STACK_OF(X509_EXTENSION) *extensions = NULL;
	int ok;

	if (!list)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		GENERAL_NAME *name = make_name(names[i]);

		if (!name || !sk_GENERAL_NAME_push(list, name)) {
			GENERAL_NAME_free(name);
			return 0;
		}
	}
	ok = X509V3_add1_i2d(&extensions, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) == 1 &&
	     X509_REQ_add_extensions(request, extensions);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return ok;
}

int key_request(const struct key *key, const char (*names)[NAME_SIZE], uint32_t count, unsigned char *der, size_t size,
		struct fault *fault)
{
	OWN(X509_REQ_free) X509_REQ *request = X509_REQ_new();
	int n;

	if (!request || !X509_REQ_set_version(request, X509_REQ_VERSION_1) ||
	    !X509_REQ_set_pubkey(request, key->pkey) || !add_names(request, names, count) ||
	    !X509_REQ_sign(request, key->pkey, key->type == KEY_P384 ? EVP_sha384() : EVP_sha256()))
		return refused(fault, "making a certificate request");
	n = i2d_X509_REQ(request, NULL);
	if (n < 0 || (size_t)n > size)
		return fault_set(fault, FAULT_FAILED, "a certificate request of %d bytes is too long", n);
	return i2d_X509_REQ(request, &der);
}

/* --- chains ------------------------------------------------------------------------------------------------------- */

struct cursor {
	const char *at, *end;
};

static void skip_space(struct cursor *cursor)
{
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a NUL is no white space */
	while (cursor->at < cursor->end && memchr(" \t\r\n", *cursor->at, 4))
		cursor->at++;
}

static bool skip_literal(struct cursor *cursor, const char *literal)
{
	size_t length = strlen(literal);

	if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, literal, length))
		return false;
	cursor->at += length;
	return true;
}

/*
 * Decodes the next CERTIFICATE block in place of scratch, which is as long as the input. Returns the number of bytes of
 * DER, 0 at the end of the input, -1 for anything else than a block. Not PEM_read_bio(): that skips over other text.
 */
static int next_block(struct cursor *cursor, unsigned char *scratch)
{
	size_t n = 0, padding = 0;
	int decoded;

	skip_space(cursor);
	if (cursor->at == cursor->end)
		return 0;
	if (!skip_literal(cursor, "-----BEGIN CERTIFICATE-----"))
		return -1;
	for (skip_space(cursor); cursor->at < cursor->end && *cursor->at != '-'; skip_space(cursor)) {
		unsigned char c = (unsigned char)*cursor->at++;

		if (c == '=')
			padding++;
		else if (padding || (!isalnum(c) && c != '+' && c != '/'))
			return -1;
		scratch[n++] = c;
	}
	if (!skip_literal(cursor, "-----END CERTIFICATE-----") || !n || n % 4 || padding > 2)
		return -1;
	decoded = EVP_DecodeBlock(scratch, scratch, (int)n);
	return decoded < 0 ? -1 : decoded - (int)padding;
}

static int add_certificate(struct chain *chain, const unsigned char *der, int length, struct fault *fault)
{
	const unsigned char *end = der;
	X509 *certificate;

	if (chain->count == CHAIN_MAX)
		return fault_set(fault, FAULT_FAILED, "the chain has more than %d certificates", CHAIN_MAX);
	certificate = d2i_X509(NULL, &end, length);
	if (!certificate)
		return refused(fault, "the chain has a certificate that cannot be read");
	chain->certificate[chain->count++] = certificate;
	if (end != der + length)
		return fault_set(fault, FAULT_FAILED, "the chain has a certificate with bytes behind its end");
	if (PEM_write_bio(chain->text, "CERTIFICATE", "", der, length) <= 0)
		return refused(fault, "writing a certificate");
	if (chain->count == 1)
		chain->leaf = BIO_ctrl_pending(chain->text);
	return 0;
}

static int read_blocks(struct chain *chain, const char *pem, size_t length, struct fault *fault)
{
	struct cursor cursor = { pem, pem + length };
	OWN_FREE unsigned char *scratch = malloc(length + 1);
	int n;

	chain->text = BIO_new(BIO_s_mem());
	if (!scratch || !chain->text)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): OWN_FREE releases, which clang 14 does not know */
		return fault_set(fault, FAULT_LATER, "no memory for a chain of certificates");
	while ((n = next_block(&cursor, scratch)) > 0)
		if (add_certificate(chain, scratch, n, fault) < 0)
			return -1;
	if (n < 0)
		return fault_set(fault, FAULT_FAILED,
				 "the chain has something else than certificates at byte %zu (RFC 8555, 11.4)",
				 (size_t)(cursor.at - pem));
	return chain->count ? 0 : fault_set(fault, FAULT_FAILED, "the chain has no certificate");
}

struct chain *chain_read(const char *pem, size_t length, struct fault *fault)
{
	struct chain *chain = calloc(1, sizeof(*chain));

	if (!chain) {
		fault_set(fault, FAULT_LATER, "no memory for a chain of certificates");
		return NULL;
	}
	if (length > INT_MAX / 2 || read_blocks(chain, pem, length, fault) < 0) {
		chain_free(chain);
		return NULL;
	}
	return chain;
}

void chain_free(struct chain *chain)
{
	if (!chain)
		return;
	for (size_t i = 0; i < chain->count; i++)
		X509_free(chain->certificate[i]);
	BIO_free_all(chain->text);
	free(chain);
}

const char *chain_text(const struct chain *chain, size_t *leaf, size_t *length)
{
	char *text = NULL;
	long n = BIO_get_mem_data(chain->text, &text);

	*leaf = chain->leaf;
	*length = (size_t)n;
	return text;
}

bool chain_is_from(const struct chain *chain, const char *issuer)
{
	const X509_NAME *name = X509_get_issuer_name(chain->certificate[chain->count - 1]);
	int at = -1;
	bool same = false;

	while (!same && (at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0) {
		unsigned char *text = NULL;
		int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));

		same = length >= 0 && (size_t)length == strlen(issuer) && !memcmp(text, issuer, (size_t)length);
		OPENSSL_free(text);
	}
	ERR_clear_error();
	return same;
}

/* --- facts -------------------------------------------------------------------------------------------------------- */

static int64_t seconds(const ASN1_TIME *time)
{
	struct tm parts;

	return ASN1_TIME_to_tm(time, &parts) ? timegm(&parts) : 0;
}

/* The name in the spelling of the configuration: lower case, or an address in canonical text form. */
static bool spell_name(const GENERAL_NAME *general, char name[NAME_SIZE])
{
	unsigned char address[sizeof(struct in6_addr)];
	int type, length;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(general, &type);
	const unsigned char *bytes;

	if (type != GEN_DNS && type != GEN_IPADD)
		return false;
	bytes = ASN1_STRING_get0_data(value);
	length = ASN1_STRING_length(value);
	if (type == GEN_IPADD)
		return (length == 4 || length == 16) &&
		       inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, name, NAME_SIZE);
	if (length <= 0 || length >= NAME_SIZE)
		return false;
	for (int i = 0; i < length; i++) {
		if (!isgraph(bytes[i]))
			return false;
		name[i] = (char)tolower(bytes[i]);
	}
	name[length] = '\0';
	return !read_address(name, address); /* a dNSName must not pass for the iPAddress that it looks like */
}

int chain_facts(const struct chain *chain, struct facts *facts, struct fault *fault)
{
	const X509 *leaf = chain->certificate[0];
	const EVP_PKEY *pkey = X509_get0_pubkey(leaf);
	int critical = 0;
	OWN(GENERAL_NAMES_free) GENERAL_NAMES *list = X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, NULL);

	memset(facts, 0, sizeof(*facts));
	if (!list && critical != -1)
		return refused(fault, "reading the names of a certificate");
	facts->not_before = seconds(X509_get0_notBefore(leaf));
	facts->not_after = seconds(X509_get0_notAfter(leaf));
	facts->key = pkey ? identify(pkey) : KEY_TYPES;
	for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
		if (facts->names == MAX_NAMES_EACH ||
		    !spell_name(sk_GENERAL_NAME_value(list, i), facts->name[facts->names]))
			facts->other_names = true;
		else
			facts->names++;
	}
	ERR_clear_error();
	return 0;
}

static bool has(const char (*names)[NAME_SIZE], uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

bool facts_have_names(const struct facts *facts, const char (*names)[NAME_SIZE], uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!has(facts->name, facts->names, names[i]))
			return false;
	for (uint32_t i = 0; i < facts->names; i++)
		if (!has(names, count, facts->name[i]))
			return false;
	return !facts->other_names;
}

bool chain_has_key(const struct chain *chain, const struct key *key)
{
	const EVP_PKEY *pkey = X509_get0_pubkey(chain->certificate[0]);
	bool same = pkey && EVP_PKEY_eq(pkey, key->pkey) == 1;

	ERR_clear_error();
	return same;
}

/* --- verification ------------------------------------------------------------------------------------------------- */

static int verify_leaf(const struct chain *chain, const char (*names)[NAME_SIZE], uint32_t count, int64_t now,
		       struct fault *fault)
{
	struct facts facts;

	if (chain_facts(chain, &facts, fault) < 0)
		return -1;
	if (!facts_have_names(&facts, names, count))
		return fault_set(fault, FAULT_FAILED,
				 "the CA's certificate has other names than were asked for; its first is '%s'",
				 facts.names ? facts.name[0] : "");
	if (facts.not_after <= facts.not_before)
		return fault_set(fault, FAULT_FAILED, "the CA's certificate has no lifetime");
	if (facts.not_after <= now)
		return fault_set(fault, FAULT_FAILED,
				 "the CA's certificate expired %" PRId64
				 " seconds ago; is the clock of this host right?",
				 now - facts.not_after);
	if (facts.not_before > now + CLOCK_TOLERANCE)
		return fault_set(fault, FAULT_FAILED,
				 "the CA's certificate is valid only in %" PRId64
				 " seconds; is the clock of this host right?",
				 facts.not_before - now);
	return 0;
}

static bool signed_by(X509 *certificate, X509 *issuer)
{
	EVP_PKEY *pkey = X509_get0_pubkey(issuer);
	bool good = pkey && X509_check_issued(issuer, certificate) == X509_V_OK && X509_verify(certificate, pkey) == 1;

	ERR_clear_error();
	return good;
}

/* For the use that we make of it: a TLS server's certificate, which can issue no others. */
static int verify_use(X509 *leaf, struct fault *fault)
{
	bool server = X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER, 0) == 1, ca = X509_check_ca(leaf) != 0;

	ERR_clear_error();
	if (ca)
		return fault_set(fault, FAULT_FAILED, "the CA's certificate is one of a CA (CA:TRUE)");
	return server ? 0 : fault_set(fault, FAULT_FAILED, "the CA's certificate is not for TLS servers");
}

int chain_verify(const struct chain *chain, const struct key *key, const char (*names)[NAME_SIZE], uint32_t count,
		 int64_t now, struct fault *fault)
{
	if (!chain_has_key(chain, key))
		return fault_set(fault, FAULT_FAILED, "the CA's certificate is not for the key that it was asked for");
	if (verify_leaf(chain, names, count, now, fault) < 0 || verify_use(chain->certificate[0], fault) < 0)
		return -1;
	for (size_t i = 0; i + 1 < chain->count; i++)
		if (!signed_by(chain->certificate[i], chain->certificate[i + 1]))
			return fault_set(
				fault, FAULT_FAILED,
				"the CA's chain does not link up: certificate %zu is not signed by certificate %zu",
				i + 1, i + 2);
	return 0;
}

/* --- trust -------------------------------------------------------------------------------------------------------- */

/* Has the DER of a certificate one of the chain's issuers in it, as its subject must be? Reading 140 roots takes longer. */
static bool may_be_issuer(const struct chain *chain, const unsigned char *der, size_t n)
{
	for (size_t i = 0; i < chain->count; i++) {
		const unsigned char *name;
		size_t length;

		if (X509_NAME_get0_der(X509_get_issuer_name(chain->certificate[i]), &name, &length) == 1 &&
		    memmem(der, n, name, length))
			return true;
	}
	return false;
}

static int add_root(X509_STORE *store, const unsigned char *der, int length)
{
	X509 *root = d2i_X509(NULL, &der, length);
	int added = root ? X509_STORE_add_cert(store, root) : 0;

	X509_free(root);
	return added;
}

/* The roots that may matter. Between the blocks a file may have any text. Returns how many there are. */
static int add_roots(X509_STORE *store, const struct chain *chain, const char *pem, size_t length)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
	OWN_FREE unsigned char *scratch = malloc(length + 1);
	const char *at = scratch ? memmem(pem, length, begin, strlen(begin)) : NULL;
	int added = 0;

	while (at) {
		struct cursor cursor = { at, memmem(at, length - (size_t)(at - pem), end, strlen(end)) };
		int n;

		if (!cursor.end)
			break;
		cursor.end += strlen(end);
		n = next_block(&cursor, scratch);
		if (n > 0 && may_be_issuer(chain, scratch, (size_t)n))
			added += add_root(store, scratch, n);
		at = memmem(cursor.end, length - (size_t)(cursor.end - pem), begin, strlen(begin));
	}
	return added;
}

/* A clock that is a little behind the CA's is right enough, as in verify_leaf(). */
static time_t moment(const struct chain *chain, int64_t now)
{
	int64_t from = seconds(X509_get0_notBefore(chain->certificate[0]));

	return (time_t)(from > now && from <= now + CLOCK_TOLERANCE ? from : now);
}

/* By OpenSSL: signatures, dates, constraints and uses of all of it, up to one of the store. NULL: verified, else why not. */
static const char *verify_up_to(X509_STORE *store, const struct chain *chain, int64_t now)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509) *others = sk_X509_new_null();
	const char *why = "no memory";
	int verified = 0;

	for (size_t i = 1; others && i < chain->count; i++)
		(void)sk_X509_push(others, chain->certificate[i]);
	if (context && others && X509_STORE_CTX_init(context, store, chain->certificate[0], others) == 1) {
		X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
		X509_STORE_CTX_set_flags(context, X509_V_FLAG_PARTIAL_CHAIN);
		X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), moment(chain, now));
		verified = X509_verify_cert(context) == 1;
		why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
	}
	sk_X509_free(others);
	X509_STORE_CTX_free(context);
	ERR_clear_error();
	return verified ? NULL : why;
}

bool chain_leads_to(const struct chain *chain, const char *roots, size_t length, int64_t now)
{
	X509_STORE *store = length <= INT_MAX / 2 ? X509_STORE_new() : NULL;
	bool leads = store && add_roots(store, chain, roots, length) > 0 && !verify_up_to(store, chain, now);

	X509_STORE_free(store);
	ERR_clear_error();
	return leads;
}

int chain_is_plausible(const struct chain *chain, int64_t now, struct fault *fault)
{
	X509 *leaf = chain->certificate[0];
	int64_t lifetime = seconds(X509_get0_notAfter(leaf)) - seconds(X509_get0_notBefore(leaf));
	X509_STORE *store;
	const char *why = "no memory";

	if (chain->count < 2)
		return fault_set(fault, FAULT_FAILED, "the CA's certificate comes without that of its issuer");
	if (lifetime > LIFETIME_MOST)
		return fault_set(fault, FAULT_FAILED, "the CA's certificate is valid for %" PRId64 " days, longer than any of a public CA",
				 lifetime / 86400);
	if (!(X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE))
		return fault_set(fault, FAULT_FAILED, "the CA's certificate does not say that it is for TLS servers");
	store = X509_STORE_new();
	if (store && X509_STORE_add_cert(store, chain->certificate[chain->count - 1]) == 1)
		why = verify_up_to(store, chain, now);
	X509_STORE_free(store);
	return why ? fault_set(fault, FAULT_FAILED, "the CA's chain is not one: %s", why) : 0;
}
