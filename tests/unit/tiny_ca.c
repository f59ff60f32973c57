// SPDX-License-Identifier: GPL-3.0-or-later
#include "tiny_ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct line {
	EVP_PKEY *root_key, *intermediate_key;
	X509 *root, *intermediate;
};

static EVP_PKEY *stranger_key;
static struct line ours, theirs, stale; /* of the same names */

static void check(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "tiny CA: %s\n", what);
	abort();
}

static void extend(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	check(extension && X509_add_ext(certificate, extension, -1), value);
	X509_EXTENSION_free(extension);
}

static X509 *begin(const char *subject, const X509_NAME *issuer, EVP_PKEY *pkey, long from, long until)
{
	static long serial;
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);

	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
	if (subject)
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)subject, -1, -1, 0);
	X509_set_issuer_name(certificate, issuer ? issuer : name);
	X509_gmtime_adj(X509_getm_notBefore(certificate), from);
	X509_gmtime_adj(X509_getm_notAfter(certificate), until);
	check(X509_set_pubkey(certificate, pkey), "public key");
	return certificate;
}

static void start_line(struct line *line, long until)
{
	line->root_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	line->intermediate_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	line->root = begin("Tiny Root", NULL, line->root_key, -86400, 86400 * 3650L);
	extend(line->root, NID_basic_constraints, "critical,CA:TRUE");
	check(X509_sign(line->root, line->root_key, EVP_sha256()), "root");
	line->intermediate = begin("Tiny Intermediate", X509_get_subject_name(line->root), line->intermediate_key, -86400, until);
	extend(line->intermediate, NID_basic_constraints, "critical,CA:TRUE");
	check(X509_sign(line->intermediate, line->root_key, EVP_sha256()), "intermediate");
}

static void start(void)
{
	if (ours.root)
		return;
	stranger_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	start_line(&ours, 86400 * 1000L);
	start_line(&theirs, 86400 * 1000L);
	start_line(&stale, -600);
}

static void write_pem(BIO *bio, char pem[TINY_PEM_SIZE])
{
	int n = BIO_read(bio, pem, TINY_PEM_SIZE - 1);

	check(n > 0, "PEM");
	pem[n] = '\0';
	BIO_free(bio);
}

void tiny_ca_root(char pem[TINY_PEM_SIZE])
{
	BIO *bio = BIO_new(BIO_s_mem());

	start();
	PEM_write_bio_X509(bio, ours.root);
	write_pem(bio, pem);
}

static void copy_names(X509 *leaf, X509_REQ *request, const char *san)
{
	STACK_OF(X509_EXTENSION) * extensions;

	if (san) {
		if (san[0])
			extend(leaf, NID_subject_alt_name, san);
		return;
	}
	extensions = X509_REQ_get_extensions(request);
	for (int i = 0; i < sk_X509_EXTENSION_num(extensions); i++)
		check(X509_add_ext(leaf, sk_X509_EXTENSION_value(extensions, i), -1), "names");
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

static EVP_PKEY *key_for(const struct tiny_order *order, const struct line *line)
{
	return order->wrong_issuer ? stranger_key : order->by_root ? line->root_key : line->intermediate_key;
}

void tiny_ca_issue(const unsigned char *csr, size_t length, const struct tiny_order *order, char pem[TINY_PEM_SIZE])
{
	const struct line *line = order->stale ? &stale : order->stranger ? &theirs : &ours;
	X509_REQ *request = d2i_X509_REQ(NULL, &csr, (long)length);
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *leaf;

	start();
	check(request && X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) == 1, "the request");
	leaf = begin(NULL, X509_get_subject_name(order->by_root ? line->root : line->intermediate), X509_REQ_get0_pubkey(request),
		     order->until ? order->from : -3600, order->until ? order->until : 86400 * 90);
	copy_names(leaf, request, order->san);
	if (!order->use || order->use[0])
		extend(leaf, NID_ext_key_usage, order->use ? order->use : "serverAuth");
	if (order->key_id) {
		AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();

		id->keyid = ASN1_OCTET_STRING_new();
		check(ASN1_OCTET_STRING_set(id->keyid, (const unsigned char *)"tiny", 4) &&
			      X509_add1_ext_i2d(leaf, NID_authority_key_identifier, id, 0, 0) == 1,
		      "key identifier");
		AUTHORITY_KEYID_free(id);
	}
	if (order->is_ca)
		extend(leaf, NID_basic_constraints, "critical,CA:TRUE");
	check(X509_sign(leaf, key_for(order, line), EVP_sha256()), "leaf");
	PEM_write_bio_X509(bio, leaf);
	if (!order->leaf_only && !order->by_root)
		PEM_write_bio_X509(bio, line->intermediate);
	if (order->with_root)
		PEM_write_bio_X509(bio, line->root);
	write_pem(bio, pem);
	X509_free(leaf);
	X509_REQ_free(request);
}
