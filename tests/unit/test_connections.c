// SPDX-License-Identifier: GPL-3.0-or-later
/* Listeners and connections, by the kernel's TCP: a second network, behind a pair of interfaces, is the world outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "firewall/connections.h"
#include "firewall/listener.h"
#include "nth_call.h"
#include "own_net.h"

#define PORT 80
#define HERE "192.0.2.1"
#define THERE "192.0.2.2"
#define HERE6 "2001:db8::1"
#define THERE6 "2001:db8::2"

static struct fault fault;
static struct connections connections;

/* --- the world outside ------------------------------------------------------------------------------------------------ */

static struct mnl_socket *route;
static int world = -1; /* a word of two bytes: what it is to do; the answer is one byte */
static pid_t child;

static int change(struct nlmsghdr *message, uint16_t type)
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

static void add_address(uint8_t family, const char *text, uint8_t prefix)
{
	unsigned char bytes[16];
	char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	size_t length = family == AF_INET ? 4 : 16;

	assert_int_equal(inet_pton(family, text, bytes), 1);
	*header = (struct ifaddrmsg){
		.ifa_family = family, .ifa_prefixlen = prefix, .ifa_flags = IFA_F_NODAD, .ifa_index = if_nametoindex("wire")
	};
	mnl_attr_put(message, IFA_LOCAL, length, bytes);
	mnl_attr_put(message, IFA_ADDRESS, length, bytes);
	assert_int_equal(change(message, RTM_NEWADDR), 0);
}

static void raise_wire(void)
{
	char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->ifi_index = (int)if_nametoindex("wire");
	header->ifi_flags = header->ifi_change = IFF_UP;
	assert_int_equal(change(message, RTM_NEWLINK), 0);
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
	return change(message, RTM_NEWLINK) == 0;
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

static void tell(char order)
{
	char answer;

	assert_int_equal(write(world, &order, 1), 1);
	if (read(world, &answer, 1) != 1)
		fail_msg("the world outside could not do %c", order);
}

static bool make_world(void)
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

/* --- listeners -------------------------------------------------------------------------------------------------------- */

static int fds[2] = { -1, -1 }, more[2] = { -1, -1 };

static int close_all(void **state)
{
	(void)state;
	nth_stop();
	for (int i = 0; i < 2; i++) {
		close_fd(&fds[i]);
		close_fd(&more[i]);
	}
	return 0;
}

static void open_it(void)
{
	if (listener_open(PORT, fds, &fault) < 0)
		fail_msg("%s", fault.text);
}

static void it_listens_for_both_families(void **state)
{
	uint32_t inodes[8];
	struct stat s;

	(void)state;
	assert_int_equal(connections_listeners(PORT, inodes, 8, &fault), 0);
	open_it();
	for (int i = 0; i < 2; i++) {
		int value = 0;
		socklen_t length = sizeof(value);

		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
		assert_int_equal(getsockopt(fds[i], i ? IPPROTO_IPV6 : IPPROTO_IP, i ? 75 : IP_TRANSPARENT, &value, &length), 0);
		assert_int_equal(value, 1);
	}
	assert_int_equal(connections_listeners(PORT, inodes, 8, &fault), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fstat(fds[i], &s), 0);
		assert_true(inodes[0] == s.st_ino || inodes[1] == s.st_ino);
	}
	assert_int_equal(connections_listeners(PORT, inodes, 1, &fault), 1);
	assert_int_equal(connections_listeners(PORT + 1, inodes, 8, &fault), 0);
}

static void one_that_is_taken_names_who_has_it(void **state)
{
	char wanted[64];

	(void)state;
	open_it();
	assert_int_equal(listener_open(PORT, more, &fault), -1);
	assert_int_equal(more[0], -1);
	assert_int_equal(more[1], -1);
	snprintf(wanted, sizeof(wanted), "port 80 is taken by test_connection (pid %d); stop it", (int)getpid());
	if (strncmp(fault.text, wanted, strlen(wanted)))
		fail_msg("%s", fault.text);
	close_fd(&fds[0]); /* the other family alone */
	assert_int_equal(listener_open(PORT, more, &fault), -1);
	assert_int_equal(strncmp(fault.text, wanted, strlen(wanted)), 0);
	assert_int_equal(more[0], -1);
	nth_fail_on("mnl_socket_open2", 1, EACCES);
	assert_int_equal(listener_open(PORT, more, &fault), -1);
	assert_non_null(strstr(fault.text, "port 80 is taken; stop it"));
}

static void another_port_is_chosen_from_above(void **state)
{
	(void)state;
	assert_int_equal(listener_choose(PORT, &fault), PORT);
	open_it();
	assert_int_equal(listener_choose(PORT, &fault), 1023);
	assert_non_null(strstr(fault.text, "port 80 is taken"));
	assert_int_equal(listener_open(1023, more, &fault), 0);
	assert_int_equal(listener_choose(PORT, &fault), 1022);
	nth_fail_on("bind", 1, EACCES);
	assert_int_equal(listener_choose(PORT, &fault), PORT);
}

static void a_family_that_the_host_has_not_is_left_out(void **state)
{
	(void)state;
	nth_fail("socket", 1, EAFNOSUPPORT);
	open_it();
	assert_true(fds[0] == -1 && fds[1] >= 0);
	close_all(NULL);
	nth_fail("socket", 2, EAFNOSUPPORT);
	open_it();
	assert_true(fds[0] >= 0 && fds[1] == -1);
	close_all(NULL);
	nth_fail("bind", 2, EADDRNOTAVAIL); /* net.ipv6.conf.all.disable_ipv6 */
	open_it();
	assert_true(fds[0] >= 0 && fds[1] == -1);
	close_all(NULL);
	nth_fail_on("socket", 1, EAFNOSUPPORT);
	assert_int_equal(listener_open(PORT, fds, &fault), -1);
	assert_non_null(strstr(fault.text, "neither IPv4 nor IPv6"));
}

static void whatever_fails_no_listener_is_left(void **state)
{
	bool happened = true;
	unsigned int failed = 0;

	(void)state;
	for (unsigned int n = 1; happened; n++) {
		int rc, first = dup(0), second;

		close(first);
		nth_fail("", n, EPERM);
		rc = listener_open(PORT, fds, &fault);
		nth_stop();
		happened = nth_happened();
		assert_int_equal(rc, happened ? -1 : 0);
		failed += rc < 0;
		if (rc == 0)
			break;
		second = dup(0);
		close(second);
		assert_int_equal(second, first);
		assert_int_equal(fault.code, EPERM);
	}
	assert_int_equal(failed, 13);
}

/* --- connections ------------------------------------------------------------------------------------------------------ */

static struct peer seen[PEERS_MOST];
static size_t peers;
static uint64_t admitted;

static uint64_t admit(void *arg, const struct peer *peer, size_t n)
{
	assert_ptr_equal(arg, &admitted);
	peers += n;
	memcpy(seen, peer, n * sizeof(*peer));
	return admitted;
}

static int end_them(void)
{
	peers = 0;
	return connections_end(&connections, PORT, admit, &admitted, &fault);
}

static void note_them(void)
{
	if (connections_note(&connections, PORT, &fault) < 0)
		fail_msg("%s", fault.text);
}

/* A listener of somebody else's, which accepts nothing: the kernel does. */
static int begin(void **state)
{
	(void)state;
	admitted = 0;
	return listener_open(PORT, fds, &fault);
}

static void those_that_came_through_the_window_are_reset(void **state)
{
	struct in_addr from, to;
	struct in6_addr from6;

	(void)state;
	tell('4');
	note_them();
	assert_int_equal(connections.count, 1);
	tell('6');
	tell('4');
	assert_int_equal(end_them(), 2);
	assert_int_equal(peers, 2);
	inet_pton(AF_INET, THERE, &from);
	inet_pton(AF_INET, HERE, &to);
	inet_pton(AF_INET6, THERE6, &from6);
	assert_int_equal(seen[0].family, NFPROTO_IPV4);
	assert_memory_equal(seen[0].address, &from, 4);
	assert_memory_equal(seen[0].local, &to, 4);
	assert_int_equal(seen[1].family, NFPROTO_IPV6);
	assert_memory_equal(seen[1].address, &from6, 16);
	assert_int_equal(end_them(), 0);
	assert_int_equal(peers, 0);
	tell('l'); /* the one that was there before */
	tell('r');
	tell('r');
}

static void those_that_the_ruleset_admits_are_spared(void **state)
{
	(void)state;
	note_them();
	assert_int_equal(connections.count, 0);
	tell('4');
	tell('4');
	admitted = 1;
	assert_int_equal(end_them(), 1);
	assert_int_equal(peers, 2);
	assert_int_equal(connections.count, 1);
	admitted = 0;
	assert_int_equal(end_them(), 0); /* remembered */
	close_all(NULL);
	tell('r');
	tell('r');
}

/* More than one round takes. */
static void a_crowd_is_reset_in_rounds(void **state)
{
	(void)state;
	note_them();
	for (int i = 0; i < PEERS_MOST + 3; i++)
		tell('6');
	assert_int_equal(end_them(), PEERS_MOST + 3);
	assert_int_equal(peers, PEERS_MOST + 3);
	for (int i = 0; i < PEERS_MOST + 3; i++)
		tell('r');
}

/* This host is at both ends: through the loopback, or by its own address. */
static void connections_of_this_host_are_spared(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", HERE };

	(void)state;
	note_them();
	for (size_t i = 0; i < LENGTH_OF(addresses); i++) {
		OWN_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };

		inet_pton(AF_INET, addresses[i], &to.sin_addr);
		assert_int_equal(connect(fd, (void *)&to, sizeof(to)), 0);
		assert_int_equal(end_them(), 0);
		assert_int_equal(peers, 0);
	}
}

static void whatever_fails_is_a_fault_and_the_next_try_ends_them(void **state)
{
	bool happened = true;
	unsigned int failed = 0;

	(void)state;
	for (unsigned int n = 1; happened; n++) {
		int rc;

		nth_fail("", n, EIO);
		if (connections_note(&connections, PORT, &fault) < 0)
			assert_int_equal(fault.code, EIO);
		nth_stop();
		note_them();
		assert_int_equal(connections.count, 0);
		tell('4');
		nth_fail("", n, EIO);
		rc = end_them();
		nth_stop();
		happened = nth_happened();
		failed += rc < 0;
		if (rc < 0) {
			assert_int_equal(fault.code, EIO);
			connections.count = 0;
			assert_true(end_them() >= 0);
		}
		tell('r');
	}
	assert_true(failed > 6);
}

static void what_had_ended_by_itself_is_no_fault(void **state)
{
	(void)state;
	note_them();
	tell('4');
	nth_fail("mnl_socket_recvfrom", 5, EINTR);
	assert_int_equal(end_them(), 1);
	nth_stop();
	tell('r');
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, close_all)
#define WORLD(name) cmocka_unit_test_setup_teardown(name, begin, close_all)
	const struct CMUnitTest tests[] = {
		TEST(it_listens_for_both_families),
		TEST(one_that_is_taken_names_who_has_it),
		TEST(another_port_is_chosen_from_above),
		TEST(a_family_that_the_host_has_not_is_left_out),
		TEST(whatever_fails_no_listener_is_left),
		WORLD(those_that_came_through_the_window_are_reset),
		WORLD(those_that_the_ruleset_admits_are_spared),
		WORLD(a_crowd_is_reset_in_rounds),
		WORLD(connections_of_this_host_are_spared),
		WORLD(what_had_ended_by_itself_is_no_fault),
		WORLD(whatever_fails_is_a_fault_and_the_next_try_ends_them),
	};
	size_t count = LENGTH_OF(tests);
	int rc;

	if (!own_net())
		return 0;
	if (!make_world()) {
		printf("# the tests of connections are left out: this kernel has no pairs of interfaces (veth)\n");
		count = 5;
	}
	rc = _cmocka_run_group_tests("connections", tests, count, NULL, NULL);
	close(world);
	waitpid(child, NULL, 0);
	return rc;
}
