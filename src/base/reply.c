// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/reply.h"

#include <string.h>

#include "base/dns.h"

int reply_fault(int fd, const struct fault *why, struct fault *fault)
{
	return wire_send(fd, why->code == DNS_NO_ROOM ? VERB_REFUSED : VERB_FAULT, (uint32_t)why->kind, why->text,
			 strlen(why->text), fault);
}

int reply_check(const struct record *reply, struct fault *fault)
{
	if (reply->verb != VERB_FAULT && reply->verb != VERB_REFUSED)
		return 0;
	fault_set(fault, reply->index == FAULT_LATER || reply->index == FAULT_USAGE ? (enum fault_kind)reply->index : FAULT_FAILED,
		  "%s", reply->data);
	fault->code = reply->verb == VERB_REFUSED ? DNS_NO_ROOM : 0;
	return -1;
}
