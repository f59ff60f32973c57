// SPDX-License-Identifier: GPL-3.0-or-later
/* A kernel that is played by a pair of sockets: dumps that others interrupt, and what is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "backends/nft/netlink.h"

#define BOTH (NLM_F_MULTI | NLM_F_DUMP_INTR)

static struct netlink netlink;
static int kernel; /* its end */

/* The next answers of the kernel, one datagram each; type 0 ends the list. older: it belongs to an earlier request. */
struct said {
	uint16_t type, flags;
	int code;
	bool older;
};
static const struct said *script;

static ssize_t answer(const struct nlmsghdr *request)
{
	for (; script->type; script++) {
		char buffer[256];
		struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

		message->nlmsg_type = script->type;
		message->nlmsg_flags = script->flags;
		message->nlmsg_seq = request->nlmsg_seq - script->older;
		memcpy(mnl_nlmsg_put_extra_header(message, sizeof(struct nlmsgerr)), &script->code, sizeof(script->code));
		assert_int_equal(send(kernel, buffer, message->nlmsg_len, 0), message->nlmsg_len);
	}
	return 0;
}

static int set_up(void **state)
{
	int ends[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	memset(&netlink, 0, sizeof(netlink));
	netlink.socket = mnl_socket_fdopen(ends[0]);
	netlink.send = answer;
	kernel = ends[1];
	return netlink.socket ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	netlink_close(&netlink);
	close(kernel);
	return 0;
}

static int fails_at; /* the visit that does; 0: none */

static int visit(const struct nlmsghdr *message, void *count, struct fault *fault)
{
	(void)message;
	return ++*(int *)count == fails_at ? fault_set(fault, FAULT_FAILED, "no room") : 0;
}

static int dump(const struct said *answers, int *count, struct fault *fault)
{
	char buffer[512];

	script = answers;
	*count = 0;
	return netlink_dump(&netlink, netlink_request(&netlink, buffer, NFT_MSG_GETRULE), visit, count, fault);
}

static void nothing_is_unread(void)
{
	char byte;

	assert_int_equal(recv(mnl_socket_get_fd(netlink.socket), &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

#define RULE (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE)
static const struct said whole[] = {
	{ RULE, NLM_F_MULTI, 0, false }, { RULE, NLM_F_MULTI, 0, false }, { NLMSG_DONE, NLM_F_MULTI, 0, false }, { 0, 0, 0, false }
};

/* The next dump on that socket would be refused. */
static void an_interrupted_dump_is_read_to_its_end(void **state)
{
	static const struct said interrupted[][5] = {
		{ { RULE, NLM_F_MULTI, 0, false }, { RULE, BOTH, 0, false }, { RULE, BOTH, 0, false }, { NLMSG_DONE, BOTH, 0, false } },
		{ { RULE, BOTH, 0, false },
		  { RULE, NLM_F_MULTI, 0, false },
		  { RULE, NLM_F_MULTI, 0, false },
		  { NLMSG_DONE, NLM_F_MULTI, 0, false } },
		{ { RULE, NLM_F_MULTI, 0, false },
		  { RULE, NLM_F_MULTI, 0, false },
		  { RULE, NLM_F_MULTI, 0, false },
		  { NLMSG_DONE, BOTH, 0, false } },
		{ { RULE, NLM_F_MULTI, 0, false },
		  { NLMSG_OVERRUN, 0, 0, false },
		  { RULE, NLM_F_MULTI, 0, false },
		  { NLMSG_DONE, NLM_F_MULTI, 0, false } },
	};
	struct fault fault;
	int count;

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(interrupted); i++) {
		assert_int_equal(dump(interrupted[i], &count, &fault), AGAIN);
		assert_int_equal(count, i == 3 ? 2 : 3);
		nothing_is_unread();
		assert_int_equal(dump(whole, &count, &fault), 0);
		assert_int_equal(count, 2);
	}
}

static void a_visit_that_fails_ends_in_its_fault_and_reads_on(void **state)
{
	static const struct said answers[] = { { RULE, NLM_F_MULTI, 0, false },
					       { RULE, BOTH, 0, false },
					       { RULE, BOTH, 0, false },
					       { NLMSG_DONE, BOTH, 0, false },
					       { 0, 0, 0, false } };
	struct fault fault;
	int count;

	(void)state;
	fails_at = 1;
	assert_int_equal(dump(answers, &count, &fault), -1);
	fails_at = 0;
	assert_string_equal(fault.text, "no room");
	assert_int_equal(count, 1);
	nothing_is_unread();
}

static void what_the_kernel_refuses_is_a_fault_with_its_code(void **state)
{
	static const struct said refused[] = { { NLMSG_ERROR, 0, -ENOENT, false }, { 0, 0, 0, false } };
	static const struct said broken[] = { { RULE, NLM_F_MULTI, 0, false },
					      { NLMSG_DONE, NLM_F_MULTI, -ENOMEM, false },
					      { 0, 0, 0, false } };
	static const struct said strange[] = { { NLMSG_ERROR, 0, INT32_MIN, false }, { 0, 0, 0, false } };
	struct fault fault;
	int count;

	(void)state;
	assert_int_equal(dump(refused, &count, &fault), -1);
	assert_int_equal(fault.code, ENOENT);
	assert_int_equal(dump(broken, &count, &fault), -1);
	assert_int_equal(fault.code, ENOMEM);
	assert_int_equal(dump(strange, &count, &fault), -1);
	assert_int_equal(fault.kind, FAULT_FAILED);
}

/* Somebody has left an earlier dump unread: that is over after a few attempts, and no reason to give up. */
static void an_earlier_dump_is_passed_over(void **state)
{
	static const struct said busy[] = { { RULE, NLM_F_MULTI, 0, true }, { NLMSG_ERROR, 0, -EBUSY, false }, { 0, 0, 0, false } };
	static const struct said after[] = { { RULE, NLM_F_MULTI, 0, true },
					     { NLMSG_DONE, BOTH, 0, true },
					     { RULE, NLM_F_MULTI, 0, false },
					     { NLMSG_DONE, NLM_F_MULTI, 0, false },
					     { 0, 0, 0, false } };
	struct fault fault;
	int count;

	(void)state;
	assert_int_equal(dump(busy, &count, &fault), AGAIN);
	assert_int_equal(dump(after, &count, &fault), 0);
	assert_int_equal(count, 1);
}

static void the_end_of_the_socket_is_a_fault(void **state)
{
	static const struct said silence[] = { { 0, 0, 0, false } };
	struct fault fault;
	int count;

	(void)state;
	assert_int_equal(shutdown(kernel, SHUT_WR), 0);
	assert_int_equal(dump(silence, &count, &fault), -1);
	assert_int_equal(fault.code, ECONNRESET);
}

static int attempts, wanted;

static int attempt(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	(void)ruleset;
	(void)arg;
	(void)fault;
	return ++attempts == wanted ? 1 : AGAIN;
}

static void it_looks_again_and_gives_up_with_words(void **state)
{
	struct fault fault;

	(void)state;
	wanted = 5;
	assert_int_equal(netlink_insist(attempt, NULL, NULL, &fault), 1);
	assert_int_equal(attempts, 5);
	wanted = -1;
	assert_int_equal(netlink_insist(attempt, NULL, NULL, &fault), -1);
	assert_int_equal(fault.kind, FAULT_LATER);
	assert_non_null(strstr(fault.text, "others change the ruleset all the time"));
}

/* One reading that was interrupted may have missed what there is. */
static void nothing_has_to_be_seen_twice_when_others_commit(void **state)
{
	bool before = false;

	(void)state;
	assert_int_equal(netlink_nothing(0, &before), 0);
	before = false;
	assert_int_equal(netlink_nothing(AGAIN, &before), AGAIN);
	assert_int_equal(netlink_nothing(AGAIN, &before), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_interrupted_dump_is_read_to_its_end),
		TEST(a_visit_that_fails_ends_in_its_fault_and_reads_on),
		TEST(what_the_kernel_refuses_is_a_fault_with_its_code),
		TEST(an_earlier_dump_is_passed_over),
		TEST(the_end_of_the_socket_is_a_fault),
		TEST(it_looks_again_and_gives_up_with_words),
		TEST(nothing_has_to_be_seen_twice_when_others_commit),
	};

	return cmocka_run_group_tests_name("netlink", tests, NULL, NULL);
}
