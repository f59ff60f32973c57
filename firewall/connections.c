// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

#include "backends/nft/netlink.h"
#include "backends/nft/tracks.h"
#include "base/sockets.h"

/* At what conntrack has: those who came by it meanwhile are few, and on a busy server connections end all the time. */
#define LOOKS 4
#define LIVE (~(SOCKETS_IN(TCP_LISTEN) | SOCKETS_IN(TCP_TIME_WAIT) | SOCKETS_IN(TCP_CLOSE)))

static const struct inet_diag_msg *socket_of(const struct nlmsghdr *message)
{
	return mnl_nlmsg_get_payload_len(message) < sizeof(struct inet_diag_msg) ? NULL : mnl_nlmsg_get_payload(message);
}

static uint64_t cookie_of(const struct inet_diag_msg *s)
{
	return (uint64_t)s->id.idiag_cookie[1] << 32 | s->id.idiag_cookie[0];
}

static int note(const struct nlmsghdr *message, void *arg)
{
	const struct inet_diag_msg *s = socket_of(message);
	struct connections *connections = arg;

	if (s && connections->count < CONNECTIONS_MOST)
		connections->cookie[connections->count++] = cookie_of(s);
	return MNL_CB_OK;
}

int connections_note(struct connections *connections, uint16_t port, struct fault *fault)
{
	connections->count = 0;
	return sockets_list(port, LIVE, note, connections, fault);
}

/* ::1 needs no case of its own: nobody connects to it from another address. */
static bool is_loopback(const struct inet_diag_msg *s)
{
	const struct in6_addr *address = (const void *)s->id.idiag_dst;
	const uint8_t *first = &address->s6_addr[IN6_IS_ADDR_V4MAPPED(address) ? 12 : 0];

	return !memcmp(s->id.idiag_src, s->id.idiag_dst, s->idiag_family == AF_INET ? 4 : 16) ||
	       ((s->idiag_family == AF_INET || IN6_IS_ADDR_V4MAPPED(address)) && *first == IN_LOOPBACKNET);
}

/* Is the peer a socket of this host too? The kernel knows it by the same four words, turned around. A listener is none. */
static bool is_local(struct mnl_socket *socket, const struct inet_diag_msg *s)
{
	struct inet_diag_sockid peer = s->id;
	int state;

	if (is_loopback(s))
		return true;
	peer.idiag_sport = s->id.idiag_dport;
	peer.idiag_dport = s->id.idiag_sport;
	memcpy(peer.idiag_src, s->id.idiag_dst, sizeof(peer.idiag_src));
	memcpy(peer.idiag_dst, s->id.idiag_src, sizeof(peer.idiag_dst));
	memset(peer.idiag_cookie, 0xff, sizeof(peer.idiag_cookie)); /* INET_DIAG_NOCOOKIE */
	state = sockets_state(socket, s->idiag_family, &peer);
	return state > 0 && state != TCP_LISTEN;
}

/* Those that may have come through the window; the rest has to wait for the next round. */
struct newcomers {
	const struct connections *spared;
	struct mnl_socket *socket;
	struct netlink orders; /* to conntrack */
	int error;
	unsigned int looks;
	size_t count;
	struct inet_diag_msg one[PEERS_MOST];
	struct peer peer[PEERS_MOST];
};

static bool is_spared(const struct newcomers *newcomers, const struct inet_diag_msg *s)
{
	for (size_t i = 0; i < newcomers->spared->count; i++)
		if (newcomers->spared->cookie[i] == cookie_of(s))
			return true;
	return is_local(newcomers->socket, s);
}

static void note_address(unsigned char out[16], const void *address, bool v4, bool mapped)
{
	memset(out, 0, 16);
	memcpy(out, (const unsigned char *)address + (mapped ? 12 : 0), v4 ? 4 : 16);
}

static int take_newcomer(const struct nlmsghdr *message, void *arg)
{
	const struct inet_diag_msg *s = socket_of(message);
	struct newcomers *newcomers = arg;
	struct peer *peer = &newcomers->peer[newcomers->count];
	bool mapped, v4;

	if (!s || newcomers->count == PEERS_MOST || is_spared(newcomers, s))
		return MNL_CB_OK;
	mapped = s->idiag_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)s->id.idiag_dst);
	v4 = mapped || s->idiag_family == AF_INET;
	peer->family = v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	note_address(peer->address, s->id.idiag_dst, v4, mapped);
	note_address(peer->local, s->id.idiag_src, v4, mapped);
	newcomers->one[newcomers->count++] = *s;
	return MNL_CB_OK;
}

/* What fails here is not tried again, and fails in tracks_forget() as well, which says so. */
static void cut(struct netlink *orders, const struct inet_diag_msg *s, const struct peer *peer)
{
	struct inet_diag_sockid id = s->id;

	memcpy(id.idiag_src, peer->local, sizeof(id.idiag_src));
	memcpy(id.idiag_dst, peer->address, sizeof(id.idiag_dst));
	if (orders->socket && tracks_cut(orders->socket, peer->family, &id, NULL) < 0)
		netlink_close(orders);
}

/* 1: it did. 0: it had ended by itself. -1: errno. */
static int end_one(struct mnl_socket *socket, const struct inet_diag_msg *s)
{
	char buffer[256];
	struct nlmsghdr *order;
	struct inet_diag_req_v2 *request = sockets_build(&order, buffer, SOCK_DESTROY, NLM_F_ACK);

	request->sdiag_family = s->idiag_family;
	request->sdiag_protocol = IPPROTO_TCP;
	request->idiag_states = LIVE;
	request->id = s->id;
	return sockets_talk(socket, order, NULL, NULL) >= 0 ? 1 : errno == ENOENT ? 0 : -1;
}

/* Spares those that are admitted for the rounds to come. */
static int end_some(struct newcomers *newcomers, struct connections *spared, uint64_t admitted)
{
	int ended = 0, error = 0;

	for (size_t i = 0; i < newcomers->count; i++) {
		bool spare = admitted >> i & 1;
		int rc;

		if (!spare)
			cut(&newcomers->orders, &newcomers->one[i], &newcomers->peer[i]);
		rc = spare ? 0 : end_one(newcomers->socket, &newcomers->one[i]);
		ended += rc > 0;
		error = rc < 0 ? errno : error;
		if ((spare || rc < 0) && spared->count < CONNECTIONS_MOST)
			spared->cookie[spared->count++] = cookie_of(&newcomers->one[i]);
	}
	errno = error;
	return error ? -1 : ended;
}

/* What is dead lets nobody in once it is forgotten. 1: somebody may have come by it before. */
static int end_round(struct newcomers *newcomers, struct connections *spared, uint16_t port, connections_admit *admit, void *arg,
		     int *ended, struct fault *fault)
{
	int rc;

	newcomers->count = 0;
	if (sockets_list(port, LIVE, take_newcomer, newcomers, fault) < 0)
		return -1;
	if (!newcomers->count)
		return newcomers->looks++ < LOOKS ? tracks_forget(port, fault) : 0;
	rc = end_some(newcomers, spared, admit(arg, newcomers->peer, newcomers->count));
	*ended += rc > 0 ? rc : 0;
	if (rc < 0)
		newcomers->error = errno;
	return 1;
}

int connections_end(struct connections *connections, uint16_t port, connections_admit *admit, void *arg, struct fault *fault)
{
	OWN_SOCKET struct mnl_socket *socket = sockets_connect(fault);
	struct newcomers newcomers = { .spared = connections, .socket = socket };
	struct fault ignored;
	int ended = 0, rc = socket ? 1 : -1;

	if (socket && netlink_connect(&newcomers.orders, 0, &ignored) < 0)
		netlink_close(&newcomers.orders);
	for (size_t rounds = 0; rc > 0 && rounds < CONNECTIONS_MOST / PEERS_MOST; rounds++)
		rc = end_round(&newcomers, connections, port, admit, arg, &ended, fault);
	netlink_close(&newcomers.orders);
	errno = newcomers.error;
	if (rc >= 0 && errno)
		return fault_errno(fault, FAULT_FAILED, "ending the connections that came through port %u", port);
	return rc < 0 ? -1 : ended;
}
