/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * connections.h - the TCP connections to one local port: which there are, and the end of those that came through a window.
 *
 * Behind a window for a listener of somebody else's, what was accepted lives on when the rule is gone: "established, related
 * accept" stands in every firewall. SOCK_DESTROY (sock_diag(7)) resets both ends at once. Deleting the conntrack entry
 * instead would not do: the next packet that our side sends makes a new entry, and the peer's answers are let in again. But it goes
 * first, and so do those of connections that are dead: by them the peer would come in again, see backends/nft/tracks.h.
 */
#ifndef ACMEGATE_FIREWALL_CONNECTIONS_H
#define ACMEGATE_FIREWALL_CONNECTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "backends/opening.h"

#define CONNECTIONS_MOST 4096

struct connections {
	size_t count;
	uint64_t cookie[CONNECTIONS_MOST]; /* the kernel's name for a socket, never used twice; INET_DIAG_NOCOOKIE is none */
};

/* Remembers those that exist. More than CONNECTIONS_MOST: the rest is taken for new by connections_end(). */
int connections_note(struct connections *connections, uint16_t port, struct fault *fault) MUST_CHECK;

/* A bit for each of these peers that came in without the window. */
typedef uint64_t connections_admit(void *arg, const struct peer *peer, size_t n);

/*
 * Ends those that are neither remembered nor admitted, except where this host is at both ends; returns how many, or -1. Remembers what
 * was admitted.
 */
int connections_end(struct connections *connections, uint16_t port, connections_admit *admit, void *arg,
		    struct fault *fault) MUST_CHECK;

#endif
