// SPDX-License-Identifier: GPL-3.0-or-later
/* Reading the output of "iptables -S": words, our tag, and whether a chain can keep a SYN out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netfilter/xt_comment.h>

#include "backends/iptables/place.h"
#include "backends/iptables/rules.h"
#include "backends/iptables/table.h"
#include "backends/survey/listing.h"
#include "backends/survey/insertion.h"

#define TAG "acmegate:0123456789abcdef"

/* Can this chain of a table block the port? Asked as the surveyor does, of a host with one wire. */
static bool can_block(const char *rules, const char *table, const char *name)
{
	const struct opening opening = { .port = 80, .target = 80 };
	struct host_address address = { NFPROTO_IPV4, { 203, 0, 113, 10 } };
	struct host_link links[] = { { .index = 1, .name = "lo", .loopback = true }, { .index = 2, .name = "eth0" } };
	const struct host host = { 1, LENGTH_OF(links), &address, links };
	struct snapshot snapshot;
	struct insertions result = { 0 };
	struct facts facts;
	struct fault fault;
	const struct nft_chain *chain;
	struct way way;
	bool blocks = false;

	assert_int_equal(facts_make(&facts, &host, false, &fault), 0);
	assert_int_equal(listing_read(&snapshot, strdup(rules), NFPROTO_IPV4, table, false, &fault), 0);
	chain = snapshot_chain(&snapshot, NFPROTO_IPV4, table, name);
	if (chain && way_find(chain, &opening, &way)) {
		assert_int_equal(insertion_find(&snapshot, &facts, chain, &way, &result), 0);
		blocks = result.count > 0;
	}
	snapshot_free(&snapshot);
	facts_free(&facts);
	return blocks;
}

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

static size_t add_match(char *at, const char *match, const char *text)
{
	const size_t size = sizeof(struct xt_entry_match) + sizeof(struct xt_comment_info);
	struct xt_entry_match m = { .u.user.match_size = (uint16_t)size };

	snprintf(m.u.user.name, sizeof(m.u.user.name), "%s", match);
	memcpy(at, &m, sizeof(m));
	snprintf(at + sizeof(m), sizeof(struct xt_comment_info), "%s", text);
	return size;
}

/* Appends a rule with these matches, and this text in each. */
static void add_rule_of(struct legacy_table *table, const char *const matches[2], const char *text)
{
	const size_t head = table->family == NFPROTO_IPV4 ? sizeof(struct ipt_entry) : sizeof(struct ip6t_entry);
	char *entry = table->entries + table->size;
	size_t size = 0;

	for (size_t i = 0; i < 2 && matches[i]; i++)
		size += add_match(entry + head + size, matches[i], text);

	if (table->family == NFPROTO_IPV4)
		((struct ipt_entry *)(void *)entry)->target_offset = (uint16_t)(head + size),
					   ((struct ipt_entry *)(void *)entry)->next_offset = (uint16_t)(head + size + 40);
	else
		((struct ip6t_entry *)(void *)entry)->target_offset = (uint16_t)(head + size),
					    ((struct ip6t_entry *)(void *)entry)->next_offset = (uint16_t)(head + size + 40);
	table->size += head + size + 40;
}

static void add_rule(struct legacy_table *table, const char *match, const char *text)
{
	add_rule_of(table, (const char *const[]){ match, NULL }, text);
}

static void hash(const struct legacy_table *table, bool without_ours, unsigned char out[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx sum;
	struct fault fault;

	sha256_init(&sum);
	assert_int_equal(table_hash(table, without_ours, &sum, &fault), 0);
	sha256_digest(&sum, SHA256_DIGEST_SIZE, out);
}

#define ENTRIES 8192

static void spoil(struct legacy_table *table)
{
	char *entries = (char *)(uintptr_t)table->entries;
	unsigned char without[SHA256_DIGEST_SIZE];

	/* cut anywhere, and with lengths that lie */
	for (size_t size = table->size; size > 0; size--) {
		table->size = size - 1;
		hash(table, true, without);
		assert_false(table_has(table, NULL, TAG));
	}
	table->size = ENTRIES;
	for (size_t i = 0; i < sizeof(struct ip6t_entry) + sizeof(struct xt_entry_match); i++) {
		entries[i] = (char)~entries[i];
		(void)table_has(table, NULL, TAG);
		hash(table, true, without);
		entries[i] = (char)~entries[i];
	}
}

static void tables(void **state)
{
	static _Alignas(8) char entries[ENTRIES];

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct legacy_table table = { .family = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4,
					      .hooks = 1U << 1 | 1U << 3,
					      .entries = entries };
		unsigned char before[SHA256_DIGEST_SIZE], with[SHA256_DIGEST_SIZE], without[SHA256_DIGEST_SIZE];

		memset(entries, 0, sizeof(entries));
		add_rule(&table, "comment", "somebody's");
		add_rule(&table, "comment", TAG); /* with the comment alone it is somebody else's, too */
		add_rule_of(&table, (const char *const[]){ "limit", "comment" }, TAG);
		assert_false(table_has(&table, NULL, NULL));
		assert_true(table_has(&table, NULL, TAG)); /* but this very tag is nobody else's */
		table.size = 0;
		memset(entries, 0, sizeof(entries));
		add_rule(&table, "comment", "somebody's");
		table.last[3] = (unsigned int)table.size - 1;
		hash(&table, true, before);
		table.first[1] = (unsigned int)table.size;
		add_rule_of(&table, (const char *const[]){ "comment", "time" }, TAG);
		table.last[1] = table.first[3] = (unsigned int)table.size;
		add_rule(&table, "comment", TAG "0");
		add_rule(&table, "string", TAG);
		add_rule(&table, "comment", "acmegate:not");
		table.last[3] = (unsigned int)table.size;
		assert_true(table_has(&table, "INPUT", TAG));
		assert_true(table_has(&table, NULL, NULL));
		assert_false(table_has(&table, "INPUT", "acmegate:0123456789abcde0"));
		assert_false(table_has(&table, "OUTPUT", NULL));
		table.hooks = 0; /* where there is no such chain, its place means nothing */
		assert_false(table_has(&table, "INPUT", TAG));

		table.hooks = 1U << 1 | 1U << 3;
		table.size = table.last[1];
		table.first[1] = table.first[3] = 0;
		hash(&table, true, without);
		hash(&table, false, with);
		assert_memory_equal(before, without, sizeof(before));
		assert_memory_not_equal(before, with, sizeof(before));
		entries[v6 ? offsetof(struct ip6t_entry, counters) : offsetof(struct ipt_entry, counters)] = 7;
		hash(&table, true, without);
		assert_memory_equal(before, without, sizeof(before));
		entries[0] = 7;
		hash(&table, true, without);
		assert_memory_not_equal(before, without, sizeof(before));
		spoil(&table);
	}
}

/* Appends a rule with a verdict; without a verdict the entry that has a chain's name. Returns its place. */
static unsigned int add_entry(struct legacy_table *table, int verdict, const char *chain)
{
	const size_t head = table->family == NFPROTO_IPV4 ? sizeof(struct ipt_entry) : sizeof(struct ip6t_entry);
	const size_t target = chain ? sizeof(struct xt_error_target) : sizeof(struct xt_standard_target);
	const size_t offsets = table->family == NFPROTO_IPV4 ? offsetof(struct ipt_entry, target_offset) :
							       offsetof(struct ip6t_entry, target_offset);
	char *entry = table->entries + table->size;
	struct xt_standard_target standard = { .target.u.target_size = (uint16_t)target, .verdict = verdict };
	struct xt_error_target error = { .target.u.target_size = (uint16_t)target };

	snprintf(error.target.u.user.name, sizeof(error.target.u.user.name), "%s", XT_ERROR_TARGET);
	snprintf(error.errorname, sizeof(error.errorname), "%s", chain ? chain : "");
	memcpy(entry + offsets, (const uint16_t[]){ (uint16_t)head, (uint16_t)(head + target) }, 2 * sizeof(uint16_t));
	memcpy(entry + head, chain ? (const void *)&error : &standard, target);
	table->size += head + target;
	return (unsigned int)(entry - table->entries);
}

enum part { UNUSED, FORWARD, USED, NAME, FALL_THROUGH, POLICY, PARTS };

/* INPUT jumps to "used", FORWARD to "bridge"; nothing jumps to "aside", which lies before the others. One more rule in this part. */
static void hash_of_chains(uint8_t family, enum part more, unsigned char sum[SHA256_DIGEST_SIZE])
{
	static _Alignas(8) char entries[ENTRIES];
	struct legacy_table table = { .family = family, .hooks = 1U << 1 | 1U << 2, .entries = entries };
	const int size = family == NFPROTO_IPV4 ? 152 : 208; /* of a rule that has only a verdict */
	int target[2] = { 0 };

	for (int round = 0; round < 2; round++) { /* the places of the chains are known after the first */
		memset(entries, 0, sizeof(entries));
		table.size = 0;
		table.first[1] = add_entry(&table, target[0], NULL);
		if (more == FALL_THROUGH)
			add_entry(&table, (int)table.size + size, NULL);
		table.last[1] = add_entry(&table, more == POLICY ? -1 : -2, NULL);
		table.first[2] = add_entry(&table, target[1], NULL);
		if (more == FORWARD)
			add_entry(&table, -1, NULL);
		table.last[2] = add_entry(&table, -1, NULL);
		add_entry(&table, 0, "aside");
		for (int i = 0; i < (more == UNUSED ? 3 : 1); i++)
			add_entry(&table, -1, NULL);
		add_entry(&table, 0, "bridge");
		target[1] = (int)add_entry(&table, -5, NULL);
		if (more == FORWARD)
			add_entry(&table, -1, NULL);
		add_entry(&table, 0, more == NAME ? "renamed" : "used");
		target[0] = (int)add_entry(&table, (int)table.size + size, NULL); /* a rule without a target */
		add_entry(&table, -5, NULL);
		if (more == USED)
			add_entry(&table, -1, NULL);
		add_entry(&table, 0, "ERROR");
	}
	hash(&table, true, sum);
}

static void chains_that_packets_get_to(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		unsigned char plain[SHA256_DIGEST_SIZE], other[SHA256_DIGEST_SIZE];

		hash_of_chains(v6 ? NFPROTO_IPV6 : NFPROTO_IPV4, PARTS, plain);
		for (enum part part = 0; part < PARTS; part++) {
			hash_of_chains(v6 ? NFPROTO_IPV6 : NFPROTO_IPV4, part, other);
			if ((memcmp(plain, other, sizeof(plain)) == 0) != (part == UNUSED || part == FORWARD))
				fail_msg("part %d of IPv%d", part, v6 ? 6 : 4);
		}
	}
}

static void listings(void **state)
{
	const char *listing = "-P INPUT DROP\n-A INPUT -p tcp -j ACCEPT\n";

	(void)state;
	assert_true(ipt_is_listing(listing));
	assert_true(ipt_is_listing("# a warning\n-P INPUT ACCEPT"));
	assert_false(ipt_is_listing(""));
	assert_false(ipt_is_listing("# Table `filter' is incompatible, use 'nft' tool.\n"));
}

struct verdict_of_rules {
	bool blocks;
	const char *rules;
};

static const struct verdict_of_rules input_rules[] = {
	{ false, "-P INPUT ACCEPT" },
	{ true, "-P INPUT DROP" },
	{ false, "-P FORWARD DROP\n-P INPUT ACCEPT\n" },
	{ false, "" },
	{ true, "-P INPUT ACCEPT\n-A INPUT -j DROP\n" },
	{ true, "-P INPUT ACCEPT\n-A INPUT -p tcp -j REJECT --reject-with tcp-reset\n" },
	{ true, "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 80 -j f2b-web\n" },
	{ true, "-P INPUT ACCEPT\n-A INPUT -g closed\n" },
	{ false, "-P INPUT ACCEPT\n-A INPUT -m rt --rt-type 0 -j DROP\n" },
	{ false, "-P INPUT ACCEPT\n-N f2b\n-A INPUT -p tcp -j f2b\n-A f2b -p tcp -m tcp --dport 22 -j DROP\n-A f2b -j RETURN\n" },
	{ true, "-P INPUT ACCEPT\n-N f2b\n-A INPUT -p tcp -j f2b\n-A f2b -s 192.0.2.1/32 -j REJECT\n-A f2b -j RETURN\n" },
	{ false, "-P INPUT ACCEPT\n-N a\n-N b\n-A INPUT -j a\n-A INPUT -j b\n-A a -p udp -j DROP\n-A b -j a\n" },
	{ true, "-P INPUT ACCEPT\n-N a\n-N b\n-A INPUT -j a\n-A a -j b\n-A b -j DROP\n" },
	{ false, "-P INPUT DROP\n-N a\n-A INPUT -j a\n-A a -p tcp -m tcp --dport 80 -j ACCEPT\n" },
	{ true, "-P INPUT DROP\n-N a\n-A INPUT -s 192.0.2.1/32 -j a\n-A a -p tcp -m tcp --dport 80 -j ACCEPT\n" },
	{ true, "-P INPUT DROP\n-N a\n-A INPUT -j a\n-A a -s 192.0.2.1/32 -j RETURN\n-A a -p tcp -j ACCEPT\n" },
	{ false, "-P INPUT DROP\n-N a\n-A INPUT -g a\n-A a -p tcp -j ACCEPT\n" },
	{ false, "-P INPUT ACCEPT\n-N a\n-A INPUT -g a\n-A a -p udp -j ACCEPT\n" },
	{ true, "-P INPUT DROP\n-N a\n-A INPUT -g a\n-A INPUT -j ACCEPT\n-A a -p udp -j ACCEPT\n" },
	{ true, "-P INPUT ACCEPT\n-N a\n-A INPUT -j a\n-A a -j a\n" },
	{ true, "-P INPUT DROP\n-A INPUT -p tcp -j RETURN\n-A INPUT -j ACCEPT\n" },
	{ false, "-P INPUT ACCEPT\n-A INPUT -p tcp -j RETURN\n-A INPUT -j DROP\n" },
	{ true, "-P INPUT ACCEPT\n-A INPUT -s 192.0.2.1/32 -j RETURN\n-A INPUT -j DROP\n" },
	{ false, "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-N INPUTS\n-A FORWARD -j DROP\n-A INPUTS -j DROP\n" },
	{ true, "-P INPUT ACCEPT\n-A INPUT -m conntrack --ctstate ESTABLISHED -j DROP\n" },
	{ false, "-P INPUT ACCEPT\n-A INPUT -m conntrack --ctstate INVALID,RELATED -j DROP\n" },
	{ false, "-P INPUT ACCEPT\n-A INPUT -s 127.0.0.0/8 ! -i lo -j DROP\n" },
	{ false, "-P INPUT ACCEPT\n-A INPUT ! -d 203.0.113.10/32 -j DROP\n" },
	{ true, "-P INPUT ACCEPT\n-A INPUT -d 203.0.113.10/32 -j DROP\n" },
	{ false, "-P INPUT ACCEPT\n-A INPUT -d 10.9.0.0/17 -j DROP\n" },
	{ false, "-P INPUT ACCEPT\n-A INPUT -i wg+ -j DROP\n" },
	{ true, "-P INPUT ACCEPT\n-A INPUT -i eth+ -j DROP\n" },
	{ false, "-P INPUT ACCEPT\n-A INPUT -p tcp -m conntrack --ctstate NEW -m tcpmss ! --mss 536:65535 -j DROP\n" },
	{ true, "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcpmss ! --mss 536:65535 -j DROP\n" },
	{ false, "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP\n" },
	{ false, "-P INPUT ACCEPT\n-A INPUT -m addrtype --dst-type BROADCAST,MULTICAST -j DROP\n" },
	{ false, "-P INPUT ACCEPT\n-A INPUT -m ttl --ttl-lt 32 -j DROP\n" },
	{ true, "-P INPUT ACCEPT\n-A INPUT -m ttl --ttl-lt 33 -j DROP\n" },
	{ true, "-P INPUT ACCEPT\n-A INPUT -m geoip --source-country XX -j DROP\n" },
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
	{ false, "-P INPUT ACCEPT\n-A INPUT -f -j DROP\n" },
	{ true, "-P INPUT ACCEPT\n-A INPUT ! -f -j DROP\n" },
	{ false, "-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n-A INPUT -j DROP\n" },
	{ false, "-P INPUT DROP\n-A INPUT -j ACCEPT\n" },
	{ false, "-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 80 -m comment --comment web -j ACCEPT\n" },
	{ true, "-P INPUT DROP\n-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 80 -j ACCEPT\n" },
	{ true, "-P INPUT DROP\n-A INPUT -s 192.0.2.1/32 -j RETURN\n-A INPUT -j ACCEPT\n" },
	{ false, "-P INPUT ACCEPT\n-A INPUT -m conntrack --ctstate INVALID -j DROP\n" },
	{ true, "-P INPUT ACCEPT\n-A INPUT -m state --state RELATED,ESTABLISHED -j closed\n" },
	{ false, "-P INPUT ACCEPT\n-A INPUT -m conntrack --ctstate INVALID,UNTRACKED -j DROP\n" },
	{ true, "-P INPUT ACCEPT\n-A INPUT -m conntrack ! --ctstate ESTABLISHED -j DROP\n" },
	{ true, "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --sport 22 -j DROP\n" },
	{ true, "-P INPUT DROP\n-A INPUT -p tcp -m tcp --sport 80 -j ACCEPT\n" },
	{ true, "-P INPUT DROP\n-A INPUT -m socket -j ACCEPT\n" },
	{ false, "-P INPUT DROP\n-A INPUT ! -p udp -j ACCEPT\n" },
	{ true, "-P INPUT DROP\n-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK ACK -j ACCEPT\n" },
	{ true, "-P INPUT DROP\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n" },
	{ true, "-P INPUT DROP\n-A INPUT -p tcp -m time --datestop 2026-11-26T15:00:00 -m comment --comment \"" TAG "\" -j ACCEPT\n" },
	{ false, "-P INPUT DROP\n-A INPUT -p tcp -m comment --comment \"" TAG "\" -j ACCEPT\n" },
};

static void chains(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH_OF(input_rules); i++)
		if (can_block(input_rules[i].rules, "filter", "INPUT") != input_rules[i].blocks)
			fail_msg("%s", input_rules[i].rules);
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
		{ false, "-P OUTPUT ACCEPT\n-A OUTPUT -m conntrack --ctstate INVALID -j DROP\n" },
		{ false, "-P OUTPUT ACCEPT\n-A OUTPUT -d 169.254.0.0/16 -p tcp -j REJECT\n" },
		{ false, "-P OUTPUT ACCEPT\n-A OUTPUT -o lo -j DROP\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
		if (can_block(cases[i].rules, "filter", "OUTPUT") != cases[i].blocks)
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
		{ true, "PREROUTING",
		  "-P PREROUTING ACCEPT\n-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1\n" },
		{ false, "PREROUTING", "-P PREROUTING ACCEPT\n-A PREROUTING -p tcp -m tcp --dport 81 -j REDIRECT --to-ports 3000\n" },
		{ true, "POSTROUTING", "-P POSTROUTING ACCEPT\n-A POSTROUTING -p tcp -m tcp --sport 80 -j DROP\n" },
		{ false, "POSTROUTING", "-P POSTROUTING ACCEPT\n-A POSTROUTING -p tcp -m tcp --sport 81 -j DROP\n" },
		{ true, "POSTROUTING", "-P POSTROUTING ACCEPT\n-A POSTROUTING -p tcp -m tcp --dport 81 -j DROP\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
		if (can_block(cases[i].rules, !strcmp(cases[i].chain, "PREROUTING") ? "nat" : "mangle", cases[i].chain) !=
		    cases[i].blocks)
			fail_msg("%s", cases[i].rules);
}

/* iptables counts from 1, and a chain that is jumped to lets packets back to the marks behind the jump. */
static void insertions(void **state)
{
	const struct opening opening = { .port = 80, .target = 80 };
	struct insertions result;
	struct snapshot snapshot;
	struct facts facts;
	struct fault fault;
	struct way way;

	(void)state;
	assert_int_equal(facts_make(&facts, NULL, false, &fault), 0);
	assert_int_equal(listing_read(&snapshot,
				      strdup("-P PREROUTING ACCEPT\n-N GEO\n-A PREROUTING -j GEO\n-A PREROUTING -i eth0 -j CONNMARK --set-mark 1\n"
					     "-A GEO -m set --match-set allow src -j RETURN\n-A GEO -j DROP\n"),
				      NFPROTO_IPV4, "mangle", false, &fault),
			 0);
	assert_true(way_find(&snapshot.chain[0], &opening, &way));
	assert_int_equal(insertion_find(&snapshot, &facts, &snapshot.chain[0], &way, &result), 0);
	assert_int_equal(result.count, 1);
	assert_string_equal(result.insertion[0].chain->name, "GEO");
	assert_int_equal(result.insertion[0].before, 1);
	assert_true(result.insertion[0].returns);
	assert_int_equal(result.lost, 0);
	snapshot_free(&snapshot);
	facts_free(&facts);
}

/* A line that does not fit in may say anything. */
static void a_long_rule(void **state)
{
	char listing[2 * IPT_TEXT];
	size_t used = (size_t)snprintf(listing, sizeof(listing), "-P INPUT ACCEPT\n-A INPUT -j LOG --log-prefix ");

	(void)state;
	memset(listing + used, 'x', IPT_TEXT);
	listing[used + IPT_TEXT] = '\0';
	assert_true(can_block(listing, "filter", "INPUT"));
}

/* --- places: the gate's words to acmegate-iptables ------------------------------------------------------------------ */

/* The command that these words make of the first place, as one line. */
static const char *command_of(const char *text, const struct rule *rule, enum action action)
{
	static char line[2048], copy[2048];
	static struct places places;
	struct ipt_words command;
	struct fault fault;

	snprintf(copy, sizeof(copy), "%s", text);
	assert_int_equal(places_read(&places, copy, &fault), 0);
	place_command(&places.place[0], rule, action, &command);
	line[0] = '\0';
	for (size_t i = 0; i < command.words; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%s", i ? " " : "", command.word[i]);
	return line;
}

static void commands_of_places(void **state)
{
	struct rule rule = { .tool = { "/4", "/6", "/4l", "/6l" }, .tag = TAG };

	(void)state;
	assert_string_equal(command_of("iptables-nft 4 80 to once bound ACCEPT any filter INPUT\n", &rule, INSERT),
			    "/4 -w 5 -t filter -I INPUT 4 -p tcp --dport 80 -m comment --comment " TAG " -j ACCEPT");
	rule.bound = rule.timed = true;
	rule.stop = 59;
	assert_string_equal(command_of("ip6tables-legacy 1 8080 to once bound RETURN local mangle a b\n", &rule, DELETE),
			    "/6l -w 5 -t mangle -D a b -p tcp --dport 8080 -m addrtype --dst-type LOCAL -m socket --transparent --nowildcard "
			    "-m time --datestart 1970-01-01T00:00:00 --datestop 1970-01-01T00:00:59 -m comment --comment " TAG
			    " -j RETURN");
	rule.timed = false;
	assert_string_equal(command_of("iptables-legacy 2 80 from once free ACCEPT local raw OUTPUT\n", &rule, INSERT),
			    "/4l -w 5 -t raw -I OUTPUT 2 -p tcp --sport 80 ! --syn -m addrtype --src-type LOCAL -m comment --comment " TAG
			    " -j ACCEPT");
	assert_string_equal(command_of("ip6tables-nft 2 80 to once free ACCEPT 2001:db8::1,2001:db8::2 nat PREROUTING\n", &rule,
				       INSERT),
			    "/6 -w 5 -t nat -I PREROUTING 2 -p tcp --dport 80 -d 2001:db8::1,2001:db8::2 -m comment --comment " TAG
			    " -j ACCEPT");
}

static void places_that_are_none(void **state)
{
	static const char *const texts[] = {
		"iptables-nft 4 80 to once bound ACCEPT any filter INPUT",
		"nft 4 80 to once bound ACCEPT any filter INPUT\n",
		"iptables-nft 0 80 to once bound ACCEPT any filter INPUT\n",
		"iptables-nft 4 0 to once bound ACCEPT any filter INPUT\n",
		"iptables-nft 4 65616 to once bound ACCEPT any filter I\n",
		"iptables-nft 4 80 to once bound ACCEPT -j filter INPUT\n",
		"iptables-nft 4 80 to once bound ACCEPT any inet INPUT\n",
		"iptables-nft 4 80 to once bound ACCEPT any filter \n",
		"iptables-nft 4 80 to once bound ACCEPT any filter\n",
		"\n",
	};
	static struct places places;
	struct fault fault;
	char copy[128];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(texts); i++) {
		snprintf(copy, sizeof(copy), "%s", texts[i]);
		assert_int_equal(places_read(&places, copy, &fault), -1);
	}
	copy[0] = '\0';
	assert_int_equal(places_read(&places, copy, &fault), 0);
	assert_int_equal(places.count, 0);
}

/* One more than there is room for. */
static void more_places_than_fit(void **state)
{
	static const char line[] = "iptables-nft 4 80 to once bound ACCEPT any filter INPUT\n";
	static char text[(PLACES_MOST + 1) * sizeof(line)], copy[sizeof(text)];
	static struct places places;
	struct fault fault;

	(void)state;
	for (size_t i = 0; i <= PLACES_MOST; i++) {
		memcpy(copy, text, sizeof(copy));
		if (i)
			assert_int_equal(places_read(&places, copy, &fault), 0);
		assert_int_equal(i ? places.count : 0, i);
		memcpy(text + i * (sizeof(line) - 1), line, sizeof(line));
	}
	assert_int_equal(places_read(&places, text, &fault), -1);
}

static void a_rule_moves_places_behind_it(void **state)
{
	char text[] = "iptables-nft 3 80 to once free ACCEPT 10.0.0.1,10.0.0.2 filter INPUT\n"
		      "iptables-nft 3 80 to once free ACCEPT any filter INPUT\n"
		      "iptables-nft 2 80 to once free ACCEPT any filter INPUT\n"
		      "iptables-nft 3 80 to once free ACCEPT any mangle INPUT\n"
		      "iptables-legacy 3 80 to once free ACCEPT local filter INPUT\n";
	static struct places places;
	struct fault fault;

	(void)state;
	assert_int_equal(places_read(&places, text, &fault), 0);
	places_move(&places, &places.place[0]);
	assert_int_equal(places.place[0].number, 3);
	assert_int_equal(places.place[1].number, 5);
	assert_int_equal(places.place[2].number, 2);
	assert_int_equal(places.place[3].number, 3);
	assert_int_equal(places.place[4].number, 3);
	assert_true(places_need(&places, 0) && places_need(&places, 2) && !places_need(&places, 1));
	assert_true(places_need_addrtype(&places, 2) && !places_need_addrtype(&places, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_a_line),
		cmocka_unit_test(too_much),
		cmocka_unit_test(tables),
		cmocka_unit_test(chains_that_packets_get_to),
		cmocka_unit_test(listings),
		cmocka_unit_test(chains),
		cmocka_unit_test(a_long_rule),
		cmocka_unit_test(replies),
		cmocka_unit_test(other_chains),
		cmocka_unit_test(insertions),
		cmocka_unit_test(commands_of_places),
		cmocka_unit_test(places_that_are_none),
		cmocka_unit_test(more_places_than_fit),
		cmocka_unit_test(a_rule_moves_places_behind_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
