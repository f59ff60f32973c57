/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * outcome.h - what is to be done for a certificate, and how an attempt to obtain it ended: records, and what the ledger keeps.
 */
#ifndef ACMEGATE_BASE_OUTCOME_H
#define ACMEGATE_BASE_OUTCOME_H

#include <stdint.h>

/* The act for a certificate, which store/schedule.h decides. */
enum act {
	ACT_NOTHING,  /* until a moment */
	ACT_BACK_OFF, /* something is to be done, but not before a moment: it failed lately, or the CA asked to wait */
	ACT_ORDER,
	ACT_RESUME, /* the order whose URL the ledger has */
	ACTS
};
#define REASON_SIZE 512

/* The end of an attempt, which decides when the next one may be. */
enum result {
	RESULT_UNKNOWN,	    /* it did not: its run is at work, or was killed */
	RESULT_STORED,	    /* the certificate is stored */
	RESULT_INVALID,	    /* the CA could not validate a name: it counts against the CA's 5 an hour */
	RESULT_REFUSED,	    /* the same question gets the same answer: rejectedIdentifier, caa, userActionRequired, malformed ... */
	RESULT_LIMITED,	    /* rateLimited, HTTP 429, or 503 with Retry-After */
	RESULT_UNREACHABLE, /* the CA was not reached, or had a fault of its own (HTTP 5xx): nothing was validated */
	RESULT_HOST,	    /* a fault of this host: the port could not be opened, the disk is full, the clock is wrong */
	RESULTS
};

enum step { STEP_NONE, STEP_DIRECTORY, STEP_ACCOUNT, STEP_ORDER, STEP_VALIDATION, STEP_FINALIZE, STEP_DOWNLOAD, STEP_STORE, STEPS };

/* The end of an attempt, as the client reports it: client -> signer -> storer. */
struct outcome {
	uint32_t result;  /* enum result */
	uint32_t step;	  /* enum step: where it ended */
	uint32_t wait;	  /* seconds that the CA asked to wait (Retry-After, as seconds or a date); 0: it did not */
	uint32_t windows; /* how often the port was opened for it */
	char type[48];	  /* of the problem (RFC 8555, 6.7) without "urn:ietf:params:acme:error:", or "" */
	char detail[256]; /* for people */
};

#endif
