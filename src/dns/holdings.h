/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * holdings.h - the file that lists the addresses that acmegate has set, which are all that it ever removes: an address is written and synced
 * before it is added, marked when a server has it, and struck when no server has it any more. One that has no mark yet, and that the server
 * has, counts as set: nothing in the DNS tells who has set it (RFC 2136 has no prerequisite about one record of several), and an address that
 * the host has left must not stay at its name.
 *
 * A line of fixed length each, so that nothing moves and a write that was cut off harms no other: "M SECTION NAME ADDRESS TTL". The mark is
 * one byte: '?' about to be added, '=' added, ' ' struck.
 */
#ifndef ACMEGATE_DNS_HOLDINGS_H
#define ACMEGATE_DNS_HOLDINGS_H

#include "base/dns_address.h"
#include "base/fault.h"

struct holding {
	char dns[LABEL_SIZE]; /* its section */
	char name[NAME_SIZE];
	struct address address;
	uint32_t ttl;
	bool sure;  /* a server has it; else a run was killed, or the server has not answered */
	long place; /* in the file; -1: it is in none */
};

/* Writes a line that is not sure: over the one that it has, or in a free place. -1: errno. */
int holdings_write(int fd, struct holding *holding, struct fault *fault) MUST_CHECK;

int holdings_confirm(int fd, struct holding *holding, struct fault *fault) MUST_CHECK;
int holdings_strike(int fd, struct holding *holding, struct fault *fault) MUST_CHECK;

/* The next one from *place on, which moves behind it. false: there is none. What makes no sense was never finished, and is passed over. */
bool holdings_next(int fd, long *place, struct holding *holding);

/* As text; the buffer has ADDRESS_TEXT_SIZE bytes. */
#define ADDRESS_TEXT_SIZE 46
const char *address_text(const struct address *address, char *text);

#endif
