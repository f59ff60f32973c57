/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listing.h - what "iptables -S" prints of one table, walked as a packet would. */
#ifndef ACMEGATE_LISTING_H
#define ACMEGATE_LISTING_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Can this built-in chain, with those that it jumps to, keep a SYN to the port out or divert it, or the replies in? It is said to
 * be harmless only if that is plain to see. Our own rules do not count.
 */
bool listing_can_block(const char *listing, const char *chain, uint16_t port);

#endif
