/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * csr.h - a certificate request (PKCS#10, RFC 2986) that somebody else has made, who keeps the key.
 */
#ifndef ACMEGATE_STORE_CSR_H
#define ACMEGATE_STORE_CSR_H

#include "store/chain.h"

/*
 * Reads a request, PEM or DER: for a key of one of our types, signed with it, and for these names and no others, common name included
 * (RFC 8555, 7.4). Writes it in DER, *length bytes, unless der is NULL. The caller releases the key, a public one. NULL: the fault says
 * what is wrong, and what to do.
 */
struct key *csr_read(const char *text, size_t size, const char (*names)[NAME_SIZE], uint32_t count, unsigned char *der, size_t room,
		     int *length, struct fault *fault) MUST_CHECK;

#endif
