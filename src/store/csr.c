// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/csr.h"

#include <ctype.h>
#include <string.h>

#include "store/openssl.h"

OWN_OPENSSL(GENERAL_NAMES, GENERAL_NAMES_free)
OWN_OPENSSL(X509_REQ, X509_REQ_free)

static int no_passphrase(char *buffer, int size, int writing, void *user)
{
	(void)buffer, (void)size, (void)writing, (void)user;
	return -1;
}

/* PEM has a line of its own for the beginning, which DER can hardly have. */
static X509_REQ *parse(const char *text, size_t size)
{
	const unsigned char *at = (const unsigned char *)text;
	OWN(BIO_free_all) BIO *bio = NULL;

	if (size > CSR_SIZE)
		return NULL;
	if (!memmem(text, size, "-----BEGIN ", strlen("-----BEGIN ")))
		return d2i_X509_REQ(NULL, &at, (long)size);
	bio = BIO_new_mem_buf(text, (int)size);
	return bio ? PEM_read_bio_X509_REQ(bio, NULL, no_passphrase, NULL) : NULL;
}

static bool has(const char (*names)[NAME_SIZE], uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (!strcasecmp(names[i], name))
			return true;
	return false;
}

/* A common name that a CA would take for one more name. */
static int check_common_names(X509_REQ *request, const char (*names)[NAME_SIZE], uint32_t count, struct fault *fault)
{
	const X509_NAME *subject = X509_REQ_get_subject_name(request);
	int at = -1;

	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
		unsigned char *text = NULL;
		int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
		char name[NAME_SIZE];

		snprintf(name, sizeof(name), "%.*s", length > 0 ? length : 0, text ? (const char *)text : "");
		OPENSSL_free(text);
		if (has(names, count, name))
			continue;
		for (char *c = name; *c; c++)
			*c = isprint((unsigned char)*c) ? *c : '?';
		return fault_set(fault, FAULT_FAILED,
				 "its common name is \"%s\", which is none of the configured names: make the request without a "
				 "common name, or name it in names",
				 name);
	}
	return 0;
}

static int check_alternative_names(X509_REQ *request, const char (*names)[NAME_SIZE], uint32_t count, struct fault *fault)
{
	static struct facts facts;
	const struct facts *found = &facts;
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
	OWN(GENERAL_NAMES_free) GENERAL_NAMES *list = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);

	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	ERR_clear_error();
	memset(&facts, 0, sizeof(facts));
	openssl_take_names(list, &facts);
	for (uint32_t i = 0; i < count; i++)
		if (!has(found->name, found->names, names[i]))
			return fault_set(fault, FAULT_FAILED,
					 "%s is in names, but not among its alternative names (subjectAltName): make the request for "
					 "all names, or take it out of names",
					 names[i]);
	for (uint32_t i = 0; i < found->names; i++)
		if (!has(names, count, found->name[i]))
			return fault_set(fault, FAULT_FAILED,
					 "it is for %s, too: add that to names, or make the request without it", facts.name[i]);
	return facts.other_names ?
		       fault_set(fault, FAULT_FAILED,
				 "it has alternative names that are neither host names nor addresses, or more than %d: make "
				 "it without these",
				 MAX_NAMES_EACH) :
		       0;
}

/* Was it made by who has the key? */
static int check_key(X509_REQ *request, EVP_PKEY *pkey, struct fault *fault)
{
	bool good;

	if (!pkey || openssl_key_type(pkey) == KEY_TYPES)
		return fault_set(fault, FAULT_FAILED,
				 "its key is of a type that acmegate does not know: make the request for a key of P-256, P-384, or RSA "
				 "with 2048, 3072 or 4096 bits");
	good = X509_REQ_verify(request, pkey) == 1;
	ERR_clear_error();
	return good ? 0 : fault_set(fault, FAULT_FAILED, "its signature is not by its key: make the request anew");
}

static int write_der(const X509_REQ *request, unsigned char *der, size_t room, int *length, struct fault *fault)
{
	*length = i2d_X509_REQ(request, NULL);
	if (*length < 0 || (size_t)*length > room)
		return fault_set(fault, FAULT_FAILED, "it has %d bytes, which is too much", *length);
	*length = i2d_X509_REQ(request, &der);
	return 0;
}

struct key *csr_read(const char *text, size_t size, const char (*names)[NAME_SIZE], uint32_t count, unsigned char *der, size_t room,
		     int *length, struct fault *fault)
{
	OWN(X509_REQ_free) X509_REQ *request = parse(text, size);
	EVP_PKEY *pkey = request ? X509_REQ_get0_pubkey(request) : NULL;

	ERR_clear_error();
	if (!request) {
		fault_set(fault, FAULT_FAILED, "it is no certificate request (PKCS#10, PEM or DER), as openssl req -new makes it");
		return NULL;
	}
	if (check_key(request, pkey, fault) < 0 || check_common_names(request, names, count, fault) < 0 ||
	    check_alternative_names(request, names, count, fault) < 0 ||
	    (der && write_der(request, der, room, length, fault) < 0) || !EVP_PKEY_up_ref(pkey))
		return NULL;
	return openssl_wrap(pkey, openssl_key_type(pkey), fault);
}
