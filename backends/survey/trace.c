// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/trace.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>

#include "backends/nft/text.h"
#include "backends/survey/message.h"

#define ADDRESSES_SAID 5 /* of one kind */

/* --- taking ------------------------------------------------------------------------------------------------------- */

/* The bytes of an attribute if it has so many, else NULL. */
static const unsigned char *bytes_of(const struct nlattr *attr, size_t least)
{
	return attr && mnl_attr_get_payload_len(attr) >= least ? mnl_attr_get_payload(attr) : NULL;
}

/* The part of a connection that a TCP header belongs to. PARTS: it is none of ours. */
static enum part part_of(const unsigned char *tcp, const struct opening *opening)
{
	const uint16_t from = (uint16_t)(tcp[0] << 8 | tcp[1]), to = (uint16_t)(tcp[2] << 8 | tcp[3]);
	const bool entering = to == opening->port || to == opening->target;
	const bool leaving = from == opening->port || from == opening->target;
	const uint8_t flags = tcp[13] & (TH_FIN | TH_SYN | TH_RST | TH_PUSH | TH_ACK);

	if (entering && flags == TH_SYN)
		return PART_SYN;
	if (leaving && flags == (TH_SYN | TH_ACK))
		return PART_ANSWER;
	return entering && flags == (TH_PUSH | TH_ACK) ? PART_REQUEST : PARTS;
}

/* Fills part, family and peer from the headers, which only the first message at each hook has. false: they are none of ours. */
static bool read_headers(struct traced *packet, const struct nlattr *const *attrs, const struct opening *opening)
{
	const unsigned char *ip = bytes_of(attrs[NFTA_TRACE_NETWORK_HEADER], sizeof(struct ip));
	const unsigned char *tcp = bytes_of(attrs[NFTA_TRACE_TRANSPORT_HEADER], 14);
	const bool v4 = ip && ip[0] >> 4 == 4;

	if (!v4)
		ip = bytes_of(attrs[NFTA_TRACE_NETWORK_HEADER], sizeof(struct ip6_hdr));
	packet->part = ip && tcp ? part_of(tcp, opening) : PARTS;
	if (packet->part == PARTS)
		return false;
	packet->family = v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	if (packet->part == PART_ANSWER)
		memcpy(packet->peer, ip + (v4 ? 16 : 24), v4 ? 4 : 16);
	else
		memcpy(packet->peer, ip + (v4 ? 12 : 8), v4 ? 4 : 16);
	return true;
}

static bool is_same(const struct traced *a, const struct traced *b)
{
	return a->id == b->id && a->part == b->part && !memcmp(a->peer, b->peer, sizeof(a->peer));
}

/* The packet that a message is about: behind a DNAT its headers are not known any more, and the number is. NULL: none of ours. */
static struct traced *find(struct trace *trace, const struct nlattr *const *attrs, const struct opening *opening)
{
	struct traced packet = { .id = attr_u32(attrs[NFTA_TRACE_ID], 0) };
	const bool known = read_headers(&packet, attrs, opening);

	for (size_t i = trace->packets; i-- > 0;)
		if (known ? is_same(&trace->packet[i], &packet) : trace->packet[i].id == packet.id)
			return &trace->packet[i];
	if (!known || trace->packets == TRACE_PACKETS)
		return NULL;
	trace->packet[trace->packets] = packet;
	return &trace->packet[trace->packets++];
}

static enum ending ending_of(const struct nlattr *const *attrs)
{
	static const enum ending endings[] = { [NF_DROP] = ENDING_DROPPED, [NF_STOLEN] = ENDING_STOLEN, [NF_QUEUE] = ENDING_QUEUED };
	const struct nlattr *verdict[NFTA_VERDICT_MAX + 1];
	uint32_t code;

	attrs_of_nest(attrs[NFTA_TRACE_VERDICT], verdict, NFTA_VERDICT_MAX);
	code = attr_u32(attrs[NFTA_TRACE_POLICY], attr_u32(verdict[NFTA_VERDICT_CODE], NF_ACCEPT));
	if (code >> 31) /* NFT_CONTINUE, NFT_JUMP ... */
		return ENDING_NONE;
	code &= NF_VERDICT_MASK;
	return code < LENGTH_OF(endings) ? endings[code] : ENDING_NONE;
}

void trace_take(struct trace *trace, const struct nlmsghdr *message, const struct opening *opening)
{
	const struct nlattr *attrs[NFTA_TRACE_MAX + 1];
	struct traced *packet;

	attrs_of_message(message, attrs, NFTA_TRACE_MAX);
	packet = find(trace, attrs, opening);
	if (!packet)
		return;
	packet->sent_on = packet->sent_on || (packet->part == PART_SYN && attrs[NFTA_TRACE_OIF]);
	if (packet->ending == ENDING_DROPPED) /* by a rule that met it before: the same packet once more */
		return;
	packet->ending = ending_of(attrs);
	packet->chain_family = message_family(message);
	packet->handle = attr_u64(attrs[NFTA_TRACE_RULE_HANDLE], 0);
	snprintf(packet->table, sizeof(packet->table), "%s", attr_text(attrs[NFTA_TRACE_TABLE]));
	snprintf(packet->chain, sizeof(packet->chain), "%s", attr_text(attrs[NFTA_TRACE_CHAIN]));
}

/* --- saying ------------------------------------------------------------------------------------------------------- */

/* The fate of a connection, the worst first. */
enum fate {
	FATE_SYN_ENDED,
	FATE_ANSWER_ENDED,
	FATE_REQUEST_ENDED,
	FATE_SENT_ON,
	FATE_UNANSWERED,
	FATE_ANSWERED,
	FATE_ASKED,
	FATES
};

static bool is_of(const struct traced *a, const struct traced *b)
{
	return a->family == b->family && !memcmp(a->peer, b->peer, sizeof(a->peer));
}

/* The packet of this peer that shows how far it got. */
static const struct traced *judge(const struct trace *trace, const struct traced *peer, enum fate *fate)
{
	static const enum fate ended[PARTS] = { FATE_SYN_ENDED, FATE_ANSWER_ENDED, FATE_REQUEST_ENDED };
	static const enum fate passed[PARTS] = { FATE_UNANSWERED, FATE_ANSWERED, FATE_ASKED };
	const struct traced *last = peer;

	for (const struct traced *packet = trace->packet; packet < trace->packet + trace->packets; packet++)
		if (is_of(packet, peer) && packet->part >= last->part)
			last = packet;
	*fate = last->ending != ENDING_NONE ? ended[last->part] : last->sent_on ? FATE_SENT_ON : passed[last->part];
	return last;
}

/* A comment that nft prints behind the rule: type, length, value, with one byte for each of the first two. */
static void say_comment(struct text *text, const struct nft_rule *rule)
{
	const unsigned char *at = bytes_of(rule->userdata, 3);
	const size_t length = rule->userdata ? mnl_attr_get_payload_len(rule->userdata) : 0;

	if (at && at[0] == 0 && at[1] >= 1 && (size_t)at[1] + 2 <= length)
		text_print(text, ", \"%.*s\"", at[1] - 1, (const char *)at + 2);
}

static void say_rule(struct text *text, const struct traced *at, struct snapshot *snapshot)
{
	const struct nft_chain *chain = snapshot ? snapshot_chain(snapshot, at->chain_family, at->table, at->chain) : NULL;

	text_print(text, " by the rule with handle %llu", (unsigned long long)at->handle);
	for (size_t i = 0; chain && i < chain->rules; i++)
		if (snapshot->rule[chain->first_rule + i].handle == at->handle) {
			text_print(text, " (number %zu", i + 1);
			say_comment(text, &snapshot->rule[chain->first_rule + i]);
			text_print(text, ")");
		}
}

static void say_place(struct text *text, const struct traced *at, struct snapshot *snapshot)
{
	static const char *const words[ENDINGS] = { "", "dropped", "left to a program (queue)", "taken away" };

	text_print(text, " %s in %s %s %s", words[at->ending], nft_family(at->chain_family), at->table, at->chain);
	if (at->handle)
		say_rule(text, at, snapshot);
	else
		text_print(text, " by its policy");
}

static bool is_same_place(const struct traced *a, const struct traced *b)
{
	return a->ending == b->ending && a->chain_family == b->chain_family && a->handle == b->handle &&
	       !strcmp(a->table, b->table) && !strcmp(a->chain, b->chain);
}

/* Is this the first packet of its peer? */
static bool is_first(const struct trace *trace, const struct traced *packet)
{
	for (const struct traced *earlier = trace->packet; earlier < packet; earlier++)
		if (is_of(earlier, packet))
			return false;
	return true;
}

/* All peers that met the same fate as this one at the same place; those are marked as said. */
static void say_peers(struct text *text, const struct trace *trace, const struct traced *at, enum fate wanted, bool *said)
{
	char address[INET6_ADDRSTRLEN];
	size_t count = 0;

	for (size_t i = 0; i < trace->packets; i++) {
		const struct traced *packet = &trace->packet[i];
		enum fate fate;
		const struct traced *last = judge(trace, packet, &fate);

		if (said[i] || !is_first(trace, packet) || fate != wanted || (fate <= FATE_REQUEST_ENDED && !is_same_place(last, at)))
			continue;
		said[i] = true;
		if (++count > ADDRESSES_SAID)
			continue;
		inet_ntop(packet->family == NFPROTO_IPV4 ? AF_INET : AF_INET6, packet->peer, address, sizeof(address));
		text_print(text, "%s %s", count > 1 ? "," : "", address);
	}
	if (count > ADDRESSES_SAID)
		text_print(text, " and %zu more", count - ADDRESSES_SAID);
}

static void say_fate(struct text *text, const struct traced *at, enum fate fate, struct snapshot *snapshot, bool legacy)
{
	static const char *const words[FATES] = {
		[FATE_SYN_ENDED] = "",
		[FATE_ANSWER_ENDED] = " answered, the reply",
		[FATE_REQUEST_ENDED] = " answered, the request behind it",
		[FATE_SENT_ON] = " sent on to another host or container",
		[FATE_UNANSWERED] = " passed all chains of nftables and was not answered",
		[FATE_ANSWERED] = " answered, no request followed",
		[FATE_ASKED] = " answered, and a request followed",
	};

	text_print(text, "%s", words[fate]);
	if (fate <= FATE_REQUEST_ENDED)
		say_place(text, at, snapshot);
	if (fate == FATE_UNANSWERED)
		text_print(text, legacy ? ": iptables-legacy, which cannot be traced, may drop it" : ": see rp_filter and XDP");
}

/* Did any of the connections get no further than this? Where all were answered and asked, there is nothing to be said. */
static bool is_wanting(const struct trace *trace)
{
	for (size_t i = 0; i < trace->packets; i++) {
		enum fate fate;

		(void)judge(trace, &trace->packet[i], &fate);
		if (fate != FATE_ASKED)
			return true;
	}
	return !trace->packets;
}

void trace_say(const struct trace *trace, struct snapshot *snapshot, bool legacy, char *line, size_t size)
{
	struct text text = { line, size, 0 };
	bool said[TRACE_PACKETS] = { false };

	line[0] = '\0';
	if (!is_wanting(trace))
		return;
	if (!trace->packets)
		text_print(&text, "no SYN came");
	for (enum fate wanted = 0; wanted < FATES; wanted++)
		for (size_t i = 0; i < trace->packets; i++) {
			enum fate fate;
			const struct traced *at = judge(trace, &trace->packet[i], &fate);

			if (said[i] || fate != wanted || !is_first(trace, &trace->packet[i]))
				continue;
			text_print(&text, "%sSYN from", text.used ? "; " : "");
			say_peers(&text, trace, at, fate, said);
			say_fate(&text, at, fate, snapshot, legacy);
		}
}
