// SPDX-License-Identifier: GPL-3.0-or-later
#include "tiny_ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static EVP_PKEY *root_key, *intermediate_key, *stranger_key;
static X509 *root, *intermediate;

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

static void start(void)
{
	if (root)
		return;
	root_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	intermediate_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	stranger_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	root = begin("Tiny Root", NULL, root_key, -86400, 86400 * 3650L);
	extend(root, NID_basic_constraints, "critical,CA:TRUE");
	check(X509_sign(root, root_key, EVP_sha256()), "root");
	intermediate = begin("Tiny Intermediate", X509_get_subject_name(root), intermediate_key, -86400, 86400 * 1000L);
	extend(intermediate, NID_basic_constraints, "critical,CA:TRUE");
	check(X509_sign(intermediate, root_key, EVP_sha256()), "intermediate");
}

static void copy_names(X509 *leaf, X509_REQ *request, const char *san)
{
	STACK_OF(X509_EXTENSION) *extensions;

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

void tiny_ca_issue(const unsigned char *csr, size_t length, const struct tiny_order *order, char pem[TINY_PEM_SIZE])
{
	X509_REQ *request = d2i_X509_REQ(NULL, &csr, (long)length);
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *leaf;
	int n;

	start();
	check(request && X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) == 1, "the request");
	leaf = begin(NULL, X509_get_subject_name(intermediate), X509_REQ_get0_pubkey(request),
		     order->until ? order->from : -3600, order->until ? order->until : 86400 * 90);
	copy_names(leaf, request, order->san);
	check(X509_sign(leaf, order->wrong_issuer ? stranger_key : intermediate_key, EVP_sha256()), "leaf");
	PEM_write_bio_X509(bio, leaf);
	if (!order->leaf_only)
		PEM_write_bio_X509(bio, intermediate);
	if (order->with_root)
		PEM_write_bio_X509(bio, root);
	n = BIO_read(bio, pem, TINY_PEM_SIZE - 1);
	check(n > 0, "PEM");
	pem[n] = '\0';
	BIO_free(bio);
	X509_free(leaf);
	X509_REQ_free(request);
}
