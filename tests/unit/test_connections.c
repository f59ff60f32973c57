// SPDX-License-Identifier: GPL-3.0-or-later
/* Listeners and connections, by the kernel's TCP: a second network, behind a pair of interfaces, is the world outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/sockets.h"
#include "firewall/connections.h"
#include "firewall/listener.h"
#include "nth_call.h"
#include "outside.h"
#include "own_net.h"

#define PORT 80
#define HERE OUTSIDE_OURS
#define THERE OUTSIDE_ADDRESS
#define THERE6 OUTSIDE_ADDRESS6

static struct fault fault;
static struct connections connections;

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
	assert_int_equal(sockets_listeners(PORT, inodes, 8, &fault), 0);
	open_it();
	for (int i = 0; i < 2; i++) {
		int value = 0;
		socklen_t length = sizeof(value);

		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
		assert_int_equal(getsockopt(fds[i], i ? IPPROTO_IPV6 : IPPROTO_IP, i ? 75 : IP_TRANSPARENT, &value, &length), 0);
		assert_int_equal(value, 1);
	}
	assert_int_equal(sockets_listeners(PORT, inodes, 8, &fault), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fstat(fds[i], &s), 0);
		assert_true(inodes[0] == s.st_ino || inodes[1] == s.st_ino);
	}
	assert_int_equal(sockets_listeners(PORT, inodes, 1, &fault), 1);
	assert_int_equal(sockets_listeners(PORT + 1, inodes, 8, &fault), 0);
}

static void a_taken_port_names_its_holder(void **state)
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

static void no_listener_is_left_after_any_failure(void **state)
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

static void connections_through_the_window_are_reset(void **state)
{
	struct in_addr from, to;
	struct in6_addr from6;

	(void)state;
	outside_do('4');
	note_them();
	assert_int_equal(connections.count, 1);
	outside_do('6');
	outside_do('4');
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
	outside_do('l'); /* the one that was there before */
	outside_do('r');
	outside_do('r');
}

static void connections_that_the_ruleset_admits_are_spared(void **state)
{
	(void)state;
	note_them();
	assert_int_equal(connections.count, 0);
	outside_do('4');
	outside_do('4');
	admitted = 1;
	assert_int_equal(end_them(), 1);
	assert_int_equal(peers, 2);
	assert_int_equal(connections.count, 1);
	admitted = 0;
	assert_int_equal(end_them(), 0); /* remembered */
	close_all(NULL);
	outside_do('r');
	outside_do('r');
}

/* More than one round takes. */
static void a_crowd_is_reset_in_rounds(void **state)
{
	(void)state;
	note_them();
	for (int i = 0; i < PEERS_MOST + 3; i++)
		outside_do('6');
	assert_int_equal(end_them(), PEERS_MOST + 3);
	assert_int_equal(peers, PEERS_MOST + 3);
	for (int i = 0; i < PEERS_MOST + 3; i++)
		outside_do('r');
}

/* This host is at both ends: through the loopback, or by its own address. */
static void connections_of_this_host_are_spared(void **state)
{
	static const struct {
		const char *from, *to;
	} ends[] = { { "127.0.0.1", "127.0.0.1" }, { HERE, HERE }, { HERE, "127.0.0.1" }, { "127.0.0.1", HERE } };

	(void)state;
	note_them();
	for (size_t i = 0; i < LENGTH_OF(ends); i++) {
		OWN_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET, .sin_port = htons(PORT) };

		inet_pton(AF_INET, ends[i].from, &from.sin_addr);
		inet_pton(AF_INET, ends[i].to, &to.sin_addr);
		assert_int_equal(bind(fd, (void *)&from, sizeof(from)), 0);
		assert_int_equal(connect(fd, (void *)&to, sizeof(to)), 0);
		assert_int_equal(end_them(), 0);
		assert_int_equal(peers, 0);
	}
}

static void the_next_try_ends_them_after_any_failure(void **state)
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
		outside_do('4');
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
		outside_do('r');
	}
	assert_true(failed > 6);
}

static void an_interrupted_answer_is_no_fault(void **state)
{
	(void)state;
	note_them();
	outside_do('4');
	nth_fail("mnl_socket_recvfrom", 5, EINTR);
	assert_int_equal(end_them(), 1);
	nth_stop();
	outside_do('r');
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, close_all)
#define WORLD(name) cmocka_unit_test_setup_teardown(name, begin, close_all)
	const struct CMUnitTest tests[] = {
		TEST(it_listens_for_both_families),
		TEST(a_taken_port_names_its_holder),
		TEST(another_port_is_chosen_from_above),
		TEST(a_family_that_the_host_has_not_is_left_out),
		TEST(no_listener_is_left_after_any_failure),
		WORLD(connections_through_the_window_are_reset),
		WORLD(connections_that_the_ruleset_admits_are_spared),
		WORLD(a_crowd_is_reset_in_rounds),
		WORLD(connections_of_this_host_are_spared),
		WORLD(an_interrupted_answer_is_no_fault),
		WORLD(the_next_try_ends_them_after_any_failure),
	};
	size_t count = LENGTH_OF(tests);
	int rc;

	if (!own_net())
		return 0;
	if (!outside_begin()) {
		printf("# the tests of connections are left out: this kernel has no pairs of interfaces (veth)\n");
		count = 5;
	}
	rc = _cmocka_run_group_tests("connections", tests, count, NULL, NULL);
	outside_end();
	return rc;
}
