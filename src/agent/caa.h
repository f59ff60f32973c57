/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * caa.h - may a CA issue for a name, by the CAA records in the DNS (RFC 8659, and RFC 8657 for validationmethods and accounturi)? Asks the
 * resolvers of this host: a CA asks the authoritative servers, and may see other records.
 */
#ifndef ACMEGATE_AGENT_CAA_H
#define ACMEGATE_AGENT_CAA_H

#include "base/finding.h"

#define CAA_RECORDS 16
#define CAA_VALUE 256

/* One record; others than "issue" matter only if they are critical. */
struct caa_record {
	uint8_t flags;
	char tag[16], value[CAA_VALUE];
};

/*
 * Reads the CAA records of an answer (RFC 1035 message). Their number; 0: there is none. -1: it is malformed. Of more than CAA_RECORDS
 * the first are taken.
 */
int caa_read(const unsigned char *message, size_t length, struct caa_record record[CAA_RECORDS]) MUST_CHECK;

/* The CA that asks, for a certificate. */
struct caa_asker {
	const char *identities;		  /* of the CA, separated by ", "; "": they are not known */
	bool http, dns, account, persist; /* how the name may be validated */
	bool wild;			  /* it is for all names below */
};

/* The name of a public CA in CAA records, by its directory, for those whose directory does not give it; else "". */
const char *caa_identity_of(const char *url);

/* Reads the n records of one name for this CA. Fills permit and text. */
void caa_judge(const struct caa_record *record, int n, const struct caa_asker *asker, struct finding *finding);

/* Climbs from the name to the top, and judges the first records that there are. A wildcard is its name without "*.". */
void caa_look(const char *name, const struct caa_asker *asker, struct finding *finding);

#endif
