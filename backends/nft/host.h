/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * host.h - this host's own addresses and interfaces, by rtnetlink(7). Reading them takes no right.
 *
 * The surveyor judges rules by them; the rules that open name the addresses where the kernel has no better word for "this host".
 */
#ifndef ACMEGATE_BACKENDS_NFT_HOST_H
#define ACMEGATE_BACKENDS_NFT_HOST_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"

#define HOST_NAME 16 /* IFNAMSIZ, which two headers define that cannot be included together */

struct host_address {
	uint8_t family; /* NFPROTO_IPV4, NFPROTO_IPV6 */
	unsigned char bytes[16];
};

struct host_link {
	uint32_t index;
	char name[HOST_NAME]; /* NUL padded */
	bool loopback;
	bool port; /* of a bridge: what comes in there is the bridge's for the layers above it */
	bool bridge;
	bool has_mac;
	unsigned char mac[6];
	uint32_t xdp; /* the number of the program of XDP there; 0: none */
};

struct host {
	size_t addresses, links;
	struct host_address *address; /* without those of the loopback network */
	struct host_link *link;
};

/* A socket for host_read(); NULL with the fault set. Close it with mnl_socket_close(). */
struct mnl_socket *host_connect(struct fault *fault) MUST_CHECK;

/* To be freed in any case. */
int host_read(struct host *host, struct mnl_socket *socket, struct fault *fault) MUST_CHECK;
void host_free(struct host *host);

/*
 * The index of the interface over which TCP from this port of ours to that address leaves; from NULL: whatever address the kernel takes.
 * 0: it does not, errno says why.
 */
uint32_t host_route(struct mnl_socket *socket, uint8_t family, const void *to, const void *from, uint16_t port) MUST_CHECK;

/* Is this address one of this host's? bytes: 4 or 16, by family (NFPROTO_*). */
bool host_has(const struct host *host, uint8_t family, const unsigned char *bytes);

/* Is this an address of the loopback network (127.0.0.0/8, ::1)? */
bool host_is_loopback(const struct host_address *address);

#endif
