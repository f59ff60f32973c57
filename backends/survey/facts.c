// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/facts.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

/* A CA validates from a unicast address: not 0.0.0.0/8, loopback, link-local, multicast or reserved. */
static const char *const sources4[][2] = {
	{ "1.0.0.0", "126.255.255.255" },
	{ "128.0.0.0", "169.253.255.255" },
	{ "169.255.0.0", "223.255.255.255" },
};
static const char *const sources6[][2] = { { "::2", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff" } };

/* A public CA has public addresses: none of IANA's special-purpose registries. */
static const char *const public4[][2] = {
	{ "1.0.0.0", "9.255.255.255" },	    { "11.0.0.0", "100.63.255.255" },	 { "100.128.0.0", "126.255.255.255" },
	{ "128.0.0.0", "169.253.255.255" }, { "169.255.0.0", "172.15.255.255" }, { "172.32.0.0", "191.255.255.255" },
	{ "192.0.1.0", "192.0.1.255" },	    { "192.0.3.0", "192.167.255.255" },	 { "192.169.0.0", "198.17.255.255" },
	{ "198.20.0.0", "198.51.99.255" },  { "198.51.101.0", "203.0.112.255" }, { "203.0.114.0", "223.255.255.255" },
};
static const char *const public6[][2] = {
	{ "2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ "2001:db9::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
};

static const struct range ttl = { { 32 }, { 255 } }, mss = { { 536 >> 8, 536 & 0xff }, { 0xff, 0xff } };

static int add(struct field *field, size_t bytes, const void *low, const void *high)
{
	struct range *more = realloc(field->range, (field->count + 1) * sizeof(*more));

	if (!more)
		return -1;
	field->bytes = bytes;
	field->range = more;
	memset(&more[field->count], 0, sizeof(*more));
	memcpy(more[field->count].low, low, bytes);
	memcpy(more[field->count++].high, high, bytes);
	return 0;
}

static int add_texts(struct field *field, int family, const char *const (*texts)[2], size_t n)
{
	unsigned char low[16], high[16];
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = inet_pton(family, texts[i][0], low) == 1 && inet_pton(family, texts[i][1], high) == 1 ?
			     add(field, family == AF_INET ? 4 : 16, low, high) :
			     -1;
	return rc;
}

static int add_sources(struct facts *facts, bool wide)
{
	struct field *four = &facts->field[FACT_SOURCE4], *six = &facts->field[FACT_SOURCE6];

	return wide ? add_texts(four, AF_INET, public4, LENGTH_OF(public4)) | add_texts(six, AF_INET6, public6, LENGTH_OF(public6)) :
		      add_texts(four, AF_INET, sources4, LENGTH_OF(sources4)) |
			       add_texts(six, AF_INET6, sources6, LENGTH_OF(sources6));
}

/* routed: the routed families see this interface itself, not its bridge. */
static int add_link(struct facts *facts, const struct host_link *link, bool routed)
{
	int rc = 0;

	if (link->has_mac)
		rc = add(&facts->field[FACT_MAC], sizeof(link->mac), link->mac, link->mac);
	if (link->loopback)
		return rc;
	rc |= add(&facts->field[FACT_LINK_INDEX], sizeof(link->index), &link->index, &link->index) |
	      add(&facts->field[FACT_LINK_NAME], sizeof(link->name), link->name, link->name);
	if (routed)
		rc |= add(&facts->field[FACT_INDEX], sizeof(link->index), &link->index, &link->index) |
		      add(&facts->field[FACT_NAME], sizeof(link->name), link->name, link->name);
	return rc;
}

static int add_host(struct facts *facts, const struct host *host)
{
	int rc = 0;

	for (size_t i = 0; i < host->addresses; i++) {
		bool v4 = host->address[i].family == NFPROTO_IPV4;

		rc |= add(&facts->field[v4 ? FACT_LOCAL4 : FACT_LOCAL6], v4 ? 4 : 16, host->address[i].bytes, host->address[i].bytes);
	}
	for (size_t i = 0; i < host->links; i++)
		rc |= add_link(facts, &host->link[i], !host->link[i].port);
	return rc;
}

int facts_make(struct facts *facts, const struct host *host, bool wide, struct fault *fault)
{
	memset(facts, 0, sizeof(*facts));
	if (add(&facts->field[FACT_TTL], 1, ttl.low, ttl.high) < 0 || add(&facts->field[FACT_MSS], 2, mss.low, mss.high) < 0 ||
	    add_sources(facts, wide) < 0 || (host && add_host(facts, host) < 0))
		return fault_errno(fault, FAULT_LATER, "noting what is known of packets");
	return 0;
}

int facts_make_peer(struct facts *facts, const struct host *host, const struct peer *peer, uint32_t index, struct fault *fault)
{
	const bool v4 = peer->family == NFPROTO_IPV4;
	const size_t bytes = v4 ? 4 : 16;
	int rc;

	memset(facts, 0, sizeof(*facts));
	rc = add(&facts->field[FACT_TTL], 1, ttl.low, ttl.high) | add(&facts->field[FACT_MSS], 2, mss.low, mss.high) |
	     add(&facts->field[v4 ? FACT_SOURCE4 : FACT_SOURCE6], bytes, peer->address, peer->address) |
	     add(&facts->field[v4 ? FACT_LOCAL4 : FACT_LOCAL6], bytes, peer->local, peer->local);
	for (size_t i = 0; i < host->links; i++)
		rc |= add_link(facts, &host->link[i], index ? host->link[i].index == index : !host->link[i].port);
	return rc ? fault_errno(fault, FAULT_LATER, "noting what is known of a connection") : 0;
}

void facts_free(struct facts *facts)
{
	for (size_t i = 0; i < FACTS; i++)
		free(facts->field[i].range);
	memset(facts, 0, sizeof(*facts));
}

/* Like memcmp(). */
static int order_masked(const unsigned char *value, const unsigned char *mask, const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = mask ? value[i] & mask[i] : value[i];

		if (byte != bytes[i])
			return byte < bytes[i] ? -1 : 1;
	}
	return 0;
}

enum match field_between(const struct field *field, const unsigned char *mask, const unsigned char *low, const unsigned char *high,
			 size_t length)
{
	size_t within = 0, apart = 0;

	for (const struct range *range = field->range; range < field->range + field->count; range++) {
		within += order_masked(range->low, mask, low, length) >= 0 && order_masked(range->high, mask, high, length) <= 0;
		apart += order_masked(range->low, mask, high, length) > 0 || order_masked(range->high, mask, low, length) < 0;
	}
	if (!field->count)
		return MAYBE;
	return apart == field->count ? NO : within == field->count ? YES : MAYBE;
}

enum fact facts_of_header(uint32_t base, uint8_t family, uint32_t offset, bool leaving, size_t *bytes)
{
	static const struct {
		uint32_t base, offset;
		uint8_t family; /* NFPROTO_UNSPEC: any */
		uint8_t bytes;
		enum fact coming, leaving;
	} fields[] = {
		{ NFT_PAYLOAD_NETWORK_HEADER, 8, NFPROTO_IPV4, 1, FACT_TTL, FACT_NONE },
		{ NFT_PAYLOAD_NETWORK_HEADER, 12, NFPROTO_IPV4, 4, FACT_SOURCE4, FACT_LOCAL4 },
		{ NFT_PAYLOAD_NETWORK_HEADER, 16, NFPROTO_IPV4, 4, FACT_LOCAL4, FACT_SOURCE4 },
		{ NFT_PAYLOAD_NETWORK_HEADER, 7, NFPROTO_IPV6, 1, FACT_TTL, FACT_NONE },
		{ NFT_PAYLOAD_NETWORK_HEADER, 8, NFPROTO_IPV6, 16, FACT_SOURCE6, FACT_LOCAL6 },
		{ NFT_PAYLOAD_NETWORK_HEADER, 24, NFPROTO_IPV6, 16, FACT_LOCAL6, FACT_SOURCE6 },
		{ NFT_PAYLOAD_LL_HEADER, 0, NFPROTO_UNSPEC, 6, FACT_MAC, FACT_NONE },
		{ NFT_PAYLOAD_LL_HEADER, 6, NFPROTO_UNSPEC, 6, FACT_NONE, FACT_MAC },
	};

	for (size_t i = 0; i < LENGTH_OF(fields); i++)
		if (fields[i].base == base && fields[i].offset == offset && (!fields[i].family || fields[i].family == family)) {
			*bytes = fields[i].bytes;
			return leaving ? fields[i].leaving : fields[i].coming;
		}
	return FACT_NONE;
}
