/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * netlink.h - reading nf_tables: requests, and dumps that are whole.
 *
 * Source of the rules kept here: net/netfilter/nfnetlink.c, net/netfilter/nf_tables_api.c.
 */
#ifndef ACMEGATE_BACKENDS_NFT_NETLINK_H
#define ACMEGATE_BACKENDS_NFT_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backends/opening.h"

/* The kernel fills what the reader offers up to this size: fewer system calls for a dump of many rules. */
#define RECEIVE_SIZE (32 * 1024)

struct netlink {
	struct mnl_socket *socket;
	uint32_t port;
	uint32_t sequence;
	ssize_t (*send)(const struct nlmsghdr *request); /* NULL: over the socket; else the way of a process without the right */
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

/* The part of netlink_open() that asks nothing; a member of these groups of netlink. */
int netlink_connect(struct netlink *netlink, unsigned int groups, struct fault *fault) MUST_CHECK;

/* The generation id of the ruleset; it changes with every commit of anybody. */
int netlink_generation(struct netlink *netlink, uint32_t *generation, struct fault *fault) MUST_CHECK;

/* One object of a dump. Returns 0, AGAIN, or -1 with the fault set: then it sees no more of that dump. */
typedef int netlink_visit(const struct nlmsghdr *message, void *arg, struct fault *fault);

/*
 * Sends a request that is answered by a dump and visits every message of it (a request for one object has one). AGAIN: somebody
 * committed meanwhile. All of the dump was visited, but objects may be missing, or seen twice.
 */
int netlink_dump(struct netlink *netlink, struct nlmsghdr *request, netlink_visit *visit, void *arg, struct fault *fault) MUST_CHECK;

/*
 * A message of that NFT_MSG_* type in a buffer of 1024 bytes, and what it is about, as far as it is named: a table; a set of it, or
 * the rules of a chain (name); one rule (handle).
 */
struct nlmsghdr *netlink_about(struct netlink *netlink, void *buffer, uint16_t type, uint16_t flags, uint8_t family,
			       const char *table, const char *name, uint64_t handle);

/* A request to dump all objects of all families. */
struct nlmsghdr *netlink_request(struct netlink *netlink, void *buffer, uint16_t type);

struct ruleset; /* of the backend that calls */
typedef int netlink_attempt(struct ruleset *ruleset, const void *arg, struct fault *fault);

/*
 * Makes the attempt again as long as it returns AGAIN, a little later each time: others who commit all the time must not be
 * able to keep a window open. What the attempt returns, or -1.
 */
int netlink_insist(netlink_attempt *attempt, struct ruleset *ruleset, const void *arg, struct fault *fault) MUST_CHECK;

/*
 * Nothing was found by a reading that ended with rc. If others committed meanwhile something may have been missed: then AGAIN, unless
 * the reading before has found nothing either. 0: there is nothing. *before is the caller's, and false to begin with.
 */
int netlink_nothing(int rc, bool *before) MUST_CHECK;

/* Messages behind each other. */
struct messages {
	char *bytes;
	size_t used, size;
};

int messages_append(struct messages *messages, const void *message, size_t length, struct fault *fault) MUST_CHECK;

/* The same as a netlink_visit, for a dump. */
int messages_take(const struct nlmsghdr *message, void *messages, struct fault *fault);

/* "ip", "inet", ... */
const char *nft_family(uint8_t family);

#endif
