/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * facts.h - the values that fields of a validation's packets can have. The walk judges every rule by this one table.
 *
 * A plain SYN to this host comes over a real interface, from an address that is not of the loopback network nor of one link, to an
 * address of this host, with flags exactly SYN, an MSS of at least 536 and a time to live of at least 32; it is no fragment and has
 * neither IP options nor extension headers. A rule that needs anything else cannot meet it.
 */
#ifndef ACMEGATE_BACKENDS_SURVEY_FACTS_H
#define ACMEGATE_BACKENDS_SURVEY_FACTS_H

#include "backends/nft/host.h"
#include "backends/opening.h"

enum match { NO, MAYBE, YES };

static inline enum match match_if(bool yes)
{
	return yes ? YES : NO;
}

static inline enum match match_not(enum match match)
{
	return match == MAYBE ? MAYBE : match_if(match == NO);
}

enum fact {
	FACT_NONE,
	FACT_SOURCE4,
	FACT_SOURCE6, /* addresses that the CA may validate from */
	FACT_LOCAL4,
	FACT_LOCAL6, /* addresses of this host */
	FACT_TTL,
	FACT_MSS,
	FACT_MAC, /* MAC addresses of this host's interfaces */
	FACT_INDEX,
	FACT_NAME, /* the interface that routed families see: a bridge, not its ports */
	FACT_LINK_INDEX,
	FACT_LINK_NAME, /* the interface that netdev and bridge see: the port of a bridge */
	FACTS
};

/* Bytes in network order. The index of an interface is in host order and has single values only. */
struct range {
	unsigned char low[16], high[16];
};

struct field {
	size_t bytes, count; /* count 0: nothing is known */
	struct range *range;
};

struct facts {
	struct field field[FACTS];
};

/* host NULL: nothing is known of this host. wide: a public CA, which has public addresses. Call facts_free() also after an error. */
int facts_make(struct facts *facts, const struct host *host, bool wide, struct fault *fault) MUST_CHECK;

/* Facts of the packets of one connection, which enters by the interface with this index (0: any). */
int facts_make_peer(struct facts *facts, const struct host *host, const struct peer *peer, uint32_t index,
		    struct fault *fault) MUST_CHECK;
void facts_free(struct facts *facts);

/*
 * Do the first length bytes of the field lie within these bounds, after the mask (NULL: none) has been applied? MAYBE where some of
 * its values do, and where nothing is known.
 */
enum match field_between(const struct field *field, const unsigned char *mask, const unsigned char *low, const unsigned char *high,
			 size_t length);

/* The fact in this header (NFT_PAYLOAD_*) that begins at offset. *bytes: length of the field. FACT_NONE: none begins there. */
enum fact facts_of_header(uint32_t base, uint8_t family, uint32_t offset, bool leaving, size_t *bytes);

#endif
