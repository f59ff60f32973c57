/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * suggestion.h - records about renewals: when the CA suggests one, the certificate in use, the order that may be resumed.
 */
#ifndef ACMEGATE_BASE_SUGGESTION_H
#define ACMEGATE_BASE_SUGGESTION_H

#include <stdint.h>

#include "base/ca.h"

#define CERTID_SIZE 128 /* of RFC 9773, 4.1: 20 octets each of keyIdentifier and serial take 55 characters */

/* When the CA suggests to renew a certificate (RFC 9773, 4.2): client -> signer -> storer. */
enum suggestion_answer {
	SUGGESTION_NONE,    /* not asked: its directory has no renewalInfo, or the certificate has no such name */
	SUGGESTION_WINDOW,  /* start, end and explanation are the CA's */
	SUGGESTION_UNKNOWN, /* 404: it does not know the certificate */
	SUGGESTION_REFUSED, /* 400 or another 4xx: the certificate is not its own */
	SUGGESTION_BUSY,    /* 429, 503: an earlier window stays in force */
	SUGGESTION_BROKEN,  /* no answer, or one that makes no sense */
	SUGGESTION_ANSWERS
};

struct suggestion {
	uint32_t answer;	    /* enum suggestion_answer */
	uint32_t again;		    /* seconds until the CA may be asked again, 60 to 86400 */
	int64_t start, end;	    /* of the window, seconds since the epoch, start < end; 0 without SUGGESTION_WINDOW */
	char explanation[URL_SIZE]; /* https URL of a page for the operator, or "" */
};

/* The certificate in use, as the signer reads it. */
struct identity {
	char certid[CERTID_SIZE]; /* "": there is none, or it has no such name */
	int64_t lifetime;	  /* seconds; 0: there is none */
};

/* The ledger's part in an attempt. */
struct recalled {
	char order[URL_SIZE]; /* to be resumed, or "" */
	uint8_t has_key;      /* 1: its key is there too */
	uint8_t replaces;     /* 1: the certificate in use is of this CA: an order may name it */
	uint32_t backdated;   /* seconds that this CA has dated it back, an hour at most; 0: it did not, or that is not known */
};

#endif
