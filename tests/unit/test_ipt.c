// SPDX-License-Identifier: GPL-3.0-or-later
/* What "iptables -S" prints, taken apart: words, our tag, and whether a chain can keep a SYN out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ipt_rules.h"

#define TAG "acmegate:0123456789abcdef"

static struct ipt_words split(const char *line)
{
	struct ipt_words words = { 0 };

	ipt_split(&words, line, strlen(line));
	return words;
}

/* A copy points into the text of the original, so only numbers are used of it. */
static size_t count(const char *line)
{
	return split(line).words;
}

static void words_of_a_line(void **state)
{
	struct ipt_words words = { 0 };
	const char *line = "-A INPUT  -m comment --comment \"a \\\"q\\\" and \\\\back\" --log-prefix \"it\\'s x\" \"\"";

	(void)state;
	ipt_split(&words, line, strlen(line));
	assert_int_equal(words.words, 9);
	assert_string_equal(words.word[0], "-A");
	assert_string_equal(words.word[5], "a \"q\" and \\back");
	assert_string_equal(words.word[7], "it's x");
	assert_string_equal(words.word[8], "");
	assert_null(words.word[9]);
	assert_int_equal(count(""), 0);
	assert_int_equal(count("   "), 0);
	assert_int_equal(count("\"a b"), 1);
	assert_int_equal(count("a\\"), 1);
}

static void too_much(void **state)
{
	char line[2 * IPT_TEXT];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	assert_true(split(line).full);
	for (size_t i = 1; i < sizeof(line) - 1; i += 2)
		line[i] = ' ';
	assert_true(split(line).full);
	assert_true(split(line).words <= IPT_WORDS);
	line[2 * IPT_WORDS - 1] = '\0';
	assert_false(split(line).full);
	assert_int_equal(split(line).words, IPT_WORDS);
}

static void our_tag(void **state)
{
	const char *listing = "-P INPUT DROP\n-P OUTPUT ACCEPT\n"
			      "-A INPUT -p tcp -m comment --comment \"" TAG "\" -j ACCEPT\n"
			      "-A OUTPUT -m comment --comment \"acmegate:not\" -j ACCEPT\n";

	(void)state;
	assert_true(ipt_has_tag(listing, "INPUT", TAG));
	assert_true(ipt_has_tag(listing, "INPUT", NULL));
	assert_false(ipt_has_tag(listing, "INPUT", "acmegate:0123456789abcde0"));
	assert_false(ipt_has_tag(listing, "OUTPUT", NULL));
	assert_false(ipt_has_tag(listing, "INP", NULL));
	assert_true(ipt_is_listing(listing));
	assert_true(ipt_is_listing("# a warning\n-P INPUT ACCEPT"));
	assert_false(ipt_is_listing(""));
	assert_false(ipt_is_listing("# Table `filter' is incompatible, use 'nft' tool.\n"));
}

static void chains(void **state)
{
	static const struct {
		bool blocks;
		const char *rules;
	} cases[] = {
		{ false, "-P INPUT ACCEPT" },
		{ true, "-P INPUT DROP" },
		{ false, "-P FORWARD DROP\n-P INPUT ACCEPT\n" },
		{ false, "" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -j DROP\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -p tcp -j REJECT --reject-with tcp-reset\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 80 -j f2b-web\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -g closed\n" },
		{ false, "-P INPUT ACCEPT\n-A FORWARD -j DROP\n-A INPUTS -j DROP\n" },
		{ false, "-P INPUT ACCEPT\n-A INPUT -p udp -j DROP\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT ! -p udp -j DROP\n" },
		{ false, "-P INPUT ACCEPT\n-A INPUT -i lo -j DROP\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT ! -i lo -j DROP\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -i eth0 -j DROP\n" },
		{ false, "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j DROP\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp ! --dport 22 -j DROP\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 1:1023 -j DROP\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 80: -j DROP\n" },
		{ false, "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 81:65535 -j DROP\n" },
		{ false, "-P INPUT ACCEPT\n-A INPUT -p tcp -m multiport --dports 25,465,1000:2000 -j DROP\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -p tcp -m multiport --dports 25,79:81 -j DROP\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport http -j DROP\n" },
		{ false, "-P INPUT ACCEPT\n-A INPUT -j LOG --log-prefix \"x -j DROP \"\n" },
		{ false, "-P INPUT ACCEPT\n-A INPUT -m comment --comment \"-p udp -j DROP\"\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -m comment --comment -p -j DROP\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -m socket --transparent -j DROP\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -f -j DROP\n" },
		{ false, "-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n-A INPUT -j DROP\n" },
		{ false, "-P INPUT DROP\n-A INPUT -j ACCEPT\n" },
		{ false, "-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 80 -m comment --comment web -j ACCEPT\n" },
		{ true, "-P INPUT DROP\n-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 80 -j ACCEPT\n" },
		{ true, "-P INPUT DROP\n-A INPUT -s 192.0.2.1/32 -j RETURN\n-A INPUT -j ACCEPT\n" },
		{ false, "-P INPUT ACCEPT\n-A INPUT -m conntrack --ctstate INVALID -j DROP\n" },
		{ false, "-P INPUT ACCEPT\n-A INPUT -m state --state RELATED,ESTABLISHED -j closed\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -m conntrack --ctstate INVALID,UNTRACKED -j DROP\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -m conntrack ! --ctstate ESTABLISHED -j DROP\n" },
		{ true, "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --sport 22 -j DROP\n" },
		{ true, "-P INPUT DROP\n-A INPUT -p tcp -m tcp --sport 80 -j ACCEPT\n" },
		{ true, "-P INPUT DROP\n-A INPUT -m socket -j ACCEPT\n" },
		{ true, "-P INPUT DROP\n-A INPUT ! -p udp -j ACCEPT\n" },
		{ true, "-P INPUT DROP\n-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK ACK -j ACCEPT\n" },
		{ true, "-P INPUT DROP\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n" },
		{ true, "-P INPUT DROP\n-A INPUT -p tcp -m comment --comment \"" TAG "\" -j ACCEPT\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
		if (ipt_can_block(cases[i].rules, "INPUT", 80) != cases[i].blocks)
			fail_msg("%s", cases[i].rules);
}

static void replies(void **state)
{
	static const struct {
		bool blocks;
		const char *rules;
	} cases[] = {
		{ true, "-P OUTPUT DROP" },
		{ false, "-P OUTPUT DROP\n-A OUTPUT -p tcp -m tcp --sport 80 -j ACCEPT\n" },
		{ true, "-P OUTPUT DROP\n-A OUTPUT -p tcp -m tcp --dport 80 -j ACCEPT\n" },
		{ true, "-P OUTPUT DROP\n-A OUTPUT -m conntrack --ctstate NEW -j ACCEPT\n" },
		{ false, "-P OUTPUT ACCEPT\n-A OUTPUT -p tcp -m multiport --sports 22,25 -j DROP\n" },
		{ true, "-P OUTPUT ACCEPT\n-A OUTPUT -p tcp -m tcp --dport 25 -j DROP\n" },
		{ true, "-P OUTPUT ACCEPT\n-A OUTPUT -m conntrack --ctstate INVALID -j DROP\n" },
		{ false, "-P OUTPUT ACCEPT\n-A OUTPUT -o lo -j DROP\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
		if (ipt_can_block(cases[i].rules, "OUTPUT", 80) != cases[i].blocks)
			fail_msg("%s", cases[i].rules);
}

/* In nat the same chain diverts the packet; after routing, the replies pass. */
static void other_chains(void **state)
{
	static const struct {
		bool blocks;
		const char *chain, *rules;
	} cases[] = {
		{ true, "PREROUTING", "-P PREROUTING ACCEPT\n-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 3000\n" },
		{ true, "PREROUTING", "-P PREROUTING ACCEPT\n-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1\n" },
		{ false, "PREROUTING", "-P PREROUTING ACCEPT\n-A PREROUTING -p tcp -m tcp --dport 81 -j REDIRECT --to-ports 3000\n" },
		{ true, "POSTROUTING", "-P POSTROUTING ACCEPT\n-A POSTROUTING -p tcp -m tcp --sport 80 -j DROP\n" },
		{ false, "POSTROUTING", "-P POSTROUTING ACCEPT\n-A POSTROUTING -p tcp -m tcp --sport 81 -j DROP\n" },
		{ true, "POSTROUTING", "-P POSTROUTING ACCEPT\n-A POSTROUTING -p tcp -m tcp --dport 81 -j DROP\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
		if (ipt_can_block(cases[i].rules, cases[i].chain, 80) != cases[i].blocks)
			fail_msg("%s", cases[i].rules);
}

/* A line that does not fit in may say anything. */
static void a_long_rule(void **state)
{
	char listing[2 * IPT_TEXT];
	size_t used = (size_t)snprintf(listing, sizeof(listing), "-P INPUT ACCEPT\n-A INPUT -j LOG --log-prefix ");

	(void)state;
	memset(listing + used, 'x', IPT_TEXT);
	listing[used + IPT_TEXT] = '\0';
	assert_true(ipt_can_block(listing, "INPUT", 80));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_a_line), cmocka_unit_test(too_much),	  cmocka_unit_test(our_tag),
		cmocka_unit_test(chains),	   cmocka_unit_test(a_long_rule),
		cmocka_unit_test(replies),	   cmocka_unit_test(other_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
