// SPDX-License-Identifier: GPL-3.0-or-later
#include "nft_netlink.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "seam.h"

#define ATTEMPTS 64 /* half a second in all */

#define SOCKET_BYTES (1024 * 1024) /* a batch of BATCH_SIZE and all its answers */

void attrs_sort(const void *data, size_t length, const struct nlattr **table, uint16_t most)
{
	const struct nlattr *attr = data;
	int left = length > INT32_MAX ? 0 : (int)length;

	/* NOLINTNEXTLINE(bugprone-sizeof-expression): a table of pointers it is */
	memset((void *)(uintptr_t)table, 0, (most + (size_t)1) * sizeof(*table));
	while (mnl_attr_ok(attr, left)) {
		int step = (int)MNL_ALIGN(attr->nla_len);

		if (mnl_attr_get_type(attr) <= most)
			table[mnl_attr_get_type(attr)] = attr;
		left -= step;
		attr = mnl_attr_next(attr);
	}
}

void attrs_of_message(const struct nlmsghdr *message, const struct nlattr **table, uint16_t most)
{
	const size_t header = sizeof(struct nfgenmsg); /* four bytes: aligned as it is */
	size_t length = mnl_nlmsg_get_payload_len(message);

	attrs_sort((const char *)mnl_nlmsg_get_payload(message) + header, length > header ? length - header : 0, table, most);
}

void attrs_of_nest(const struct nlattr *nest, const struct nlattr **table, uint16_t most)
{
	attrs_sort(nest ? mnl_attr_get_payload(nest) : NULL, nest ? mnl_attr_get_payload_len(nest) : 0, table, most);
}

/* Numbers of nf_tables are in network order. */
uint32_t attr_u32(const struct nlattr *attr, uint32_t absent)
{
	return attr && mnl_attr_get_payload_len(attr) == sizeof(uint32_t) ? ntohl(mnl_attr_get_u32(attr)) : absent;
}

uint64_t attr_u64(const struct nlattr *attr, uint64_t absent)
{
	return attr && mnl_attr_get_payload_len(attr) == sizeof(uint64_t) ? be64toh(mnl_attr_get_u64(attr)) : absent;
}

const char *attr_text(const struct nlattr *attr)
{
	return attr && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(attr) : "";
}

int netlink_connect(struct netlink *netlink, unsigned int groups, struct fault *fault)
{
	int bytes = SOCKET_BYTES, fd;
	struct timeval limit = { .tv_sec = 5 };

	memset(netlink, 0, sizeof(*netlink));
	netlink->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!netlink->socket)
		return fault_errno(fault, FAULT_FAILED, "opening a netlink socket");
	if (mnl_socket_bind(netlink->socket, groups, MNL_SOCKET_AUTOPID) < 0)
		return fault_errno(fault, FAULT_FAILED, "binding a netlink socket");
	fd = mnl_socket_get_fd(netlink->socket);
	/* Without CAP_NET_ADMIN the request of the generation fails next, with the error that helps. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	/* The kernel answers within the call; a lost answer must not hold up a close for ever. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return fault_errno(fault, FAULT_FAILED, "limiting the wait for netlink");
	netlink->port = mnl_socket_get_portid(netlink->socket);
	netlink->sequence = (uint32_t)time(NULL);
	return 0;
}

int netlink_open(struct netlink *netlink, struct fault *fault)
{
	uint32_t generation;

	if (seam("no-nftables"))
		return 0;
	if (netlink_connect(netlink, 0, fault) == 0 && netlink_generation(netlink, &generation, fault) == 0)
		return 1;
	netlink_close(netlink);
	if (fault->code == EPERM)
		return fault_set(fault, FAULT_FAILED, "no right to read and change the firewall: run acmegate as root, with "
						      "CAP_NET_ADMIN");
	/* no netlink for netfilter, or that without the nf_tables subsystem */
	return fault->code == EPROTONOSUPPORT || fault->code == EAFNOSUPPORT || fault->code == EINVAL ||
			       fault->code == EOPNOTSUPP ? 0 : -1;
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->socket)
		mnl_socket_close(netlink->socket);
	netlink->socket = NULL;
}

struct nlmsghdr *netlink_about(struct netlink *netlink, void *buffer, uint16_t type, uint16_t flags, uint8_t family, const char *table,
			       const char *name, uint64_t handle)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));

	/* NOLINTNEXTLINE(misc-redundant-expression): that is what is asserted */
	_Static_assert((int)NFTA_TABLE_NAME == (int)NFTA_SET_TABLE && (int)NFTA_SET_TABLE == (int)NFTA_RULE_TABLE &&
		       (int)NFTA_SET_TABLE == (int)NFTA_SET_ELEM_LIST_TABLE && (int)NFTA_SET_NAME == (int)NFTA_RULE_CHAIN &&
		       (int)NFTA_SET_NAME == (int)NFTA_SET_ELEM_LIST_SET, "all of them are named in the same way");
	message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	message->nlmsg_seq = ++netlink->sequence;
	*generic = (struct nfgenmsg){ .nfgen_family = family, .version = NFNETLINK_V0 };
	if (table)
		mnl_attr_put_strz(message, NFTA_RULE_TABLE, table);
	if (name)
		mnl_attr_put_strz(message, NFTA_RULE_CHAIN, name);
	if (handle)
		mnl_attr_put_u64(message, NFTA_RULE_HANDLE, htobe64(handle));
	return message;
}

struct nlmsghdr *netlink_request(struct netlink *netlink, void *buffer, uint16_t type)
{
	return netlink_about(netlink, buffer, type, NLM_F_DUMP, NFPROTO_UNSPEC, NULL, NULL, 0);
}

/* 1: go on reading. 0: the answer is complete. */
static int take_message(struct netlink *netlink, const struct nlmsghdr *message, uint32_t sequence,
			netlink_visit *visit, void *arg, struct fault *fault)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_seq != sequence || message->nlmsg_pid != netlink->port)
		return 1; /* an answer to an earlier request, or a stranger */
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		return fault_set(fault, FAULT_RACED, "the ruleset changed while it was read");
	if (message->nlmsg_type == NLMSG_DONE)
		return 0;
	if (message->nlmsg_type == NLMSG_ERROR) {
		if (mnl_nlmsg_get_payload_len(message) < sizeof(*error))
			return fault_set(fault, FAULT_FAILED, "a netlink error that is too short");
		errno = -error->error;
		return error->error ? fault_errno(fault, FAULT_FAILED, "reading the ruleset") : 0;
	}
	if (message->nlmsg_type == NLMSG_OVERRUN)
		return fault_set(fault, FAULT_RACED, "a part of the ruleset was lost while it was read");
	if (message->nlmsg_type < NLMSG_MIN_TYPE)
		return 1;
	if (visit(message, arg, fault) < 0)
		return -1;
	return (message->nlmsg_flags & NLM_F_MULTI) != 0;
}

int netlink_dump(struct netlink *netlink, struct nlmsghdr *request, netlink_visit *visit, void *arg,
		 struct fault *fault)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_SIZE];
	uint32_t sequence = request->nlmsg_seq;
	int rc = 1;

	if ((netlink->send ? netlink->send(request) : mnl_socket_sendto(netlink->socket, request, request->nlmsg_len)) < 0)
		return fault_errno(fault, FAULT_FAILED, "asking for the ruleset");
	while (rc > 0) {
		ssize_t n = mnl_socket_recvfrom(netlink->socket, buffer, sizeof(buffer));
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_errno(fault, errno == ENOBUFS ? FAULT_RACED : FAULT_FAILED, "reading the ruleset");
		for (struct nlmsghdr *message = (void *)buffer; rc > 0 && mnl_nlmsg_ok(message, left);
		     message = mnl_nlmsg_next(message, &left))
			rc = take_message(netlink, message, sequence, visit, arg, fault);
	}
	return rc;
}

static int find_generation(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_GEN_MAX + 1];

	attrs_of_message(message, attrs, NFTA_GEN_MAX);
	if (!attrs[NFTA_GEN_ID])
		return fault_set(fault, FAULT_FAILED, "the kernel named no generation of the ruleset");
	*(uint32_t *)arg = attr_u32(attrs[NFTA_GEN_ID], 0);
	return 0;
}

int netlink_generation(struct netlink *netlink, uint32_t *generation, struct fault *fault)
{
	char buffer[256];

	return netlink_dump(netlink, netlink_about(netlink, buffer, NFT_MSG_GETGEN, 0, NFPROTO_UNSPEC, NULL, NULL, 0), find_generation,
			    generation, fault);
}

int netlink_insist(netlink_attempt *attempt, struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		struct timespec pause = { .tv_nsec = i * 250000L };
		int rc = attempt(ruleset, arg, fault);

		if (rc >= 0 || fault->kind != FAULT_RACED)
			return rc;
		nanosleep(&pause, NULL);
	}
	fault->kind = FAULT_LATER;
	return fault_at(fault, "after %d attempts", ATTEMPTS);
}

int messages_append(struct messages *messages, const void *message, size_t length, struct fault *fault)
{
	size_t room = (length + MNL_ALIGNTO - 1) & ~(size_t)(MNL_ALIGNTO - 1);

	if (messages->size - messages->used < room) {
		size_t size = (messages->size + room) * 2;
		char *bytes = realloc(messages->bytes, size);

		if (!bytes)
			return fault_errno(fault, FAULT_LATER, "reading a ruleset of more than %zu bytes", messages->size);
		messages->bytes = bytes;
		messages->size = size;
	}
	memset(messages->bytes + messages->used, 0, room);
	memcpy(messages->bytes + messages->used, message, length);
	messages->used += room;
	return 0;
}

int messages_take(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	return messages_append(arg, message, message->nlmsg_len, fault);
}

const char *nft_family(uint8_t family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_BRIDGE:
		return "bridge";
	case NFPROTO_NETDEV:
		return "netdev";
	case NFPROTO_ARP:
		return "arp";
	default:
		return "family";
	}
}
