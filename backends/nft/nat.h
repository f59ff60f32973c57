/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nat.h - the table of ours that redirects the port, or traces packets for it. */
#ifndef ACMEGATE_BACKENDS_NFT_NAT_H
#define ACMEGATE_BACKENDS_NFT_NAT_H

#include "backends/nft/batch.h"

/*
 * A table of our own that sends the port's new connections to opening->target before any other nat sees them. Owned: nobody
 * else can change it, and the kernel removes it when the netlink socket of this batch is closed.
 *
 *	nft add table inet acmegate_DIGITS { flags owner; set acmegate_DIGITS { ... }
 *		chain prerouting { type nat hook prerouting priority -199;
 *			fib daddr type local tcp dport @acmegate_DIGITS redirect to :TARGET; } }
 *
 * If the target is the port itself, there is no redirection. traced: the table has two chains more, before all others at their hooks:
 *
 *	chain entering { type filter hook prerouting priority -2147483648;
 *		fib daddr type local tcp dport PORT tcp flags & (fin|syn|rst|psh|ack) == syn limit ... meta nftrace set 1; ... }
 *	chain leaving { type filter hook output priority -2147483648; ... }
 *
 * If chains of others see the packets before the hook prerouting, a table of the same name in the family netdev has a chain "early" in place
 * of "entering", at the hook ingress of these devices.
 */
struct nat_make {
	bool owned, timed, traced;
	const char **devices; /* NULL behind the last one; NULL: none */
};

int nat_add(struct batch *batch, const struct opening *opening, const struct nat_make *make, struct fault *fault) MUST_CHECK;

/* The same as a line for a shell. */
void nat_print(char *line, size_t size, const struct opening *opening, bool owned, bool timed);

#endif
