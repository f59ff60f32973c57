// SPDX-License-Identifier: GPL-3.0-or-later
/* Rulesets that the real nft puts into the kernel, in a network namespace of our own: do they keep a SYN out? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "backends/survey/reach.h"
#include "backends/survey/insertion.h"
#include "skip_because.h"

#define PORT 80
#define INPUT(policy) "type filter hook input priority 0; policy " policy "; "

static struct fault fault;
static struct netlink netlink;
static struct snapshot snapshot;
static bool usable;
#define NO_RULESET "nft or this kernel does not take it"

/* A host on a wire, with a network behind it; lan0 is a port of br0. */
static struct host_address addresses[] = {
	{ NFPROTO_IPV4, { 203, 0, 113, 10 } },
	{ NFPROTO_IPV4, { 203, 0, 113, 11 } },
	{ NFPROTO_IPV6, { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x10 } },
};
static struct host_link links[] = {
	{ .index = 1, .name = "lo", .loopback = true },
	{ .index = 2, .name = "eth0", .has_mac = true, .mac = { 2, 0, 0, 0, 0, 1 } },
	{ .index = 3, .name = "br0", .bridge = true, .has_mac = true, .mac = { 2, 0, 0, 0, 0, 2 } },
	{ .index = 4, .name = "lan0", .port = true, .has_mac = true, .mac = { 2, 0, 0, 0, 0, 3 } },
};
static const struct host host = { LENGTH_OF(addresses), LENGTH_OF(links), addresses, links };

static struct facts nothing_known, known, known_public;
static const struct facts *facts = &nothing_known;
static int set_up(void **state)
{
	(void)state;
	assert_int_equal(facts_make(&nothing_known, NULL, false, &fault), 0);
	assert_int_equal(facts_make(&known, &host, false, &fault), 0);
	assert_int_equal(facts_make(&known_public, &host, true, &fault), 0);
	usable = geteuid() == 0 && unshare(CLONE_NEWNET) == 0 && netlink_open(&netlink, &fault) == 1 &&
		 system("nft list ruleset >/dev/null 2>&1") == 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	snapshot_free(&snapshot);
	facts_free(&nothing_known);
	facts_free(&known);
	facts_free(&known_public);
	if (usable)
		netlink_close(&netlink);
	return 0;
}

/* 1: loaded. 0: nft or this kernel does not know it. */
static int load(const char *ruleset)
{
	FILE *nft = popen("nft -f - 2>/dev/null", "w");

	assert_non_null(nft);
	assert_true(fprintf(nft, "flush ruleset\n%s\n", ruleset) > 0);
	return pclose(nft) == 0;
}

static void read_it(void)
{
	snapshot_free(&snapshot);
	if (snapshot_read(&snapshot, &netlink, false, &fault) < 0)
		fail_msg("%s", fault.text);
}

static struct insertions result;
static struct culprit culprit;

static bool can_block(const struct nft_chain *chain, uint16_t port, uint16_t target)
{
	const struct opening opening = { .port = port, .target = target };
	struct way way;

	if (!way_find(chain, &opening, &way))
		return false;
	assert_int_equal(insertion_find(&snapshot, facts, chain, &way, &result), 0);
	culprit = result.culprit;
	return result.count > 0;
}

static const struct nft_chain *base_chain(void)
{
	const struct nft_chain *base = NULL;

	for (size_t i = 0; i < snapshot.chains; i++)
		if (snapshot.chain[i].base)
			base = &snapshot.chain[i];
	assert_non_null(base);
	return base;
}

/* Can the only base chain of the ruleset block? */
static bool blocks(uint16_t port)
{
	return can_block(base_chain(), port, port);
}

static const struct test_case {
	const char *what;
	bool blocks;
	const char *family, *before, *rules; /* before: chains and objects in front of the base chain c */
	const char *policy;
} cases[] = {
	{ "policy drop", true, "inet", "", "", "drop" },
	{ "policy accept", false, "inet", "", "", "accept" },
	{ "counting only", false, "inet", "", "counter; log prefix \"x\"; tcp dport 80 counter", "accept" },
	{ "policy drop, port accepted", false, "inet", "", "tcp dport 80 accept", "drop" },
	{ "policy drop, other port accepted", true, "inet", "", "tcp dport 81 accept", "drop" },
	{ "policy drop, range accepted", false, "inet", "", "tcp dport 1-1023 accept", "drop" },
	{ "policy drop, other range accepted", true, "inet", "", "tcp dport 81-1023 accept", "drop" },
	{ "policy drop, less accepted", false, "inet", "", "tcp dport < 81 accept", "drop" },
	{ "policy drop, less but not this", true, "inet", "", "tcp dport < 80 accept", "drop" },
	{ "policy drop, not another port", false, "inet", "", "tcp dport != 81 accept", "drop" },
	{ "policy drop, not this port", true, "inet", "", "tcp dport != 80 accept", "drop" },
	{ "policy drop, accepted from some", true, "inet", "", "ip saddr 192.0.2.0/24 tcp dport 80 accept", "drop" },
	{ "policy drop, accepted on one interface", true, "inet", "", "iifname \"lo\" accept", "drop" },
	{ "policy drop, accepted with a limit", true, "inet", "", "tcp dport 80 limit rate 5/second accept", "drop" },
	{ "policy drop, source port", true, "inet", "", "tcp sport 80 accept", "drop" },
	{ "policy drop, only IPv4 accepted", true, "inet", "", "meta nfproto ipv4 tcp dport 80 accept", "drop" },
	{ "policy drop, both families accepted", false, "inet", "",
	  "meta nfproto ipv4 tcp dport 80 accept; meta nfproto ipv6 tcp dport 80 accept", "drop" },
	{ "policy drop, only new accepted", true, "inet", "", "ct state new tcp dport 80 accept", "drop" },
	{ "policy drop, new and what follows accepted", false, "inet", "",
	  "ct state established accept; ct state new tcp dport 80 accept", "drop" },
	{ "accept before drop", false, "inet", "", "tcp dport 80 accept; drop", "accept" },
	{ "accept behind drop", true, "inet", "", "drop; tcp dport 80 accept", "accept" },
	{ "accept before drop of the port", false, "inet", "", "accept; tcp dport 80 drop", "drop" },
	{ "established, then drop", true, "inet", "", "ct state established accept; drop", "accept" },
	{ "established and related, then accept", false, "inet", "", "ct state established,related accept; accept", "drop" },
	{ "invalid only", false, "inet", "", "ct state invalid drop", "accept" },
	{ "what follows the SYN", true, "inet", "", "ct state established drop", "accept" },
	{ "neither", false, "inet", "", "ct state related drop", "accept" },
	{ "new", true, "inet", "", "ct state new drop", "accept" },
	{ "udp", false, "inet", "", "udp dport 80 drop; meta l4proto udp drop", "accept" },
	{ "icmp", false, "ip", "", "icmp type echo-request drop; ip protocol icmp drop", "accept" },
	{ "another port", false, "inet", "", "tcp dport 81 drop; tcp dport 443-500 drop; tcp dport > 80 drop", "accept" },
	{ "the port", true, "inet", "", "tcp dport 80 drop", "accept" },
	{ "the port in a range", true, "inet", "", "tcp dport 1-1023 drop", "accept" },
	{ "flags of other packets", false, "inet", "", "tcp flags & (syn|rst) == syn|rst drop", "accept" },
	{ "flags of what follows", true, "inet", "", "tcp flags & (syn|ack) == ack drop", "accept" },
	{ "no SYN in a new connection", false, "inet", "", "ct state new tcp flags & (fin|syn|rst|ack) != syn drop", "accept" },
	{ "SYN", true, "inet", "", "tcp flags & (fin|syn|rst|ack) == syn drop", "accept" },
	{ "reject", true, "inet", "", "tcp dport 80 reject with tcp reset", "accept" },
	{ "reject of another port", false, "inet", "", "tcp dport 81 reject", "accept" },
	{ "queue", true, "inet", "", "tcp dport 80 queue num 0", "accept" },
	{ "synproxy", true, "inet", "", "tcp dport 80 synproxy mss 1460 wscale 7", "accept" },
	{ "addresses", true, "ip", "set s { type ipv4_addr; elements = { 192.0.2.1 } }", "ip saddr @s drop", "accept" },
	{ "an address", true, "ip", "", "ip saddr 192.0.2.1 drop", "accept" },
	{ "an address to another port", false, "ip", "", "ip saddr 192.0.2.1 tcp dport 81 drop", "accept" },
	{ "a limit", true, "inet", "", "limit rate over 10/second drop", "accept" },
	{ "a mark", true, "inet", "", "meta mark 1 drop", "accept" },
	{ "IPv6", true, "inet", "", "meta nfproto ipv6 drop", "accept" },
	{ "IPv6, port accepted for it", false, "inet", "", "meta nfproto ipv6 tcp dport 80 accept; meta nfproto ipv6 drop", "accept" },
	{ "IPv6, port accepted for IPv4", true, "inet", "", "meta nfproto ipv4 accept; meta nfproto ipv6 drop", "accept" },
	{ "next header", false, "ip6", "", "ip6 nexthdr tcp tcp dport 80 accept", "drop" },
	{ "another port is written", true, "inet", "", "tcp dport 80 tcp dport set 81", "accept" },
	{ "another address is written", true, "ip", "", "tcp dport 80 ip daddr set 192.0.2.1", "accept" },
	{ "another address of IPv6 is written", true, "ip6", "", "tcp dport 80 ip6 daddr set 2001:db8::1", "accept" },
	{ "something else is written", false, "ip", "", "ip dscp set cs1; ip ttl set 1; tcp option maxseg size set 1400", "accept" },
	/* chains */
	{ "jump to a drop", true, "inet", "chain d { drop; };", "tcp dport 80 jump d", "accept" },
	{ "jump of another port", false, "inet", "chain d { drop; };", "tcp dport 81 jump d", "accept" },
	{ "jump to an accept", false, "inet", "chain a { accept; };", "jump a; drop", "accept" },
	{ "jump to an accept of another port", true, "inet", "chain a { tcp dport 81 accept; };", "jump a; drop", "accept" },
	{ "jump for some to an accept", true, "inet", "chain a { accept; };", "meta mark 1 jump a; drop", "accept" },
	{ "jump and return", true, "inet", "chain r { tcp dport 80 return; accept; };", "jump r; drop", "accept" },
	{ "return before drop", false, "inet", "chain r { tcp dport 80 return; drop; };", "jump r", "accept" },
	{ "return for some before drop", true, "inet", "chain r { meta mark 1 return; drop; };", "jump r", "accept" },
	{ "return for some before accept", true, "inet", "chain r { meta mark 1 return; accept; };", "jump r; drop", "accept" },
	{ "return to a policy drop", true, "inet", "", "tcp dport 80 return; accept", "drop" },
	{ "return to a policy accept", false, "inet", "", "tcp dport 80 return; drop", "accept" },
	{ "goto a drop", true, "inet", "chain d { drop; };", "goto d; accept", "accept" },
	{ "goto skips the drop behind", false, "inet", "chain e { counter; };", "goto e; drop", "accept" },
	{ "goto falls to the policy", true, "inet", "chain e { counter; };", "goto e; accept", "drop" },
	{ "goto for some falls to the policy", true, "inet", "chain e { counter; };", "meta mark 1 goto e; accept", "drop" },
	{ "goto returns to the caller's caller", true, "inet", "chain e { counter; }; chain f { goto e; accept; };", "jump f; drop",
	  "accept" },
	{ "chains behind each other", true, "inet", "chain x { drop; }; chain y { jump x; }; chain z { jump y; };", "jump z",
	  "accept" },
	{ "a chain without a name", true, "inet", "", "tcp dport 80 jump { drop; }", "accept" },
	{ "a chain without a name, another port", false, "inet", "", "tcp dport 81 jump { drop; }", "accept" },
	{ "a drop in a chain nobody uses", false, "inet", "chain d { drop; };", "counter", "accept" },
	/* objects: some of them let the rule end */
	{ "a named counter", false, "inet", "counter n { };", "tcp dport 80 counter name n accept", "drop" },
	{ "a named limit", true, "inet", "limit n { rate 1/second; };", "limit name \"n\" accept; drop", "accept" },
	{ "a named quota", true, "inet", "quota n { 1 mbytes; };", "quota name \"n\" accept; drop", "accept" },
	{ "a map of counters", true, "inet", "counter n { }; map m { type inet_service : counter; elements = { 81 : \"n\" }; };",
	  "counter name tcp dport map @m accept; drop", "accept" },
	/* sets and maps */
	{ "a set of other ports", false, "inet", "", "tcp dport { 22, 443 } drop", "accept" },
	{ "a set with the port", true, "inet", "", "tcp dport { 22, 80 } drop", "accept" },
	{ "not in a set", true, "inet", "", "tcp dport != { 22, 443 } drop", "accept" },
	{ "accepted by a set", false, "inet", "", "tcp dport { 22, 80 } accept", "drop" },
	{ "accepted by a named set", false, "inet", "set s { type inet_service; elements = { 80 }; };", "tcp dport @s accept",
	  "drop" },
	{ "an empty set", true, "inet", "set s { type inet_service; };", "tcp dport @s accept", "drop" },
	{ "a set that rules fill", true, "inet", "set s { type inet_service; flags dynamic; timeout 1h; elements = { 80 }; };",
	  "tcp dport @s accept", "drop" },
	{ "elements that end", true, "inet", "set s { type inet_service; flags timeout; elements = { 80 timeout 1h }; };",
	  "tcp dport @s accept", "drop" },
	{ "an interval", false, "inet", "", "tcp dport { 22, 79-81 } accept", "drop" },
	{ "the first of an interval", false, "inet", "", "tcp dport { 80-81, 443 } accept", "drop" },
	{ "the last of an interval", false, "inet", "", "tcp dport { 1-80, 443 } accept", "drop" },
	{ "behind an interval", true, "inet", "", "tcp dport { 1-79, 443 } accept", "drop" },
	{ "before an interval", true, "inet", "", "tcp dport { 81-65535, 22 } accept", "drop" },
	{ "between intervals", false, "inet", "", "tcp dport { 1-79, 81-65535 } drop", "accept" },
	{ "adjacent intervals", false, "inet", "set s { type inet_service; flags interval; elements = { 70-79, 80-90 }; };",
	  "tcp dport @s accept", "drop" },
	{ "every port", true, "inet", "", "tcp dport { 0-65535 } drop", "accept" },
	{ "protocols", false, "inet", "", "meta l4proto { udp, icmp } drop", "accept" },
	{ "protocols and TCP", true, "inet", "", "meta l4proto { tcp, udp } drop", "accept" },
	{ "addresses with another port", false, "ip", "", "ip saddr . tcp dport { 192.0.2.1 . 22 } drop", "accept" },
	{ "addresses with the port", true, "ip", "", "ip saddr . tcp dport { 192.0.2.1 . 80 } drop", "accept" },
	{ "addresses with the port accepted", true, "ip", "", "ip saddr . tcp dport { 192.0.2.1 . 80 } accept", "drop" },
	{ "ports behind an address", false, "ip6", "", "tcp dport . ip6 saddr { 22 . 2001:db8::1 } drop", "accept" },
	{ "protocol and port", false, "inet", "", "meta l4proto . th dport { tcp . 80, udp . 53 } accept", "drop" },
	{ "another protocol and port", true, "inet", "", "meta l4proto . th dport { udp . 80, tcp . 53 } accept", "drop" },
	{ "ranges of addresses and other ports", false, "ip", "",
	  "ip saddr . tcp dport { 192.0.2.0/24 . 22-25, 198.51.100.0/24 . 443 } drop", "accept" },
	{ "ranges of addresses and ports", true, "ip", "", "ip saddr . tcp dport { 192.0.2.0/24 . 22-90 } drop", "accept" },
	{ "ranges in both fields", false, "inet", "", "tcp dport . tcp dport { 22-90 . 80-90 } accept", "drop" },
	{ "ranges in both fields, not in one", true, "inet", "", "tcp dport . tcp dport { 22-90 . 81-90 } accept", "drop" },
	{ "interfaces", true, "inet", "", "iifname { \"eth0\", \"eth1\" } drop", "accept" },
	{ "a map of verdicts that drops", true, "inet", "", "tcp dport vmap { 22 : accept, 80 : drop }", "accept" },
	{ "a map of verdicts that drops others", false, "inet", "", "tcp dport vmap { 22 : drop, 443 : drop }", "accept" },
	{ "a map of verdicts that accepts", false, "inet", "", "tcp dport vmap { 80 : accept, 443 : drop }", "drop" },
	{ "a map of verdicts that jumps", true, "inet", "chain d { drop; };", "tcp dport vmap { 80 : jump d }", "accept" },
	{ "a map of verdicts that jumps for others", false, "inet", "chain d { drop; };", "tcp dport vmap { 81 : jump d }", "accept" },
	{ "a map of verdicts that jumps to an accept", false, "inet", "chain a { accept; };",
	  "tcp dport vmap { 80 : jump a }; drop", "accept" },
	{ "a map of verdicts that goes to a chain", false, "inet", "chain e { counter; };", "tcp dport vmap { 80 : goto e }; drop",
	  "accept" },
	{ "a map of verdicts that returns", true, "inet", "", "tcp dport vmap { 80 : return }; accept", "drop" },
	{ "states", false, "inet", "", "ct state vmap { established : accept, related : accept, invalid : drop }", "accept" },
	{ "states that drop", true, "inet", "", "ct state vmap { established : accept, new : drop }", "accept" },
	{ "states that accept", false, "inet", "", "ct state vmap { established : accept, new : accept, invalid : drop }", "drop" },
	{ "interfaces that jump to a drop", true, "inet", "chain d { drop; };",
	  "iifname vmap { \"lo\" : accept, \"eth0\" : jump d }", "accept" },
	{ "interfaces that jump to a drop of another port", false, "inet", "chain d { tcp dport 81 drop; };",
	  "iifname vmap { \"lo\" : accept, \"eth0\" : jump d }", "accept" },
	{ "interfaces that accept", true, "inet", "", "iifname vmap { \"eth0\" : accept }", "drop" },
	{ "a map of intervals", false, "inet", "", "tcp dport vmap { 1-79 : drop, 80-90 : accept, 91-65535 : drop }", "drop" },
	{ "a map with a default that drops", true, "inet", "", "tcp dport vmap { 22 : accept, * : drop }", "accept" },
	{ "a map with a default for others", false, "inet", "", "tcp dport vmap { 80 : accept, * : drop }", "drop" },
	{ "a map with a default that accepts", false, "inet", "", "tcp dport vmap { 22 : drop, * : accept }", "drop" },
	{ "an empty map", false, "inet", "map m { type inet_service : verdict; };", "tcp dport vmap @m", "accept" },
	{ "a map of addresses", true, "ip", "", "ip saddr vmap { 192.0.2.1 : drop }", "accept" },
	{ "registers survive a jump from a map", false, "inet", "chain x { udp dport 53 drop; };",
	  "meta l4proto . tcp dport vmap { udp . 53 : jump x, tcp . 80 : jump x, tcp . 81 : drop }", "accept" },
	{ "a named synproxy", true, "inet", "synproxy n { mss 1460; wscale 7; };", "tcp dport 80 synproxy name \"n\"", "accept" },
};

static void try(void **state)
{
	const struct test_case *c = *state;
	char ruleset[1024];

	if (!usable)
		skip_because(NO_RULESET);
	snprintf(ruleset, sizeof(ruleset), "table %s t {\n%s\nchain c { " INPUT("%s") "%s; }\n}", c->family, c->before, c->policy,
		 *c->rules ? c->rules : "counter");
	if (!load(ruleset))
		skip_because(NO_RULESET);
	read_it();
	assert_int_equal(blocks(PORT), c->blocks);
}

/* The walk judges a dormant table like any other: the caller asks whether it is in use. */
static void a_dormant_table_is_told_as_if_in_use(void **state)
{
	(void)state;
	if (!usable || !load("table inet t { flags dormant; chain c { " INPUT("drop") "}; }"))
		skip_because(NO_RULESET);
	read_it();
	assert_true(blocks(PORT));
	assert_int_equal(snapshot_table(&snapshot, NFPROTO_INET, "t")->flags, NFT_TABLE_F_DORMANT);
}

/* Other hooks than input, with the only base chain last. Redirected: port 80 of the world is 8080 of the listener. */
static const struct place {
	const char *what;
	bool blocks, redirected;
	const char *ruleset;
} places[] = {
	{ "invalid before conntrack", true, false,
	  "inet t { chain c { type filter hook prerouting priority raw; ct state invalid drop; }; }" },
	{ "invalid after conntrack", false, false,
	  "inet t { chain c { type filter hook prerouting priority mangle; ct state invalid drop; }; }" },
	{ "new before conntrack", false, false,
	  "inet t { chain c { type filter hook prerouting priority raw; ct state new drop; }; }" },
	{ "bridge", true, false, "bridge t { chain c { type filter hook input priority 0; tcp dport 80 drop; }; }" },
	{ "bridge, prerouting", true, false, "bridge t { chain c { type filter hook prerouting priority 0; ether type ip drop; }; }" },
	{ "bridge, other frames", false, false, "bridge t { chain c { type filter hook input priority 0; ether type arp drop; }; }" },
	{ "bridge, another port", false, false, "bridge t { chain c { type filter hook input priority 0; tcp dport 81 drop; }; }" },
	{ "bridge, forwarded", false, false, "bridge t { chain c { type filter hook forward priority 0; drop; }; }" },
	{ "bridge, replies", true, false, "bridge t { chain c { type filter hook output priority 0; tcp sport 80 drop; }; }" },
	{ "ingress", true, false, "netdev t { chain c { type filter hook ingress device \"lo\" priority 0; policy drop; }; }" },
	{ "ingress, counting", false, false, "netdev t { chain c { type filter hook ingress device \"lo\" priority 0; counter; }; }" },
	{ "ingress, fragments", false, false,
	  "netdev t { chain c { type filter hook ingress device \"lo\" priority 0; ip frag-off & 0x1fff != 0 drop; }; }" },
	{ "ingress of inet", true, false,
	  "inet t { chain c { type filter hook ingress device \"lo\" priority 0; tcp dport 80 drop; }; }" },
	{ "egress", true, false, "netdev t { chain c { type filter hook egress device \"lo\" priority 0; tcp sport 80 drop; }; }" },
	{ "output", true, false, "inet t { chain c { type filter hook output priority 0; policy drop; }; }" },
	{ "output, replies accepted", false, false,
	  "inet t { chain c { type filter hook output priority 0; policy drop; ct state established accept; }; }" },
	{ "output, the port accepted", false, false,
	  "inet t { chain c { type filter hook output priority 0; policy drop; tcp sport 80 accept; }; }" },
	{ "output, to the port", true, false,
	  "inet t { chain c { type filter hook output priority 0; policy drop; tcp dport 80 accept; }; }" },
	{ "output, invalid", false, false, "inet t { chain c { type filter hook output priority 0; ct state invalid drop; }; }" },
	{ "output, route", true, false, "ip t { chain c { type route hook output priority 0; tcp sport 80 drop; }; }" },
	{ "output, invalid where SYNs are hidden", true, false,
	  "inet t { chain n { notrack; }; chain c { type filter hook output priority 0; ct state invalid drop; }; }" },
	{ "input, untracked where SYNs are hidden", true, false,
	  "inet t { chain n { notrack; }; chain c { type filter hook input priority 0; ct state untracked drop; }; }" },
	{ "input, untracked where none is hidden", false, false,
	  "inet t { chain c { type filter hook input priority 0; ct state untracked drop; }; }" },
	{ "postrouting", true, false, "inet t { chain c { type filter hook postrouting priority 0; tcp sport 80 drop; }; }" },
	{ "forward", false, false, "inet t { chain c { type filter hook forward priority 0; policy drop; }; }" },
	/* nat */
	{ "dnat", true, false, "ip t { chain c { type nat hook prerouting priority -100; tcp dport 80 dnat to 192.0.2.1; }; }" },
	{ "dnat of another port", false, false,
	  "ip t { chain c { type nat hook prerouting priority -100; tcp dport 81 dnat to 192.0.2.1; }; }" },
	{ "redirect", true, false, "inet t { chain c { type nat hook prerouting priority -100; tcp dport 80 redirect to :8080; }; }" },
	{ "dnat by a map", false, false,
	  "ip t { chain c { type nat hook prerouting priority -100; dnat to tcp dport map { 81 : 192.0.2.1 }; }; }" },
	{ "dnat by a map with the port", true, false,
	  "ip t { chain c { type nat hook prerouting priority -100; dnat to tcp dport map { 80 : 192.0.2.1 }; }; }" },
	{ "masquerade", false, false, "ip t { chain c { type nat hook postrouting priority 100; masquerade; }; }" },
	{ "snat of what comes in", false, false, "ip t { chain c { type nat hook input priority 100; snat to 192.0.2.1; }; }" },
	{ "what nat does not see", false, false,
	  "ip t { chain c { type nat hook prerouting priority -100; ct state established drop; }; }" },
	{ "tproxy", true, false,
	  "inet t { chain c { type filter hook prerouting priority mangle; tcp dport 80 tproxy to :12345; }; }" },
	/* redirected by a rule of ours */
	{ "dnat comes too late", false, true,
	  "ip t { chain c { type nat hook prerouting priority -100; tcp dport 80 dnat to 192.0.2.1; }; }" },
	{ "before nat, the world's port", true, true,
	  "inet t { chain c { type filter hook prerouting priority mangle; tcp dport 80 drop; }; }" },
	{ "before nat, the listener's", false, true,
	  "inet t { chain c { type filter hook prerouting priority mangle; tcp dport 8080 drop; }; }" },
	{ "with nat, the world's port", true, true,
	  "inet t { chain c { type filter hook prerouting priority -100; tcp dport 80 drop; }; }" },
	{ "with nat, the listener's", true, true,
	  "inet t { chain c { type filter hook prerouting priority -100; tcp dport 8080 drop; }; }" },
	{ "after nat, the world's port", false, true,
	  "inet t { chain c { type filter hook prerouting priority -99; tcp dport 80 drop; }; }" },
	{ "after nat, the listener's", true, true,
	  "inet t { chain c { type filter hook prerouting priority -99; tcp dport 8080 drop; }; }" },
	{ "input, the world's port", true, true,
	  "inet t { chain c { type filter hook input priority 0; policy drop; tcp dport 80 accept; }; }" },
	{ "input, the listener's", false, true,
	  "inet t { chain c { type filter hook input priority 0; policy drop; tcp dport 8080 accept; }; }" },
	{ "input, what was redirected", false, true,
	  "inet t { chain c { type filter hook input priority 0; policy drop; ct state established accept; ct status & dnat == dnat ct state new accept; }; }" },
	{ "output, the world's port", true, true,
	  "inet t { chain c { type filter hook output priority 0; policy drop; tcp sport 80 accept; }; }" },
	{ "output, the listener's", false, true,
	  "inet t { chain c { type filter hook output priority 0; policy drop; tcp sport 8080 accept; }; }" },
	{ "late postrouting, the world's port", true, true,
	  "inet t { chain c { type filter hook postrouting priority 101; tcp sport 80 drop; }; }" },
	{ "late postrouting, the listener's", false, true,
	  "inet t { chain c { type filter hook postrouting priority 101; tcp sport 8080 drop; }; }" },
	{ "ingress, the world's port", true, true,
	  "netdev t { chain c { type filter hook ingress device \"lo\" priority 0; tcp dport 80 drop; }; }" },
};

static void at(void **state)
{
	const struct place *place = *state;
	char ruleset[512];

	if (!usable)
		skip_because(NO_RULESET);
	snprintf(ruleset, sizeof(ruleset), "table %s", place->ruleset);
	if (!load(ruleset))
		skip_because(NO_RULESET);
	read_it();
	assert_int_equal(can_block(base_chain(), PORT, place->redirected ? 8080 : PORT), place->blocks);
}

/* The rule can be bound to a socket only where the kernel finds it. */
static void what_can_be_bound(void **state)
{
	static const struct {
		const char *chain;
		bool direct, redirected;
	} chains[] = {
		{ "inet t { chain c { type filter hook prerouting priority raw; policy drop; }; }", true, false },
		{ "inet t { chain c { type filter hook prerouting priority 0; policy drop; }; }", true, true },
		{ "inet t { chain c { type filter hook input priority 0; policy drop; }; }", true, true },
		{ "ip t { chain c { type nat hook prerouting priority -100; dnat to 192.0.2.1; }; }", true, false },
		{ "inet t { chain c { type filter hook output priority 0; policy drop; }; }", false, false },
		{ "bridge t { chain c { type filter hook input priority 0; policy drop; }; }", false, false },
		{ "netdev t { chain c { type filter hook ingress device \"lo\" priority 0; policy drop; }; }", false, false },
	};
	struct opening opening = { .port = PORT };
	char ruleset[256];
	struct way way;

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(chains); i++) {
		snprintf(ruleset, sizeof(ruleset), "table %s", chains[i].chain);
		if (!usable || !load(ruleset))
			skip_because(NO_RULESET);
		read_it();
		opening.target = PORT;
		assert_true(way_find(base_chain(), &opening, &way));
		assert_int_equal(way.bindable, chains[i].direct);
		opening.target = 8080;
		if (way_find(base_chain(), &opening, &way))
			assert_int_equal(way.bindable, chains[i].redirected);
	}
}

/* A refusal names the rule. */
static void the_culprit_is_named(void **state)
{
	(void)state;
	if (!usable || !load("table inet t { chain d { tcp dport 81 drop; drop; }; chain c { " INPUT(
			       "accept") "counter; "
					 "tcp dport vmap { 80 : jump d }; }; }"))
		skip_because(NO_RULESET);
	read_it();
	assert_true(blocks(PORT));
	assert_string_equal(culprit.chain->name, "d");
	assert_ptr_equal(culprit.rule, &snapshot.rule[culprit.chain->first_rule + 1]);
	assert_true(load("table inet t { chain c { " INPUT("drop") "counter; }; }"));
	read_it();
	assert_true(blocks(PORT));
	assert_string_equal(culprit.chain->name, "c");
	assert_null(culprit.rule);
}

static void the_port_counts(void **state)
{
	(void)state;
	if (!usable || !load("table inet t { chain c { " INPUT("drop") "tcp dport 8080 accept; }; }"))
		skip_because(NO_RULESET);
	read_it();
	assert_false(blocks(8080));
	assert_true(blocks(80));
	assert_true(blocks(8081));
	assert_true(blocks(0x901f)); /* 8080 the other way round */
}

static void each_chain_is_asked_alone(void **state)
{
	const struct nft_chain *first, *second;

	(void)state;
	if (!usable || !load("table ip a { chain c { " INPUT("accept") "}; }\n"
								       "table ip b { chain c { " INPUT("accept") "drop; }; }"))
		skip_because(NO_RULESET);
	read_it();
	first = snapshot_chain(&snapshot, NFPROTO_IPV4, "a", "c");
	second = snapshot_chain(&snapshot, NFPROTO_IPV4, "b", "c");
	assert_false(can_block(first, PORT, PORT));
	assert_true(can_block(second, PORT, PORT));
}

/* Rules of iptables-nft: its own matches among native expressions. */
static void rules_of_iptables(void **state)
{
	static const struct {
		bool blocks;
		const char *chain, *rules;
	} iptables[] = {
		{ false, "INPUT", "-P INPUT ACCEPT; -A INPUT -m conntrack --ctstate INVALID -j DROP" },
		{ true, "INPUT", "-P INPUT ACCEPT; -A INPUT -m conntrack --ctstate INVALID,NEW -j DROP" },
		{ false, "INPUT", "-P INPUT ACCEPT; -A INPUT -m conntrack --ctstate UNTRACKED -j DROP" },
		{ true, "INPUT",
		  "-t raw -A PREROUTING -j CT --notrack; -P INPUT ACCEPT; -A INPUT -m conntrack --ctstate UNTRACKED -j DROP" },
		{ true, "INPUT", "-P INPUT ACCEPT; -A INPUT -m conntrack ! --ctstate ESTABLISHED -j DROP" },
		{ false, "INPUT", "-P INPUT ACCEPT; -A INPUT -m conntrack ! --ctstate NEW,ESTABLISHED -j DROP" },
		{ true, "INPUT",
		  "-P INPUT ACCEPT; -A INPUT -m conntrack --ctstate INVALID --ctproto 6 -j DROP; "
		  "-A INPUT -m conntrack --ctproto 6 -j DROP" },
		{ false, "INPUT", "-P INPUT DROP; -A INPUT -p tcp --dport 80 -m comment --comment web -j ACCEPT" },
		{ true, "INPUT", "-P INPUT DROP; -A INPUT -p tcp --dport 80 -m socket -j ACCEPT" },
		{ false, "INPUT", "-P INPUT ACCEPT; -A INPUT -m ttl --ttl-lt 5 -j DROP" },
		{ true, "INPUT", "-P INPUT ACCEPT; -A INPUT -m ttl --ttl-lt 50 -j DROP" },
		{ false, "INPUT", "-P INPUT ACCEPT; -A INPUT -p tcp -m conntrack --ctstate NEW -m tcpmss ! --mss 536:65535 -j DROP" },
		{ true, "INPUT", "-P INPUT ACCEPT; -A INPUT -p tcp -m conntrack --ctstate NEW -m tcpmss ! --mss 537:65535 -j DROP" },
		{ true, "INPUT", "-P INPUT ACCEPT; -A INPUT -p tcp -m tcpmss ! --mss 536:65535 -j DROP" },
		{ false, "INPUT", "-P INPUT ACCEPT; -A INPUT -m addrtype ! --dst-type LOCAL -j DROP" },
		{ true, "INPUT", "-P INPUT ACCEPT; -A INPUT -m addrtype --dst-type LOCAL -j DROP" },
		{ false, "INPUT", "-P INPUT ACCEPT; -A INPUT -s 127.0.0.0/8 ! -i lo -j DROP" },
		{ false, "INPUT", "-P INPUT ACCEPT; -A INPUT -p tcp -m multiport --dports 22,443 -j DROP" },
		{ true, "INPUT", "-P INPUT ACCEPT; -A INPUT -p tcp -m multiport --dports 22,80 -j DROP" },
		{ false, "INPUT", "-P INPUT ACCEPT; -A INPUT -p tcp ! --syn -m conntrack --ctstate NEW -j DROP" },
		{ true, "OUTPUT", "-P OUTPUT DROP" },
		{ false, "OUTPUT", "-P OUTPUT DROP; -A OUTPUT -p tcp --sport 80 -j ACCEPT" },
		{ true, "OUTPUT", "-P OUTPUT DROP; -A OUTPUT -p tcp --dport 80 -j ACCEPT" },
		{ true, "OUTPUT", "-P OUTPUT DROP; -A OUTPUT -p tcp --sport 80 --syn -j ACCEPT" },
		{ false, "OUTPUT", "-P OUTPUT ACCEPT; -A OUTPUT -p tcp --sport 25 -j DROP" },
		{ false, "OUTPUT", "-P OUTPUT ACCEPT; -A OUTPUT -m conntrack --ctstate NEW -j DROP" },
		{ true, "OUTPUT", "-P OUTPUT ACCEPT; -A OUTPUT -m conntrack --ctstate ESTABLISHED -j DROP" },
	};

	(void)state;
	if (!usable || system("iptables-nft -V >/dev/null 2>&1"))
		skip_because(NO_RULESET);
	for (size_t i = 0; i < LENGTH_OF(iptables); i++) {
		const struct nft_chain *chain;

		assert_true(load(""));
		assert_int_equal(setenv("RULES", iptables[i].rules, 1), 0);
		assert_int_equal(system("IFS=';'; for rule in $RULES; do eval \"iptables-nft -w 5 $rule\" || exit 1; done"), 0);
		read_it();
		chain = snapshot_chain(&snapshot, NFPROTO_IPV4, "filter", iptables[i].chain);
		assert_non_null(chain);
		if (can_block(chain, PORT, PORT) != iptables[i].blocks)
			fail_msg("%s", iptables[i].rules);
	}
}

/* Facts on this host and on the CA that asks it. */
static const struct judgement {
	const char *what;
	bool blocks, public_ca;
	const char *ruleset;
} judgements[] = {
#define IN "type filter hook input priority 0; "
#define PRE "type filter hook prerouting priority raw; "
	{ "another host's address", false, false, "ip t { chain c { " PRE "ip daddr 10.9.0.2 drop; }; }" },
	{ "this host's address", true, false, "ip t { chain c { " PRE "ip daddr 203.0.113.11 drop; }; }" },
	{ "not this host's addresses", false, false, "ip t { chain c { " PRE "ip daddr != { 203.0.113.10, 203.0.113.11 } drop; }; }" },
	{ "not one of this host's addresses", true, false, "ip t { chain c { " PRE "ip daddr != 203.0.113.10 drop; }; }" },
	{ "another network", false, false, "ip t { chain c { " PRE "ip daddr 10.0.0.0/8 drop; }; }" },
	{ "another network, not of whole bytes", false, false, "ip t { chain c { " PRE "ip daddr 10.9.0.0/17 drop; }; }" },
	{ "this host's network", true, false, "ip t { chain c { " PRE "ip daddr 203.0.113.0/25 drop; }; }" },
	{ "the other half of this host's network", false, false, "ip t { chain c { " PRE "ip daddr 203.0.113.128/25 drop; }; }" },
	{ "a range of others", false, false, "ip t { chain c { " PRE "ip daddr 203.0.113.12-203.0.113.99 drop; }; }" },
	{ "networks of others", false, false, "ip t { chain c { " PRE "ip daddr { 10.0.0.0/8, 192.168.0.0/16 } drop; }; }" },
	{ "networks with this host", true, false, "ip t { chain c { " PRE "ip daddr { 10.0.0.0/8, 203.0.0.0/16 } drop; }; }" },
	{ "another host and port", false, false, "ip t { chain c { " PRE "ip daddr . tcp dport { 10.9.0.2 . 80 } drop; }; }" },
	{ "this host and port", true, false, "ip t { chain c { " PRE "ip daddr . tcp dport { 203.0.113.10 . 80 } drop; }; }" },
	{ "source and destination at once", false, false, "ip t { chain c { " PRE "ip saddr 192.0.2.1 ip daddr 10.9.0.2 drop; }; }" },
	{ "an address of IPv6", false, false, "ip6 t { chain c { " PRE "ip6 daddr 2001:db8::11 drop; }; }" },
	{ "this host's of IPv6", true, false, "ip6 t { chain c { " PRE "ip6 daddr 2001:db8::10 drop; }; }" },
	{ "not a local address", false, false, "inet t { chain c { " PRE "fib daddr type != local drop; }; }" },
	{ "groups", false, false, "inet t { chain c { " PRE "fib daddr type { broadcast, anycast, multicast } drop; }; }" },
	{ "a local address", true, false, "inet t { chain c { " PRE "fib daddr type local drop; }; }" },
	{ "spoofed loopback", false, false, "ip t { chain c { " PRE "iif != \"lo\" ip saddr 127.0.0.0/8 drop; }; }" },
	{ "spoofed loopback of IPv6", false, false, "ip6 t { chain c { " PRE "ip6 saddr ::1 drop; }; }" },
	{ "bogons with a private CA", true, false, "ip t { chain c { " PRE "ip saddr { 10.0.0.0/8, 127.0.0.0/8 } drop; }; }" },
	{ "bogons with a public CA", false, true,
	  "ip t { chain c { " PRE "ip saddr { 10.0.0.0/8, 127.0.0.0/8, 192.168.0.0/16 } drop; }; }" },
	{ "not from a public address", false, true, "ip6 t { chain c { " PRE "ip6 saddr != 2000::/3 drop; }; }" },
	{ "some public network", true, true, "ip t { chain c { " PRE "ip saddr 8.0.0.0/8 drop; }; }" },
	{ "a part of a network", true, false, "ip t { chain c { " PRE "ip saddr 169.0.0.0/8 drop; }; }" },
	{ "loopback accepted", true, false, "inet t { chain c { " IN "policy drop; iif \"lo\" accept; }; }" },
	{ "not over loopback", true, false, "inet t { chain c { " IN "iif != \"lo\" drop; }; }" },
	{ "over loopback", false, false, "inet t { chain c { " IN "iifname \"lo\" drop; }; }" },
	{ "over a port of a bridge", false, false, "inet t { chain c { " IN "iifname \"lan0\" drop; }; }" },
	{ "over the bridge", true, false, "inet t { chain c { " IN "iifname \"br0\" drop; }; }" },
	{ "over bridges", true, false, "inet t { chain c { " IN "iifname \"br*\" drop; }; }" },
	{ "over interfaces that are not there", false, false, "inet t { chain c { " IN "iifname \"wg*\" drop; }; }" },
	{ "over all others", false, false, "inet t { chain c { " IN "iifname != { \"eth0\", \"br0\" } drop; }; }" },
	{ "an outgoing interface on the way in", false, false,
	  "inet t { chain c { " IN "oifname \"eth0\" drop; oifname != \"eth0\" drop; }; }" },
	{ "an incoming interface on the way out", false, false,
	  "inet t { chain c { type filter hook output priority 0; iifname != \"x\" drop; }; }" },
	{ "replies to one link", false, false,
	  "ip t { chain c { type filter hook output priority 0; ip daddr 169.254.0.0/16 drop; }; }" },
	{ "replies from another address", false, false,
	  "ip t { chain c { type filter hook output priority 0; ip saddr 10.9.0.1 drop; }; }" },
	{ "small segments", false, false, "inet t { chain c { " IN "tcp flags syn tcp option maxseg size 1-535 drop; }; }" },
	{ "segments of any size", true, false, "inet t { chain c { " IN "tcp flags syn tcp option maxseg size 1-536 drop; }; }" },
	{ "no SYN at the beginning", false, false, "inet t { chain c { " IN "tcp flags != syn ct state new drop; }; }" },
	{ "a time to live of 5", false, false, "ip t { chain c { " IN "ip ttl < 5 drop; }; }" },
	{ "a time to live of 50", true, false, "ip t { chain c { " IN "ip ttl < 50 drop; }; }" },
	{ "a hop limit of 255", true, false, "ip6 t { chain c { " IN "ip6 hoplimit 255 drop; }; }" },
	{ "fragments", false, false, "ip t { chain c { " IN "ip frag-off & 0x3fff != 0 drop; }; }" },
	{ "options", false, false, "ip t { chain c { " IN "ip hdrlength > 5 drop; }; }" },
	{ "an option", false, false, "ip t { chain c { " IN "ip option lsrr exists drop; }; }" },
	{ "extension headers", false, false, "ip6 t { chain c { " IN "exthdr frag exists drop; rt type 0 drop; }; }" },
	{ "not for this host", false, false, "inet t { chain c { " IN "meta pkttype { broadcast, multicast } drop; }; }" },
	{ "a kind of packet is written", true, false, "inet t { chain c { " PRE "tcp dport 80 meta pkttype set other; }; }" },
	{ "flags are written", true, false, "inet t { chain c { " PRE "tcp dport 80 @th,104,8 set 0; }; }" },
	{ "the size of segments is written", false, false,
	  "inet t { chain c { " IN "tcp flags syn tcp option maxseg size set 1400; }; }" },
	{ "an address of hardware", false, false,
	  "netdev t { chain c { type filter hook ingress device \"lo\" priority 0; ether daddr 02:00:00:00:00:99 drop; }; }" },
	{ "this host's of hardware", true, false,
	  "netdev t { chain c { type filter hook ingress device \"lo\" priority 0; ether daddr 02:00:00:00:00:01 drop; }; }" },
	{ "tagged frames", true, false,
	  "netdev t { chain c { type filter hook ingress device \"lo\" priority 0; vlan pcp 3 tcp dport 80 drop; }; }" },
	{ "tagged frames to another port", false, false,
	  "netdev t { chain c { type filter hook ingress device \"lo\" priority 0; vlan pcp 3 tcp dport 81 drop; }; }" },
	{ "all but tagged frames", true, false,
	  "bridge t { chain c { type filter hook prerouting priority 0; policy drop; ether type vlan accept; }; }" },
	{ "all but untagged frames", true, false,
	  "bridge t { chain c { type filter hook prerouting priority 0; policy drop; ether type { ip, ip6 } accept; }; }" },
};

static void judge(void **state)
{
	const struct judgement *judgement = *state;
	char ruleset[512];
	bool found;

	if (!usable)
		skip_because(NO_RULESET);
	snprintf(ruleset, sizeof(ruleset), "table %s", judgement->ruleset);
	if (!load(ruleset))
		skip_because(NO_RULESET);
	read_it();
	facts = judgement->public_ca ? &known_public : &known;
	found = blocks(PORT);
	facts = &nothing_known;
	assert_int_equal(found, judgement->blocks);
}

/* A rule goes right before the first one that may block, or into the chain that blocks; nothing that marks packets is skipped. */
static const struct insertion_case {
	const char *what, *where, *ruleset; /* where: "CHAIN NUMBER" for each insertion, with ! where it returns */
	unsigned int lost;
} insertion_cases[] = {
	{ "before the rule", "c 1", "inet t { chain c { " PRE "meta mark set 1; tcp dport 80 drop; }; }", 0 },
	{ "behind the last, for the policy", "c 2",
	  "inet t { chain c { " PRE "policy drop; meta mark set 1; tcp dport 22 accept; }; }", 0 },
	{ "before the way to the policy", "c 1",
	  "inet t { chain c { " PRE "policy drop; counter; meta mark 1 return; tcp dport 80 accept; }; }", 0 },
	{ "before a goto that ends at the policy", "c 0",
	  "inet t { chain e { counter; }; chain c { " PRE "policy drop; goto e; tcp dport 80 accept; }; }", 0 },
	{ "before the jump, where nothing comes behind it", "c 1",
	  "inet t { chain d { ip saddr 192.0.2.0/24 drop; }; chain c { " PRE "counter; jump d; counter; }; }", 0 },
	{ "back out of the chain, where a mark comes behind the jump", "d 1!",
	  "inet t { chain d { counter; ip saddr 192.0.2.0/24 drop; }; chain c { " PRE "jump d; ct mark set 1; }; }", 0 },
	{ "back out of two chains, and behind the mark", "d 0! e 0! c 3",
	  "inet t { chain d { ip saddr 192.0.2.0/24 drop; }; chain e { ip saddr 198.51.100.0/24 drop; }; "
	  "chain c { " PRE "policy drop; jump d; jump e; meta mark set 2; }; }",
	  0 },
	{ "nothing is lost of a rule about another port", "c 0",
	  "inet t { chain c { " PRE "tcp dport 80 drop; tcp dport 81 meta mark set 1; }; }", 0 },
	{ "a mark behind a drop in the chain itself is lost", "c 0",
	  "inet t { chain c { " PRE "ip saddr 192.0.2.0/24 drop; meta mark set 1; }; }", 1 },
	{ "a zone is lost", "c 0", "inet t { chain c { " PRE "ip saddr 192.0.2.0/24 drop; ct zone set 7; }; }", 4 },
	{ "and what a chain does that is jumped to", "c 0",
	  "inet t { chain m { notrack; }; chain c { " PRE "ip saddr 192.0.2.0/24 drop; jump m; }; }", 8 },
	{ "not behind an accept", "c 0", "inet t { chain c { " PRE "ip saddr 192.0.2.0/24 drop; accept; meta mark set 1; }; }", 0 },
};

static void insert(void **state)
{
	const struct insertion_case *c = *state;
	char ruleset[512], found[128] = "";
	size_t used = 0;

	if (!usable)
		skip_because(NO_RULESET);
	snprintf(ruleset, sizeof(ruleset), "table %s", c->ruleset);
	if (!load(ruleset))
		skip_because(NO_RULESET);
	read_it();
	facts = &known;
	assert_true(blocks(PORT));
	facts = &nothing_known;
	for (size_t i = 0; i < result.count; i++)
		used += (size_t)snprintf(found + used, sizeof(found) - used, "%s%s %zu%s", i ? " " : "",
					 result.insertion[i].chain->name, result.insertion[i].before,
					 result.insertion[i].returns ? "!" : "");
	assert_string_equal(found, c->where);
	assert_int_equal(result.lost, c->lost);
}

#define OURS_SET "set acmegate_0123456789abcdef { type inet_service; flags timeout; elements = { 80 timeout 1m }; }; "
#define OURS "tcp dport @acmegate_0123456789abcdef accept comment \"acmegate:0123456789abcdef\""

/* Our own rules are passed over when a place is looked for, and count when it is asked whether they are enough. */
static void rules_of_ours(void **state)
{
	const struct opening opening = { .port = PORT, .target = PORT };
	struct way way;

	(void)state;
	if (!usable || !load("table inet t { " OURS_SET "chain c { " INPUT("drop") OURS "; }; }"))
		skip_because(NO_RULESET);
	read_it();
	assert_true(blocks(PORT));
	assert_true(way_find(base_chain(), &opening, &way));
	assert_false(walk_is_shut(&snapshot, facts, base_chain(), &way, &culprit));
	assert_true(load("table inet t { " OURS_SET "chain c { " INPUT("drop") "ip saddr 192.0.2.1 drop; " OURS "; }; }"));
	read_it();
	assert_true(walk_is_shut(&snapshot, facts, base_chain(), &way, &culprit));
	assert_ptr_equal(culprit.rule, &snapshot.rule[0]);
	/* With the comment alone it is somebody else's. */
	assert_true(load("table inet t { chain c { " INPUT("drop") "tcp dport 80 accept comment \"acmegate:0123456789abcdef\"; }; }"));
	read_it();
	assert_false(blocks(PORT));
}

/* The connections that our client makes to the CA. */
static void the_client(void **state)
{
	static const struct {
		bool stops;
		const char *ruleset;
	} outputs[] = {
#define OUT "type filter hook output priority 0; "
		{ false, "inet t { chain c { " OUT "}; }" },
		{ true, "inet t { chain c { " OUT "policy drop; ct state established accept; }; }" },
		{ true, "inet t { chain c { " OUT "meta skuid 65534 drop; }; }" },
		{ false, "inet t { chain c { " OUT "meta skuid 1000 drop; }; }" },
		{ true, "inet t { chain c { " OUT "policy drop; meta skuid 0 tcp dport 443 accept; }; }" },
		{ false, "inet t { chain c { " OUT "policy drop; meta skuid 65534 tcp dport 443 accept; }; }" },
		{ false, "inet t { chain c { " OUT "policy drop; tcp dport { 80, 443 } accept; }; }" },
		{ true, "inet t { chain c { " OUT "policy drop; tcp dport 80 accept; }; }" },
		{ false, "inet t { chain c { type filter hook input priority 0; policy drop; }; }" },
	};
	char ruleset[256];

	(void)state;
	facts = &nothing_known;
	for (size_t i = 0; i < LENGTH_OF(outputs); i++) {
		snprintf(ruleset, sizeof(ruleset), "table %s", outputs[i].ruleset);
		if (!usable || !load(ruleset))
			skip_because(NO_RULESET);
		read_it();
		if (walk_stops_client(&snapshot, facts, base_chain(), 65534, 443, &culprit) != outputs[i].stops)
			fail_msg("%s", outputs[i].ruleset);
	}
}

/* Sockets are known on the way in only. */
static void shared_chains(void **state)
{
	(void)state;
	if (!usable || !load("table inet t { chain a { }; chain b { jump a; }; chain d { }; chain in { " INPUT(
			       "accept") "jump d; jump b; }; "
					 "chain f { type filter hook forward priority 0; ct mark vmap { 1 : jump b }; }; }"))
		skip_because(NO_RULESET);
	read_it();
	assert_true(reach_is_shared(&snapshot, snapshot_chain(&snapshot, NFPROTO_INET, "t", "a")));
	assert_true(reach_is_shared(&snapshot, snapshot_chain(&snapshot, NFPROTO_INET, "t", "b")));
	assert_false(reach_is_shared(&snapshot, snapshot_chain(&snapshot, NFPROTO_INET, "t", "d")));
}

/* Many rules that jump to many chains: each is walked once. */
/* In the order of bytes of this machine, with no kernel. */
static void targets_that_hide_packets(void **state)
{
	static const struct {
		const char *target;
		bool hides;
	} targets[] = { { "CT", true }, { "NOTRACK", true }, { "ACCEPT", false }, { "CTX", false } };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(targets); i++) {
		char buffer[256];
		struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
		struct messages messages = { 0 };

		mnl_attr_put_strz(message, NFTA_TARGET_NAME, targets[i].target);
		mnl_attr_put_u32(message, NFTA_TARGET_REV, 0);
		assert_int_equal(messages_append(&messages, message, message->nlmsg_len, &fault), 0);
		assert_int_equal(snapshot_may_notrack(&messages), targets[i].hides);
		free(messages.bytes);
	}
}

/* Chains that each jump to the next one so many times, in each of their rules. */
static bool load_levels(int levels, int jumps)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	bool loaded;

	assert_non_null(stream);
	fputs("table inet t { chain c0 { tcp dport 81 drop; }; ", stream);
	for (int i = 1; i < levels; i++) {
		fprintf(stream, "chain c%d { ", i);
		for (int j = 0; j < jumps; j++)
			fprintf(stream, "meta mark %d jump c%d; ", j, i - 1);
		fputs("}; ", stream);
	}
	fprintf(stream, "chain c { " INPUT("accept") "jump c%d; }; }", levels - 1);
	fclose(stream);
	loaded = load(text);
	free(text);
	return loaded;
}

/* The time of the kernel for child processes that have ended, in milliseconds. */
static long children_cost(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_CHILDREN, &usage), 0);
	return (long)(usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000);
}

/*
 * Kernels such as Debian 12's check a ruleset along every path through it, and cannot be stopped meanwhile: 100 jumps on 14 levels
 * would keep a processor for ever. Two millions of paths tell, out of 160 rules.
 */
static bool kernel_walks_each_path(void)
{
	long begin = children_cost(), flat, deep;

	assert_true(load_levels(2, 160));
	flat = children_cost() - begin;
	begin = children_cost();
	assert_true(load_levels(5, 38));
	deep = children_cost() - begin;
	return deep > 5 * flat + 40;
}

static void a_large_ruleset_is_quick(void **state)
{
	(void)state;
	if (!usable)
		skip_because(NO_RULESET);
	if (kernel_walks_each_path()) {
		skip_because("this kernel walks every path through a ruleset that it is given: it would never take the large one");
	}
	if (!load_levels(15, 100))
		skip_because(NO_RULESET);
	read_it();
	assert_false(blocks(PORT));
	assert_true(blocks(81));
}

int main(void)
{
	static struct CMUnitTest tests[LENGTH_OF(cases) + LENGTH_OF(places) + LENGTH_OF(judgements) + LENGTH_OF(insertion_cases) + 16];
	const struct CMUnitTest others[] = {
		cmocka_unit_test(a_dormant_table_is_told_as_if_in_use),
		cmocka_unit_test(what_can_be_bound),
		cmocka_unit_test(the_culprit_is_named),
		cmocka_unit_test(the_port_counts),
		cmocka_unit_test(each_chain_is_asked_alone),
		cmocka_unit_test(rules_of_iptables),
		cmocka_unit_test(rules_of_ours),
		cmocka_unit_test(the_client),
		cmocka_unit_test(shared_chains),
		cmocka_unit_test(targets_that_hide_packets),
		cmocka_unit_test(a_large_ruleset_is_quick),
	};
	size_t n = 0;

	for (size_t i = 0; i < LENGTH_OF(cases); i++)
		tests[n++] = (struct CMUnitTest){ .name = cases[i].what,
						  .test_func = try,
						  .initial_state = (void *)(uintptr_t)&cases[i] };
	for (size_t i = 0; i < LENGTH_OF(places); i++)
		tests[n++] = (struct CMUnitTest){ .name = places[i].what,
						  .test_func = at,
						  .initial_state = (void *)(uintptr_t)&places[i] };
	for (size_t i = 0; i < LENGTH_OF(judgements); i++)
		tests[n++] = (struct CMUnitTest){ .name = judgements[i].what,
						  .test_func = judge,
						  .initial_state = (void *)(uintptr_t)&judgements[i] };
	for (size_t i = 0; i < LENGTH_OF(insertion_cases); i++)
		tests[n++] = (struct CMUnitTest){ .name = insertion_cases[i].what,
						  .test_func = insert,
						  .initial_state = (void *)(uintptr_t)&insertion_cases[i] };
	for (size_t i = 0; i < LENGTH_OF(others); i++)
		tests[n++] = others[i];
	return _cmocka_run_group_tests("walk", tests, n, set_up, tear_down);
}
