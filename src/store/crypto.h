/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crypto.h - hashes, and the care for secrets.
 *
 * Faults of crypto.c, key.c, chain.c, csr.c, pkcs12.c and trust.c: FAULT_LATER when memory is short, else FAULT_FAILED.
 */
#ifndef ACMEGATE_STORE_CRYPTO_H
#define ACMEGATE_STORE_CRYPTO_H

#include <stddef.h>

#include "base/fault.h"

#define SHA256_SIZE 32

/* Call once before the others: keeps OpenSSL from reading openssl.cnf, which a sandboxed process cannot. */
void crypto_start(void);

/* Overwrites a secret before its memory is given up; the compiler may not leave it out. */
void crypto_wipe(void *secret, size_t length);

int crypto_sha256(const void *data, size_t length, unsigned char hash[SHA256_SIZE], struct fault *fault) MUST_CHECK;

/* HMAC-SHA256 (RFC 2104), for external account binding. */
int crypto_hmac(const void *secret, size_t secret_length, const void *data, size_t length, unsigned char mac[SHA256_SIZE],
		struct fault *fault) MUST_CHECK;

#endif
