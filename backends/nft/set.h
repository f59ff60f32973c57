/* SPDX-License-Identifier: GPL-3.0-or-later */
/* set.h - the sets that rules of ours look into: the ports of an opening, and addresses of this host. */
#ifndef ACMEGATE_BACKENDS_NFT_SET_H
#define ACMEGATE_BACKENDS_NFT_SET_H

#include "backends/nft/batch.h"
#include "backends/nft/text.h"

#define SET_ID 1	    /* of the set of ports, in its batch */
#define ANONYMOUS "__set%d" /* the kernel puts a number there */

/*
 * The set and its elements, the ports, with opening->seconds to live if timed. A set that is there already stays, with its
 * time: a chain that was flushed has lost the rule only.
 */
int set_add(struct batch *batch, uint8_t family, const char *table, const struct opening *opening, bool timed,
	    struct fault *fault) MUST_CHECK;

/* Prints set_add() as a line for a shell. */
void set_print(char *line, size_t size, uint8_t family, const char *table, const struct opening *opening, bool timed);

/* The type and the elements of such a set: the port, and the target if that is another one. */
void set_print_elements(struct text *text, const struct opening *opening, uint16_t target, bool timed);

/* The addresses of one family that a packet may be for: those that the names resolve to, as far as known, else all of this host. */
#define MOST_ADDRESSES 256

struct addresses {
	size_t count, bytes;
	const unsigned char *address[MOST_ADDRESSES];
	bool too_many;
};

/* A set of them without a name, which goes with its rule. -1: no memory. */
int set_add_addresses(struct batch *batch, uint8_t family, const char *table, const struct addresses *addresses,
		      uint32_t id) MUST_CHECK;

#endif
