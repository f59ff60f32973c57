/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * batch.h - changing nf_tables: batches that are committed or not, nothing in between.
 *
 * Source of the rules kept here: net/netfilter/nfnetlink.c (nfnetlink_rcv_batch), and mnl_batch_talk() of nftables.
 */
#ifndef ACMEGATE_BACKENDS_NFT_BATCH_H
#define ACMEGATE_BACKENDS_NFT_BATCH_H

#include "backends/nft/netlink.h"

/* For backend.attach(): a ruleset of that size, all zero but for the open netlink that it begins with. 1, 0 or -1 as netlink_open(). */
int netlink_attach(struct ruleset **out, size_t size, struct fault *fault) MUST_CHECK;

#define BATCH_SIZE (64 * 1024)

/* Changes that are committed together. Functions that add to it never leave half a message behind. */
struct batch {
	struct netlink *netlink;
	char *buffer; /* BATCH_SIZE bytes and room for one more message */
	struct mnl_nlmsg_batch *pages;
	uint32_t first; /* sequence number of the begin message */
	bool full;
};

/* The batch fails to commit (AGAIN, ERESTART) when the ruleset is no longer of this generation. 0: of any. */
int batch_begin(struct batch *batch, struct netlink *netlink, uint32_t generation, struct fault *fault) MUST_CHECK;

/* The place where the next message is built; batch_add() takes it in. */
void *batch_next(struct batch *batch);
void batch_add(struct batch *batch);

/*
 * Ends, sends, and reads every answer; the messages that were added with NLM_F_ECHO come back and are visited. 0: committed.
 * AGAIN, with the errno as the fault's code: somebody else was first (ERESTART), or an object went away meanwhile (ENOENT,
 * EEXIST, EBUSY). Any other errno of the kernel is a FAULT_FAILED.
 */
int batch_commit(struct batch *batch, netlink_visit *echo, void *arg, struct fault *fault) MUST_CHECK;

/* The same without the end message: the kernel tries all of it and then takes it back. 0: it would have been committed. */
int batch_rehearse(struct batch *batch, struct fault *fault) MUST_CHECK;
void batch_free(struct batch *batch);

/* Adds a message that deletes what is named as in netlink_about(): NFT_MSG_DELRULE, NFT_MSG_DELSET or NFT_MSG_DELTABLE. */
void batch_delete(struct batch *batch, uint16_t type, uint8_t family, const char *table, const char *name, uint64_t handle);

/* FAULT_LATER for a part of a batch that could not be built. -1. */
int batch_no_memory(struct fault *fault);

#endif
