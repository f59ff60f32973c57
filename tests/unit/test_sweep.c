// SPDX-License-Identifier: GPL-3.0-or-later
/* The sweep finds each of the marks that what is ours may carry, in the kernel's own nf_tables, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/batch.h"
#include "backends/nft/sweep.h"
#include "nth_call.h"
#include "own_net.h"
#include "must.h"
#include "skip_because.h"

#define TAG "acmegate:0123456789abcdef"
#define OTHER "acmegate:0123456789abcdee"

static struct netlink netlink;
static struct fault fault;
static struct sweep sweep;

static int set_up(void **state)
{
	(void)state;
	if (netlink_open(&netlink, &fault) != 1)
		return -1;
	sweep = (struct sweep){ .netlink = &netlink, .tag = TAG };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nth_stop();
	netlink_close(&netlink);
	own_net_flush();
	return 0;
}

static struct nftnl_expr *log_it(const char *prefix)
{
	struct nftnl_expr *log = nftnl_expr_alloc("log");

	nftnl_expr_set_u16(log, NFTNL_EXPR_LOG_GROUP, 65535);
	nftnl_expr_set_str(log, NFTNL_EXPR_LOG_PREFIX, prefix);
	return log;
}

static struct nftnl_expr *comment_it(const char *text)
{
	struct nftnl_expr *match = nftnl_expr_alloc("match");
	char *info = calloc(1, 256); /* struct xt_comment_info; it is the expression's from here on */

	strcpy(info, text);
	nftnl_expr_set_str(match, NFTNL_EXPR_MT_NAME, "comment");
	nftnl_expr_set_u32(match, NFTNL_EXPR_MT_REV, 0);
	nftnl_expr_set(match, NFTNL_EXPR_MT_INFO, info, 256);
	return match;
}

/* Adds a rule with one expression. Its rc is the kernel's. */
static int add_rule(uint8_t family, const char *table, const char *chain, struct nftnl_expr *expression)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct batch batch;
	int rc = batch_begin(&batch, &netlink, 0, &fault);

	assert_int_equal(rc, 0);
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	nftnl_rule_add_expr(rule, expression);
	nftnl_rule_nlmsg_build_payload(nftnl_nlmsg_build_hdr(batch_next(&batch), NFT_MSG_NEWRULE, family,
							     NLM_F_CREATE | NLM_F_APPEND, ++netlink.sequence),
				       rule);
	batch_add(&batch);
	rc = batch_commit(&batch, NULL, NULL, &fault);
	batch_free(&batch);
	nftnl_rule_free(rule);
	return rc;
}

/* firewalld makes two rules of one: only what lies right behind a rule of ours is ours, too. */
static void build_firewalld(void)
{
	own_net_table(NFPROTO_INET, "firewalld");
	own_net_chain(NFPROTO_INET, "firewalld", "one", NF_INET_LOCAL_IN);
	own_net_chain(NFPROTO_INET, "firewalld", "two", NF_INET_LOCAL_IN);
	must(add_rule(NFPROTO_INET, "firewalld", "one", log_it("somebody")), 0);
	must(add_rule(NFPROTO_INET, "firewalld", "one", nftnl_expr_alloc("counter")), 0);
	must(add_rule(NFPROTO_INET, "firewalld", "one", log_it(TAG)), 0);
	must(add_rule(NFPROTO_INET, "firewalld", "one", nftnl_expr_alloc("counter")), 0);
	must(add_rule(NFPROTO_INET, "firewalld", "one", nftnl_expr_alloc("counter")), 0);
	must(add_rule(NFPROTO_INET, "firewalld", "one", log_it(TAG)), 0);
	must(add_rule(NFPROTO_INET, "firewalld", "two", nftnl_expr_alloc("counter")), 0);
}

static void rules_of_firewalld_go_with_the_one_behind(void **state)
{
	struct marks marks = { 0 };

	(void)state;
	build_firewalld();
	assert_int_equal(own_net_read(), 3 + 7);
	sweep.mark = MARK_PREFIX;
	must(sweep_find(&sweep, &marks, &fault), 0);
	assert_int_equal(marks.count, 3);
	sweep.tag = OTHER;
	must(sweep_close(&sweep, &fault), 0);
	sweep.tag = TAG;
	must(sweep_close(&sweep, &fault), 1);
	assert_int_equal(own_net_read(), 3 + 4);
	assert_int_equal(own_net_count("acmegate"), 0);
	assert_int_equal(own_net_count("somebody"), 1);
	must(sweep_close(&sweep, &fault), 0);
}

static void a_failing_call_leaves_no_rule_of_firewalld_in_the_end(void **state)
{
	bool happened = true;

	(void)state;
	sweep.mark = MARK_PREFIX;
	for (unsigned int n = 1; happened; n++) {
		int rc;

		build_firewalld();
		nth_fail("", n, ENOBUFS);
		rc = sweep_close(&sweep, &fault);
		nth_stop();
		happened = nth_happened();
		if (rc < 0)
			must(sweep_close(&sweep, &fault) < 0, 0);
		else
			must(rc, 1);
		assert_int_equal(own_net_read(), 3 + 4);
		own_net_flush();
	}
}

static void rules_of_iptables_are_known_by_their_comment(void **state)
{
	(void)state;
	sweep.mark = MARK_MATCH;
	must(sweep_has_iptables(&netlink, &fault), 0);
	own_net_table(NFPROTO_INET, "filter"); /* nothing of iptables: it has no inet, */
	own_net_chain(NFPROTO_INET, "filter", "INPUT", NF_INET_LOCAL_IN);
	own_net_table(NFPROTO_IPV4, "filter");
	own_net_chain(NFPROTO_IPV4, "filter", "input", NF_INET_LOCAL_IN); /* nor chains in small letters, */
	own_net_table(NFPROTO_IPV4, "other");
	own_net_chain(NFPROTO_IPV4, "other", "INPUT", NF_INET_LOCAL_IN); /* nor such a table */
	must(sweep_has_iptables(&netlink, &fault), 0);
	must(sweep_close(&sweep, &fault), 0);
	own_net_table(NFPROTO_IPV6, "filter");
	own_net_chain(NFPROTO_IPV6, "filter", "INPUT", NF_INET_LOCAL_IN);
	own_net_chain(NFPROTO_IPV4, "filter", "INPUT", NF_INET_LOCAL_IN);
	must(sweep_has_iptables(&netlink, &fault), 1);
	if (add_rule(NFPROTO_IPV4, "filter", "INPUT", comment_it(TAG)) < 0) {
		skip_because("this kernel has no matches of x_tables: %s", fault.text);
	}
	must(add_rule(NFPROTO_IPV6, "filter", "INPUT", comment_it(TAG)), 0);
	must(add_rule(NFPROTO_IPV6, "filter", "INPUT", comment_it(OTHER)), 0);
	must(sweep_close(&sweep, &fault), 1);
	(void)own_net_read();
	assert_int_equal(own_net_count(TAG), 0);
	assert_int_equal(own_net_count(OTHER), 1);
	nth_fail_on("mnl_socket_sendto", 1, ENOBUFS);
	must(sweep_has_iptables(&netlink, &fault), -1);
}

/* More than one batch takes: another round takes the rest. */
static void a_crowd_is_removed_in_rounds(void **state)
{
	struct batch batch;

	(void)state;
	must(batch_begin(&batch, &netlink, 0, &fault), 0);
	for (unsigned int i = 0; i < SWEEP_MOST + 2; i++) {
		char name[64];

		snprintf(name, sizeof(name), "acmegate_%016x", i);
		(void)netlink_about(&netlink, batch_next(&batch), NFT_MSG_NEWTABLE, NLM_F_CREATE, NFPROTO_INET, name, NULL, 0);
		batch_add(&batch);
	}
	must(batch_commit(&batch, NULL, NULL, &fault), 0);
	batch_free(&batch);
	own_net_table(NFPROTO_INET, "acmegate");
	assert_int_equal(own_net_read(), SWEEP_MOST + 3);
	sweep.mark = MARK_TABLE;
	sweep.tag = NULL;
	must(sweep_close(&sweep, &fault), 1);
	assert_int_equal(own_net_read(), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(rules_of_firewalld_go_with_the_one_behind),
		TEST(a_failing_call_leaves_no_rule_of_firewalld_in_the_end),
		TEST(rules_of_iptables_are_known_by_their_comment),
		TEST(a_crowd_is_removed_in_rounds),
	};

	return own_net() ? cmocka_run_group_tests_name("sweep", tests, NULL, NULL) : 0;
}
