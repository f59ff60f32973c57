// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/pkcs12.h"

#include "store/openssl.h"

OWN_OPENSSL(EVP_PKEY, EVP_PKEY_free)
OWN_OPENSSL(PKCS12, PKCS12_free)
OWN_OPENSSL(X509, X509_free)

/* The certificates above the leaf, which stay the chain's. */
static STACK_OF(X509) * issuers_of(const struct chain *chain)
{
	STACK_OF(X509) *issuers = sk_X509_new_null();

	for (size_t i = 1; issuers && i < chain->count; i++)
		if (!sk_X509_push(issuers, chain->certificate[i])) {
			sk_X509_free(issuers);
			return NULL;
		}
	return issuers;
}

/* The same key is in PEM beside it: more iterations would protect nothing, and OpenSSL's default is what every reader takes. */
static PKCS12 *make(const struct key *key, const struct chain *chain, const char *name, const char *password)
{
	STACK_OF(X509) *issuers = issuers_of(chain);
	PKCS12 *made = issuers ? PKCS12_create(password, name, key->pkey, chain->certificate[0], issuers, NID_aes_256_cbc,
					       NID_aes_256_cbc, PKCS12_DEFAULT_ITER, -1, 0) :
				 NULL;

	sk_X509_free(issuers);
	if (made && PKCS12_set_mac(made, password, -1, NULL, 0, PKCS12_DEFAULT_ITER, EVP_sha256()))
		return made;
	PKCS12_free(made);
	return NULL;
}

int pkcs12_write(const struct key *key, const struct chain *chain, const char *name, const char *password, unsigned char *der,
		 size_t size, struct fault *fault)
{
	OWN(PKCS12_free) PKCS12 *made = make(key, chain, name, password);
	int n = made ? i2d_PKCS12(made, NULL) : -1;

	if (n < 0)
		return openssl_fault(fault, "writing PKCS#12");
	if ((size_t)n > size)
		return fault_set(fault, FAULT_FAILED, "PKCS#12 of %d bytes is too long", n);
	return i2d_PKCS12(made, &der);
}

bool pkcs12_has(const unsigned char *der, size_t length, const char *password, const struct key *key, const struct chain *chain)
{
	const unsigned char *end = der;
	OWN(PKCS12_free) PKCS12 *stored = length <= INT_MAX ? d2i_PKCS12(NULL, &end, (long)length) : NULL;
	OWN(EVP_PKEY_free) EVP_PKEY *pkey = NULL;
	OWN(X509_free) X509 *leaf = NULL;
	STACK_OF(X509) *issuers = NULL;
	bool same = stored && end == der + length && PKCS12_parse(stored, password, &pkey, &leaf, &issuers) && pkey && leaf &&
		    EVP_PKEY_eq(pkey, key->pkey) == 1 && X509_cmp(leaf, chain->certificate[0]) == 0 &&
		    (issuers ? sk_X509_num(issuers) : 0) == (int)chain->count - 1;

	sk_X509_pop_free(issuers, X509_free);
	ERR_clear_error();
	return same;
}
