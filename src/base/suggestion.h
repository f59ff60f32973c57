/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * suggestion.h - when the CA suggests to renew a certificate (RFC 9773): what the client asks for, and the ledger keeps.
 */
#ifndef ACMEGATE_BASE_SUGGESTION_H
#define ACMEGATE_BASE_SUGGESTION_H

#include <stdint.h>

#include "base/config.h"

/* How the CA names a certificate: base64url(key identifier of the issuer) "." base64url(serial), RFC 9773, 4.1. */
#define CERTID_SIZE 128

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

#endif
