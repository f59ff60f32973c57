// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/meta.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

/* A write of these keys only has the effect that is noted. A write of any other key may lose the packet. */
static enum match set_meta(uint32_t key, struct outcome *outcome)
{
	switch (key) {
	case NFT_META_MARK:
		outcome->effects |= EFFECT_MARK;
		break;
	case NFT_META_PRIORITY:
	case NFT_META_SECMARK:
		outcome->effects |= EFFECT_OTHER;
		break;
	case NFT_META_NFTRACE:
		break;
	default: /* pkttype: the kernel does not deliver a packet to another host */
		outcome->verdict.code = NF_DROP;
	}
	return YES;
}

/* The interface that the packet enters or leaves by. A rule that asks for the other one ends. */
static enum match meta_link(struct meeting *meeting, uint32_t number, bool out, bool name)
{
	static const enum fact facts[2][2] = { { FACT_INDEX, FACT_NAME }, { FACT_LINK_INDEX, FACT_LINK_NAME } };

	packet_load(meeting, number, facts[meeting->below][name], name ? HOST_NAME : sizeof(uint32_t));
	if (out != meeting->packet->leaving)
		return meeting->below ? MAYBE : NO;
	return YES;
}

enum match meta_judge(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	static const uint8_t tcp = IPPROTO_TCP, to_host = PACKET_HOST;
	const uint16_t ethertype = htons(meeting->family == NFPROTO_IPV4 ? 0x0800 : 0x86dd);
	const struct {
		const void *value;
		size_t length;
	} known[] = {
		[NFT_META_PROTOCOL] = { &ethertype, sizeof(ethertype) },
		[NFT_META_NFPROTO] = { &meeting->family, sizeof(meeting->family) },
		[NFT_META_L4PROTO] = { &tcp, sizeof(tcp) },
		[NFT_META_PKTTYPE] = { meeting->below || meeting->packet->leaving ? NULL : &to_host, sizeof(to_host) },
		[NFT_META_SKUID] = { meeting->owned ? &meeting->user : NULL, sizeof(meeting->user) },
	};
	const struct nlattr *a[NFTA_META_MAX + 1];
	uint32_t number, key;

	attrs_of_nest(data, a, NFTA_META_MAX);
	number = attr_u32(a[NFTA_META_DREG], UINT32_MAX);
	key = attr_u32(a[NFTA_META_KEY], UINT32_MAX);
	if (number == UINT32_MAX)
		return set_meta(key, outcome);
	if (key == NFT_META_IIF || key == NFT_META_OIF || key == NFT_META_IIFNAME || key == NFT_META_OIFNAME)
		return meta_link(meeting, number, key == NFT_META_OIF || key == NFT_META_OIFNAME,
				 key == NFT_META_IIFNAME || key == NFT_META_OIFNAME);
	registers_load(&meeting->registers, number, key < LENGTH_OF(known) ? known[key].value : NULL, NULL,
		       key < LENGTH_OF(known) ? known[key].length : 0);
	return YES;
}

static enum match set_ct(uint32_t key, struct outcome *outcome)
{
	outcome->effects |= key == NFT_CT_MARK ? EFFECT_CT_MARK : key == NFT_CT_ZONE ? EFFECT_ZONE : EFFECT_OTHER;
	return YES;
}

enum match meta_judge_ct(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_CT_MAX + 1];
	uint32_t number, key, state = meeting->packet->state;

	attrs_of_nest(data, a, NFTA_CT_MAX);
	number = attr_u32(a[NFTA_CT_DREG], UINT32_MAX);
	key = attr_u32(a[NFTA_CT_KEY], UINT32_MAX);
	if (number == UINT32_MAX)
		return set_ct(key, outcome);
	if (key == NFT_CT_STATE)
		registers_load(&meeting->registers, number, state ? &state : NULL, NULL, sizeof(state));
	else
		registers_load(&meeting->registers, number, key == NFT_CT_STATUS ? &meeting->status : NULL, &meeting->status,
			       sizeof(meeting->status));
	/* most keys break the rule when the packet is untracked */
	return key == NFT_CT_STATE || (key == NFT_CT_STATUS && meeting->status) ? YES : MAYBE;
}
