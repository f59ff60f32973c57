// SPDX-License-Identifier: GPL-3.0-or-later
/* The table that redirects, by the kernel's own nf_tables; and each call on the way goes wrong once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "backends/nft/redirect.h"
#include "nth_call.h"
#include "own_net.h"
#include "must.h"
#include "skip_because.h"

#define BACKEND (&redirect_backend)
#define OTHER "acmegate_00000000deadbeef"

static struct ruleset *ruleset;
static struct opening opening;
static struct plan plan;
static struct fault fault;

static void attach(void)
{
	if (BACKEND->attach(&ruleset, NULL, &fault) != 1)
		fail_msg("%s", fault.text);
}

static int set_up(void **state)
{
	(void)state;
	attach();
	memset(&plan, 0, sizeof(plan));
	if (opening_make(&opening, 80, 60, &fault) < 0)
		return -1;
	opening.target = 1023;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nth_stop();
	BACKEND->detach(ruleset);
	own_net_flush();
	return 0;
}

static void plan_and_open(void)
{
	must(BACKEND->plan(ruleset, &opening, &plan, &fault), 0);
	must(BACKEND->open(ruleset, &opening, &fault), 0);
}

/* A table, a set, a chain and a rule, which all name the table. */
static void assert_open(void)
{
	assert_int_equal(own_net_read(), 4);
	assert_int_equal(own_net_count(opening.tag + strlen(TAG_PREFIX)), 4);
}

static void it_opens_and_closes(void **state)
{
	bool owners = own_net_owners();

	(void)state;
	plan_and_open();
	assert_int_equal(plan.lines, 1);
	assert_int_equal(strstr(plan.line[0], "flags owner;") != NULL, owners);
	assert_non_null(strstr(plan.line[0], "redirect to :1023"));
	assert_int_equal(plan.unowned, !owners);
	assert_false(plan.untimed);
	assert_open();
	must(BACKEND->open(ruleset, &opening, &fault), 0); /* it stands */
	must(BACKEND->mend(ruleset, &opening, &fault), 0);
	assert_open();
	must(BACKEND->close(ruleset, "acmegate:0123456789abcdef", &fault), 0);
	assert_open();
	must(BACKEND->close(ruleset, opening.tag, &fault), 1);
	assert_int_equal(own_net_read(), 0);
	must(BACKEND->close(ruleset, NULL, &fault), 0);
}

static void it_ends_with_its_socket(void **state)
{
	(void)state;
	if (!own_net_owners())
		skip_because("this kernel has no tables with an owner");
	plan_and_open();
	assert_open();
	BACKEND->detach(ruleset);
	assert_int_equal(own_net_read(), 0);
	attach();
}

/* A table that somebody saved during a window and loaded later has no owner. */
static void tables_of_an_earlier_process_are_closed(void **state)
{
	(void)state;
	own_net_table(NFPROTO_INET, OTHER);
	own_net_table(NFPROTO_IPV4, "other");
	own_net_table(NFPROTO_IPV6, OTHER);
	must(BACKEND->close(ruleset, NULL, &fault), 1);
	assert_int_equal(own_net_read(), 1);
	assert_int_equal(own_net_count("acmegate"), 0);
}

static void the_table_of_a_process_that_is_alive_is_named(void **state)
{
	struct ruleset *mine = ruleset;

	(void)state;
	if (!own_net_owners())
		skip_because("this kernel has no tables with an owner");
	plan_and_open();
	attach();
	must(BACKEND->close(ruleset, NULL, &fault), -1);
	assert_non_null(strstr(fault.text, "belongs to a process that is alive"));
	assert_open();
	BACKEND->detach(ruleset);
	ruleset = mine;
}

static void a_full_plan_has_no_line_more(void **state)
{
	(void)state;
	plan.lines = PLAN_LINES;
	must(BACKEND->plan(ruleset, &opening, &plan, &fault), 0);
	assert_int_equal(plan.lines, PLAN_LINES);
}

static void commit(void)
{
	static bool there;

	if (there)
		own_net_remove(NFPROTO_INET, "other");
	else
		own_net_table(NFPROTO_INET, "other");
	there = !there;
}

static void others_commit_at_any_moment(void **state)
{
	bool happened = true;

	(void)state;
	for (unsigned int n = 1; happened; n++) {
		nth_act("mnl_socket_sendto", n, commit);
		assert_int_equal(BACKEND->plan(ruleset, &opening, &plan, &fault), 0);
		assert_int_equal(BACKEND->open(ruleset, &opening, &fault), 0);
		must(BACKEND->close(ruleset, opening.tag, &fault), 1);
		happened = nth_happened();
		(void)own_net_read();
		assert_int_equal(own_net_count("acmegate"), 0);
	}
}

/* The errors that end an attempt, and those after which the next one is made. */
static void the_next_close_closes_after_any_failure(void **state)
{
	static const struct {
		const char *call;
		int error;
	} wrong[] = { { "", ENOMEM }, { "recv", ENOBUFS }, { "recv", EINTR } };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(wrong); i++) {
		unsigned int failed = 0;
		bool happened = true;

		for (unsigned int n = 1; happened; n++) {
			int rc;

			nth_fail(wrong[i].call, n, wrong[i].error);
			memset(&fault, 0, sizeof(fault));
			rc = BACKEND->plan(ruleset, &opening, &plan, &fault);
			rc = rc < 0 ? rc : BACKEND->open(ruleset, &opening, &fault);
			if (rc == 0) {
				rc = BACKEND->close(ruleset, opening.tag, &fault);
				assert_true(rc == 1 || rc == -1);
			}
			nth_stop();
			happened = nth_happened();
			if (rc < 0)
				assert_true(fault.text[0]);
			failed += rc < 0;
			if (wrong[i].error != ENOMEM)
				must(rc, 1);
			must(BACKEND->close(ruleset, opening.tag, &fault) < 0, 0);
			assert_int_equal(own_net_read(), 0);
		}
		assert_true(failed > 3 || wrong[i].error != ENOMEM);
	}
}

static void a_kernel_that_knows_no_redirection_is_named(void **state)
{
	(void)state;
	nth_fail_on("nftnl_expr_alloc", 1, ENOMEM);
	must(BACKEND->plan(ruleset, &opening, &plan, &fault), -1);
	assert_int_equal(fault.kind, FAULT_FAILED);
	assert_non_null(strstr(fault.text, "this kernel cannot redirect the port"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_opens_and_closes),
		TEST(it_ends_with_its_socket),
		TEST(tables_of_an_earlier_process_are_closed),
		TEST(the_table_of_a_process_that_is_alive_is_named),
		TEST(a_full_plan_has_no_line_more),
		TEST(others_commit_at_any_moment),
		TEST(the_next_close_closes_after_any_failure),
		TEST(a_kernel_that_knows_no_redirection_is_named),
	};

	return own_net() ? cmocka_run_group_tests_name("redirect", tests, NULL, NULL) : 0;
}
