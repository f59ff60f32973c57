// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/channel.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/reply.h"

#define LAST_PATIENCE 5 /* seconds for a reply that nothing depends on any more */

/* Descriptors whose peer once did not answer in time: its late reply would be taken for that to the next question. */
static uint64_t silent;

/* The end of an attempt is for the ledger: the run ends without it rather than wait for a process that is stuck. */
static unsigned int patience(enum verb verb, size_t length)
{
	if (verb == VERB_CSR || verb == VERB_ACCOUNT || verb == VERB_INSTALL || verb == VERB_NEW_ACCOUNT_KEY)
		return WIRE_KEY_PATIENCE;
	return verb == VERB_OUTCOME || (verb == VERB_PLACED && !length) ? LAST_PATIENCE : WIRE_PATIENCE;
}

int channel_ask(int fd, const char *peer, enum verb verb, uint32_t index, const void *data, size_t length, struct record *reply,
		struct fault *fault)
{
	int n;

	if (silent & UINT64_C(1) << fd)
		return fault_set(fault, FAULT_FAILED, "the %s has not answered before", peer);
	if (wire_send(fd, verb, index, data, length, fault) < 0)
		return -1;
	n = wire_await(fd, reply, patience(verb, length), fault);
	if (n < 0) {
		silent |= UINT64_C(1) << fd;
		return fault_at(fault, "the %s", peer);
	}
	if (n == 0)
		return fault_set(fault, FAULT_FAILED, "the %s has ended", peer);
	if (reply->verb == VERB_REPLY)
		return 0;
	if (reply_check(reply, fault) < 0)
		return -1;
	return fault_set(fault, FAULT_FAILED, "the %s answers %s with %s", peer, verb_name(verb), verb_name((enum verb)reply->verb));
}

int channel_reply(int fd, int result, const struct fault *why, const void *data, size_t length, struct fault *fault)
{
	return result < 0 ? reply_fault(fd, why, fault) : wire_send(fd, VERB_REPLY, 0, data, length, fault);
}

int channel_serve(void *role, const struct channel channels[2], struct fault *fault)
{
	struct pollfd fds[] = { { .fd = channels[0].fd, .events = POLLIN }, { .fd = channels[1].fd, .events = POLLIN } };
	int rc = 1;

	for (;;) {
		if (poll(fds, LENGTH_OF(fds), -1) < 0) {
			if (errno != EINTR)
				return fault_errno(fault, FAULT_FAILED, "waiting for requests");
			continue;
		}
		if (fds[0].revents)
			rc = channels[0].serve(role, fault);
		if (rc <= 0)
			return rc;
		if (fds[1].revents)
			rc = (fds[1].revents & POLLNVAL) ? 0 : channels[1].serve(role, fault);
		if (rc < 0)
			return -1;
		if (rc == 0) {
			close(channels[1].fd);
			fds[1].fd = -1;
			rc = 1;
		}
	}
}
