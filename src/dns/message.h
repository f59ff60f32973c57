/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * message.h - DNS messages: questions, and updates of one name (RFC 1035, 2136), signed with a key and checked (RFC 8945). The one user of
 * libknot.
 */
#ifndef ACMEGATE_DNS_MESSAGE_H
#define ACMEGATE_DNS_MESSAGE_H

#include "base/dns.h"
#include "base/wire.h"
#include "dns/rcode.h"
#include "dns/transport.h"

enum type { TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_TXT = 16, TYPE_AAAA = 28, TYPE_DNAME = 39 };
enum part { PART_ANSWER, PART_AUTHORITY, PART_ADDITIONAL, PARTS };

#define MOST_ITEMS 1024

/* A record of one of these types. Names are in lower case, without the dot at their end; "" is the root. */
struct item {
	enum part part;
	enum type type;
	char owner[NAME_SIZE];
	char target[NAME_SIZE];	   /* CNAME, DNAME, NS; SOA: the primary */
	unsigned char address[16]; /* A, AAAA */
	char text[VALUE_SIZE];	   /* TXT, or "" for one that is longer */
	uint32_t negative;	   /* SOA: for how many seconds caches may remember that a name of the zone is not there */
	uint32_t serial;	   /* SOA */
};

struct answer {
	enum rcode rcode;
	bool authoritative;
	size_t items;
	struct item item[MOST_ITEMS];
	struct texts *texts; /* takes the TXT records of the answer in full; NULL: nobody wants them */
};

/* Whole TXT records, their strings joined. */
struct texts {
	size_t number;
	char text[PERSIST_RECORDS][PERSIST_TEXT_SIZE];
};

/*
 * Asks a server; dns: signed with the key of this section; NULL: unsigned. recursive: the server may ask others. -1: no answer, one that is
 * not to be believed, or (signed) a refusal, which the fault explains.
 */
int message_ask(const struct server *server, const struct dns *dns, const char *name, enum type type, bool recursive,
		struct answer *answer, struct fault *fault) MUST_CHECK;

/* One record that is added to a name, or removed from it. */
struct change {
	enum type type;
	bool add;
	uint32_t ttl; /* seconds, of one that is added; it becomes that of all of this type */
	uint16_t length;
	const uint8_t *data; /* as in messages (RFC 1035, 3.3) */
};

/* All of these changes, or none. They may be done again: what is there is not added, what is not there not removed. */
int message_change(const struct server *server, const struct dns *dns, const char *zone, const char *name,
		   const struct change *change, size_t changes, struct fault *fault) MUST_CHECK;

/* Adds or removes one TXT record of this name; the same. */
int message_update(const struct server *server, const struct dns *dns, const char *zone, const char *name, const char *value,
		   bool add, struct fault *fault) MUST_CHECK;

/* The first item of a part with this type, and this owner unless it is NULL; from the i-th on. NULL: there is none. */
const struct item *message_find(const struct answer *answer, enum part part, enum type type, const char *owner, size_t *i);

/* Has the answer a TXT record of this owner with this text? */
bool message_gives(const struct answer *answer, const char *owner, const char *text);

#endif
