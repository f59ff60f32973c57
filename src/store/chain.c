// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/chain.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <time.h>

#include "base/base64url.h"
#include "store/openssl.h"

#define ID_PART 45 /* bytes; two of them in base64url and a dot fit into CERTID_SIZE. Key identifiers have 20, serials at most 21 */
_Static_assert(2 * BASE64URL_LENGTH(ID_PART) + 2 <= CERTID_SIZE, "an identifier fits");

OWN_OPENSSL(GENERAL_NAMES, GENERAL_NAMES_free)

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

int openssl_next_block(struct cursor *cursor, unsigned char *scratch)
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
		return openssl_fault(fault, "the chain has a certificate that cannot be read");
	chain->certificate[chain->count++] = certificate;
	if (end != der + length)
		return fault_set(fault, FAULT_FAILED, "the chain has a certificate with bytes behind its end");
	if (PEM_write_bio(chain->text, "CERTIFICATE", "", der, length) <= 0)
		return openssl_fault(fault, "writing a certificate");
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
	while ((n = openssl_next_block(&cursor, scratch)) > 0)
		if (add_certificate(chain, scratch, n, fault) < 0)
			return -1;
	if (n < 0)
		return fault_set(fault, FAULT_FAILED, "the chain has something else than certificates at byte %zu (RFC 8555, 11.4)",
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

void chain_issuer(const struct chain *chain, char text[CHAIN_NAME_SIZE])
{
	const X509_NAME *name = X509_get_issuer_name(chain->certificate[0]);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *bytes = NULL;
	int length = -1;

	if (at < 0)
		at = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
	if (at >= 0)
		length = ASN1_STRING_to_UTF8(&bytes, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	memset(text, 0, CHAIN_NAME_SIZE);
	if (length > 0)
		memcpy(text, bytes, length < CHAIN_NAME_SIZE ? (size_t)length : CHAIN_NAME_SIZE - 1);
	OPENSSL_free(bytes);
	ERR_clear_error();
}

int64_t openssl_seconds(const ASN1_TIME *time)
{
	struct tm parts;

	return ASN1_TIME_to_tm(time, &parts) ? timegm(&parts) : 0;
}

/* Writes the name as the configuration spells it: in lower case, or an address in canonical form. */
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
		return (length == 4 || length == 16) && inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, name, NAME_SIZE);
	if (length <= 0 || length >= NAME_SIZE)
		return false;
	for (int i = 0; i < length; i++) {
		if (!isgraph(bytes[i]))
			return false;
		name[i] = (char)tolower(bytes[i]);
	}
	name[length] = '\0';
	return !openssl_address(name, address); /* a dNSName must not pass for the iPAddress that it looks like */
}

/*
 * RFC 9773, 4.1: the key identifier of the issuer and the content of the serial number's DER, with the zero that keeps it positive.
 * Without an identifier, or with longer ones than CAs have, the certificate has no such name.
 */
static void take_certid(X509 *leaf, char certid[CERTID_SIZE])
{
	const ASN1_OCTET_STRING *issuer = X509_get0_authority_key_id(leaf);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
	unsigned char der[ID_PART + 2], *end = der;
	int length = issuer ? ASN1_STRING_length(issuer) : 0, n = i2d_ASN1_INTEGER(serial, NULL);
	size_t used;

	certid[0] = '\0';
	if (length <= 0 || length > ID_PART || n <= 2 || n > (int)sizeof(der) || i2d_ASN1_INTEGER(serial, &end) != n)
		return;
	used = base64url_encode(certid, ASN1_STRING_get0_data(issuer), (size_t)length);
	certid[used++] = '.';
	base64url_encode(certid + used, der + 2, (size_t)n - 2);
}

void openssl_take_names(const GENERAL_NAMES *list, struct facts *facts)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
		if (facts->names == MAX_NAMES_EACH || !spell_name(sk_GENERAL_NAME_value(list, i), facts->name[facts->names]))
			facts->other_names = true;
		else
			facts->names++;
	}
}

int chain_facts(const struct chain *chain, struct facts *facts, struct fault *fault)
{
	const X509 *leaf = chain->certificate[0];
	const EVP_PKEY *pkey = X509_get0_pubkey(leaf);
	int critical = 0;
	OWN(GENERAL_NAMES_free) GENERAL_NAMES *list = X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, NULL);

	memset(facts, 0, sizeof(*facts));
	if (!list && critical != -1)
		return openssl_fault(fault, "reading the names of a certificate");
	facts->not_before = openssl_seconds(X509_get0_notBefore(leaf));
	facts->not_after = openssl_seconds(X509_get0_notAfter(leaf));
	take_certid(chain->certificate[0], facts->certid);
	facts->key = pkey ? openssl_key_type(pkey) : KEY_TYPES;
	if (pkey && openssl_spki(pkey, facts->spki, fault) < 0)
		return -1;
	openssl_take_names(list, facts);
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

bool chain_facts_have_names(const struct facts *facts, const char (*names)[NAME_SIZE], uint32_t count)
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
