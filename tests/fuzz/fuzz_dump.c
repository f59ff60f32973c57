// SPDX-License-Identifier: GPL-3.0-or-later
/* The input is what a kernel says to one dump: two bytes of length and a datagram, again and again. Others may commit meanwhile. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/survey/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static ssize_t is_sent(const struct nlmsghdr *request)
{
	return (ssize_t)request->nlmsg_len;
}

/* How much of the input the kernel could say at once. */
static void say(int kernel, const uint8_t *data, size_t size)
{
	while (size > 2) {
		size_t length = data[0] | (size_t)data[1] << 8;

		length = length < size - 2 ? length : size - 2;
		if (length && send(kernel, data + 2, length, MSG_DONTWAIT) < 0)
			break;
		data += 2 + length;
		size -= 2 + length;
	}
	check(shutdown(kernel, SHUT_WR) == 0);
}

/* The first answer is to the request with the number 1, the second to the one with 2: what is left of the first is in its way. */
static void read_twice(struct netlink *netlink, struct snapshot *snapshot)
{
	struct fault fault = { 0 };
	char buffer[512];

	for (int i = 0; i < 2; i++) {
		struct nlmsghdr *request = netlink_request(netlink, buffer, 1);
		int rc = netlink_dump(netlink, request, messages_take, &snapshot->messages, &fault);

		check(rc == 0 || rc == AGAIN || (rc == -1 && fault.kind != FAULT_NONE && fault.text[0]));
	}
	fault.kind = FAULT_NONE;
	check(snapshot_index(snapshot, &fault) == 0 || fault.kind != FAULT_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snapshot snapshot = { 0 };
	struct netlink netlink = { .send = is_sent };
	int ends[2];

	if (size > 64 * 1024 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return 0;
	netlink.socket = mnl_socket_fdopen(ends[0]);
	if (netlink.socket) {
		say(ends[1], data, size);
		read_twice(&netlink, &snapshot);
		netlink_close(&netlink);
	}
	close(ends[1]);
	snapshot_free(&snapshot);
	return 0;
}
