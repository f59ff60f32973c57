// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/batch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int netlink_attach(struct ruleset **out, size_t size, struct fault *fault)
{
	void *ruleset = calloc(1, size);
	int rc = ruleset ? netlink_open(ruleset, fault) : fault_errno(fault, FAULT_LATER, "attaching to nftables");

	if (rc == 1)
		*out = ruleset;
	else
		free(ruleset);
	return rc;
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
	if (generation)
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

/* The kernel's answers to a batch: the first error, and whether the echo could be taken. */
struct answers {
	netlink_visit *echo;
	void *arg;
	int error;
};

/* One datagram may carry several messages. */
static int take_answers(const struct batch *batch, char *buffer, ssize_t n, struct answers *answers, struct fault *fault)
{
	int left = (int)n;

	for (struct nlmsghdr *message = (void *)buffer; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
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
		if (n < 0) {
			fault_errno(fault, FAULT_LATER, "reading the answer to a change of the ruleset");
			return AGAIN;
		}
		if (take_answers(batch, buffer, n, answers, fault) < 0)
			return -1;
	}
	errno = answers->error;
	if (errno == ERESTART || errno == ENOENT || errno == EEXIST || errno == EBUSY) {
		fault_errno(fault, FAULT_LATER, "the ruleset changed meanwhile");
		return AGAIN;
	}
	return errno ? fault_errno(fault, FAULT_FAILED, "changing the ruleset") : 0;
}

static int send_batch(struct batch *batch, struct answers *answers, struct fault *fault)
{
	if (batch->full)
		return fault_set(fault, FAULT_FAILED, "the change of the ruleset is too large");
	if (mnl_socket_sendto(batch->netlink->socket, mnl_nlmsg_batch_head(batch->pages), mnl_nlmsg_batch_size(batch->pages)) < 0)
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

void batch_delete(struct batch *batch, uint16_t type, uint8_t family, const char *table, const char *name, uint64_t handle)
{
	(void)netlink_about(batch->netlink, batch_next(batch), type, 0, family, table, name, handle);
	batch_add(batch);
}

int batch_no_memory(struct fault *fault)
{
	errno = ENOMEM;
	return fault_errno(fault, FAULT_LATER, "building a change of the ruleset");
}
