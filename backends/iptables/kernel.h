/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kernel.h - which matches of iptables the kernel has. The tools cannot tell: they have libraries of their own for all of them.
 *
 * Source: net/netfilter/nft_compat.c (nfnl_compat_get_rcu), net/ipv4/netfilter/ip_tables.c (do_ipt_get_ctl), and x_tables.c
 * (xt_find_revision) behind both.
 */
#ifndef ACMEGATE_BACKENDS_IPTABLES_KERNEL_H
#define ACMEGATE_BACKENDS_IPTABLES_KERNEL_H

#include "backends/nft/netlink.h"

/*
 * Is there this match, in this revision or a later one that replaces it, for a family (NFPROTO_*)? Loads its module if there is one,
 * and changes nothing else. netlink: for rules of iptables-nft; NULL: of iptables-legacy. 1, 0, or -1 with the fault set.
 */
int ipt_kernel_has(struct netlink *netlink, uint8_t family, const char *match, uint8_t revision, struct fault *fault) MUST_CHECK;

#endif
