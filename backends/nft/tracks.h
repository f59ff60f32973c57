/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tracks.h - what conntrack remembers of connections to a local port that are over.
 *
 * When this host has reset a connection, conntrack knows it for ten seconds more, and takes a SYN from the same port of the peer for a part
 * of it: "established, related accept" lets that in, without a rule of ours, and a listener accepts it as a new connection. After a close by one
 * side alone it does so for two minutes. Source: net/netfilter/nf_conntrack_proto_tcp.c, TCP_CONNTRACK_IGNORE.
 */
#ifndef ACMEGATE_BACKENDS_NFT_TRACKS_H
#define ACMEGATE_BACKENDS_NFT_TRACKS_H

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <stdint.h>

#include "base/fault.h"

/*
 * Removes what it knows of the connection of this socket. To be called before the socket is destroyed: a SYN finds nothing then, however many the
 * peer sends, and the RST makes no new entry. 1: removed. 0: there was none. -1: errno.
 */
int tracks_cut(struct mnl_socket *netfilter, uint8_t family, const struct inet_diag_sockid *socket,
	       const struct nlattr *zone) MUST_CHECK;

/* Removes those that no socket belongs to; returns how many, or -1. A kernel that tracks nothing, or cannot tell, has none. */
int tracks_forget(uint16_t port, struct fault *fault) MUST_CHECK;

#endif
