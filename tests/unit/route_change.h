/* SPDX-License-Identifier: GPL-3.0-or-later */
/* route_change.h - one change of addresses or links, and the kernel's answer: 0, or -1. */
#ifndef ACMEGATE_TESTS_UNIT_ROUTE_CHANGE_H
#define ACMEGATE_TESTS_UNIT_ROUTE_CHANGE_H

#include <libmnl/libmnl.h>

static inline int route_change(struct mnl_socket *route, struct nlmsghdr *message, uint16_t type)
{
	char answer[1024];
	ssize_t n;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
	message->nlmsg_seq = 1;
	if (mnl_socket_sendto(route, message, message->nlmsg_len) < 0)
		return -1;
	n = mnl_socket_recvfrom(route, answer, sizeof(answer));
	return n < 0 ? -1 : mnl_cb_run(answer, (size_t)n, 0, 0, NULL, NULL);
}

#endif
