// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/netlink.h"

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

#include "base/seam.h"

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
	if (netlink_connect(netlink, 0, fault) == 0 && netlink_generation(netlink, &generation, fault) != -1)
		return 1; /* also if the kernel is busy */
	netlink_close(netlink);
	if (fault->code == EPERM)
		return fault_set(fault, FAULT_FAILED,
				 "no right to read and change the firewall: run acmegate as root, with "
				 "CAP_NET_ADMIN");
	/* no netlink for netfilter, or that without the nf_tables subsystem */
	return fault->code == EPROTONOSUPPORT || fault->code == EAFNOSUPPORT || fault->code == EINVAL || fault->code == EOPNOTSUPP ?
		       0 :
		       -1;
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->socket)
		mnl_socket_close(netlink->socket);
	netlink->socket = NULL;
}

struct nlmsghdr *netlink_about(struct netlink *netlink, void *buffer, uint16_t type, uint16_t flags, uint8_t family,
			       const char *table, const char *name, uint64_t handle)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));

	/* NOLINTNEXTLINE(misc-redundant-expression): that is what is asserted */
	_Static_assert((int)NFTA_TABLE_NAME == (int)NFTA_SET_TABLE && (int)NFTA_SET_TABLE == (int)NFTA_RULE_TABLE &&
			       (int)NFTA_SET_TABLE == (int)NFTA_SET_ELEM_LIST_TABLE && (int)NFTA_SET_NAME == (int)NFTA_RULE_CHAIN &&
			       (int)NFTA_SET_NAME == (int)NFTA_SET_ELEM_LIST_SET,
		       "all of them are named in the same way");
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

/* The state of reading one answer. */
struct reading {
	const struct netlink *netlink;
	uint32_t sequence;
	bool complete;
	int rc; /* 0; AGAIN: somebody committed meanwhile; -1: the fault is set. What went wrong first counts */
	netlink_visit *visit;
	void *arg;
	struct fault *fault;
};

static void note(struct reading *reading, int rc)
{
	if (rc < 0 && reading->rc != -1)
		reading->rc = rc;
}

/* The end of a dump and an acknowledgement of a request begin with the same number: 0, or what went wrong. */
static void take_end(struct reading *reading, const struct nlmsghdr *message)
{
	int code = 0;

	reading->complete = true;
	if (mnl_nlmsg_get_payload_len(message) >= sizeof(code))
		memcpy(&code, mnl_nlmsg_get_payload(message), sizeof(code));
	else if (message->nlmsg_type == NLMSG_ERROR)
		note(reading, fault_set(reading->fault, FAULT_FAILED, "a netlink error that is too short"));
	errno = code < -4095 || code > 0 ? EPROTO : -code;
	if (errno == EBUSY) /* an earlier answer is not read to its end */
		note(reading, AGAIN);
	else if (code)
		note(reading, fault_errno(reading->fault, FAULT_FAILED, "reading the ruleset"));
}

/* An answer is read to its end whatever is in it: the kernel begins no other one on this socket before. */
static void take_message(struct reading *reading, const struct nlmsghdr *message)
{
	if (message->nlmsg_seq != reading->sequence || message->nlmsg_pid != reading->netlink->port)
		return; /* an answer to an earlier request, or a stranger */
	if (message->nlmsg_flags & NLM_F_DUMP_INTR || message->nlmsg_type == NLMSG_OVERRUN)
		note(reading, AGAIN);
	if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
		take_end(reading, message);
	} else if (message->nlmsg_type >= NLMSG_MIN_TYPE) {
		if (reading->rc != -1)
			note(reading, reading->visit(message, reading->arg, reading->fault));
		reading->complete = !(message->nlmsg_flags & NLM_F_MULTI);
	}
}

#define LOST_IN_A_ROW 100 /* times that the kernel had no room for a message: more is no burst, and would never end */

static void take_all(struct reading *reading)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_SIZE];
	unsigned int lost = 0;

	while (!reading->complete) {
		ssize_t n = recv(mnl_socket_get_fd(reading->netlink->socket), buffer, sizeof(buffer), MSG_TRUNC);
		int left = (int)n;

		if (n < 0 && errno == ENOBUFS)
			note(reading, AGAIN);
		if (n < 0 && (errno == EINTR || (errno == ENOBUFS && ++lost < LOST_IN_A_ROW)))
			continue;
		lost = 0;
		if (n <= 0 || n > (ssize_t)sizeof(buffer)) {
			errno = n < 0 ? errno : n ? ENOSPC : ECONNRESET;
			note(reading, fault_errno(reading->fault, FAULT_FAILED, "reading the ruleset"));
			return;
		}
		for (const struct nlmsghdr *message = (void *)buffer; !reading->complete && mnl_nlmsg_ok(message, left);
		     message = mnl_nlmsg_next(message, &left))
			take_message(reading, message);
	}
}

int netlink_dump(struct netlink *netlink, struct nlmsghdr *request, netlink_visit *visit, void *arg, struct fault *fault)
{
	struct reading reading = { netlink, request->nlmsg_seq, .visit = visit, .arg = arg, .fault = fault };

	if ((netlink->send ? netlink->send(request) : mnl_socket_sendto(netlink->socket, request, request->nlmsg_len)) < 0)
		return fault_errno(fault, FAULT_FAILED, "asking for the ruleset");
	take_all(&reading);
	return reading.rc;
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

	return netlink_dump(netlink, netlink_about(netlink, buffer, NFT_MSG_GETGEN, 0, NFPROTO_UNSPEC, NULL, NULL, 0),
			    find_generation, generation, fault);
}

int netlink_insist(netlink_attempt *attempt, struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		struct timespec pause = { .tv_nsec = i * 250000L };
		int rc;

		fault_set(fault, FAULT_LATER, "others change the ruleset all the time");
		rc = attempt(ruleset, arg, fault);
		if (rc != AGAIN)
			return rc;
		nanosleep(&pause, NULL);
	}
	return fault_at(fault, "after %d attempts", ATTEMPTS);
}

int netlink_nothing(int rc, bool *before)
{
	bool sure = rc == 0 || *before;

	*before = true;
	return sure ? 0 : AGAIN;
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
