// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/certificate.h"

#include <string.h>

#include "tls/names.h"
#include "tls/openssl.h"

#define ACME_IDENTIFIER "1.3.6.1.5.5.7.1.31"
#define COMMON_NAME "acmegate" /* not the name: that may have more than the 64 characters that a common name has */
#define DAY 86400L

OWN_OPENSSL(X509, X509_free)
OWN_OPENSSL(GENERAL_NAMES, GENERAL_NAMES_free)
OWN_OPENSSL(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free)
OWN_OPENSSL(ASN1_OBJECT, ASN1_OBJECT_free)
OWN_OPENSSL(X509_EXTENSION, X509_EXTENSION_free)

EVP_PKEY *certificate_make_key(struct fault *fault)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (!key)
		fault_set(fault, FAULT_LATER, "OpenSSL makes no key on P-256");
	ERR_clear_error();
	return key;
}

/* The octets of a GeneralName: those of an address, or the name as ASCII. */
static ASN1_STRING *make_octets(const char *name, int *type)
{
	unsigned char address[NAMES_ADDRESS_MOST];
	const size_t length = names_address(name, address);
	ASN1_STRING *octets = ASN1_STRING_type_new(length ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

	*type = length ? GEN_IPADD : GEN_DNS;
	if (octets && ASN1_STRING_set(octets, length ? (const void *)address : name, length ? (int)length : (int)strlen(name)))
		return octets;
	ASN1_STRING_free(octets);
	return NULL;
}

/* One name, and nothing else: the CA compares the bytes of the extension. */
static bool add_name(X509 *certificate, const char *name)
{
	OWN(GENERAL_NAMES_free) GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *one = GENERAL_NAME_new();
	int type;
	ASN1_STRING *octets = make_octets(name, &type);

	if (!list || !one || !octets || !sk_GENERAL_NAME_push(list, one)) {
		GENERAL_NAME_free(one);
		ASN1_STRING_free(octets);
		return false;
	}
	GENERAL_NAME_set0_value(one, type, octets);
	return X509_add1_ext_i2d(certificate, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) == 1;
}

/* acmeIdentifier ::= OCTET STRING of 32 bytes, in the OCTET STRING of every extension. */
static bool add_digest(X509 *certificate, const unsigned char digest[DIGEST_BYTES])
{
	unsigned char der[2 + DIGEST_BYTES] = { V_ASN1_OCTET_STRING, DIGEST_BYTES };
	OWN(ASN1_OCTET_STRING_free) ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	OWN(ASN1_OBJECT_free) ASN1_OBJECT *identifier = OBJ_txt2obj(ACME_IDENTIFIER, 1);
	OWN(X509_EXTENSION_free) X509_EXTENSION *extension = NULL;

	memcpy(der + 2, digest, DIGEST_BYTES);
	if (!octets || !identifier || !ASN1_OCTET_STRING_set(octets, der, sizeof(der)))
		return false;
	extension = X509_EXTENSION_create_by_OBJ(NULL, identifier, 1, octets);
	return extension && X509_add_ext(certificate, extension, -1);
}

/* The CA looks at no date; a day to each side is for those that do. */
static bool fill(X509 *certificate, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(certificate);

	return X509_set_version(certificate, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY) && X509_gmtime_adj(X509_getm_notAfter(certificate), DAY) &&
	       X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC, (const unsigned char *)COMMON_NAME, -1, -1, 0) &&
	       X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key);
}

X509 *certificate_make(const struct digest *digest, EVP_PKEY *key)
{
	OWN(X509_free) X509 *certificate = X509_new();
	X509 *made = NULL;

	if (!certificate || !fill(certificate, key) || !add_name(certificate, digest->name) ||
	    !add_digest(certificate, digest->digest) || !X509_sign(certificate, key, EVP_sha256()))
		return NULL;
	made = certificate;
	certificate = NULL;
	return made;
}
