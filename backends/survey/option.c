// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/option.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "backends/survey/xt_match.h"

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

/* Is this word in a list that is separated by commas? */
static bool has_word(const char *list, const char *word)
{
	const size_t length = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, word, length) && (at[length] == ',' || !at[length]))
			return true;
	}
	return false;
}

static enum match judge_protocol(const struct meeting *meeting, const char *value)
{
	static const char *const ours[] = { "tcp", "6", "all", "0" };

	(void)meeting;
	return match_if(is_one_of(value, ours, LENGTH_OF(ours)));
}

/* "192.0.2.0/24", "2001:db8::/32". A mask of another form is not judged. */
static enum match judge_address(const struct meeting *meeting, const char *value, enum fact fact)
{
	const size_t bytes = meeting->family == NFPROTO_IPV4 ? 4 : 16;
	unsigned char low[16], high[16];
	const char *slash = strchr(value, '/');
	char address[INET6_ADDRSTRLEN] = "", *end = NULL;
	unsigned long prefix = slash ? strtoul(slash + 1, &end, 10) : 8 * bytes;
	size_t length = slash ? (size_t)(slash - value) : strlen(value);

	if (length < sizeof(address))
		/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the rest of it is zero */
		memcpy(address, value, length);
	if ((end && *end) || prefix > 8 * bytes || inet_pton(bytes == 4 ? AF_INET : AF_INET6, address, low) != 1)
		return MAYBE;
	for (size_t i = 0; i < bytes; i++) {
		unsigned int bits = prefix > 8 * i ? (unsigned int)(prefix - 8 * i) : 0;
		unsigned char host = (unsigned char)(bits >= 8 ? 0 : 0xff >> bits);

		high[i] = low[i] | host;
		low[i] &= (unsigned char)~host;
	}
	return field_between(&meeting->facts->field[fact], NULL, low, high, bytes);
}

static enum match judge_source(const struct meeting *meeting, const char *value)
{
	bool v4 = meeting->family == NFPROTO_IPV4;

	return judge_address(meeting, value,
			     meeting->packet->leaving ? (v4 ? FACT_LOCAL4 : FACT_LOCAL6) :
			     v4			      ? FACT_SOURCE4 :
							FACT_SOURCE6);
}

static enum match judge_destination(const struct meeting *meeting, const char *value)
{
	bool v4 = meeting->family == NFPROTO_IPV4;

	return judge_address(meeting, value,
			     meeting->packet->leaving ? (v4 ? FACT_SOURCE4 : FACT_SOURCE6) :
			     v4			      ? FACT_LOCAL4 :
							FACT_LOCAL6);
}

/* "eth0", "eth+" */
static enum match judge_interface(const struct meeting *meeting, const char *value)
{
	unsigned char name[HOST_NAME] = "";
	size_t length = strnlen(value, HOST_NAME);
	bool wildcard = length && value[length - 1] == '+';

	if (length == HOST_NAME)
		return MAYBE;
	length -= wildcard;
	memcpy(name, value, length);
	return length || !wildcard ?
		       field_between(&meeting->facts->field[FACT_NAME], NULL, name, name, wildcard ? length : sizeof(name)) :
		       YES;
}

/* "80", "80,443", "1:1023" */
static enum match judge_numbers(const char *list, unsigned int least, unsigned int most)
{
	enum match match = NO;

	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;
		enum match one;

		if (end == list && *list != ':')
			return MAYBE;
		if (*end == ':' || *end == '-') {
			const char *second = end + 1;

			last = strtoul(second, &end, 10);
			last = end == second ? UINT32_MAX : last;
		}
		one = xt_number(least, most, (unsigned int)first, (unsigned int)last);
		match = one > match ? one : match;
		if (*end != ',')
			return *end ? MAYBE : match;
		list = end + 1;
	}
	return match;
}

static enum match judge_port(const struct meeting *meeting, const char *value, bool source)
{
	return source == meeting->packet->from ? judge_numbers(value, meeting->port, meeting->port) :
						 judge_numbers(value, 0, UINT16_MAX);
}

static enum match judge_source_port(const struct meeting *meeting, const char *value)
{
	return judge_port(meeting, value, true);
}

static enum match judge_destination_port(const struct meeting *meeting, const char *value)
{
	return judge_port(meeting, value, false);
}

static enum match judge_state(const struct meeting *meeting, const char *value)
{
	static const struct {
		uint32_t state;
		const char *word;
	} states[] = { { CT_INVALID, "INVALID" }, { CT_NEW, "NEW" }, { CT_ESTABLISHED, "ESTABLISHED" }, { CT_UNTRACKED, "UNTRACKED" } };

	if (!meeting->packet->state || has_word(value, "SNAT") || has_word(value, "DNAT"))
		return MAYBE;
	for (size_t i = 0; i < LENGTH_OF(states); i++)
		if (states[i].state == meeting->packet->state)
			return match_if(has_word(value, states[i].word));
	return MAYBE;
}

static enum match judge_type(const struct meeting *meeting, const char *value, bool dest)
{
	static const char *const types[] = {
		[RTN_UNSPEC] = "UNSPEC",       [RTN_UNICAST] = "UNICAST",	  [RTN_LOCAL] = "LOCAL",
		[RTN_BROADCAST] = "BROADCAST", [RTN_ANYCAST] = "ANYCAST",	  [RTN_MULTICAST] = "MULTICAST",
		[RTN_BLACKHOLE] = "BLACKHOLE", [RTN_UNREACHABLE] = "UNREACHABLE", [RTN_PROHIBIT] = "PROHIBIT"
	};
	unsigned int bits = 0;

	for (unsigned int i = 0; i < LENGTH_OF(types); i++)
		bits |= has_word(value, types[i]) ? 1U << i : 0;
	return bits ? xt_addrtype(meeting, bits, dest) : MAYBE;
}

static enum match judge_source_type(const struct meeting *meeting, const char *value)
{
	return judge_type(meeting, value, false);
}

static enum match judge_destination_type(const struct meeting *meeting, const char *value)
{
	return judge_type(meeting, value, true);
}

static enum match judge_mss(const struct meeting *meeting, const char *value)
{
	if (!meeting->packet->known)
		return MAYBE;
	return packet_is_syn(meeting->packet) ? judge_numbers(value, XT_MSS_LEAST, UINT16_MAX) : NO;
}

static unsigned int ttl_least(const struct meeting *meeting)
{
	return meeting->packet->leaving ? 0 : XT_TTL_LEAST;
}

static enum match judge_ttl_equal(const struct meeting *meeting, const char *value)
{
	return judge_numbers(value, ttl_least(meeting), UINT8_MAX);
}

static enum match judge_ttl_less(const struct meeting *meeting, const char *value)
{
	unsigned int limit = (unsigned int)strtoul(value, NULL, 10);

	return limit ? xt_number(ttl_least(meeting), UINT8_MAX, 0, limit - 1) : NO;
}

static enum match judge_ttl_more(const struct meeting *meeting, const char *value)
{
	return xt_number(ttl_least(meeting), UINT8_MAX, (unsigned int)strtoul(value, NULL, 10) + 1, UINT32_MAX);
}

static enum match judge_user(const struct meeting *meeting, const char *value)
{
	return meeting->owned ? judge_numbers(value, meeting->user, meeting->user) : MAYBE;
}

static enum match judge_nothing(const struct meeting *meeting, const char *value)
{
	(void)meeting, (void)value;
	return YES;
}

/* Modules whose options are known. Other modules, and other options of these, may match or not. */
static enum match judge_module(const struct meeting *meeting, const char *value)
{
	static const char *const known[] = { "tcp",	 "multiport", "comment", "conntrack", "state",
					     "addrtype", "tcpmss",    "ttl",	 "hl",	      "owner" };
	static const char *const absent[] = { "rt", "dst", "hbh", "frag", "ah", "esp", "udp", "icmp", "icmp6", "sctp" };

	(void)meeting;
	if (is_one_of(value, absent, LENGTH_OF(absent)))
		return NO;
	return is_one_of(value, known, LENGTH_OF(known)) ? YES : MAYBE;
}

static uint8_t flags_of(const char *list)
{
	static const struct {
		const char *word;
		uint8_t flags;
	} names[] = { { "FIN", TH_FIN }, { "SYN", TH_SYN }, { "RST", TH_RST }, { "PSH", TH_PUSH },
		      { "ACK", TH_ACK }, { "URG", TH_URG }, { "ALL", 0x3f } };
	uint8_t flags = 0;

	for (size_t i = 0; i < LENGTH_OF(names); i++)
		flags |= has_word(list, names[i].word) ? names[i].flags : 0;
	return flags;
}

static const struct {
	const char *option;
	enum match (*judge)(const struct meeting *meeting, const char *value);
} options[] = {
	{ "-p", judge_protocol },
	{ "-s", judge_source },
	{ "-d", judge_destination },
	{ "-i", judge_interface },
	{ "-o", judge_interface },
	{ "-m", judge_module },
	{ "--sport", judge_source_port },
	{ "--dport", judge_destination_port },
	{ "--sports", judge_source_port },
	{ "--dports", judge_destination_port },
	{ "--ctstate", judge_state },
	{ "--state", judge_state },
	{ "--src-type", judge_source_type },
	{ "--dst-type", judge_destination_type },
	{ "--mss", judge_mss },
	{ "--ttl-eq", judge_ttl_equal },
	{ "--ttl-lt", judge_ttl_less },
	{ "--ttl-gt", judge_ttl_more },
	{ "--hl-eq", judge_ttl_equal },
	{ "--hl-lt", judge_ttl_less },
	{ "--hl-gt", judge_ttl_more },
	{ "--uid-owner", judge_user },
	{ "--comment", judge_nothing },
};

enum match option_judge(const struct meeting *meeting, const struct ipt_words *rule, size_t *i)
{
	const char *option = rule->word[*i];

	if (!strcmp(option, "-f")) /* a fragment that is not the first */
		return NO;
	if (!strcmp(option, "--tcp-flags") && *i + 2 < rule->words) {
		uint8_t mask = flags_of(rule->word[*i + 1]), flags = flags_of(rule->word[*i + 2]), known = meeting->packet->known;

		*i += 2;
		if ((meeting->packet->flags ^ flags) & mask & known)
			return NO;
		return (mask & ~known) ? MAYBE : match_if((meeting->packet->flags & mask) == flags);
	}
	for (size_t o = 0; o < LENGTH_OF(options) && *i + 1 < rule->words; o++)
		if (!strcmp(option, options[o].option))
			return options[o].judge(meeting, rule->word[++*i]);
	return option[0] == '-' ? MAYBE : YES; /* the value of an option that is not known */
}
