// SPDX-License-Identifier: GPL-3.0-or-later
#include "outside.h"
#include "route_change.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT 80
#define THERE OUTSIDE_ADDRESS
#define HERE OUTSIDE_OURS
#define THERE6 OUTSIDE_ADDRESS6
#define HERE6 "2001:db8::1"

static struct mnl_socket *route;
static int world = -1; /* orders of one byte; the answer is one byte */
static pid_t child;

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "outside: %s: %s\n", what, strerror(errno));
	abort();
}

static void add_address(uint8_t family, const char *text, uint8_t prefix)
{
	unsigned char bytes[16];
	char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	size_t length = family == AF_INET ? 4 : 16;

	inet_pton(family, text, bytes);
	*header = (struct ifaddrmsg){
		.ifa_family = family, .ifa_prefixlen = prefix, .ifa_flags = IFA_F_NODAD, .ifa_index = if_nametoindex("wire")
	};
	mnl_attr_put(message, IFA_LOCAL, length, bytes);
	mnl_attr_put(message, IFA_ADDRESS, length, bytes);
	if (route_change(route, message, RTM_NEWADDR) < 0)
		give_up("the wire");
}

static void raise_wire(void)
{
	char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->ifi_index = (int)if_nametoindex("wire");
	header->ifi_flags = header->ifi_change = IFF_UP;
	if (route_change(route, message, RTM_NEWLINK) < 0)
		give_up("the wire");
}

/* A pair of interfaces; the other end is in the network of that process. */
static bool lay_wire(pid_t other)
{
	char buffer[512];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nlattr *info, *data, *peer;

	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(message, IFLA_IFNAME, "wire");
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(message, IFLA_IFNAME, "wire");
	mnl_attr_put_u32(message, IFLA_NET_NS_PID, (uint32_t)other);
	mnl_attr_nest_end(message, peer);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	return route_change(route, message, RTM_NEWLINK) == 0;
}

/* 4 and 6: connects, and keeps it. r: says whether the oldest one was reset; l: that it lives. */
static _Noreturn void be_the_world(int orders)
{
	int fds[256], first = 0, count = 0;
	char order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) < 0 || write(orders, "n", 1) != 1 || read(orders, &order, 1) != 1)
		_exit(1);
	route = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	raise_wire();
	add_address(AF_INET, THERE, 24);
	add_address(AF_INET6, THERE6, 64);
	while (write(orders, "y", 1) == 1 && read(orders, &order, 1) == 1) {
		struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(PORT) };
		struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
		struct pollfd end = { .fd = first < count ? fds[first] : -1, .events = POLLIN };
		bool is4 = order == '4';

		inet_pton(AF_INET, HERE, &v4.sin_addr);
		inet_pton(AF_INET6, HERE6, &v6.sin6_addr);
		if (order == '4' || order == '6') {
			fds[count] = socket(is4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
			if (connect(fds[count++], is4 ? (void *)&v4 : (void *)&v6, is4 ? sizeof(v4) : sizeof(v6)) < 0)
				_exit(2);
		} else if (order == 'r' ? poll(&end, 1, 20000) != 1 || recv(end.fd, &order, 1, 0) != -1 || errno != ECONNRESET :
					  poll(&end, 1, 0) != 0) {
			_exit(3);
		} else {
			close(fds[first++]);
		}
	}
	_exit(0);
}

void outside_do(char order)
{
	char answer;

	if (send(world, &order, 1, MSG_NOSIGNAL) != 1 || read(world, &answer, 1) != 1)
		give_up("the world outside could not do as it was told");
}

bool outside_begin(void)
{
	int ends[2];
	char word;

	route = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!route || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	world = ends[0];
	child = fork();
	if (child == 0) {
		close(ends[0]);
		be_the_world(ends[1]);
	}
	close(ends[1]);
	if (read(world, &word, 1) != 1 || !lay_wire(child))
		return false;
	raise_wire();
	add_address(AF_INET, HERE, 24);
	add_address(AF_INET6, HERE6, 64);
	return write(world, "g", 1) == 1 && read(world, &word, 1) == 1;
}

void outside_end(void)
{
	close(world);
	waitpid(child, NULL, 0);
}
