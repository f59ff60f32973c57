/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ca.h - a CA as the configuration has it: the keys of [acme] and of [ca NAME]. */
#ifndef ACMEGATE_BASE_CA_H
#define ACMEGATE_BASE_CA_H

#include <stdbool.h>
#include <stdint.h>

#define NAME_SIZE 254 /* a DNS name has at most 253 characters (RFC 1035), an address fewer */
#define LABEL_SIZE 33 /* the NAME of [certificate NAME], a profile */
#define URL_SIZE 512
#define CONTACT_SIZE 1024 /* of all addresses together */
#define MAX_CONTACTS 10
#define PATH_SIZE 256
#define MAX_CAS 8 /* with that of [acme] */
#define CHAIN_NAME_SIZE 128

enum key_type { KEY_P256, KEY_P384, KEY_RSA2048, KEY_RSA3072, KEY_RSA4096, KEY_TYPES };

struct ca {
	char name[LABEL_SIZE];	    /* of [ca NAME]; "": [acme] */
	uint32_t line;		    /* where its section begins, for messages */
	char directory[URL_SIZE];   /* https URL of the ACME directory; "": the section is missing, or has a mistake */
	char staging[URL_SIZE];	    /* that of the CA for rehearsals, or "": see config_staging() */
	char contact[CONTACT_SIZE]; /* e-mail addresses without "mailto:", separated by ", ", or "" */
	bool accept_terms;
	char ca_file[PATH_SIZE];      /* PEM file that the CA's HTTPS is verified with, "" is the system's */
	char trust_file[PATH_SIZE];   /* PEM file with the roots that certificates must lead up to, or "" */
	char hosts[URL_SIZE];	      /* hosts of the CA beside the directory's, separated by spaces, or "" */
	char proxy[URL_SIZE];	      /* http(s)://[user:password@]host:port, or "" */
	char eab_kid[128];	      /* external account binding (RFC 8555, 7.3.4), or "" */
	char eab_key_file[PATH_SIZE]; /* base64url HMAC key; read by the storer only */
	enum key_type account_key;
	char profile[LABEL_SIZE], chain[CHAIN_NAME_SIZE]; /* for certificates that say nothing else, or "" */
};

/* The section of a CA in a message: "[%s%s]". */
#define CA_SECTION(ca) (ca)->name[0] ? "ca " : "acme", (ca)->name

#endif
