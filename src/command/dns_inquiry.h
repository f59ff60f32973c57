/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_inquiry.h - acmegate-dns, for a command that asks it itself: it has the keys. A renewal has values.h. */
#ifndef ACMEGATE_COMMAND_DNS_INQUIRY_H
#define ACMEGATE_COMMAND_DNS_INQUIRY_H

#include "base/config.h"
#include "base/wire.h"

struct dns_inquiry {
	int pidfd, channel;
};
#define NO_DNS_INQUIRY \
	{ \
		-1, -1 \
	}

/* addresses: the file of the addresses that were set (ADDRESS_NOTES), or -1. dns_inquiry_end() follows in any case. */
int dns_inquiry_start(struct dns_inquiry *inquiry, const struct config *config, int addresses, struct fault *fault) MUST_CHECK;

/* Its reply, of exactly this size. */
int dns_inquiry_ask(const struct dns_inquiry *inquiry, enum verb verb, uint32_t index, const void *data, size_t length, void *reply,
		    size_t size, struct fault *fault) MUST_CHECK;

/* Waits for its end. Its exit status. */
int dns_inquiry_end(struct dns_inquiry *inquiry);

#endif
