// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netfilter.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

#define STATE(state) (1U << (state))
#define LIVE (~(STATE(TCP_LISTEN) | STATE(TCP_TIME_WAIT) | STATE(TCP_CLOSE)))

static void free_socket(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
}
#define OWN_SOCKET __attribute__((cleanup(free_socket)))

static struct mnl_socket *connect_kernel(struct fault *fault)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);

	if (socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0)
		return socket;
	fault_errno(fault, FAULT_FAILED, "asking for the connections of this host");
	free_socket(&socket);
	return NULL;
}

/* Sends one request and gives all answers to the callback. */
static int talk(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t callback, void *arg)
{
	_Alignas(struct nlmsghdr) char buffer[32 * 1024];
	int rc = 1;

	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return -1;
	while (rc > 0) {
		ssize_t n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));

		if (n < 0 && errno == EINTR)
			continue;
		rc = n < 0 ? -1 : mnl_cb_run(buffer, (size_t)n, request->nlmsg_seq, mnl_socket_get_portid(socket), callback, arg);
	}
	return rc;
}

static struct inet_diag_req_v2 *build(struct nlmsghdr **message, void *buffer, uint16_t type, uint16_t flags)
{
	*message = mnl_nlmsg_put_header(buffer);
	(*message)->nlmsg_type = type;
	(*message)->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	(*message)->nlmsg_seq = 1;
	return mnl_nlmsg_put_extra_header(*message, sizeof(struct inet_diag_req_v2));
}

/* All sockets of the port in these states, of both families. */
static int list(uint16_t port, uint32_t states, mnl_cb_t callback, void *arg, struct fault *fault)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	OWN_SOCKET struct mnl_socket *socket = connect_kernel(fault);

	for (size_t i = 0; socket && i < LENGTH_OF(families); i++) {
		char buffer[256];
		struct nlmsghdr *message;
		struct inet_diag_req_v2 *request = build(&message, buffer, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);

		request->sdiag_family = families[i];
		request->sdiag_protocol = IPPROTO_TCP;
		request->idiag_states = states;
		request->id.idiag_sport = htons(port);
		if (talk(socket, message, callback, arg) < 0 && errno != EAFNOSUPPORT && errno != ENOENT)
			return fault_errno(fault, FAULT_FAILED, "listing the connections to port %u", port);
	}
	return socket ? 0 : -1;
}

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
	return list(port, LIVE, note, connections, fault);
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
	request = build(&message, buffer, SOCK_DIAG_BY_FAMILY, NLM_F_ACK);
	request->sdiag_family = s->idiag_family;
	request->sdiag_protocol = IPPROTO_TCP;
	request->id = s->id;
	request->id.idiag_sport = s->id.idiag_dport;
	request->id.idiag_dport = s->id.idiag_sport;
	memcpy(request->id.idiag_src, s->id.idiag_dst, sizeof(request->id.idiag_src));
	memcpy(request->id.idiag_dst, s->id.idiag_src, sizeof(request->id.idiag_dst));
	memset(request->id.idiag_cookie, 0xff, sizeof(request->id.idiag_cookie)); /* INET_DIAG_NOCOOKIE */
	return talk(socket, message, note_state, &state) == 0 && state != TCP_LISTEN;
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
	struct inet_diag_req_v2 *request = build(&order, buffer, SOCK_DESTROY, NLM_F_ACK);

	request->sdiag_family = s->idiag_family;
	request->sdiag_protocol = IPPROTO_TCP;
	request->idiag_states = LIVE;
	request->id = s->id;
	return talk(socket, order, NULL, NULL) >= 0 ? 1 : errno == ENOENT ? 0 : -1;
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
	OWN_SOCKET struct mnl_socket *socket = connect_kernel(fault);
	struct newcomers newcomers = { .spared = connections, .socket = socket };
	int ended = 0, error = 0;

	for (size_t rounds = 0; socket && rounds < CONNECTIONS_MOST / PEERS_MOST; rounds++) {
		int rc;

		newcomers.count = 0;
		if (list(port, LIVE, take_newcomer, &newcomers, fault) < 0)
			return -1;
		if (!newcomers.count)
			break;
		rc = end_some(&newcomers, connections, admit(arg, newcomers.peer, newcomers.count));
		ended += rc > 0 ? rc : 0;
		error = rc < 0 ? errno : error;
	}
	errno = error;
	return !socket ? -1 : error ? fault_errno(fault, FAULT_FAILED, "ending the connections that came through port %u", port) : ended;
}

struct listeners {
	uint32_t *inodes;
	int count, most;
};

static int note_listener(const struct nlmsghdr *message, void *arg)
{
	const struct inet_diag_msg *s = socket_of(message);
	struct listeners *listeners = arg;

	if (s && listeners->count < listeners->most)
		listeners->inodes[listeners->count++] = s->idiag_inode;
	return MNL_CB_OK;
}

int connections_listeners(uint16_t port, uint32_t *inodes, int most, struct fault *fault)
{
	struct listeners listeners = { inodes, 0, most };

	return list(port, STATE(TCP_LISTEN), note_listener, &listeners, fault) < 0 ? -1 : listeners.count;
}
