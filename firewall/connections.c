// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/sockets.h"

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

static int note_state(const struct nlmsghdr *message, void *arg)
{
	const struct inet_diag_msg *s = socket_of(message);

	if (s)
		*(uint8_t *)arg = s->idiag_state;
	return MNL_CB_OK;
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
	uint8_t state = TCP_LISTEN;
	char buffer[256];
	struct nlmsghdr *message;
	struct inet_diag_req_v2 *request;

	if (is_loopback(s))
		return true;
	request = sockets_build(&message, buffer, SOCK_DIAG_BY_FAMILY, NLM_F_ACK);
	request->sdiag_family = s->idiag_family;
	request->sdiag_protocol = IPPROTO_TCP;
	request->id = s->id;
	request->id.idiag_sport = s->id.idiag_dport;
	request->id.idiag_dport = s->id.idiag_sport;
	memcpy(request->id.idiag_src, s->id.idiag_dst, sizeof(request->id.idiag_src));
	memcpy(request->id.idiag_dst, s->id.idiag_src, sizeof(request->id.idiag_dst));
	memset(request->id.idiag_cookie, 0xff, sizeof(request->id.idiag_cookie)); /* INET_DIAG_NOCOOKIE */
	return sockets_talk(socket, message, note_state, &state) == 0 && state != TCP_LISTEN;
}

/* Those that may have come through the window; the rest has to wait for the next round. */
struct newcomers {
	const struct connections *spared;
	struct mnl_socket *socket;
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
		int rc = spare ? 0 : end_one(newcomers->socket, &newcomers->one[i]);

		ended += rc > 0;
		error = rc < 0 ? errno : error;
		if ((spare || rc < 0) && spared->count < CONNECTIONS_MOST)
			spared->cookie[spared->count++] = cookie_of(&newcomers->one[i]);
	}
	errno = error;
	return error ? -1 : ended;
}

int connections_end(struct connections *connections, uint16_t port, connections_admit *admit, void *arg, struct fault *fault)
{
	OWN_SOCKET struct mnl_socket *socket = sockets_connect(fault);
	struct newcomers newcomers = { .spared = connections, .socket = socket };
	int ended = 0, error = 0;

	for (size_t rounds = 0; socket && rounds < CONNECTIONS_MOST / PEERS_MOST; rounds++) {
		int rc;

		newcomers.count = 0;
		if (sockets_list(port, LIVE, take_newcomer, &newcomers, fault) < 0)
			return -1;
		if (!newcomers.count)
			break;
		rc = end_some(&newcomers, connections, admit(arg, newcomers.peer, newcomers.count));
		ended += rc > 0 ? rc : 0;
		error = rc < 0 ? errno : error;
	}
	errno = error;
	return !socket ? -1 :
	       error   ? fault_errno(fault, FAULT_FAILED, "ending the connections that came through port %u", port) :
			 ended;
}
