/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sweep.h - takes out of nf_tables whatever carries a tag of ours: by a fresh reading, in one batch, read back.
 *
 * Handles are not identities: whatever was found is looked at once more in the generation of the ruleset that its removal is bound to.
 */
#ifndef ACMEGATE_BACKENDS_NFT_SWEEP_H
#define ACMEGATE_BACKENDS_NFT_SWEEP_H

#include "backends/nft/netlink.h"
#include "backends/nft/survey.h"

#define SWEEP_MOST 256 /* removed in one batch; more take another round */

/* The ways to carry a tag. */
enum mark {
	MARK_SET,    /* sets named after it, and the rules that have it as their comment and look into such a set */
	MARK_TABLE,  /* tables named after it */
	MARK_MATCH,  /* rules of iptables-nft: it is the text of the match "comment" */
	MARK_PREFIX, /* rules in the table of firewalld that log: it is the prefix, and the rule behind is ours too */
	MARKS
};

struct sweep {
	struct netlink *netlink;
	enum mark mark;
	const char *tag;	   /* NULL: any of ours */
	struct evidence *evidence; /* is told what the rules have seen; NULL: nobody is */
	const struct spot *spot;   /* MARK_SET: the handles known here spare a reading of all rules, as long as they hold */
	size_t spots;
};

struct marked {
	uint16_t type; /* NFT_MSG_DELRULE, NFT_MSG_DELSET, NFT_MSG_DELTABLE: what removes it */
	uint8_t family;
	uint64_t handle;			    /* of a rule */
	char table[SURVEY_NAME], name[SURVEY_NAME]; /* of its chain, or of the set */
};

struct marks {
	bool full; /* there are more */
	size_t count;
	struct marked item[SWEEP_MOST];
};

/* Finds all that carries the tag. marks: zero before. AGAIN: somebody committed meanwhile; there may be more than marks has. */
int sweep_find(const struct sweep *sweep, struct marks *marks, struct fault *fault) MUST_CHECK;

/* Does the rule with this handle carry the tag? 1, 0, AGAIN or -1. */
int sweep_is_ours(const struct sweep *sweep, uint8_t family, const char *table, const char *chain, uint64_t handle,
		  struct fault *fault) MUST_CHECK;

/* Removes what carries the tag until a reading finds nothing. 1: there was some. 0: there was none. -1: fault. */
int sweep_close(const struct sweep *sweep, struct fault *fault) MUST_CHECK;

/* Are there tables of iptables-nft? 1, 0, AGAIN or -1. */
int sweep_has_iptables(struct netlink *netlink, struct fault *fault) MUST_CHECK;

#endif
