/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pile.h - PEM files that another client has left, one behind the other: a certificate, those of its issuers, its key. */
#ifndef ACMEGATE_STORE_PILE_H
#define ACMEGATE_STORE_PILE_H

#include "store/chain.h"

/*
 * Finds the private key, the certificate that belongs to it, whatever comes first, and the others, in their sequence and each once. Other
 * blocks, and text between them, are skipped. -1: one of them is missing or cannot be read, there are two keys, or none of the certificates
 * belongs to the key. The caller releases both.
 */
int pile_read(const char *text, size_t length, struct key **key, struct chain **chain, struct fault *fault) MUST_CHECK;

#endif
