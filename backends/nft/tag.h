/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tag.h - the marks that what is ours carries in nf_tables: the tag of an opening in a comment, or in a name. */
#ifndef ACMEGATE_BACKENDS_NFT_TAG_H
#define ACMEGATE_BACKENDS_NFT_TAG_H

#include <linux/netfilter/nf_tables.h>

#include "backends/nft/netlink.h"
#include "backends/opening.h"

#ifndef NFT_TABLE_F_OWNER
#define NFT_TABLE_F_OWNER 0x2 /* since Linux 5.12 */
#endif

#define SET_PREFIX "acmegate_"
#define SET_NAME_SIZE (sizeof(SET_PREFIX) + TAG_DIGITS)

/* The name of the set that belongs to a tag, and of the table that redirects. */
void tag_set_name(const char *tag, char name[SET_NAME_SIZE]);

/* Is that such a name: of any tag (wanted NULL), or of this one? */
bool tag_names_set(const char *name, const char *wanted);

/* The tag in the user data of a rule, if it is one of ours: copied to tag. */
bool tag_of_rule(const struct nlattr *userdata, const struct nlattr *expressions, char tag[TAG_SIZE]);

/* The same for a rule of iptables-nft, whose comment is a match of x_tables among the expressions. */
bool tag_of_match(const struct nlattr *expressions, const char *wanted, char tag[TAG_SIZE]);

/* Does a rule log with this tag as the prefix (NULL: with any of ours)? So firewalld marks what it makes for us. */
#define FIREWALLD_TABLE "firewalld" /* of the family inet */
bool tag_is_prefix(const struct nlattr *expressions, const char *wanted);

/* The packets that the counter of a rule has counted; 0 without one. */
uint64_t tag_packets(const struct nlattr *expressions);

/* Adds one rule of ours to the evidence. */
void tag_count(struct evidence *evidence, uint64_t packets);

#endif
