/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pkcs12.h - a key and its chain in one file under a password (RFC 7292), for programs that do not read PEM.
 */
#ifndef ACMEGATE_STORE_PKCS12_H
#define ACMEGATE_STORE_PKCS12_H

#include "store/chain.h"

/*
 * Writes both in DER: PBES2 with AES-256-CBC, and a MAC with SHA-256. The name is what programs find the key by (friendlyName). Returns
 * its length in bytes or -1, also when it exceeds size.
 */
int pkcs12_write(const struct key *key, const struct chain *chain, const char *name, const char *password, unsigned char *der,
		 size_t size, struct fault *fault) MUST_CHECK;

/* Does this file open with this password, and has it this key and this chain? */
bool pkcs12_has(const unsigned char *der, size_t length, const char *password, const struct key *key, const struct chain *chain);

#endif
