// SPDX-License-Identifier: GPL-3.0-or-later
/* The opening in native tables, by the kernel's own nf_tables and the real surveyor; and each call on the way goes
 * wrong once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "backends/nft/nftables.h"
#include "nth_call.h"
#include "own_net.h"
#include "must.h"

static struct ruleset *ruleset;
static struct opening opening;
static struct plan plan;
static struct fault fault;
static size_t before; /* messages of a dump of everything */

#define BACKEND (&nftables_backend)

/* It stands in two tables: two sets, and a rule in each of three chains. */
static void build(void)
{
	own_net_table(NFPROTO_INET, "filter");
	own_net_chain(NFPROTO_INET, "filter", "input", NF_INET_LOCAL_IN);
	own_net_chain(NFPROTO_INET, "filter", "output", NF_INET_LOCAL_OUT);
	own_net_table(NFPROTO_IPV4, "more");
	own_net_chain(NFPROTO_IPV4, "more", "prerouting", NF_INET_PRE_ROUTING);
	before = own_net_read();
}

static void attach(void)
{
	if (BACKEND->attach(&ruleset, NULL, &fault) != 1)
		fail_msg("%s", fault.text);
}

static int set_up(void **state)
{
	(void)state;
	build();
	attach();
	memset(&plan, 0, sizeof(plan));
	return opening_make(&opening, 80, 60, &fault);
}

static int tear_down(void **state)
{
	(void)state;
	nth_stop();
	if (ruleset)
		BACKEND->detach(ruleset);
	ruleset = NULL;
	own_net_flush();
	return 0;
}

static void plan_it(void)
{
	must(BACKEND->plan(ruleset, &opening, &plan, &fault), 0);
}

static void assert_open(void)
{
	assert_int_equal(own_net_read(), before + 5);
	assert_int_equal(own_net_count(opening.tag), 3); /* rules: the sets have digits only */
	assert_int_equal(own_net_count(opening.tag + strlen(TAG_PREFIX)), 5);
}

static void assert_closed(void)
{
	assert_int_equal(own_net_read(), before);
	assert_int_equal(own_net_count("acmegate"), 0);
}

static void it_opens_reads_back_and_closes(void **state)
{
	struct evidence evidence = { 0 };

	(void)state;
	plan_it();
	assert_int_equal(plan.lines, 5);
	assert_int_equal(plan.sets, 2);
	assert_false(plan.unbound || plan.untimed);
	assert_closed();
	must(BACKEND->open(ruleset, &opening, &fault), 0);
	assert_open();
	must(BACKEND->close(ruleset, opening.tag, &fault), 1);
	assert_closed();
	BACKEND->tell(ruleset, &evidence);
	assert_true(evidence.counted);
	must(BACKEND->close(ruleset, opening.tag, &fault), 0);
}

/* A new process knows no handles. */
static void a_later_process_closes_it_with_the_tag_or_without(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		plan_it();
		must(BACKEND->open(ruleset, &opening, &fault), 0);
		assert_open();
		BACKEND->detach(ruleset);
		attach();
		must(BACKEND->close(ruleset, "acmegate:0123456789abcdef", &fault), 0);
		assert_open();
		must(BACKEND->close(ruleset, i % 2 ? opening.tag : NULL, &fault), 1);
		assert_closed();
	}
}

static void for_a_foreign_listener_and_another_port(void **state)
{
	(void)state;
	opening.own_listener = false;
	opening.target = 8080;
	plan_it();
	assert_non_null(strstr(plan.line[0], "80 timeout 60s, 8080 timeout 60s"));
	must(BACKEND->open(ruleset, &opening, &fault), 0);
	assert_open();
	must(BACKEND->close(ruleset, opening.tag, &fault), 1);
	assert_closed();
}

/* A reading of everything may have to wait until the rest is over; then the descriptor says so. */
static int mend(int wanted)
{
	struct pollfd news = { .fd = BACKEND->watch(ruleset), .events = POLLIN };
	int rc = 0;

	while (rc == 0 && poll(&news, 1, wanted ? 5000 : 0) > 0)
		rc = BACKEND->mend(ruleset, &opening, &fault);
	return rc;
}

static void it_puts_back_rules_that_others_flush(void **state)
{
	(void)state;
	plan_it();
	must(BACKEND->open(ruleset, &opening, &fault), 0);
	must(BACKEND->mend(ruleset, &opening, &fault), 0);
	own_net_empty(NFPROTO_INET, "filter", "input");
	assert_int_equal(own_net_read(), before + 4);
	must(BACKEND->mend(ruleset, &opening, &fault), 1);
	assert_open();
	own_net_remove(NFPROTO_IPV4, "more");
	must(mend(0), 0);
	own_net_remove(NFPROTO_INET, "filter");
	must(mend(0), 0);
	assert_int_equal(own_net_read(), 0);
	build();
	must(mend(1), 1);
	assert_open();
	must(BACKEND->close(ruleset, opening.tag, &fault), 1);
	assert_closed();
}

/* Somebody else's commit. */
static void commit(void)
{
	static bool there;

	if (there)
		own_net_remove(NFPROTO_INET, "other");
	else
		own_net_table(NFPROTO_INET, "other");
	there = !there;
	before = there ? before + 1 : before - 1;
}

/* Each step once with somebody else's commit just before it. */
static void others_commit_at_any_moment_while_it_opens(void **state)
{
	bool happened = true;

	(void)state;
	for (unsigned int n = 1; happened; n++) {
		nth_act("mnl_socket_sendto", n, commit);
		assert_int_equal(BACKEND->plan(ruleset, &opening, &plan, &fault), 0);
		must(BACKEND->open(ruleset, &opening, &fault), 0);
		happened = nth_happened();
		assert_open();
		must(BACKEND->close(ruleset, opening.tag, &fault), 1);
		assert_closed();
	}
}

static void others_commit_at_any_moment_while_it_mends_and_closes(void **state)
{
	bool happened = true;

	(void)state;
	plan_it();
	for (unsigned int n = 1; happened; n++) {
		must(BACKEND->open(ruleset, &opening, &fault), 0);
		own_net_empty(NFPROTO_INET, "filter", "input");
		nth_act("mnl_socket_sendto", n, commit);
		must(BACKEND->mend(ruleset, &opening, &fault) < 0, 0);
		happened = nth_happened();
		assert_open();
		nth_act("mnl_socket_sendto", n, commit);
		must(BACKEND->close(ruleset, n % 2 ? opening.tag : NULL, &fault), 1);
		assert_closed();
	}
}

static void remove_a_table(void)
{
	own_net_remove(NFPROTO_IPV4, "more");
}

static void the_table_goes_at_any_moment(void **state)
{
	size_t whole = before;
	bool happened = true;

	(void)state;
	for (unsigned int n = 1; happened; n++) {
		nth_act("mnl_socket_sendto", n, remove_a_table);
		(void)BACKEND->plan(ruleset, &opening, &plan, &fault);
		assert_true(BACKEND->open(ruleset, &opening, &fault) <= 0);
		nth_stop();
		happened = nth_happened();
		must(BACKEND->open(ruleset, &opening, &fault), 0);
		must(BACKEND->close(ruleset, opening.tag, &fault), 1);
		before = happened ? whole - 2 : whole;
		assert_closed();
		own_net_flush();
		build();
	}
}

/* After any failure to open there is a fault with words, and closing leaves nothing. */
static void it_can_be_closed_after_any_failure_to_open(void **state)
{
	static const struct {
		const char *call;
		int error;
		bool own_listener;
		bool harmless; /* is made good by trying again */
	} wrong[] = {
		{ "", ENOMEM, false, false },
		{ "recv", EINTR, true, true },
		{ "recv", ENOBUFS, true, true },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(wrong); i++) {
		unsigned int failed = 0;
		bool happened = true;

		opening.own_listener = wrong[i].own_listener;
		for (unsigned int n = 1; happened; n++) {
			int rc;

			BACKEND->detach(ruleset);
			attach();
			nth_fail(wrong[i].call, n, wrong[i].error);
			memset(&fault, 0, sizeof(fault));
			rc = BACKEND->plan(ruleset, &opening, &plan, &fault);
			rc = rc < 0 ? rc : BACKEND->open(ruleset, &opening, &fault);
			nth_stop();
			happened = nth_happened();
			if (rc == 0)
				assert_open();
			else
				assert_true(rc == -1 && fault.kind != FAULT_NONE && fault.text[0]);
			if (wrong[i].harmless)
				must(rc, 0);
			failed += rc < 0;
			must(BACKEND->close(ruleset, opening.tag, &fault) < 0, 0);
			assert_closed();
		}
		assert_true(wrong[i].harmless || failed > 3);
	}
}

/* One call that fails is made good by a reading of everything; so all that follow it fail too. */
static void it_can_be_closed_after_any_failure_to_mend(void **state)
{
	unsigned int failed = 0;
	bool happened = true;

	(void)state;
	plan_it();
	for (unsigned int n = 1; happened; n++) {
		int rc;

		must(BACKEND->open(ruleset, &opening, &fault), 0);
		own_net_empty(NFPROTO_INET, "filter", n % 2 ? "input" : NULL);
		(n & 2 ? nth_fail_on : nth_fail)("", n, ENOMEM);
		rc = BACKEND->mend(ruleset, &opening, &fault);
		nth_stop();
		happened = nth_happened();
		if (rc < 0)
			assert_true(fault.text[0]);
		failed += rc < 0;
		must(BACKEND->mend(ruleset, &opening, &fault) < 0, 0);
		must(BACKEND->close(ruleset, opening.tag, &fault), 1);
		assert_closed();
	}
	assert_true(failed > 3);
}

/* A close that says it is closed is right; one that fails is repeated. */
static void the_next_try_closes_after_any_failure(void **state)
{
	static const struct {
		int error;
		bool later; /* in another process, which knows no handles */
		bool any;   /* tag */
	} wrong[] = { { ENOMEM, false, false }, { ENOBUFS, true, true }, { ENOMEM, true, false } };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(wrong); i++) {
		unsigned int failed = 0;
		bool happened = true;

		for (unsigned int n = 1; happened; n++) {
			int rc;

			opening.own_listener = false;
			plan_it();
			must(BACKEND->open(ruleset, &opening, &fault), 0);
			if (wrong[i].later) {
				BACKEND->detach(ruleset);
				attach();
			}
			nth_fail("", n, wrong[i].error);
			rc = BACKEND->close(ruleset, wrong[i].any ? NULL : opening.tag, &fault);
			nth_stop();
			happened = nth_happened();
			if (rc < 0)
				must(BACKEND->close(ruleset, opening.tag, &fault) < 0, 0);
			else
				must(rc, 1);
			failed += rc < 0;
			assert_closed();
		}
		assert_true(failed > 3);
	}
}

static void it_digests_admits_and_remarks(void **state)
{
	unsigned char first[DIGEST_SIZE], second[DIGEST_SIZE];
	const struct peer peer = { .family = NFPROTO_IPV4, .address = { 192, 0, 2, 1 }, .local = { 192, 0, 2, 2 } };
	uint64_t admitted = 1;

	(void)state;
	must(BACKEND->digest(ruleset, first, &fault), 0);
	plan_it();
	must(BACKEND->open(ruleset, &opening, &fault), 0);
	must(BACKEND->digest(ruleset, second, &fault), 0);
	assert_memory_equal(first, second, DIGEST_SIZE);
	must(BACKEND->close(ruleset, opening.tag, &fault), 1);
	must(BACKEND->admit(ruleset, &opening, &peer, 1, &admitted, &fault), 0);
	assert_int_equal(admitted, 0);
	must(BACKEND->remark(ruleset, &opening, &peer, 1, &plan, &fault), 0);
	own_net_table(NFPROTO_INET, "new");
	must(BACKEND->digest(ruleset, second, &fault), 0);
	assert_memory_not_equal(first, second, DIGEST_SIZE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_opens_reads_back_and_closes),
		TEST(a_later_process_closes_it_with_the_tag_or_without),
		TEST(for_a_foreign_listener_and_another_port),
		TEST(it_puts_back_rules_that_others_flush),
		TEST(others_commit_at_any_moment_while_it_opens),
		TEST(others_commit_at_any_moment_while_it_mends_and_closes),
		TEST(the_table_goes_at_any_moment),
		TEST(it_can_be_closed_after_any_failure_to_open),
		TEST(it_can_be_closed_after_any_failure_to_mend),
		TEST(the_next_try_closes_after_any_failure),
		TEST(it_digests_admits_and_remarks),
	};

	return own_net() ? cmocka_run_group_tests_name("nftables", tests, NULL, NULL) : 0;
}
