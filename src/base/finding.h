/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * finding.h - what the examiner, a role without rights, tells acmegate check about a CA and about names. Each is one message on its
 * channel, and comes at most once for each index; what has not come in time is not known.
 */
#ifndef ACMEGATE_BASE_FINDING_H
#define ACMEGATE_BASE_FINDING_H

#include "base/wire.h"

enum finding_kind {
	FINDING_NONE,
	FINDING_CA,	 /* index: in config.ca. of_ca */
	FINDING_ADDRESS, /* index: in config.name. of_name */
	FINDING_CAA,	 /* index: in config.name. of_caa, for the CA at hand */
	FINDING_ANSWER,	 /* index: in config.name. of_answer: the web server's, over loopback */
	FINDINGS
};

#define FINDING_TEXT 400
#define FINDING_ADDRESSES 8 /* of a family; others are left out */

enum permit {
	PERMIT_ALL,	/* there is no CAA record */
	PERMIT_GIVEN,	/* a record names this CA, or none is about issuing */
	PERMIT_ACCOUNT, /* ... but for one account only */
	PERMIT_METHOD,	/* it names this CA, but none of the challenges that the certificate has (RFC 8657) */
	PERMIT_REFUSED,
	PERMIT_UNKNOWN, /* the CA does not say what its name in such records is */
	PERMIT_FAILED,	/* the records could not be read: CAs refuse then */
	PERMITS
};

struct finding {
	uint32_t kind, index;
	union {
		struct {
			int64_t date, now;	 /* the CA's clock and ours, seconds since the epoch; date 0: it did not say */
			uint8_t failed;		 /* text says why the directory could not be had */
			uint8_t reached;	 /* ... and it is not that nothing answers */
			char text[FINDING_TEXT]; /* else the names of the CA in CAA records, separated by ", " */
		} of_ca;
		struct {
			int32_t error4, error6; /* of getaddrinfo() */
			uint32_t addresses4, addresses6;
			unsigned char address4[FINDING_ADDRESSES][4], address6[FINDING_ADDRESSES][16];
			char canonical[NAME_SIZE]; /* what a CNAME leads to, or "" */
		} of_name;
		struct {
			uint32_t permit;
			char at[NAME_SIZE];	 /* the name that has the records */
			char text[FINDING_TEXT]; /* the record that decides, or what went wrong */
		} of_caa;
		struct {
			uint32_t status; /* of HTTP; 0: text says why there is none */
			uint8_t six;	 /* over IPv6 */
			uint8_t refused; /* nothing listens there */
			uint8_t same;	 /* the body is the token's */
			uint8_t secure;	 /* it redirects to https */
			char text[FINDING_TEXT];
		} of_answer;
	};
};

/* The work of an examiner, the first message on its channel: the CA at hand and names; or this token, from the web server on this port. */
struct assignment {
	uint8_t server;
	uint16_t port;
	struct token token;
};

#endif
