/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tiny_ca.h - certificates for the unit tests: root -> intermediate -> leaf, made on the spot, right or wrong as told.
 */
#ifndef ACMEGATE_TINY_CA_H
#define ACMEGATE_TINY_CA_H

#include <stddef.h>

#define TINY_PEM_SIZE 16384

struct tiny_order {
	const char *san;  /* in the words of openssl-x509v3_config(5): "DNS:a.example,IP:192.0.2.1"; NULL: as in the CSR */
	long from, until; /* seconds from now; 0, 0: an hour ago to 90 days from now */
	int wrong_issuer; /* the leaf is signed by a key that is not in the chain */
	int with_root;	  /* the chain goes on to the root */
	int leaf_only;
	int by_root;	 /* the root itself signs the leaf, which comes alone */
	int is_ca;	 /* the leaf says that it is a CA */
	const char *use; /* extended key usage; NULL: serverAuth; "": none */
	int stale;	 /* the intermediate has expired */
	int key_id;	 /* the leaf names the key that signed it */
	int stranger;	 /* the root is another one of the same name, and so on downwards */
};

/* Writes the chain for a PKCS#10 request in DER as PEM with a NUL. Ends the test when it cannot. */
void tiny_ca_issue(const unsigned char *csr, size_t length, const struct tiny_order *order, char pem[TINY_PEM_SIZE]);

/* The root as PEM. */
void tiny_ca_root(char pem[TINY_PEM_SIZE]);

#endif
