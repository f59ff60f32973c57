/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nft_digest.h - one number for the whole ruleset, to see afterwards that nothing else has changed. */
#ifndef ACMEGATE_NFT_DIGEST_H
#define ACMEGATE_NFT_DIGEST_H

#include "backend.h"
#include "nft_netlink.h"

/*
 * SHA-256 over tables, chains, rules (handles included), sets and their elements, objects and flowtables of all families, as
 * the kernel tells them. Left out: what carries our tag, and what changes by itself: counters, quotas, times, use counts,
 * elements of dynamic sets and elements with a timeout.
 */
int digest_read(struct netlink *netlink, unsigned char out[DIGEST_SIZE], struct fault *fault) MUST_CHECK;

#endif
