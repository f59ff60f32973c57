/* SPDX-License-Identifier: GPL-3.0-or-later */
/* set.h - a set or map of nf_tables, and its elements. */
#ifndef ACMEGATE_BACKENDS_SURVEY_SET_H
#define ACMEGATE_BACKENDS_SURVEY_SET_H

#include "backends/nft/netlink.h"

struct nft_element {
	const struct nlattr *key, *key_end, *data; /* key_end, data: NULL if absent */
	uint32_t flags;				   /* NFT_SET_ELEM_* */
	bool stateful;				   /* an expression of the element, such as a limit, may keep it from matching */
};

#define SET_FIELDS 16 /* NFT_REG32_COUNT */

struct nft_set {
	const struct nlattr *name;  /* the attribute in the expression that looks it up: identifies the set */
	uint32_t flags;		    /* NFT_SET_* */
	size_t fields;		    /* of a concatenation; else 0 */
	uint32_t field[SET_FIELDS]; /* bytes of each */
	struct messages messages;
	struct nft_element *element; /* NULL: it could not be read */
	size_t elements;
};

/* Asks the kernel for the set that a rule of this table looks into. false: it cannot be read. */
bool set_read(struct nft_set *set, struct netlink *netlink, uint8_t family, const char *table, const char *name);

/* Finds its description and elements in its messages. element stays NULL where memory is short. */
void set_fill(struct nft_set *set, uint8_t family, const char *table, const char *name);

#endif
