/* SPDX-License-Identifier: GPL-3.0-or-later */
/* persist.h - the records of dns-persist-01 that acmegate-dns has found, and when the one in use lapses: as processes tell each other. */
#ifndef ACMEGATE_BASE_PERSIST_H
#define ACMEGATE_BASE_PERSIST_H

#include <stdint.h>

#include "base/ca.h"

#define PERSIST_LABEL "_validation-persist"
#define PERSIST_TEXT_SIZE 1536 /* of a record; its longest part is the URL of the account */
#define PERSIST_RECORDS 16     /* at one name; others are left out */
#define PERSIST_SERVERS 32     /* of one zone: a bit for each */

/* The records that the authoritative servers of the name give. */
struct persist_found {
	char owner[NAME_SIZE]; /* that has the records: aliases were followed */
	char zone[NAME_SIZE];
	uint32_t servers;			      /* that this host can reach, or should */
	uint32_t silent;			      /* those of them that did not answer */
	char server[PERSIST_SERVERS][NAME_SIZE + 50]; /* for messages */
	uint32_t records;
	struct {
		uint32_t given; /* by these servers */
		char text[PERSIST_TEXT_SIZE];
	} record[PERSIST_RECORDS];
};

/* When the first record of a certificate lapses that the CA may need again. */
struct lapse {
	int64_t at;	/* seconds since the epoch; 0: none does */
	char name[256]; /* whose record it is */
};

#endif
