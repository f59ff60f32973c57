/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trust.h - decides whether a chain may be installed.
 */
#ifndef ACMEGATE_STORE_TRUST_H
#define ACMEGATE_STORE_TRUST_H

#include "store/chain.h"

/*
 * Refuses a chain that must not be installed at the time now (seconds since the epoch): the leaf must have our key and exactly these
 * names, be within its lifetime, for TLS servers and not a CA, and each certificate must be signed by the next one.
 */
int trust_verify(const struct chain *chain, const struct key *key, const char (*names)[NAME_SIZE], uint32_t count, int64_t now,
		 struct fault *fault) MUST_CHECK;

/*
 * Does the chain lead up to one of these roots (PEM, with any text between)? OpenSSL verifies signatures, dates and constraints, for
 * a TLS server. A root may have signed the leaf itself.
 */
bool trust_has_root(const struct chain *chain, const char *roots, size_t length, int64_t now);

/*
 * If no root is known: could a CA have issued this chain? It verifies as above up to its topmost certificate, has at least one
 * certificate above the leaf, and a lifetime of at most 398 days.
 */
int trust_is_plausible(const struct chain *chain, int64_t now, struct fault *fault) MUST_CHECK;

#endif
