/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns.h - a section [dns NAME] of the configuration: how values of _acme-challenge names get into the DNS. */
#ifndef ACMEGATE_BASE_DNS_H
#define ACMEGATE_BASE_DNS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ca.h"
#include "base/dns_address.h"
#include "base/dns_program.h"

#define MAX_DNS 8
#define TSIG_SECRET_MOST 128 /* bytes */
#define TSIG_SECRET_SIZE 176 /* of their Base64 */
#define PROPAGATION 120	     /* seconds */
#define ALLOW_FROM_SIZE 256

/* The ways into the DNS. For each but rfc2136 a process of its own writes the values, see VERB_WRITER of wire.h. */
enum dns_type { DNS_RFC2136, DNS_ACME_DNS, DNS_HTTPREQ, DNS_DIGITALOCEAN, DNS_EXEC, DNS_TYPES };

enum tsig_algorithm { TSIG_UNKNOWN, TSIG_SHA256, TSIG_SHA384, TSIG_SHA512, TSIG_ALGORITHMS };

struct dns {
	char name[LABEL_SIZE];
	uint32_t line; /* where its section begins, for messages */
	enum dns_type type;
	bool sound;		       /* its section has no mistake */
	char server[NAME_SIZE];	       /* rfc2136: address or name of a server that has the zones */
	char zone[NAME_SIZE];	       /* what the key may change, or "": the server says which zone a name is in */
	uint32_t propagation;	       /* seconds that all servers of a zone may take to give a value */
	char key_file[PATH_SIZE];      /* of the TSIG key (RFC 8945) */
	char key_name[NAME_SIZE];      /* lower case, without the dot at its end */
	uint32_t algorithm;	       /* enum tsig_algorithm */
	char secret[TSIG_SECRET_SIZE]; /* Base64, or "". acmegate-dns has it, and nobody else */
	char url[URL_SIZE];	       /* of an API, or "" */
	char ca_file[PATH_SIZE];       /* PEM file that its HTTPS is verified with, "" is the system's */
	char credentials_file[PATH_SIZE], token_file[PATH_SIZE]; /* its secrets, which acmegate opens for the writer of the section */
	char allow_from[ALLOW_FROM_SIZE];			 /* acme-dns: networks, separated by spaces, or "" */
	struct dns_program program;				 /* exec */
	struct dns_address address;				 /* what of this host it keeps current there */
};

/* Code of a fault: no room for another value as long as others of this run are there. Between processes it is VERB_REFUSED. */
#define DNS_NO_ROOM EXFULL

/* As the configuration spells them, by enum dns_type; NULL at the end. */
extern const char *const dns_types[DNS_TYPES + 1];

/* As in TSIG and in key files, by enum tsig_algorithm; the first is NULL. */
extern const char *const tsig_algorithms[TSIG_ALGORITHMS];

#endif
