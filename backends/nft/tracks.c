// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/tracks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/tcp.h>
#include <string.h>

#include "backends/nft/host.h"
#include "backends/nft/netlink.h"
#include "base/sockets.h"

struct forgetting {
	uint16_t port;
	struct host host;
	struct mnl_socket *sockets;
	struct netlink list, orders; /* one is read while the other is written to */
	int count, error;
};

static struct nlmsghdr *build(void *buffer, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));

	message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	message->nlmsg_seq = 1;
	*generic = (struct nfgenmsg){ .nfgen_family = family, .version = NFNETLINK_V0 };
	return message;
}

static bool take(void *to, const struct nlattr *attr, size_t bytes)
{
	const bool fits = attr && mnl_attr_get_payload_len(attr) == bytes;

	if (fits)
		memcpy(to, mnl_attr_get_payload(attr), bytes);
	return fits;
}

/* The packets that this host answers with have the four words of its socket, also where the others are redirected. */
static bool take_socket(struct inet_diag_sockid *socket, const struct nlattr *reply, uint8_t family)
{
	const struct nlattr *tuple[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *tcp[CTA_PROTO_MAX + 1];
	const bool v4 = family == NFPROTO_IPV4;
	const size_t bytes = v4 ? 4 : 16;
	uint8_t protocol;

	memset(socket, 0, sizeof(*socket));
	memset(socket->idiag_cookie, 0xff, sizeof(socket->idiag_cookie)); /* INET_DIAG_NOCOOKIE */
	attrs_of_nest(reply, tuple, CTA_TUPLE_MAX);
	attrs_of_nest(tuple[CTA_TUPLE_IP], ip, CTA_IP_MAX);
	attrs_of_nest(tuple[CTA_TUPLE_PROTO], tcp, CTA_PROTO_MAX);
	return take(&protocol, tcp[CTA_PROTO_NUM], sizeof(protocol)) && protocol == IPPROTO_TCP &&
	       take(&socket->idiag_sport, tcp[CTA_PROTO_SRC_PORT], sizeof(socket->idiag_sport)) &&
	       take(&socket->idiag_dport, tcp[CTA_PROTO_DST_PORT], sizeof(socket->idiag_dport)) &&
	       take(socket->idiag_src, ip[v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC], bytes) &&
	       take(socket->idiag_dst, ip[v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST], bytes);
}

static void put_socket(struct nlmsghdr *order, uint8_t family, const struct inet_diag_sockid *socket)
{
	const bool v4 = family == NFPROTO_IPV4;
	struct nlattr *tuple = mnl_attr_nest_start(order, CTA_TUPLE_REPLY), *part = mnl_attr_nest_start(order, CTA_TUPLE_IP);

	mnl_attr_put(order, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, v4 ? 4 : 16, socket->idiag_src);
	mnl_attr_put(order, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, v4 ? 4 : 16, socket->idiag_dst);
	mnl_attr_nest_end(order, part);
	part = mnl_attr_nest_start(order, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(order, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put_u16(order, CTA_PROTO_SRC_PORT, socket->idiag_sport);
	mnl_attr_put_u16(order, CTA_PROTO_DST_PORT, socket->idiag_dport);
	mnl_attr_nest_end(order, part);
	mnl_attr_nest_end(order, tuple);
}

int tracks_cut(struct mnl_socket *netfilter, uint8_t family, const struct inet_diag_sockid *socket, const struct nlattr *zone)
{
	_Alignas(struct nlmsghdr) char buffer[256];
	struct nlmsghdr *order = build(buffer, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, family);

	put_socket(order, family, socket);
	if (zone && mnl_attr_get_payload_len(zone) == sizeof(uint16_t))
		mnl_attr_put_u16(order, CTA_ZONE, mnl_attr_get_u16(zone));
	return sockets_talk(netfilter, order, NULL, NULL) >= 0 ? 1 : errno == ENOENT ? 0 : -1;
}

static int visit(const struct nlmsghdr *message, void *arg)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr[CTA_MAX + 1];
	struct forgetting *forgetting = arg;
	struct inet_diag_sockid id;
	int state, rc;

	attrs_of_message(message, attr, CTA_MAX);
	if (!take_socket(&id, attr[CTA_TUPLE_REPLY], generic->nfgen_family) || id.idiag_sport != htons(forgetting->port) ||
	    !host_has(&forgetting->host, generic->nfgen_family, (const unsigned char *)id.idiag_src))
		return MNL_CB_OK; /* also what only passes through this host */
	state = sockets_state(forgetting->sockets, generic->nfgen_family, &id);
	if (state > 0 && state != TCP_LISTEN && state != TCP_TIME_WAIT)
		return MNL_CB_OK;
	rc = state < 0 ? -1 : tracks_cut(forgetting->orders.socket, generic->nfgen_family, &id, attr[CTA_ZONE]);
	forgetting->count += rc > 0;
	forgetting->error = rc < 0 ? errno : forgetting->error;
	return MNL_CB_OK;
}

/* For one family alone, or it is refused. Kernels before 5.8 know no filter, and tell all that they have: visit() looks again. */
static void ask_for_port(struct nlmsghdr *request, uint16_t port)
{
	enum { PROTO_NUM = 1 << 3, PROTO_SRC_PORT = 1 << 4 }; /* nf_internals.h: no header of the kernel's for others has them */
	struct nlattr *part = mnl_attr_nest_start(request, CTA_FILTER), *tuple;

	mnl_attr_put_u32(request, CTA_FILTER_ORIG_FLAGS, 0);
	mnl_attr_put_u32(request, CTA_FILTER_REPLY_FLAGS, PROTO_NUM | PROTO_SRC_PORT);
	mnl_attr_nest_end(request, part);
	tuple = mnl_attr_nest_start(request, CTA_TUPLE_REPLY);
	part = mnl_attr_nest_start(request, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(request, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put_u16(request, CTA_PROTO_SRC_PORT, htons(port));
	mnl_attr_nest_end(request, part);
	mnl_attr_nest_end(request, tuple);
}

static int read_host(struct host *host, struct fault *fault)
{
	struct mnl_socket *route = host_connect(fault);
	int rc = route ? host_read(host, route, fault) : -1;

	sockets_free(&route);
	return rc;
}

/* EINVAL, EOPNOTSUPP: no conntrack, or none that can be asked. */
static void forget_family(struct forgetting *forgetting, uint8_t family)
{
	_Alignas(struct nlmsghdr) char buffer[256];
	struct nlmsghdr *request = build(buffer, IPCTNL_MSG_CT_GET, NLM_F_DUMP, family);

	ask_for_port(request, forgetting->port);
	if (sockets_talk(forgetting->list.socket, request, visit, forgetting) < 0 && errno != EINVAL && errno != EOPNOTSUPP)
		forgetting->error = errno;
}

static int forget_all(struct forgetting *forgetting, struct fault *fault)
{
	if (!forgetting->sockets || read_host(&forgetting->host, fault) < 0)
		return -1;
	if (netlink_connect(&forgetting->list, 0, fault) < 0 || netlink_connect(&forgetting->orders, 0, fault) < 0)
		return fault->code == EPROTONOSUPPORT ? 0 : -1;
	forget_family(forgetting, NFPROTO_IPV4);
	forget_family(forgetting, NFPROTO_IPV6);
	errno = forgetting->error;
	return errno ? fault_errno(fault, FAULT_FAILED, "having conntrack forget the connections to port %u", forgetting->port) :
		       forgetting->count;
}

int tracks_forget(uint16_t port, struct fault *fault)
{
	struct forgetting forgetting = { .port = port, .sockets = sockets_connect(fault) };
	int rc = forget_all(&forgetting, fault);

	sockets_free(&forgetting.sockets);
	netlink_close(&forgetting.list);
	netlink_close(&forgetting.orders);
	host_free(&forgetting.host);
	return rc;
}
