/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * renewal_info.h - asks the CA when it suggests to renew certificates (ACME Renewal Information, RFC 9773).
 *
 * No answer is a failure: whatever the CA sends, or does not, a renewal goes its way without it.
 */
#ifndef ACMEGATE_ACME_RENEWAL_INFO_H
#define ACMEGATE_ACME_RENEWAL_INFO_H

#include "acme/acme.h"
#include "base/wire.h"

struct renewal_info {
	uint32_t index;		      /* the caller's */
	char certid[CERTID_SIZE];     /* of the certificate; "": the CA is not asked */
	struct suggestion suggestion; /* the answer */
};

/* Asks about all n at once, and gives each its suggestion. -1: everything has to stop. */
int renewal_info_fetch(struct renewal_info *infos, size_t n, struct acme *acme, struct fault *fault) MUST_CHECK;

/* The moment that an RFC 3339 text means, in seconds since the epoch; 0: it means none, or one before 1970. */
int64_t renewal_info_moment(const char *text);

#endif
