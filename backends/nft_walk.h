/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nft_walk.h - can this base chain keep a SYN to the port out? The rules are walked with an abstract packet: what is known
 * of it (TCP, the port, a new or untracked connection, IPv4 or IPv6) decides; everything else is taken to go either way.
 *
 * In a chain of the output hook the packet is a reply from the port.
 *
 * The answer errs on one side only: a chain that can block is never said to be harmless.
 */
#ifndef ACMEGATE_NFT_WALK_H
#define ACMEGATE_NFT_WALK_H

#include "nft_snapshot.h"
#include "opening.h"

/* Base chains of the families ip, ip6, inet, and of bridge and netdev. Behind our redirect the port is the listener's. */
bool walk_can_block(const struct snapshot *snapshot, const struct nft_chain *chain, const struct opening *opening);

#endif
