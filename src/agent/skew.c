// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/skew.h"

#include <time.h>

#include "base/log.h"

#define SKEW_QUIET 300	    /* s that our clock may be off the CA's without a word */
#define SKEW_TOLERANCE 3600 /* s that it may be behind: as trust_verify() tolerates, for a CA that dates nothing back */

/* The seconds by which our clock is ahead of the CA's, by its last answer, which has just come; 0: it sends no date. */
static int64_t measure(const struct session *session)
{
	int64_t date = acme_date(session->acme);

	return date ? (int64_t)time(NULL) - date : 0;
}

/*
 * With a clock that is wrong by so much the certificate would be refused here when it comes, and would count against the CA's limits all
 * the same: see trust_verify(). A directory may come out of a cache, a nonce never does: both have to say so.
 */
int skew_check(struct session *session, const struct prospect *prospect, struct fault *fault)
{
	int64_t off = measure(session);

	if (off > SKEW_QUIET || off < -SKEW_QUIET) {
		if (acme_gather_nonces(session->acme, 1, fault) < 0)
			return session_fail(session, STEP_DIRECTORY, RESULT_UNREACHABLE);
		off = measure(session);
	}
	if (off > SKEW_QUIET || off < -SKEW_QUIET)
		log_warning("the clock of this host is %lld s %s that of the CA", (long long)(off < 0 ? -off : off),
			    off < 0 ? "behind" : "ahead of");
	if (-off <= SKEW_TOLERANCE + prospect->backdated && off < prospect->lifetime)
		return 0;
	return fault_set(fault, FAULT_FAILED,
			 "the clock of this host is %lld s %s that of the CA: the certificate would %s here; set the clock (timedatectl, "
			 "chronyc, date), nothing has been ordered",
			 (long long)(off < 0 ? -off : off), off < 0 ? "behind" : "ahead of",
			 off < 0 ? "not be valid yet" : "have expired already");
}
