// SPDX-License-Identifier: GPL-3.0-or-later
#include "nft_netlink.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define ATTEMPTS 64 /* half a second in all */

/* The kernel fills what the reader offers up to this size: fewer system calls for a dump of many rules. */
#define RECEIVE_SIZE (32 * 1024)
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

static int connect_socket(struct netlink *netlink, unsigned int groups, struct fault *fault)
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

	if (connect_socket(netlink, 0, fault) == 0 && netlink_generation(netlink, &generation, fault) == 0)
		return 1;
	netlink_close(netlink);
	if (fault->code == EPERM)
		return fault_set(fault, FAULT_FAILED, "no right to read and change the firewall: run acmegate as root, with "
						      "CAP_NET_ADMIN");
	/* no netlink for netfilter, or that without the nf_tables subsystem */
	return fault->code == EPROTONOSUPPORT || fault->code == EAFNOSUPPORT || fault->code == EINVAL ||
			       fault->code == EOPNOTSUPP ? 0 : -1;
}

int netlink_listen(struct netlink *netlink, struct fault *fault)
{
	return connect_socket(netlink, 1U << (NFNLGRP_NFTABLES - 1), fault);
}

static pid_t expected[16];

void netlink_expect(pid_t pid)
{
	memmove(expected + 1, expected, sizeof(expected) - sizeof(expected[0]));
	expected[0] = pid;
}

static bool is_news(const struct nlmsghdr *message, uint32_t own_port)
{
	const struct nlattr *attrs[NFTA_GEN_PROC_PID + 1];

	if (NFNL_MSG_TYPE(message->nlmsg_type) != NFT_MSG_NEWGEN || message->nlmsg_pid == own_port)
		return false;
	attrs_of_message(message, attrs, NFTA_GEN_PROC_PID);
	for (size_t i = 0; i < LENGTH_OF(expected) && expected[i]; i++)
		if (attr_u32(attrs[NFTA_GEN_PROC_PID], 0) == (uint32_t)expected[i])
			return false;
	return true;
}

bool netlink_heard(struct netlink *netlink, uint32_t own_port)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_SIZE];
	bool heard = false;

	for (;;) {
		ssize_t n = recv(mnl_socket_get_fd(netlink->socket), buffer, sizeof(buffer), MSG_DONTWAIT);
		int left = (int)n;

		if (n < 0 && errno != ENOBUFS && errno != EINTR)
			return heard || errno != EAGAIN;
		heard = heard || (n < 0 && errno == ENOBUFS);
		for (struct nlmsghdr *message = (void *)buffer; mnl_nlmsg_ok(message, left);
		     message = mnl_nlmsg_next(message, &left))
			heard = heard || is_news(message, own_port);
	}
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->socket)
		mnl_socket_close(netlink->socket);
	netlink->socket = NULL;
}

struct nlmsghdr *netlink_request(struct netlink *netlink, void *buffer, uint16_t type)
{
	return nftnl_nlmsg_build_hdr(buffer, type, NFPROTO_UNSPEC, NLM_F_DUMP, ++netlink->sequence);
}

struct nlmsghdr *netlink_request_set(struct netlink *netlink, void *buffer, uint16_t type, uint8_t family, const char *table,
				     const char *set)
{
	struct nlmsghdr *request = nftnl_nlmsg_build_hdr(buffer, type, family, type == NFT_MSG_GETSETELEM ? NLM_F_DUMP : 0,
							  ++netlink->sequence);

	_Static_assert((int)NFTA_SET_TABLE == (int)NFTA_SET_ELEM_LIST_TABLE && (int)NFTA_SET_NAME == (int)NFTA_SET_ELEM_LIST_SET,
		       "both requests name the set in the same way");
	mnl_attr_put_strz(request, NFTA_SET_TABLE, table);
	mnl_attr_put_strz(request, NFTA_SET_NAME, set);
	return request;
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

	if (mnl_socket_sendto(netlink->socket, request, request->nlmsg_len) < 0)
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
	struct nlmsghdr *request =
		nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETGEN, NFPROTO_UNSPEC, 0, ++netlink->sequence);

	return netlink_dump(netlink, request, find_generation, generation, fault);
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

int batch_begin(struct batch *batch, struct netlink *netlink, uint32_t generation, struct fault *fault)
{
	struct nlmsghdr *begin;

	memset(batch, 0, sizeof(*batch));
	batch->netlink = netlink;
	batch->buffer = calloc(1, 2 * BATCH_SIZE);
	batch->pages = batch->buffer ? mnl_nlmsg_batch_start(batch->buffer, BATCH_SIZE) : NULL;
	if (!batch->pages) {
		batch_free(batch);
		return fault_errno(fault, FAULT_LATER, "building a change of the ruleset");
	}
	batch->first = ++netlink->sequence;
	begin = nftnl_batch_begin(mnl_nlmsg_batch_current(batch->pages), batch->first);
	mnl_attr_put_u32(begin, NFNL_BATCH_GENID, htonl(generation));
	batch_add(batch);
	return 0;
}

void *batch_next(struct batch *batch)
{
	return mnl_nlmsg_batch_current(batch->pages);
}

void batch_add(struct batch *batch)
{
	batch->full = batch->full || !mnl_nlmsg_batch_next(batch->pages);
}

/* What has come back for a batch: the first error, and whether the echo could be taken. */
struct answers {
	netlink_visit *echo;
	void *arg;
	int error;
};

/* One datagram may carry several messages. */
static int take_answers(const struct batch *batch, char *buffer, ssize_t n, struct answers *answers, struct fault *fault)
{
	int left = (int)n;

	for (struct nlmsghdr *message = (void *)buffer; mnl_nlmsg_ok(message, left);
	     message = mnl_nlmsg_next(message, &left)) {
		const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);

		/* ERESTART comes with the sequence number of the begin message. Anything older is not about this batch. */
		if (message->nlmsg_seq - batch->first > INT32_MAX)
			continue;
		if (message->nlmsg_type >= NLMSG_MIN_TYPE) {
			if (answers->echo && answers->echo(message, answers->arg, fault) < 0)
				return -1;
		} else if (message->nlmsg_type == NLMSG_ERROR && mnl_nlmsg_get_payload_len(message) >= sizeof(*answer)) {
			if (answer->error && !answers->error)
				answers->error = -answer->error;
		}
	}
	return 0;
}

/* Commit and answers happen inside the call of sendto(): all there is to read lies in the queue when it returns. */
static int drain(const struct batch *batch, struct answers *answers, struct fault *fault)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_SIZE];

	for (;;) {
		ssize_t n = recv(mnl_socket_get_fd(batch->netlink->socket), buffer, sizeof(buffer), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return fault_errno(fault, FAULT_RACED, "reading the answer to a change of the ruleset");
		if (take_answers(batch, buffer, n, answers, fault) < 0)
			return -1;
	}
	errno = answers->error;
	if (errno == ERESTART || errno == ENOENT || errno == EEXIST || errno == EBUSY)
		return fault_errno(fault, FAULT_RACED, "the ruleset changed meanwhile");
	return errno ? fault_errno(fault, FAULT_FAILED, "changing the ruleset") : 0;
}

static int send_batch(struct batch *batch, struct answers *answers, struct fault *fault)
{
	if (batch->full)
		return fault_set(fault, FAULT_FAILED, "the change of the ruleset is too large");
	if (mnl_socket_sendto(batch->netlink->socket, mnl_nlmsg_batch_head(batch->pages),
			      mnl_nlmsg_batch_size(batch->pages)) < 0)
		return fault_errno(fault, FAULT_FAILED, "sending a change of the ruleset");
	return drain(batch, answers, fault);
}

int batch_commit(struct batch *batch, netlink_visit *echo, void *arg, struct fault *fault)
{
	struct answers answers = { .echo = echo, .arg = arg };

	nftnl_batch_end(batch_next(batch), ++batch->netlink->sequence);
	batch_add(batch);
	return send_batch(batch, &answers, fault);
}

int batch_rehearse(struct batch *batch, struct fault *fault)
{
	struct answers answers = { 0 };

	return send_batch(batch, &answers, fault);
}

void batch_free(struct batch *batch)
{
	if (batch->pages)
		mnl_nlmsg_batch_stop(batch->pages);
	free(batch->buffer);
	batch->pages = NULL;
	batch->buffer = NULL;
}
