// SPDX-License-Identifier: GPL-3.0-or-later
/* Reading facts on this host and commits of others from the kernel, and broken answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "backends/nft/batch.h"
#include "backends/nft/host.h"
#include "backends/nft/news.h"
#include "nth_call.h"
#include "own_net.h"
#include "route_change.h"

static struct fault fault;
static struct host host;
static struct mnl_socket *route, *admin;

static const unsigned char v4[4] = { 192, 0, 2, 1 }, v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, elsewhere[4] = { 198, 51, 100, 1 };

static void address(uint16_t type, uint8_t family, const void *bytes, size_t length)
{
	char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	*header = (struct ifaddrmsg){ .ifa_family = family, .ifa_prefixlen = (uint8_t)(8 * length), .ifa_index = if_nametoindex("lo") };
	mnl_attr_put(message, IFA_LOCAL, length, bytes);
	mnl_attr_put(message, IFA_ADDRESS, length, bytes);
	assert_int_equal(route_change(admin, message, type), 0);
}

/* false: this kernel has no such interfaces. */
static bool add_link(const char *name, const char *kind)
{
	char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nlattr *info;

	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(message, info);
	return route_change(admin, message, RTM_NEWLINK) == 0;
}

static void enslave(const char *name, const char *bridge)
{
	char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->ifi_index = (int)if_nametoindex(name);
	mnl_attr_put_u32(message, IFLA_MASTER, if_nametoindex(bridge));
	assert_int_equal(route_change(admin, message, RTM_NEWLINK), 0);
}

static int set_up(void **state)
{
	(void)state;
	route = host_connect(&fault);
	admin = host_connect(&fault);
	address(RTM_NEWADDR, AF_INET, v4, sizeof(v4));
	address(RTM_NEWADDR, AF_INET6, v6, sizeof(v6));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nth_stop();
	address(RTM_DELADDR, AF_INET, v4, sizeof(v4));
	address(RTM_DELADDR, AF_INET6, v6, sizeof(v6));
	mnl_socket_close(route);
	mnl_socket_close(admin);
	host_free(&host);
	own_net_flush();
	return 0;
}

static int read_it(void)
{
	host_free(&host);
	return host_read(&host, route, &fault);
}

static void assert_read(void)
{
	if (read_it() < 0)
		fail_msg("%s", fault.text);
	assert_true(host_has(&host, NFPROTO_IPV4, v4));
	assert_true(host_has(&host, NFPROTO_IPV6, v6));
	assert_int_equal(host.addresses, 2);
}

static void addresses_but_those_of_the_loopback(void **state)
{
	static const struct host_address one = { NFPROTO_IPV6, { [15] = 1 } }, net = { NFPROTO_IPV4, { 127, 9, 9, 9 } },
					 other = { NFPROTO_IPV4, { 128, 0, 0, 1 } };

	(void)state;
	assert_read();
	assert_false(host_has(&host, NFPROTO_IPV4, elsewhere));
	assert_false(host_has(&host, NFPROTO_IPV6, one.bytes));
	assert_true(host_is_loopback(&one));
	assert_true(host_is_loopback(&net));
	assert_false(host_is_loopback(&other));
}

static const struct host_link *find_link(const char *name)
{
	for (size_t i = 0; i < host.links; i++)
		if (!strcmp(host.link[i].name, name))
			return &host.link[i];
	fail_msg("there is no %s", name);
	return NULL;
}

static void links_say_what_they_are(void **state)
{
	(void)state;
	assert_read();
	assert_true(find_link("lo")->loopback);
	assert_int_equal(find_link("lo")->index, if_nametoindex("lo"));
	assert_false(find_link("lo")->bridge || find_link("lo")->port);
	if (!add_link("br0", "bridge") || !add_link("one", "veth")) {
		print_message("bridges are left out: this kernel has none, or no veth\n");
		return;
	}
	enslave("one", "br0");
	assert_read();
	assert_true(find_link("br0")->bridge && find_link("br0")->has_mac);
	assert_true(find_link("one")->port && !find_link("one")->bridge && !find_link("one")->loopback);
	assert_int_equal(find_link("one")->xdp, 0);
}

static void routes(void **state)
{
	(void)state;
	assert_int_equal(host_route(route, NFPROTO_IPV4, v4, NULL, 80), if_nametoindex("lo"));
	assert_int_equal(host_route(route, NFPROTO_IPV4, v4, v4, 80), if_nametoindex("lo"));
	assert_int_equal(host_route(route, NFPROTO_IPV6, v6, NULL, 80), if_nametoindex("lo"));
	assert_int_equal(host_route(route, NFPROTO_IPV4, elsewhere, NULL, 80), 0);
	assert_int_equal(errno, ENETUNREACH);
	nth_fail("mnl_socket_recvfrom", 1, EINTR);
	assert_int_equal(host_route(route, NFPROTO_IPV4, v4, NULL, 80), if_nametoindex("lo"));
	nth_fail("mnl_socket_recvfrom", 1, EAGAIN);
	assert_int_equal(host_route(route, NFPROTO_IPV4, v4, NULL, 80), 0);
	nth_fail("mnl_socket_sendto", 1, ENOBUFS);
	assert_int_equal(host_route(route, NFPROTO_IPV4, v4, NULL, 80), 0);
}

static ssize_t interrupt(void *buffer, ssize_t length)
{
	((struct nlmsghdr *)buffer)->nlmsg_flags |= NLM_F_DUMP_INTR;
	return length;
}

static ssize_t refuse(void *buffer, ssize_t length)
{
	struct nlmsghdr *message = buffer;
	struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

	assert_true(length >= (ssize_t)(sizeof(*message) + sizeof(*error)));
	message->nlmsg_type = NLMSG_ERROR;
	message->nlmsg_len = sizeof(*message) + sizeof(*error);
	error->error = -EPERM;
	return (ssize_t)message->nlmsg_len;
}

static ssize_t refuse_in_short(void *buffer, ssize_t length)
{
	refuse(buffer, length);
	((struct nlmsghdr *)buffer)->nlmsg_len = sizeof(struct nlmsghdr);
	return sizeof(struct nlmsghdr);
}

/* Interfaces come and go: what was interrupted is read again, but not for ever. */
static void an_interrupted_reading_is_repeated(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 2; n++) {
		nth_change(n, interrupt);
		assert_read();
		assert_true(nth_happened());
	}
	nth_change_all(interrupt);
	assert_int_equal(read_it(), -1);
	assert_int_equal(fault.code, EINTR);
}

static void a_refusal_is_a_fault(void **state)
{
	(void)state;
	nth_change(1, refuse);
	assert_int_equal(read_it(), -1);
	assert_int_equal(fault.code, EPERM);
	mnl_socket_close(route); /* the rest of that answer is in it */
	route = host_connect(&fault);
	nth_change(1, refuse_in_short);
	assert_int_equal(read_it(), -1);
	assert_int_equal(fault.code, EBADMSG);
	mnl_socket_close(route);
	route = host_connect(&fault);
	assert_read();
}

static void any_failure_is_a_fault(void **state)
{
	static const int errors[] = { ENOMEM, EINTR };
	bool happened = true;

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(errors); i++, happened = true) {
		for (unsigned int n = 1; happened; n++) {
			struct mnl_socket *socket;
			int rc = -1;

			nth_fail(i ? "mnl_socket_recvfrom" : "", n, errors[i]);
			socket = host_connect(&fault);
			host_free(&host);
			if (socket)
				rc = host_read(&host, socket, &fault);
			nth_stop();
			happened = nth_happened();
			if (socket)
				mnl_socket_close(socket);
			assert_int_equal(rc, happened && errors[i] != EINTR ? -1 : 0);
			if (rc)
				assert_int_equal(fault.code, ENOMEM);
		}
	}
}

/* --- news ----------------------------------------------------------------------------------------------------------- */

static struct news news;

static bool is_readable(int milliseconds)
{
	struct pollfd watch = { .fd = news.watch, .events = POLLIN };

	return poll(&watch, 1, milliseconds) == 1;
}

static void a_commit_of_others_is_heard_once(void **state)
{
	bool look;

	(void)state;
	news = NEWS_CLOSED;
	assert_int_equal(news_open(&news, true, &fault), 0);
	assert_int_equal(news_open(&news, true, &fault), 0);
	assert_false(is_readable(0));
	assert_false(news_heard(&news, 1, &look) || look);
	own_net_table(NFPROTO_INET, "one");
	assert_true(is_readable(5000));
	assert_true(news_heard(&news, 1, &look));
	assert_true(look);
	assert_false(news_heard(&news, 1, &look));
	assert_true(look); /* until it was done */
	news_rest(&news, false);
	assert_true(news.resting);
	assert_true(is_readable(5000)); /* the rest has its end */
	assert_false(news_heard(&news, 1, &look) || look);
	assert_false(news.resting);
	news_rest(&news, true); /* the reading was in vain */
	assert_true(is_readable(5000));
	assert_false(news_heard(&news, 1, &look));
	assert_true(look);
	news.resting = true;
	news.stale = false;
	own_net_table(NFPROTO_INET, "two");
	assert_true(news_heard(&news, 1, &look));
	assert_false(look);
	news.resting = news.stale = false;
	nth_fail("recv", 1, ENOBUFS);
	assert_true(news_heard(&news, 1, &look));
	nth_fail("recv", 1, EINTR);
	assert_false(news_heard(&news, 1, &look));
	nth_fail("recv", 1, EIO);
	assert_true(news_heard(&news, 1, &look));
	nth_stop();
	nth_fail("timerfd_settime", 1, EINVAL);
	news_rest(&news, false);
	assert_false(news.resting); /* else it would never end */
	news_close(&news);
	assert_int_equal(news.watch, -1);
}

static uint32_t sender;

static ssize_t note_sender(void *buffer, ssize_t length)
{
	sender = ((struct nlmsghdr *)buffer)->nlmsg_pid;
	return length;
}

/* The kernel's process ids are of that one: in another one our own commit is news, see news.h. */
static bool first_pid_namespace(void)
{
	struct stat s;

	return stat("/proc/self/ns/pid", &s) == 0 && s.st_ino == 0xeffffffc; /* PROC_PID_INIT_INO */
}

static void our_own_commit_is_no_news(void **state)
{
	bool look;

	(void)state;
	news = NEWS_CLOSED;
	assert_int_equal(news_open(&news, true, &fault), 0);
	own_net_table(NFPROTO_INET, "one");
	nth_change(1, note_sender);
	assert_true(news_heard(&news, 0, &look));
	assert_true(nth_happened());
	own_net_table(NFPROTO_INET, "two");
	assert_false(news_heard(&news, sender, &look));
	news_expect(getpid());
	own_net_table(NFPROTO_INET, "three");
	assert_int_equal(news_heard(&news, 0, &look), !first_pid_namespace());
	news_close(&news);
	assert_int_equal(news_open(&news, false, &fault), 0);
	own_net_table(NFPROTO_INET, "four");
	assert_false(is_readable(0));
	assert_false(news_heard(&news, 0, &look));
	news_close(&news);
}

/* A watch that could not be opened whole is closed, and opens the next time. */
static void news_that_cannot_be_had_are_a_fault(void **state)
{
	bool happened = true;

	(void)state;
	news = NEWS_CLOSED;
	for (unsigned int n = 1; happened; n++) {
		int rc, first = dup(0);

		close(first);
		nth_fail("", n, ENOMEM);
		rc = news_open(&news, true, &fault);
		nth_stop();
		happened = nth_happened();
		if (rc < 0) {
			int second = dup(0);

			close(second);
			assert_int_equal(fault.code, ENOMEM);
			assert_int_equal(news.watch, -1);
			assert_int_equal(second, first); /* nothing is left open */
		}
		news_close(&news);
	}
}

/* --- answers -------------------------------------------------------------------------------------------------------- */

static ssize_t cut(void *buffer, ssize_t length)
{
	(void)buffer;
	return length - 1;
}

static ssize_t overflow(void *buffer, ssize_t length)
{
	(void)buffer;
	(void)length;
	return RECEIVE_SIZE + 1;
}

static ssize_t answer_in_short(void *buffer, ssize_t length)
{
	struct nlmsghdr *message = buffer;

	(void)length;
	message->nlmsg_type = NLMSG_ERROR;
	message->nlmsg_len = sizeof(*message);
	return sizeof(*message);
}

static ssize_t without_attributes(void *buffer, ssize_t length)
{
	struct nlmsghdr *message = buffer;

	(void)length;
	message->nlmsg_len = sizeof(*message) + 2;
	return sizeof(*message) + 2;
}

static void a_broken_answer_is_a_fault(void **state)
{
	static const struct {
		ssize_t (*change)(void *buffer, ssize_t length);
		const char *words;
	} broken[] = { { cut, "Resource temporarily unavailable" },
		       { overflow, "No space left" },
		       { answer_in_short, "too short" },
		       { without_attributes, "named no generation" } };
	struct netlink netlink;
	uint32_t generation = 0;

	(void)state;
	assert_int_equal(netlink_open(&netlink, &fault), 1);
	for (size_t i = 0; i < LENGTH_OF(broken); i++) {
		nth_change(1, broken[i].change);
		assert_int_equal(netlink_generation(&netlink, &generation, &fault), -1);
		nth_stop();
		if (!strstr(fault.text, broken[i].words))
			fail_msg("%s instead of %s", fault.text, broken[i].words);
	}
	assert_int_equal(netlink_generation(&netlink, &generation, &fault), 0);
	assert_true(generation > 0);
	netlink_close(&netlink);
}

/* A kernel that never has room again is not asked for ever. */
static void a_reading_that_always_loses_messages_ends(void **state)
{
	struct netlink netlink;
	uint32_t generation = 0;

	(void)state;
	assert_int_equal(netlink_open(&netlink, &fault), 1);
	alarm(60);
	nth_fail_on("recv", 1, ENOBUFS);
	assert_int_equal(netlink_generation(&netlink, &generation, &fault), -1);
	nth_stop();
	alarm(0);
	assert_int_equal(fault.code, ENOBUFS);
	netlink_close(&netlink);
}

/* A kernel that answers so has no nf_tables; one that forbids it is a fault; one that is busy has it. */
static void a_kernel_without_nf_tables_is_told_from_a_busy_one(void **state)
{
	static const struct {
		int error, rc;
	} kinds[] = { { EPROTONOSUPPORT, 0 }, { EAFNOSUPPORT, 0 }, { EINVAL, 0 }, { EOPNOTSUPP, 0 }, { EPERM, -1 }, { EIO, -1 } };
	static const char *const calls[] = { "mnl_socket_open2", "mnl_socket_bind", "setsockopt" };
	struct netlink netlink;

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(kinds); i++) {
		nth_fail("recv", 1, kinds[i].error);
		assert_int_equal(netlink_open(&netlink, &fault), kinds[i].rc);
		assert_null(netlink.socket);
	}
	fault.code = EINVAL;
	nth_fail("recv", 1, ENOBUFS);
	assert_int_equal(netlink_open(&netlink, &fault), 1);
	netlink_close(&netlink);
	for (size_t i = 0; i < LENGTH_OF(calls); i++) {
		nth_fail_on(calls[i], 1, ENOMEM);
		assert_int_equal(netlink_open(&netlink, &fault), -1);
		assert_int_equal(fault.code, ENOMEM);
		assert_null(netlink.socket);
	}
}

static void attributes_of_another_size_have_the_default(void **state)
{
	char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	const struct nlattr *table[4];

	(void)state;
	mnl_attr_put_u8(message, 1, 7);
	mnl_attr_put_u32(message, 2, htonl(7));
	mnl_attr_put(message, 3, 3, "abc"); /* without its end */
	mnl_attr_put_u8(message, 9, 7);
	attrs_sort(mnl_nlmsg_get_payload(message), mnl_nlmsg_get_payload_len(message), table, 3);
	assert_null(table[0]);
	assert_int_equal(attr_u32(table[1], 5), 5);
	assert_int_equal(attr_u32(table[2], 5), 7);
	assert_int_equal(attr_u64(table[2], 5), 5);
	assert_int_equal(attr_u32(NULL, 5), 5);
	assert_string_equal(attr_text(table[3]), "");
	assert_string_equal(attr_text(NULL), "");
	attrs_sort(mnl_nlmsg_get_payload(message), (size_t)INT32_MAX + 1, table, 3);
	assert_null(table[2]);
	attrs_of_nest(NULL, table, 3);
	assert_null(table[2]);
}

static void messages_lie_behind_each_other(void **state)
{
	struct messages messages = { 0 };
	char buffer[64] = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	(void)state;
	mnl_attr_put_u8(message, 1, 7);
	message->nlmsg_len -= 3; /* as it was before it was rounded up */
	nth_fail("realloc", 1, ENOMEM);
	assert_int_equal(messages_take(message, &messages, &fault), -1);
	assert_int_equal(fault.kind, FAULT_LATER);
	nth_stop();
	for (int i = 0; i < 100; i++)
		assert_int_equal(messages_take(message, &messages, &fault), 0);
	assert_int_equal(messages.used, 100 * 24);
	assert_memory_equal(messages.bytes + 99 * 24, message, message->nlmsg_len);
	free(messages.bytes);
}

static void families_have_the_names_of_nft(void **state)
{
	(void)state;
	assert_string_equal(nft_family(NFPROTO_IPV4), "ip");
	assert_string_equal(nft_family(NFPROTO_IPV6), "ip6");
	assert_string_equal(nft_family(NFPROTO_INET), "inet");
	assert_string_equal(nft_family(NFPROTO_BRIDGE), "bridge");
	assert_string_equal(nft_family(NFPROTO_NETDEV), "netdev");
	assert_string_equal(nft_family(NFPROTO_ARP), "arp");
	assert_string_equal(nft_family(200), "family");
}

static void a_ruleset_without_memory_is_a_fault(void **state)
{
	struct ruleset *ruleset = NULL;

	(void)state;
	nth_fail("calloc", 1, ENOMEM);
	assert_int_equal(netlink_attach(&ruleset, sizeof(struct netlink), &fault), -1);
	assert_int_equal(fault.kind, FAULT_LATER);
	nth_fail("recv", 1, EOPNOTSUPP);
	assert_int_equal(netlink_attach(&ruleset, sizeof(struct netlink), &fault), 0);
	assert_null(ruleset);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(addresses_but_those_of_the_loopback),
		TEST(links_say_what_they_are),
		TEST(routes),
		TEST(an_interrupted_reading_is_repeated),
		TEST(a_refusal_is_a_fault),
		TEST(any_failure_is_a_fault),
		TEST(a_commit_of_others_is_heard_once),
		TEST(news_that_cannot_be_had_are_a_fault),
		TEST(a_broken_answer_is_a_fault),
		TEST(a_reading_that_always_loses_messages_ends),
		TEST(a_kernel_without_nf_tables_is_told_from_a_busy_one),
		TEST(attributes_of_another_size_have_the_default),
		TEST(messages_lie_behind_each_other),
		TEST(families_have_the_names_of_nft),
		TEST(a_ruleset_without_memory_is_a_fault),
		TEST(our_own_commit_is_no_news), /* last: whom to expect stays known */
	};

	return own_net() ? cmocka_run_group_tests_name("host", tests, NULL, NULL) : 0;
}
