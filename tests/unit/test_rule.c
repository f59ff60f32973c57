// SPDX-License-Identifier: GPL-3.0-or-later
/* Rules of every form: the kernel takes them, they carry their tag, and their text says the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <stdio.h>
#include <string.h>

#include "backends/nft/rule.h"
#include "backends/nft/nat.h"
#include "backends/nft/set.h"
#include "nth_call.h"
#include "own_net.h"

#define TAG "acmegate:0123456789abcdef"

static struct netlink netlink;
static struct fault fault;
static struct opening opening;
static struct batch batch;

static int set_up(void **state)
{
	(void)state;
	opening = (struct opening){ .tag = TAG, .port = 80, .target = 80, .seconds = 60, .own_listener = true };
	own_net_table(NFPROTO_INET, "filter");
	own_net_chain(NFPROTO_INET, "filter", "input", NF_INET_LOCAL_IN);
	own_net_chain(NFPROTO_INET, "filter", "output", NF_INET_LOCAL_OUT);
	return netlink_open(&netlink, &fault) == 1 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	nth_stop();
	netlink_close(&netlink);
	own_net_flush();
	return 0;
}

static void must(int rc)
{
	if (rc)
		fail_msg("%d: %s", rc, fault.text);
}

static const struct host_address addresses[] = {
	{ NFPROTO_IPV4, { 192, 0, 2, 1 } },
	{ NFPROTO_IPV6, { 0x20, 1, 0xd, 0xb8, [15] = 1 } },
	{ NFPROTO_IPV4, { 192, 0, 2, 2 } },
};
static struct host host = { .addresses = LENGTH_OF(addresses), .address = (void *)(uintptr_t)addresses };

static const struct spot input = { .family = NFPROTO_INET, .bindable = 1, .port = 80, .table = "filter", .chain = "input" };
static const struct rule_make best = {
	.bound = true, .timed = true, .routed = true, .dated = true, .from = 1000000000, .until = 2000000000, .host = &host
};

static int build(const struct spot *spot, const struct rule_make *make)
{
	int rc = batch_begin(&batch, &netlink, 0, &fault);

	rc = rc < 0 ? rc : set_add(&batch, spot->family, spot->table, &opening, make->timed, &fault);
	return rc < 0 ? rc : rule_add(&batch, spot, &opening, make, &fault);
}

static int rehearse(const struct spot *spot, const struct rule_make *make)
{
	int rc = build(spot, make);

	rc = rc < 0 ? rc : batch_rehearse(&batch, &fault);
	batch_free(&batch);
	return rc;
}

static void the_kernel_takes_every_form(void **state)
{
	(void)state;
	for (unsigned int form = 0; form < 64; form++) {
		struct spot spot = input;
		struct rule_make make = best;

		spot.bound = (uint8_t)(form & 3);
		if (spot.bound > BOUND_BY_ADDRESS)
			continue;
		spot.leaving = (form & 4) != 0;
		spot.returns = (form & 8) != 0;
		make.routed = form & 16;
		make.bound = make.timed = make.dated = form & 32;
		if (spot.leaving)
			strcpy(spot.chain, "output");
		must(rehearse(&spot, &make));
		assert_int_equal(rule_count(&spot, &opening, &make),
				 spot.bound == BOUND_BY_ADDRESS || (spot.bound == BOUND_BY_FIB && !make.routed) ? 2 : 1);
	}
	assert_int_equal(own_net_read(), 3); /* nothing was committed */
}

static void assert_text(const struct spot *spot, const struct rule_make *make, size_t which, const char *wanted)
{
	char line[640];

	rule_print(line, sizeof(line), spot, &opening, make, which);
	assert_string_equal(line, wanted);
}

static void the_text_is_what_a_person_would_type(void **state)
{
	static const struct rule_make plain = { .host = &host };
	struct spot spot = input;

	(void)state;
	assert_text(&spot, &best, 0,
		    "nft 'add rule inet filter input tcp dport @acmegate_0123456789abcdef socket transparent 1 meta time \"2001-09-09 01:46:40\""
		    "-\"2033-05-18 03:33:20\" counter accept comment \"" TAG "\"'");
	spot.before = 7;
	spot.returns = 1;
	spot.bound = BOUND_BY_FIB;
	assert_text(&spot, &(struct rule_make){ .routed = true }, 0,
		    "nft 'insert rule inet filter input position 7 tcp dport @acmegate_0123456789abcdef fib daddr type local counter return "
		    "comment \"" TAG "\"'");
	assert_text(&spot, &plain, 0,
		    "nft 'insert rule inet filter input position 7 tcp dport @acmegate_0123456789abcdef ip daddr { 192.0.2.1, 192.0.2.2 } "
		    "counter return comment \"" TAG "\"'");
	assert_text(&spot, &plain, 1,
		    "nft 'insert rule inet filter input position 7 tcp dport @acmegate_0123456789abcdef ip6 daddr { 2001:db8::1 } counter return "
		    "comment \"" TAG "\"'");
	spot.leaving = 1;
	assert_text(&spot, &plain, 1,
		    "nft 'insert rule inet filter input position 7 tcp sport @acmegate_0123456789abcdef tcp flags & (fin | syn | rst | ack) != syn "
		    "ip6 saddr { 2001:db8::1 } counter return comment \"" TAG "\"'");
	assert_text(&spot, &(struct rule_make){ .routed = true, .bound = true }, 0,
		    "nft 'insert rule inet filter input position 7 tcp sport @acmegate_0123456789abcdef tcp flags & (fin | syn | rst | ack) != syn "
		    "fib saddr type local counter return comment \"" TAG "\"'");
}

static void the_text_ends_within_its_line(void **state)
{
	char line[40];

	(void)state;
	memset(line, 'x', sizeof(line));
	rule_print(line, sizeof(line) - 1, &input, &opening, &best, 0);
	assert_int_equal(strlen(line), sizeof(line) - 2);
	assert_int_equal(line[sizeof(line) - 1], 'x');
}

static void sets_have_their_text_too(void **state)
{
	char line[640];

	(void)state;
	set_print(line, sizeof(line), NFPROTO_INET, "filter", &opening, true);
	assert_string_equal(line,
			    "nft 'add set inet filter acmegate_0123456789abcdef { type inet_service; flags timeout; elements = { 80 timeout 60s }; "
			    "}'");
	opening.target = 8080;
	set_print(line, sizeof(line), NFPROTO_IPV6, "filter", &opening, false);
	assert_string_equal(line,
			    "nft 'add set ip6 filter acmegate_0123456789abcdef { type inet_service; elements = { 80, 8080 }; }'");
	nat_print(line, sizeof(line), &opening, true, true);
	assert_string_equal(
		line, "nft 'add table inet acmegate_0123456789abcdef { flags owner; set acmegate_0123456789abcdef { type inet_service; "
		      "flags timeout; elements = { 80 timeout 60s }; }; chain prerouting { type nat hook prerouting priority -199; "
		      "fib daddr type local tcp dport @acmegate_0123456789abcdef redirect to :8080; }; }'");
}

/* A rule is for the families of its chain that have an address. */
static void addresses_are_those_of_the_names_or_all(void **state)
{
	struct host other = { .addresses = 1, .address = host.address };
	struct rule_make make = { .host = &other };
	struct spot spot = input;
	char line[640];

	(void)state;
	spot.bound = BOUND_BY_ADDRESS;
	assert_int_equal(rule_count(&spot, &opening, &make), 1);
	make.host = NULL;
	assert_int_equal(rule_count(&spot, &opening, &make), 0);
	make.host = &host;
	spot.family = NFPROTO_IPV4;
	assert_int_equal(rule_count(&spot, &opening, &make), 1);
	spot.family = NFPROTO_IPV6;
	rule_print(line, sizeof(line), &spot, &opening, &make, 0);
	assert_non_null(strstr(line, "ip6 daddr { 2001:db8::1 }"));
	spot.family = NFPROTO_INET;
	opening.addresses4 = 1;
	memcpy(opening.address4[0], &(struct in_addr){ htonl(0xc6336401) }, 4);
	rule_print(line, sizeof(line), &spot, &opening, &make, 0);
	assert_non_null(strstr(line, "ip daddr { 198.51.100.1 }"));
	opening.addresses6 = OPENING_ADDRESSES + 1; /* a surveyor's guest may say what it likes */
	rule_print(line, sizeof(line), &spot, &opening, &make, 1);
	assert_non_null(strstr(line, "ip6 daddr { ::, ::, ::, ::, ::, ::, ::, :: }"));
}

static void more_addresses_than_a_rule_may_list_are_a_fault(void **state)
{
	static struct host_address many[257];
	struct host crowd = { .addresses = 256, .address = many };
	struct rule_make make = { .host = &crowd, .timed = true };
	struct spot spot = input;

	(void)state;
	spot.bound = BOUND_BY_ADDRESS;
	for (size_t i = 0; i < LENGTH_OF(many); i++)
		many[i] = (struct host_address){ NFPROTO_IPV4, { 10, 0, (unsigned char)(i >> 8), (unsigned char)i } };
	must(rehearse(&spot, &make));
	crowd.addresses++;
	assert_int_equal(rehearse(&spot, &make), -1);
	assert_non_null(strstr(fault.text, "filter input would have to list more than 256 addresses"));
}

struct echoes {
	size_t count;
	uint64_t handle;
	char tag[TAG_SIZE];
};

static int take_echo(const struct nlmsghdr *message, void *arg, struct fault *f)
{
	const struct nlattr *attrs[NFTA_RULE_USERDATA + 1];
	struct echoes *echoes = arg;

	(void)f;
	if ((message->nlmsg_type & 0xff) != NFT_MSG_NEWRULE)
		return 0;
	attrs_of_message(message, attrs, NFTA_RULE_USERDATA);
	echoes->count++;
	echoes->handle = attr_u64(attrs[NFTA_RULE_HANDLE], 0);
	assert_true(tag_of_rule(attrs[NFTA_RULE_USERDATA], attrs[NFTA_RULE_EXPRESSIONS], echoes->tag));
	assert_int_equal(tag_packets(attrs[NFTA_RULE_EXPRESSIONS]), 0);
	assert_false(tag_of_rule(NULL, attrs[NFTA_RULE_EXPRESSIONS], echoes->tag));
	assert_false(tag_of_rule(attrs[NFTA_RULE_USERDATA], NULL, echoes->tag));
	assert_false(tag_of_match(attrs[NFTA_RULE_EXPRESSIONS], NULL, echoes->tag));
	return 0;
}

static int refuse_echo(const struct nlmsghdr *message, void *arg, struct fault *f)
{
	(void)message;
	(void)arg;
	return fault_set(f, FAULT_FAILED, "no echo, please");
}

static void rules_are_echoed_with_their_tag(void **state)
{
	struct spot spot = input;
	struct echoes echoes = { 0 };

	(void)state;
	spot.bound = BOUND_BY_ADDRESS;
	must(build(&spot, &best));
	must(batch_commit(&batch, take_echo, &echoes, &fault));
	batch_free(&batch);
	assert_int_equal(echoes.count, 2);
	assert_int_equal(own_net_read(), 3 + 1 + 2 + 2); /* with a set, two rules, and their sets of addresses */
	spot.handle[0] = 1;
	spot.handle[1] = echoes.handle;
	must(build(&spot, &best)); /* it has them already */
	must(batch_commit(&batch, take_echo, &echoes, &fault));
	batch_free(&batch);
	assert_int_equal(echoes.count, 2);
	spot.handle[0] = 0;
	spot.before = echoes.handle;
	must(build(&spot, &best));
	assert_int_equal(batch_commit(&batch, refuse_echo, NULL, &fault), -1);
	assert_string_equal(fault.text, "no echo, please");
	batch_free(&batch);
	must(batch_begin(&batch, &netlink, 0, &fault));
	batch_delete(&batch, NFT_MSG_DELTABLE, NFPROTO_INET, "filter", NULL, 0);
	must(batch_commit(&batch, NULL, NULL, &fault));
	batch_free(&batch);
	assert_int_equal(own_net_read(), 0);
}

static int delete_table(const char *table, uint32_t generation)
{
	int rc = batch_begin(&batch, &netlink, generation, &fault);

	assert_int_equal(rc, 0);
	batch_delete(&batch, NFT_MSG_DELTABLE, NFPROTO_INET, table, NULL, 0);
	rc = batch_commit(&batch, NULL, NULL, &fault);
	batch_free(&batch);
	return rc;
}

static void a_batch_is_bound_to_its_generation(void **state)
{
	uint32_t generation;

	(void)state;
	must(netlink_generation(&netlink, &generation, &fault));
	own_net_table(NFPROTO_INET, "other");
	assert_int_equal(delete_table("other", generation), AGAIN);
	assert_int_equal(fault.code, ERESTART);
	assert_int_equal(delete_table("nothing", 0), AGAIN);
	assert_int_equal(fault.code, ENOENT);
	must(delete_table("other", generation + 1));
}

static void a_batch_that_is_full_is_not_sent(void **state)
{
	(void)state;
	must(batch_begin(&batch, &netlink, 0, &fault));
	for (int i = 0; i < 2000; i++)
		batch_delete(&batch, NFT_MSG_DELTABLE, NFPROTO_INET, "filter", "input", 1);
	assert_true(batch.full);
	assert_int_equal(batch_commit(&batch, NULL, NULL, &fault), -1);
	assert_non_null(strstr(fault.text, "too large"));
	batch_free(&batch);
	assert_int_equal(own_net_read(), 3);
}

static void a_message_that_the_kernel_does_not_know_is_a_fault(void **state)
{
	(void)state;
	must(batch_begin(&batch, &netlink, 0, &fault));
	batch_delete(&batch, UINT8_MAX, NFPROTO_INET, "filter", NULL, 0); /* 5.10 takes one that reads */
	assert_int_equal(batch_commit(&batch, NULL, NULL, &fault), -1);
	assert_int_equal(fault.kind, FAULT_FAILED);
	assert_int_equal(fault.code, EINVAL);
	batch_free(&batch);
}

/* A part that is left out would open more than the port. */
static void a_failure_adds_no_half_of_a_rule(void **state)
{
	const char *devices[] = { "lo", NULL };
	const struct nat_make make = { true, true, true, devices };
	unsigned int failed = 0;
	bool happened = true;

	(void)state;
	opening.target = 8080;
	for (unsigned int n = 1; happened; n++) {
		struct spot spot = input;
		int rc;

		spot.bound = BOUND_BY_ADDRESS;
		nth_fail("", n, ENOMEM);
		rc = build(&spot, &best);
		spot.leaving = 1;
		spot.bound = BOUND_BY_FIB;
		rc = rc < 0 ? rc : rule_add(&batch, &spot, &opening, &best, &fault);
		rc = rc < 0 ? rc : nat_add(&batch, &opening, &make, &fault);
		nth_stop();
		happened = nth_happened();
		assert_int_equal(rc, happened ? -1 : 0);
		if (happened) {
			assert_int_equal(fault.kind, FAULT_LATER);
			assert_int_equal(fault.code, ENOMEM);
		}
		failed += happened;
		batch_free(&batch);
	}
	assert_true(failed > 60);
}

/* --- marks ---------------------------------------------------------------------------------------------------------- */

static void names_of_sets(void **state)
{
	char name[SET_NAME_SIZE];

	(void)state;
	tag_set_name(TAG, name);
	assert_string_equal(name, "acmegate_0123456789abcdef");
	assert_true(tag_names_set(name, NULL));
	assert_true(tag_names_set(name, TAG));
	assert_false(tag_names_set(name, "acmegate:0123456789abcdee"));
	assert_false(tag_names_set("acmegate_0123456789abcde", NULL));
	assert_false(tag_names_set("acmegate_0123456789abcdef0", NULL));
	assert_false(tag_names_set("acmegate_0123456789abcdeF", NULL));
	assert_false(tag_names_set("someone_0123456789abcdef", NULL));
}

static _Alignas(struct nlmsghdr) char buffer[4096];
static struct nlmsghdr *message;
static struct nlattr *list;

static void begin_list(void)
{
	message = mnl_nlmsg_put_header(buffer);
	list = mnl_attr_nest_start(message, NFTA_RULE_EXPRESSIONS);
}

static void add_match(const char *name, const void *info, size_t length)
{
	struct nlattr *element = mnl_attr_nest_start(message, NFTA_LIST_ELEM), *data;

	mnl_attr_put_strz(message, NFTA_EXPR_NAME, "match");
	data = mnl_attr_nest_start(message, NFTA_EXPR_DATA);
	mnl_attr_put_strz(message, NFTA_MATCH_NAME, name);
	if (info)
		mnl_attr_put(message, NFTA_MATCH_INFO, length, info);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, element);
}

static bool is_tagged(const char *wanted, char tag[TAG_SIZE])
{
	mnl_attr_nest_end(message, list);
	return tag_of_match(list, wanted, tag);
}

static void a_rule_of_iptables_is_known_by_its_matches(void **state)
{
	static const char info[256] = TAG, longer[256] = TAG "0";
	char tag[TAG_SIZE];

	(void)state;
	begin_list();
	add_match("tcp", "", 1);
	add_match("socket", "", 1);
	add_match("comment", info, sizeof(info));
	add_match("comment", longer, sizeof(longer));
	assert_true(is_tagged(NULL, tag));
	assert_string_equal(tag, TAG);
	assert_true(is_tagged(TAG, tag));
	assert_false(is_tagged("acmegate:0123456789abcdee", tag));

	begin_list(); /* no bound of ours: only if the journal names it */
	add_match("comment", info, sizeof(info));
	assert_false(is_tagged(NULL, tag));
	assert_true(is_tagged(TAG, tag));

	begin_list(); /* a match that we do not use */
	add_match("time", "", 1);
	add_match("limit", "", 1);
	add_match("comment", info, sizeof(info));
	assert_false(is_tagged(NULL, tag));

	begin_list();
	add_match("time", "", 1);
	add_match("comment", longer, sizeof(longer));
	add_match("comment", info, TAG_SIZE - 1);
	add_match("comment", NULL, 0);
	assert_false(is_tagged(NULL, tag));
	assert_false(tag_of_match(NULL, NULL, tag));
	assert_int_equal(tag_packets(NULL), 0);
	assert_int_equal(tag_packets(list), 0);
}

static const struct nlattr *user_data(const void *data, size_t length)
{
	message = mnl_nlmsg_put_header(buffer);
	list = mnl_nlmsg_get_payload_tail(message);
	mnl_attr_put(message, NFTA_RULE_USERDATA, length, data);
	return list;
}

/* A comment of ours, but no set of ours behind it: anybody may write that. */
static void a_comment_alone_is_nobodys(void **state)
{
	static const char comment[] = "\x07\x02"
				      "ab"
				      "\x00\x1a" TAG,
			  set[] = "acmegate_0123456789abcdee";
	static char rule[4096];
	struct nlmsghdr *m = mnl_nlmsg_put_header(rule);
	struct nlattr *all = mnl_attr_nest_start(m, NFTA_RULE_EXPRESSIONS), *element = mnl_attr_nest_start(m, NFTA_LIST_ELEM), *data;
	char tag[TAG_SIZE];

	(void)state;
	mnl_attr_put_strz(m, NFTA_EXPR_NAME, "lookup");
	data = mnl_attr_nest_start(m, NFTA_EXPR_DATA);
	mnl_attr_put_strz(m, NFTA_LOOKUP_SET, set);
	mnl_attr_nest_end(m, data);
	mnl_attr_nest_end(m, element);
	mnl_attr_nest_end(m, all);
	assert_false(tag_of_rule(user_data(comment, sizeof(comment)), all, tag));
	memcpy(memmem(rule, sizeof(rule), set, strlen(set)), "acmegate_0123456789abcdef", strlen(set));
	assert_true(tag_of_rule(user_data(comment, sizeof(comment)), all, tag));
	assert_string_equal(tag, TAG);
	for (size_t length = 0; length < sizeof(comment); length++) /* cut off */
		assert_false(tag_of_rule(user_data(comment, length), all, tag));
}

static void evidence_keeps_the_most(void **state)
{
	struct evidence evidence = { 0 };

	(void)state;
	tag_count(&evidence, 0);
	assert_true(evidence.counted);
	tag_count(&evidence, 5);
	tag_count(&evidence, 3);
	assert_int_equal(evidence.packets, 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_kernel_takes_every_form),
		TEST(the_text_is_what_a_person_would_type),
		TEST(the_text_ends_within_its_line),
		TEST(sets_have_their_text_too),
		TEST(addresses_are_those_of_the_names_or_all),
		TEST(more_addresses_than_a_rule_may_list_are_a_fault),
		TEST(rules_are_echoed_with_their_tag),
		TEST(a_batch_is_bound_to_its_generation),
		TEST(a_batch_that_is_full_is_not_sent),
		TEST(a_message_that_the_kernel_does_not_know_is_a_fault),
		TEST(a_failure_adds_no_half_of_a_rule),
		TEST(names_of_sets),
		TEST(a_rule_of_iptables_is_known_by_its_matches),
		TEST(a_comment_alone_is_nobodys),
		TEST(evidence_keeps_the_most),
	};

	setenv("TZ", "UTC", 1);
	return own_net() ? cmocka_run_group_tests_name("rule", tests, NULL, NULL) : 0;
}
