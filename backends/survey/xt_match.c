// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/xt_match.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_owner.h>
#include <linux/netfilter/xt_tcpmss.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ipt_ttl.h>
#include <linux/rtnetlink.h>
#include <netinet/tcp.h>
#include <string.h>

static enum match either(bool yes)
{
	return yes ? YES : NO;
}

static enum match invert(enum match match, bool inverted)
{
	return !inverted || match == MAYBE ? match : either(match == NO);
}

/* Both must match. */
static enum match both(enum match a, enum match b)
{
	return a < b ? a : b;
}

enum match xt_number(unsigned int least, unsigned int most, unsigned int low, unsigned int high)
{
	if (most < low || least > high)
		return NO;
	return low <= least && most <= high ? YES : MAYBE;
}

/* Its bits are those of nf_tables, but for the one of untracked packets. */
static enum match match_conntrack(const struct meeting *meeting, const void *info)
{
	const struct xt_conntrack_mtinfo3 *wanted = info;
	const uint32_t state = meeting->packet->state == CT_UNTRACKED ? XT_CONNTRACK_STATE_UNTRACKED : meeting->packet->state;

	if (wanted->match_flags != XT_CONNTRACK_STATE || !state)
		return MAYBE;
	return either(((wanted->state_mask & state) != 0) != ((wanted->invert_flags & XT_CONNTRACK_STATE) != 0));
}

/* The port at our end is known, the other one may be any. */
static enum match match_port(const struct meeting *meeting, bool source, unsigned int low, unsigned int high)
{
	return source == meeting->packet->from ? xt_number(meeting->port, meeting->port, low, high) :
						 xt_number(0, UINT16_MAX, low, high);
}

static enum match match_flags(const struct packet *packet, uint8_t mask, uint8_t compare)
{
	if ((packet->flags ^ compare) & mask & packet->known)
		return NO;
	return (mask & ~packet->known) ? MAYBE : either((packet->flags & mask) == compare);
}

static enum match match_tcp(const struct meeting *meeting, const void *info)
{
	const struct xt_tcp *tcp = info;
	enum match match = both(invert(match_port(meeting, true, tcp->spts[0], tcp->spts[1]), tcp->invflags & XT_TCP_INV_SRCPT),
				invert(match_port(meeting, false, tcp->dpts[0], tcp->dpts[1]), tcp->invflags & XT_TCP_INV_DSTPT));

	match = both(match, invert(match_flags(meeting->packet, tcp->flg_mask, tcp->flg_cmp), tcp->invflags & XT_TCP_INV_FLAGS));
	return both(match, tcp->option ? MAYBE : YES);
}

static enum match match_multiport(const struct meeting *meeting, const void *info)
{
	const struct xt_multiport_v1 *ports = info;
	enum match match = NO;

	for (size_t i = 0; i < ports->count && i < XT_MULTI_PORTS; i++) {
		size_t last = ports->pflags[i] && i + 1 < XT_MULTI_PORTS ? i + 1 : i;
		enum match one = match_port(meeting, ports->flags == XT_MULTIPORT_SOURCE, ports->ports[i], ports->ports[last]);

		if (ports->flags == XT_MULTIPORT_EITHER && one == NO)
			one = match_port(meeting, true, ports->ports[i], ports->ports[last]);
		match = one > match ? one : match;
		i = last;
	}
	return invert(match, ports->invert);
}

/* A SYN names the size of its segments. What follows has no such option, which an inverted match takes for a match. */
static enum match match_tcpmss(const struct meeting *meeting, const void *info)
{
	const struct xt_tcpmss_match_info *mss = info;

	if (!meeting->packet->known)
		return MAYBE;
	if (!packet_is_syn(meeting->packet))
		return invert(NO, mss->invert);
	return invert(xt_number(XT_MSS_LEAST, UINT16_MAX, mss->mss_min, mss->mss_max), mss->invert);
}

static enum match match_ttl(const struct meeting *meeting, const void *info)
{
	const struct ipt_ttl_info *ttl = info;
	const unsigned int least = meeting->packet->leaving ? 0 : XT_TTL_LEAST;

	switch (ttl->mode) {
	case IPT_TTL_EQ:
		return xt_number(least, UINT8_MAX, ttl->ttl, ttl->ttl);
	case IPT_TTL_NE:
		return invert(xt_number(least, UINT8_MAX, ttl->ttl, ttl->ttl), true);
	case IPT_TTL_LT:
		return invert(xt_number(least, UINT8_MAX, ttl->ttl, UINT8_MAX), true);
	case IPT_TTL_GT:
		return invert(xt_number(least, UINT8_MAX, 0, ttl->ttl), true);
	default:
		return MAYBE;
	}
}

/* An address of this host is of the type local; for IPv6 a unicast address besides (net/netfilter/xt_addrtype.c, match_type6()). */
enum match xt_addrtype(const struct meeting *meeting, unsigned int types, bool dest)
{
	const unsigned int local = 1U << RTN_LOCAL, unicast = 1U << RTN_UNICAST;

	if (!types)
		return YES;
	if (dest == meeting->packet->leaving) /* the other end */
		return MAYBE;
	if (types == local)
		return YES;
	return types & local || (meeting->family == NFPROTO_IPV6 && (types & unicast)) ? MAYBE : NO;
}

static enum match match_addrtype(const struct meeting *meeting, const void *info)
{
	const struct xt_addrtype_info_v1 *type = info;
	enum match match = both(invert(xt_addrtype(meeting, type->source, false), type->flags & XT_ADDRTYPE_INVERT_SOURCE),
				invert(xt_addrtype(meeting, type->dest, true), type->flags & XT_ADDRTYPE_INVERT_DEST));

	return (type->flags & (XT_ADDRTYPE_LIMIT_IFACE_IN | XT_ADDRTYPE_LIMIT_IFACE_OUT)) ? MAYBE : match;
}

static enum match match_owner(const struct meeting *meeting, const void *info)
{
	const struct xt_owner_match_info *owner = info;
	enum match match = YES;

	if (!meeting->owned)
		return MAYBE;
	if (owner->match & XT_OWNER_UID)
		match = invert(xt_number(meeting->user, meeting->user, owner->uid_min, owner->uid_max), owner->invert & XT_OWNER_UID);
	if (owner->match & XT_OWNER_GID)
		match = both(match, MAYBE);
	return match;
}

static enum match match_comment(const struct meeting *meeting, const void *info)
{
	(void)meeting, (void)info;
	return YES;
}

/* Extension headers of IPv6: it is no such packet. */
static enum match match_absent(const struct meeting *meeting, const void *info)
{
	(void)meeting, (void)info;
	return NO;
}

static const struct {
	const char *name;
	uint32_t revision;
	size_t size; /* of what it reads */
	enum match (*judge)(const struct meeting *meeting, const void *info);
} matches[] = {
	{ "conntrack", 3, sizeof(struct xt_conntrack_mtinfo3), match_conntrack },
	{ "tcp", 0, sizeof(struct xt_tcp), match_tcp },
	{ "multiport", 1, sizeof(struct xt_multiport_v1), match_multiport },
	{ "tcpmss", 0, sizeof(struct xt_tcpmss_match_info), match_tcpmss },
	{ "ttl", 0, sizeof(struct ipt_ttl_info), match_ttl },
	{ "hl", 0, sizeof(struct ipt_ttl_info), match_ttl }, /* struct ip6t_hl_info is laid out alike */
	{ "addrtype", 1, sizeof(struct xt_addrtype_info_v1), match_addrtype },
	{ "owner", 1, sizeof(struct xt_owner_match_info), match_owner },
	{ "comment", 0, 0, match_comment },
	{ "rt", 0, 0, match_absent },
	{ "hbh", 0, 0, match_absent },
	{ "dst", 0, 0, match_absent },
	{ "frag", 0, 0, match_absent },
};

enum match xt_match(const struct meeting *meeting, const char *name, uint32_t revision, const struct nlattr *info)
{
	_Alignas(8) char copy[512];
	size_t length = info ? mnl_attr_get_payload_len(info) : 0;

	for (size_t i = 0; i < LENGTH_OF(matches); i++) {
		if (strcmp(name, matches[i].name) || revision != matches[i].revision)
			continue;
		if (length < matches[i].size || matches[i].size > sizeof(copy))
			return MAYBE;
		if (matches[i].size)
			memcpy(copy, mnl_attr_get_payload(info), matches[i].size);
		return matches[i].judge(meeting, copy);
	}
	return MAYBE;
}

void xt_target(const char *name, struct outcome *outcome)
{
	static const struct {
		const char *name;
		uint32_t code;
		unsigned int effects;
	} targets[] = {
		{ "ACCEPT", NF_ACCEPT, 0 },
		{ "SNAT", NF_ACCEPT, 0 },
		{ "MASQUERADE", NF_ACCEPT, 0 },
		{ "MARK", (uint32_t)NFT_CONTINUE, EFFECT_MARK },
		{ "CONNMARK", (uint32_t)NFT_CONTINUE, EFFECT_CT_MARK },
		{ "CT", (uint32_t)NFT_CONTINUE, EFFECT_ZONE },
		{ "NOTRACK", (uint32_t)NFT_CONTINUE, EFFECT_NOTRACK },
		{ "SET", (uint32_t)NFT_CONTINUE, EFFECT_SET },
		{ "TEE", (uint32_t)NFT_CONTINUE, EFFECT_COPY },
		{ "CLASSIFY", (uint32_t)NFT_CONTINUE, EFFECT_OTHER },
		{ "SECMARK", (uint32_t)NFT_CONTINUE, EFFECT_OTHER },
		{ "CONNSECMARK", (uint32_t)NFT_CONTINUE, EFFECT_OTHER },
		{ "LOG", (uint32_t)NFT_CONTINUE, 0 },
		{ "NFLOG", (uint32_t)NFT_CONTINUE, 0 },
		{ "ULOG", (uint32_t)NFT_CONTINUE, 0 },
		{ "TRACE", (uint32_t)NFT_CONTINUE, 0 },
		{ "AUDIT", (uint32_t)NFT_CONTINUE, 0 },
		{ "RATEEST", (uint32_t)NFT_CONTINUE, 0 },
		{ "TCPMSS", (uint32_t)NFT_CONTINUE, 0 },
		{ "DSCP", (uint32_t)NFT_CONTINUE, 0 },
		{ "TOS", (uint32_t)NFT_CONTINUE, 0 },
		{ "TTL", (uint32_t)NFT_CONTINUE, 0 },
		{ "HL", (uint32_t)NFT_CONTINUE, 0 },
		{ "CHECKSUM", (uint32_t)NFT_CONTINUE, 0 },
	};

	outcome->verdict.code = NF_DROP; /* DROP, REJECT, TARPIT, NFQUEUE, DNAT, REDIRECT, TPROXY, and whatever is not known */
	for (size_t i = 0; i < LENGTH_OF(targets); i++)
		if (!strcmp(name, targets[i].name)) {
			outcome->verdict.code = targets[i].code;
			outcome->effects |= targets[i].effects;
		}
}
