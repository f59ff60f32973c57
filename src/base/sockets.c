// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

void sockets_free(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
}
struct mnl_socket *sockets_connect(struct fault *fault)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);

	if (socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0)
		return socket;
	fault_errno(fault, FAULT_FAILED, "asking for the connections of this host");
	sockets_free(&socket);
	return NULL;
}

/* Sends one request and gives all answers to the callback. */
int sockets_talk(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t callback, void *arg)
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

struct inet_diag_req_v2 *sockets_build(struct nlmsghdr **message, void *buffer, uint16_t type, uint16_t flags)
{
	*message = mnl_nlmsg_put_header(buffer);
	(*message)->nlmsg_type = type;
	(*message)->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	(*message)->nlmsg_seq = 1;
	return mnl_nlmsg_put_extra_header(*message, sizeof(struct inet_diag_req_v2));
}

/* All sockets of the port in these states, of both families. */
int sockets_list(uint16_t port, uint32_t states, mnl_cb_t callback, void *arg, struct fault *fault)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	OWN_SOCKET struct mnl_socket *socket = sockets_connect(fault);

	for (size_t i = 0; socket && i < LENGTH_OF(families); i++) {
		char buffer[256];
		struct nlmsghdr *message;
		struct inet_diag_req_v2 *request = sockets_build(&message, buffer, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);

		request->sdiag_family = families[i];
		request->sdiag_protocol = IPPROTO_TCP;
		request->idiag_states = states;
		request->id.idiag_sport = htons(port);
		if (sockets_talk(socket, message, callback, arg) < 0 && errno != EAFNOSUPPORT && errno != ENOENT)
			return fault_errno(fault, FAULT_FAILED, "listing the connections to port %u", port);
	}
	return socket ? 0 : -1;
}

static int note_state(const struct nlmsghdr *message, void *arg)
{
	const struct inet_diag_msg *s = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) >= sizeof(*s))
		*(uint8_t *)arg = s->idiag_state;
	return MNL_CB_OK;
}

int sockets_state(struct mnl_socket *socket, uint8_t family, const struct inet_diag_sockid *id)
{
	uint8_t state = 0;
	char buffer[256];
	struct nlmsghdr *message;
	struct inet_diag_req_v2 *request = sockets_build(&message, buffer, SOCK_DIAG_BY_FAMILY, NLM_F_ACK);

	request->sdiag_family = family;
	request->sdiag_protocol = IPPROTO_TCP;
	request->id = *id;
	return sockets_talk(socket, message, note_state, &state) == 0 || errno == ENOENT ? state : -1;
}

struct listeners {
	uint32_t *inodes;
	int count, most;
};

static int note_listener(const struct nlmsghdr *message, void *arg)
{
	const struct inet_diag_msg *s = mnl_nlmsg_get_payload(message);
	struct listeners *listeners = arg;

	if (mnl_nlmsg_get_payload_len(message) >= sizeof(*s) && listeners->count < listeners->most)
		listeners->inodes[listeners->count++] = s->idiag_inode;
	return MNL_CB_OK;
}

int sockets_listeners(uint16_t port, uint32_t *inodes, int most, struct fault *fault)
{
	struct listeners listeners = { inodes, 0, most };

	return sockets_list(port, SOCKETS_IN(TCP_LISTEN), note_listener, &listeners, fault) < 0 ? -1 : listeners.count;
}
