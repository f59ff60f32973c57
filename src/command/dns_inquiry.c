// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/dns_inquiry.h"

#include <string.h>

#include "base/launch_channel.h"

#define REPLY_SECONDS 120 /* many servers, and ten seconds for each that does not answer */
#define END_SECONDS 60

int dns_inquiry_start(struct dns_inquiry *inquiry, const struct config *config, int addresses, struct fault *fault)
{
	struct descriptor given[] = { { -1, FD_CLIENT }, { addresses, FD_ADDRESSES } };

	inquiry->pidfd = launch_channel(ROLE_DNS, config, given, LENGTH_OF(given), &inquiry->channel, fault);
	if (inquiry->pidfd < 0 && fault->code == ENOENT)
		return fault_set(fault, FAULT_FAILED,
				 "acmegate-dns is not installed: apt-get install acmegate-dns, or configure without --without-dns");
	return inquiry->pidfd < 0 ? -1 : 0;
}

int dns_inquiry_ask(const struct dns_inquiry *inquiry, enum verb verb, uint32_t index, const void *data, size_t length, void *reply,
		    size_t size, struct fault *fault)
{
	static struct record record;
	int n;

	if (wire_send(inquiry->channel, verb, index, data, length, fault) < 0)
		return fault_at(fault, "acmegate-dns has ended");
	n = wire_await(inquiry->channel, &record, REPLY_SECONDS, fault);
	if (n <= 0)
		return n < 0 ? -1 : fault_set(fault, FAULT_FAILED, "acmegate-dns has ended");
	if (record.verb == VERB_FAULT)
		return fault_set(fault, record.index == FAULT_LATER ? FAULT_LATER : FAULT_FAILED, "%s", record.data);
	if (record.verb != VERB_REPLY || record.length != size)
		return fault_set(fault, FAULT_FAILED, "acmegate-dns answers %s with %u bytes", verb_name(verb), record.length);
	memcpy(reply, record.data, size);
	return 0;
}

int dns_inquiry_end(struct dns_inquiry *inquiry)
{
	close_fd(&inquiry->channel);
	return inquiry->pidfd < 0 ? STATUS_FAILED : launch_reap_in(&inquiry->pidfd, END_SECONDS);
}
