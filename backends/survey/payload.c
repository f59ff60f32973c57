// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/payload.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* Bytes of headers that are known: ethertype; that it is a plain packet of TCP and no fragment; ports and flags. */
static void known_header(const struct meeting *meeting, uint32_t base, unsigned char header[40], unsigned char known[40])
{
	const size_t at = meeting->packet->from ? 0 : 2;
	bool v4 = meeting->family == NFPROTO_IPV4;

	memset(header, 0, 40);
	memset(known, 0, 40);
	if (base == NFT_PAYLOAD_TRANSPORT_HEADER) {
		header[at] = (unsigned char)(meeting->port >> 8);
		header[at + 1] = (unsigned char)meeting->port;
		header[13] = meeting->packet->flags;
		known[at] = known[at + 1] = 0xff;
		known[13] = meeting->packet->known;
	} else if (base == NFT_PAYLOAD_NETWORK_HEADER) {
		header[0] = v4 ? 0x45 : 0x60;
		known[0] = v4 ? 0xff : 0xf0;
		header[v4 ? 9 : 6] = IPPROTO_TCP;
		known[v4 ? 9 : 6] = 0xff;
		known[7] = v4 ? 0xff : 0;
		known[6] |= v4 ? 0x3f : 0;
	} else if (base == NFT_PAYLOAD_LL_HEADER && meeting->packet->frame == TAGGED) {
		header[12] = 0x81; /* behind it the tag, which may be any */
		known[12] = known[13] = 0xff;
	} else if (base == NFT_PAYLOAD_LL_HEADER && meeting->packet->frame == PLAIN) {
		header[12] = v4 ? 0x08 : 0x86;
		header[13] = v4 ? 0x00 : 0xdd;
		known[12] = known[13] = 0xff;
	}
}

/*
 * A rule that writes into a header may send the packet elsewhere or spoil it. Type of service, flow label, time to live and
 * checksums do no harm, nor does a byte that is written back as it was: nft writes two at once.
 */
static bool spoils(const struct meeting *meeting, uint32_t base, uint32_t offset, uint32_t length, size_t from)
{
	static const unsigned char harmless4[40] = { [1] = 1, [4] = 1, [5] = 1, [8] = 1, [10] = 1, [11] = 1 };
	static const unsigned char harmless6[40] = { [0] = 1, [1] = 1, [2] = 1, [3] = 1, [7] = 1 };
	const unsigned char *harmless = meeting->family == NFPROTO_IPV4 ? harmless4 : harmless6;
	const struct registers *r = &meeting->registers;
	unsigned char header[40], known[40];

	if (offset > sizeof(header) || length > sizeof(header) - offset || from + length > REGISTER_BYTES)
		return true;
	known_header(meeting, base, header, known);
	for (uint32_t i = 0; i < length; i++) {
		bool same = known[offset + i] == 0xff && r->known[from + i] == 0xff && r->value[from + i] == header[offset + i];

		if (!same && (base != NFT_PAYLOAD_NETWORK_HEADER || !harmless[offset + i]))
			return true;
	}
	return false;
}

/* A load may span several fields. */
static void note_fields(struct meeting *meeting, uint32_t base, uint32_t offset, uint32_t length, size_t at)
{
	for (uint32_t i = 0; i < length; i++) {
		size_t bytes;
		enum fact fact = facts_of_header(base, meeting->family, offset + i, meeting->packet->leaving, &bytes);

		if (fact != FACT_NONE)
			registers_note(&meeting->registers, at + i, length - i, &meeting->facts->field[fact]);
	}
}

enum match payload_judge(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_PAYLOAD_MAX + 1];
	unsigned char header[40], known[40];
	uint32_t base, offset, length, number;

	attrs_of_nest(data, a, NFTA_PAYLOAD_MAX);
	base = attr_u32(a[NFTA_PAYLOAD_BASE], UINT32_MAX);
	number = attr_u32(a[NFTA_PAYLOAD_DREG], UINT32_MAX);
	offset = attr_u32(a[NFTA_PAYLOAD_OFFSET], UINT32_MAX);
	length = attr_u32(a[NFTA_PAYLOAD_LEN], 0);
	/* the expression writes a header */
	if (number == UINT32_MAX && spoils(meeting, base, offset, length, registers_offset(attr_u32(a[NFTA_PAYLOAD_SREG], 0))))
		outcome->verdict.code = NF_DROP;
	if (number == UINT32_MAX)
		return YES;
	if (offset > sizeof(header) || length > sizeof(header) - offset) {
		packet_forget(meeting);
		return MAYBE;
	}
	known_header(meeting, base, header, known);
	registers_load(&meeting->registers, number, header + offset, known + offset, length);
	note_fields(meeting, base, offset, length, registers_offset(number));
	return YES;
}
