// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/host.h"

#include <errno.h>
#include <netinet/in.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "backends/nft/netlink.h"

#define RECEIVE_BYTES (32 * 1024)
#define ATTEMPTS 8 /* interfaces come and go */

struct mnl_socket *host_connect(struct fault *fault)
{
	const struct timeval limit = { .tv_sec = 5 };
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0)
		return socket;
	fault_errno(fault, FAULT_FAILED, "asking for the addresses of this host");
	if (socket)
		mnl_socket_close(socket);
	return NULL;
}

bool host_is_loopback(const struct host_address *address)
{
	static const unsigned char one[16] = { [15] = 1 };

	return address->family == NFPROTO_IPV4 ? address->bytes[0] == 127 : !memcmp(address->bytes, one, sizeof(one));
}

/* The attributes behind a header of this size. */
static void attrs_behind(const struct nlmsghdr *message, size_t header, const struct nlattr **table, uint16_t most)
{
	size_t length = mnl_nlmsg_get_payload_len(message);

	attrs_sort((const char *)mnl_nlmsg_get_payload(message) + NLMSG_ALIGN(header),
		   length > NLMSG_ALIGN(header) ? length - NLMSG_ALIGN(header) : 0, table, most);
}

/* Room for one more; NULL: no memory. */
static void *grow(void *list, size_t used, size_t size)
{
	return used & (used - 1) ? list : realloc(list, (used ? 2 * used : 1) * size);
}

static int take_address(const struct nlmsghdr *message, void *arg)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	const size_t length = header->ifa_family == AF_INET ? 4 : 16;
	struct host_address found = { .family = header->ifa_family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6 };
	const struct nlattr *attrs[IFA_MAX + 1], *local;
	struct host *host = arg;
	void *more;

	attrs_behind(message, sizeof(*header), attrs, IFA_MAX);
	local = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS]; /* that is the other end of a point-to-point link */
	if (!local || mnl_attr_get_payload_len(local) != length)
		return MNL_CB_OK;
	memcpy(found.bytes, mnl_attr_get_payload(local), length);
	if (host_is_loopback(&found))
		return MNL_CB_OK;
	more = grow(host->address, host->addresses, sizeof(found));
	if (!more)
		return MNL_CB_ERROR;
	host->address = more;
	host->address[host->addresses++] = found;
	return MNL_CB_OK;
}

static bool is_bridge(const struct nlattr *kind)
{
	return kind && mnl_attr_get_payload_len(kind) >= 6 && !strncmp(mnl_attr_get_payload(kind), "bridge", 6);
}

static int take_link(const struct nlmsghdr *message, void *arg)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct host_link found = { .index = (uint32_t)header->ifi_index, .loopback = header->ifi_type == ARPHRD_LOOPBACK };
	const struct nlattr *attrs[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1], *xdp[IFLA_XDP_MAX + 1];
	struct host *host = arg;
	void *more;

	attrs_behind(message, sizeof(*header), attrs, IFLA_MAX);
	attrs_of_nest(attrs[IFLA_LINKINFO], info, IFLA_INFO_MAX);
	snprintf(found.name, sizeof(found.name), "%s", attr_text(attrs[IFLA_IFNAME]));
	attrs_of_nest(attrs[IFLA_XDP], xdp, IFLA_XDP_MAX);
	if (xdp[IFLA_XDP_PROG_ID] && mnl_attr_get_payload_len(xdp[IFLA_XDP_PROG_ID]) == sizeof(found.xdp))
		found.xdp = mnl_attr_get_u32(xdp[IFLA_XDP_PROG_ID]);
	found.port = is_bridge(info[IFLA_INFO_SLAVE_KIND]);
	found.bridge = is_bridge(info[IFLA_INFO_KIND]);
	found.has_mac = attrs[IFLA_ADDRESS] && mnl_attr_get_payload_len(attrs[IFLA_ADDRESS]) == sizeof(found.mac);
	if (found.has_mac)
		memcpy(found.mac, mnl_attr_get_payload(attrs[IFLA_ADDRESS]), sizeof(found.mac));
	more = grow(host->link, host->links, sizeof(found));
	if (!more)
		return MNL_CB_ERROR;
	host->link = more;
	host->link[host->links++] = found;
	return MNL_CB_OK;
}

/* 1: more is to come. 0: the dump is complete. -1: errno. *interrupted: something changed meanwhile. */
static int take(const struct nlmsghdr *message, mnl_cb_t callback, struct host *host, bool *interrupted)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

	*interrupted = *interrupted || (message->nlmsg_flags & NLM_F_DUMP_INTR);
	if (message->nlmsg_type == NLMSG_DONE)
		return 0;
	if (message->nlmsg_type >= NLMSG_MIN_TYPE)
		return callback(message, host) == MNL_CB_OK ? 1 : -1;
	errno = message->nlmsg_type == NLMSG_ERROR && mnl_nlmsg_get_payload_len(message) >= sizeof(*error) ? -error->error : EBADMSG;
	return -1;
}

/* A dump is read to its end, or the next one on this socket would fail. */
static int dump(struct mnl_socket *socket, uint16_t type, mnl_cb_t callback, struct host *host)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_BYTES];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	bool interrupted = false;
	int rc = 1;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	((struct rtgenmsg *)mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg)))->rtgen_family = AF_UNSPEC;
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return -1;
	while (rc > 0) {
		ssize_t n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		rc = n < 0 ? -1 : rc;
		for (struct nlmsghdr *message = (void *)buffer; rc > 0 && mnl_nlmsg_ok(message, left);
		     message = mnl_nlmsg_next(message, &left))
			rc = take(message, callback, host, &interrupted);
	}
	if (rc == 0 && interrupted)
		errno = EINTR;
	return rc == 0 && !interrupted ? 0 : -1;
}

int host_read(struct host *host, struct mnl_socket *socket, struct fault *fault)
{
	memset(host, 0, sizeof(*host));
	for (int i = 0; i < ATTEMPTS; i++) {
		host->addresses = host->links = 0;
		if (dump(socket, RTM_GETLINK, take_link, host) == 0 && dump(socket, RTM_GETADDR, take_address, host) == 0)
			return 0;
		if (errno != EINTR)
			break;
	}
	return fault_errno(fault, FAULT_FAILED, "reading the addresses of this host");
}

static int take_interface(const struct nlattr *attr, void *index)
{
	if (mnl_attr_get_type(attr) == RTA_OIF && mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
		*(uint32_t *)index = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int take_route(const struct nlmsghdr *message, void *index)
{
	return mnl_attr_parse(message, sizeof(struct rtmsg), take_interface, index);
}

uint32_t host_route(struct mnl_socket *socket, uint8_t family, const void *to, const void *from, uint16_t port)
{
	const size_t bytes = family == NFPROTO_IPV4 ? 4 : 16;
	_Alignas(struct nlmsghdr) char buffer[8192];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(request, sizeof(*route));
	uint32_t index = 0;
	ssize_t n;

	request->nlmsg_type = RTM_GETROUTE;
	request->nlmsg_flags = NLM_F_REQUEST;
	request->nlmsg_seq = 1;
	route->rtm_family = family == NFPROTO_IPV4 ? AF_INET : AF_INET6;
	route->rtm_dst_len = (unsigned char)(8 * bytes);
	mnl_attr_put(request, RTA_DST, bytes, to);
	if (from) {
		route->rtm_src_len = (unsigned char)(8 * bytes);
		mnl_attr_put(request, RTA_SRC, bytes, from);
	}
	mnl_attr_put_u8(request, RTA_IP_PROTO, IPPROTO_TCP);
	mnl_attr_put_u16(request, RTA_SPORT, htons(port));
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return 0;
	do
		n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	while (n < 0 && errno == EINTR);
	return n < 0 || mnl_cb_run(buffer, (size_t)n, 0, 0, take_route, &index) < 0 ? 0 : index;
}

bool host_has(const struct host *host, uint8_t family, const unsigned char *bytes)
{
	for (size_t i = 0; i < host->addresses; i++)
		if (host->address[i].family == family && !memcmp(host->address[i].bytes, bytes, family == NFPROTO_IPV4 ? 4 : 16))
			return true;
	return false;
}

void host_free(struct host *host)
{
	free(host->address);
	free(host->link);
	memset(host, 0, sizeof(*host));
}
