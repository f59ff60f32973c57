/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nft_netlink.h - talking to nf_tables: dumps that are whole, batches that are committed or not, nothing in between.
 *
 * Source of the rules kept here: net/netfilter/nfnetlink.c (nfnetlink_rcv_batch), net/netfilter/nf_tables_api.c, and
 * mnl_batch_talk() of nftables.
 */
#ifndef ACMEGATE_NFT_NETLINK_H
#define ACMEGATE_NFT_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fault.h"

struct netlink {
	struct mnl_socket *socket;
	uint32_t port;
	uint32_t sequence;
};

/*
 * Sorts the attributes that lie in data by type into table[0 .. most] (the last one of a type wins, types above most are
 * passed over). Each attribute's length has been checked against the data; a broken one ends the walk.
 */
void attrs_sort(const void *data, size_t length, const struct nlattr **table, uint16_t most);

/* The same for the attributes of a message of nf_tables, and for those nested in an attribute (NULL: none). */
void attrs_of_message(const struct nlmsghdr *message, const struct nlattr **table, uint16_t most);
void attrs_of_nest(const struct nlattr *nest, const struct nlattr **table, uint16_t most);

/* Values with a default for an attribute that is absent or of another size. attr_text() is "" then. */
uint32_t attr_u32(const struct nlattr *attr, uint32_t absent);
uint64_t attr_u64(const struct nlattr *attr, uint64_t absent);
const char *attr_text(const struct nlattr *attr);

/* 1: connected. 0: this kernel has no nf_tables. -1: fault. */
int netlink_open(struct netlink *netlink, struct fault *fault) MUST_CHECK;
void netlink_close(struct netlink *netlink);

/* A second socket, which is told of every commit. */
int netlink_listen(struct netlink *netlink, struct fault *fault) MUST_CHECK;

/*
 * A program of ours with this process id has committed: no news for netlink_heard(). Its numbers are those of the first pid
 * namespace; in another one the ruleset is looked at once more than need be.
 */
void netlink_expect(pid_t pid);

/* Reads what it was told. Has anybody but the socket with this port committed? Lost news count as a yes. */
bool netlink_heard(struct netlink *netlink, uint32_t own_port);

/* The generation id of the ruleset; it changes with every commit of anybody. */
int netlink_generation(struct netlink *netlink, uint32_t *generation, struct fault *fault) MUST_CHECK;

/* One object of a dump. Returns 0, or -1 with the fault set to end it. */
typedef int netlink_visit(const struct nlmsghdr *message, void *arg, struct fault *fault);

/*
 * Sends a request that is answered by a dump and visits every message of it (a request for one object has one). A dump
 * during which somebody committed is FAULT_RACED: begin again.
 */
int netlink_dump(struct netlink *netlink, struct nlmsghdr *request, netlink_visit *visit, void *arg,
		 struct fault *fault) MUST_CHECK;

/* A dump request of that NFT_MSG_GET* type for all families, in a buffer of MNL_SOCKET_BUFFER_SIZE bytes. */
struct nlmsghdr *netlink_request(struct netlink *netlink, void *buffer, uint16_t type);

/* The same for one set (NFT_MSG_GETSET) or its elements (NFT_MSG_GETSETELEM); the buffer must take the names too. */
struct nlmsghdr *netlink_request_set(struct netlink *netlink, void *buffer, uint16_t type, uint8_t family, const char *table,
				     const char *set);

struct ruleset; /* of the backend that calls */
typedef int netlink_attempt(struct ruleset *ruleset, const void *arg, struct fault *fault);

/*
 * Makes the attempt again as long as it ends in FAULT_RACED, a little later each time: others who commit all the time must not be
 * able to keep a window open. What the attempt returns, or -1.
 */
int netlink_insist(netlink_attempt *attempt, struct ruleset *ruleset, const void *arg, struct fault *fault) MUST_CHECK;

#define BATCH_SIZE (64 * 1024)

/* Changes that are committed together. Functions that add to it never leave half a message behind. */
struct batch {
	struct netlink *netlink;
	char *buffer;			/* BATCH_SIZE bytes and room for one more message */
	struct mnl_nlmsg_batch *pages;
	uint32_t first;			/* sequence number of the begin message */
	bool full;
};

/* The batch fails to commit (ERESTART) when the ruleset is no longer of this generation. */
int batch_begin(struct batch *batch, struct netlink *netlink, uint32_t generation, struct fault *fault) MUST_CHECK;

/* Where the next message is built, and the call that takes it in. */
void *batch_next(struct batch *batch);
void batch_add(struct batch *batch);

/*
 * Ends, sends, and reads every answer; the messages that were added with NLM_F_ECHO come back and are visited. 0: committed.
 * FAULT_RACED: somebody else was first (ERESTART), or an object went away meanwhile (ENOENT, EEXIST): read again. Any other
 * errno of the kernel is a FAULT_FAILED.
 */
int batch_commit(struct batch *batch, netlink_visit *echo, void *arg, struct fault *fault) MUST_CHECK;

/* The same without the end message: the kernel tries all of it and then takes it back. 0: it would have been committed. */
int batch_rehearse(struct batch *batch, struct fault *fault) MUST_CHECK;
void batch_free(struct batch *batch);

#endif
