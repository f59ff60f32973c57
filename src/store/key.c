// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/key.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/base64url.h"
#include "store/crypto.h"
#include "store/openssl.h"

/* The widest number of a public key as text: the modulus of RSA 4096. */
#define NUMBER_SIZE (BASE64URL_LENGTH(SIGNATURE_SIZE) + 1)

OWN_OPENSSL(BIGNUM, BN_free)
OWN_OPENSSL(ECDSA_SIG, ECDSA_SIG_free)
OWN_OPENSSL(EVP_MD_CTX, EVP_MD_CTX_free)
OWN_OPENSSL(GENERAL_NAMES, GENERAL_NAMES_free)
OWN_OPENSSL(X509_REQ, X509_REQ_free)

static const struct kind {
	const char *algorithm; /* of a JWS */
	const char *curve;     /* of a JWK; NULL: RSA */
	const char *group;     /* the same to OpenSSL */
	const char *hash;
	int width; /* bytes of a coordinate or of the modulus */
} kinds[] = {
	[KEY_P256] = { "ES256", "P-256", "prime256v1", "SHA256", 32 }, [KEY_P384] = { "ES384", "P-384", "secp384r1", "SHA384", 48 },
	[KEY_RSA2048] = { "RS256", NULL, NULL, "SHA256", 256 },	       [KEY_RSA3072] = { "RS256", NULL, NULL, "SHA256", 384 },
	[KEY_RSA4096] = { "RS256", NULL, NULL, "SHA256", 512 },
};
_Static_assert(LENGTH_OF(kinds) == KEY_TYPES, "one kind for each type of key");

enum key_type openssl_key_type(const EVP_PKEY *pkey)
{
	char group[32] = "";
	bool rsa = EVP_PKEY_is_a(pkey, "RSA");

	if (!rsa && !(EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL)))
		return KEY_TYPES;
	for (unsigned int i = 0; i < KEY_TYPES; i++)
		if (rsa ? !kinds[i].curve && EVP_PKEY_get_bits(pkey) == kinds[i].width * 8 :
			  kinds[i].curve && !strcmp(group, kinds[i].group))
			return (enum key_type)i;
	return KEY_TYPES;
}

int openssl_spki(const EVP_PKEY *pkey, unsigned char spki[SPKI_SIZE], struct fault *fault)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(pkey, &der), rc;

	if (n <= 0)
		return openssl_fault(fault, "describing a public key");
	rc = crypto_sha256(der, (size_t)n, spki, fault);
	OPENSSL_free(der);
	return rc;
}

struct key *openssl_wrap(EVP_PKEY *pkey, enum key_type type, struct fault *fault)
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
	EVP_PKEY *pkey = kind->curve ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind->curve) :
				       EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)kind->width * 8);

	if (!pkey) {
		openssl_fault(fault, "making a key");
		return NULL;
	}
	return openssl_wrap(pkey, type, fault);
}

/* OpenSSL's own function asks on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *user)
{
	(void)buffer, (void)size, (void)writing, (void)user;
	return -1;
}

struct key *key_read(const char *pem, size_t length, struct fault *fault)
{
	OWN(BIO_free_all) BIO *bio = length <= KEY_PEM_SIZE ? BIO_new_mem_buf(pem, (int)length) : NULL;
	EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

	if (pkey)
		return openssl_take_key(pkey, fault);
	openssl_fault(fault, "reading a private key");
	return NULL;
}

struct key *openssl_take_key(EVP_PKEY *pkey, struct fault *fault)
{
	enum key_type type = openssl_key_type(pkey);

	if (type == KEY_TYPES) {
		EVP_PKEY_free(pkey);
		fault_set(fault, FAULT_FAILED, "a private key of a type that acmegate does not use");
		return NULL;
	}
	return openssl_wrap(pkey, type, fault);
}

int key_write(const struct key *key, char pem[KEY_PEM_SIZE], struct fault *fault)
{
	OWN(BIO_free_all) BIO *bio = BIO_new(BIO_s_mem());
	int n;

	if (!bio || !PEM_write_bio_PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL))
		return openssl_fault(fault, "writing a private key");
	n = BIO_read(bio, pem, KEY_PEM_SIZE - 1);
	if (n <= 0 || BIO_ctrl_pending(bio))
		return fault_set(fault, FAULT_FAILED, "a private key that is too long");
	pem[n] = '\0';
	return 0;
}

bool key_is(const struct key *key, enum key_type type)
{
	return key->type == type;
}

int key_spki(const struct key *key, unsigned char spki[SPKI_SIZE], struct fault *fault)
{
	return openssl_spki(key->pkey, spki, fault);
}

void key_free(struct key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

/* Writes a number of the public key in base64url, width bytes wide (RFC 7518, 6.2.1.2); 0: its own width. */
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
		return snprintf(jwk, JWK_SIZE, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", kind->curve, first,
				second) < JWK_SIZE ?
			       0 :
			       -1;
	}
	if (describe_number(key, OSSL_PKEY_PARAM_RSA_E, 0, first) < 0 || describe_number(key, OSSL_PKEY_PARAM_RSA_N, 0, second) < 0)
		return -1;
	return snprintf(jwk, JWK_SIZE, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", first, second) < JWK_SIZE ? 0 : -1;
}

int key_describe(const struct key *key, struct account *account, struct fault *fault)
{
	unsigned char hash[SHA256_SIZE];

	snprintf(account->algorithm, sizeof(account->algorithm), "%s", kinds[key->type].algorithm);
	if (write_jwk(key, account->jwk) < 0)
		return openssl_fault(fault, "describing a public key");
	if (crypto_sha256(account->jwk, strlen(account->jwk), hash, fault) < 0)
		return -1;
	_Static_assert(sizeof(account->thumbprint) > BASE64URL_LENGTH(SHA256_SIZE), "a thumbprint fits");
	base64url_encode(account->thumbprint, hash, sizeof(hash));
	return 0;
}

/* OpenSSL makes ECDSA signatures as a DER sequence; a JWS has r and s side by side, each as wide as the curve. */
static int unwrap_ecdsa(unsigned char *signature, size_t length, int width)
{
	const unsigned char *der = signature;
	OWN(ECDSA_SIG_free) ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &der, (long)length);

	if (!parts || BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, width) < 0 ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + width, width) < 0)
		return -1;
	return 2 * width;
}

int key_sign(const struct key *key, const void *data, size_t length, unsigned char signature[SIGNATURE_SIZE], struct fault *fault)
{
	const struct kind *kind = &kinds[key->type];
	OWN(EVP_MD_CTX_free) EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t size = SIGNATURE_SIZE;
	int n;

	if (!context || !EVP_DigestSignInit_ex(context, NULL, kind->hash, NULL, NULL, key->pkey, NULL) ||
	    !EVP_DigestSign(context, signature, &size, data, length))
		return openssl_fault(fault, "signing");
	n = kind->curve ? unwrap_ecdsa(signature, size, kind->width) : (int)size;
	return n < 0 ? openssl_fault(fault, "signing") : n;
}

int openssl_address(const char *name, unsigned char address[16])
{
	if (inet_pton(AF_INET6, name, address) == 1)
		return sizeof(struct in6_addr);
	return inet_pton(AF_INET, name, address) == 1 ? (int)sizeof(struct in_addr) : 0;
}

static GENERAL_NAME *make_name(const char *name)
{
	unsigned char address[sizeof(struct in6_addr)];
	int octets = openssl_address(name, address);
	ASN1_STRING *value = octets ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
	GENERAL_NAME *general = GENERAL_NAME_new();

	if (!value || !general || !ASN1_STRING_set(value, octets ? (const void *)address : name, octets ? octets : -1)) {
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

	if (!request || !X509_REQ_set_version(request, X509_REQ_VERSION_1) || !X509_REQ_set_pubkey(request, key->pkey) ||
	    !add_names(request, names, count) ||
	    !X509_REQ_sign(request, key->pkey, key->type == KEY_P384 ? EVP_sha384() : EVP_sha256()))
		return openssl_fault(fault, "making a certificate request");
	n = i2d_X509_REQ(request, NULL);
	if (n < 0 || (size_t)n > size)
		return fault_set(fault, FAULT_FAILED, "a certificate request of %d bytes is too long", n);
	return i2d_X509_REQ(request, &der);
}
