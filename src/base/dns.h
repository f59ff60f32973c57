/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns.h - a section [dns NAME] of the configuration: how values of _acme-challenge names get into the DNS. */
#ifndef ACMEGATE_BASE_DNS_H
#define ACMEGATE_BASE_DNS_H

#include <stdint.h>

#include "base/ca.h"

#define MAX_DNS 8
#define TSIG_SECRET_MOST 128 /* bytes */
#define TSIG_SECRET_SIZE 176 /* of their Base64 */
#define PROPAGATION 120	     /* seconds */

enum tsig_algorithm { TSIG_UNKNOWN, TSIG_SHA256, TSIG_SHA384, TSIG_SHA512, TSIG_ALGORITHMS };

struct dns {
	char name[LABEL_SIZE];
	uint32_t line;		       /* where its section begins, for messages */
	char server[NAME_SIZE];	       /* address or name of a server that has the zones; "": the section has a mistake */
	char zone[NAME_SIZE];	       /* what the key may change, or "": the server says which zone a name is in */
	uint32_t propagation;	       /* seconds that all servers of a zone may take to give a value */
	char key_file[PATH_SIZE];      /* of the TSIG key (RFC 8945) */
	char key_name[NAME_SIZE];      /* lower case, without the dot at its end */
	uint32_t algorithm;	       /* enum tsig_algorithm */
	char secret[TSIG_SECRET_SIZE]; /* Base64, or "". acmegate-dns has it, and nobody else */
};

/* As in TSIG and in key files, by enum tsig_algorithm; the first is NULL. */
extern const char *const tsig_algorithms[TSIG_ALGORITHMS];

#endif
