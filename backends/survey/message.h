/* SPDX-License-Identifier: GPL-3.0-or-later */
/* message.h - messages of nf_tables in a buffer. */
#ifndef ACMEGATE_BACKENDS_SURVEY_MESSAGE_H
#define ACMEGATE_BACKENDS_SURVEY_MESSAGE_H

#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>
#include "backends/nft/netlink.h"

static inline uint8_t message_family(const struct nlmsghdr *message)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);

	return mnl_nlmsg_get_payload_len(message) < sizeof(*generic) ? AF_UNSPEC : generic->nfgen_family;
}

/* mnl_nlmsg_ok() of libmnl 1.0.4 takes a length from 2^31 for a negative one. */
static inline bool message_is_whole(const struct nlmsghdr *message, int left)
{
	return mnl_nlmsg_ok(message, left) && message->nlmsg_len <= (uint32_t)left;
}

#endif
