/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * schedule.h - the decision what to do for a certificate: a pure function of what is stored, what is configured, the ledger, the time
 * and the secret of the host. The run, `plan` and tests/unit/test_renewals link the same object; nothing else decides.
 */
#ifndef ACMEGATE_STORE_SCHEDULE_H
#define ACMEGATE_STORE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/holding.h"

#define WAKE_MOST (2 * 60 * 60) /* s between two runs of the timer: hourly, each up to an hour late */

struct decision {
	enum act act;
	bool replaces; /* with ACT_ORDER, at the CA that it came from: the order may name the certificate that it replaces (RFC 9773, 5): ledger->live.certid */
	uint32_t ca;   /* to order from, as an index in config.ca */
	uint32_t asked_ca; /* to ask for its renewal information: the one that the certificate came from */
	bool ask;	   /* the CA may be asked for its renewal information now: there is none, or it is old enough */
	int64_t from;	   /* with ACT_NOTHING and ACT_BACK_OFF: when something is to be done; else now. Seconds since the epoch */
	int64_t ask_from;  /* when the CA may be asked for its renewal information; INT64_MAX: it is not to be asked */
	char reason[REASON_SIZE]; /* for people: "valid until 2026-12-01, renewed from 2026-11-01" */
};

/* Notes what is drawn for each attempt: an ordinary user who reads the ledger decides by it, without the secret. */
void schedule_draw(struct ledger *ledger, const struct secret *secret);

/*
 * With several CAs: at the one whose turn it is (succession.h), each with its own waits. A certificate from any of them is as the
 * configuration wants it.
 *
 * In this order:
 * - ACT_NOTHING while the certificate is as the configuration wants it, and its moment has not come. That is the one drawn in the CA's
 *   window (RFC 9773), or two hours before the window's end if that is sooner, since the next run may come after it; but never later
 *   than a twelfth of the lifetime after what would hold without the CA: a third of the lifetime left, half under 10 days. That holds
 *   as long as the CA has said nothing usable. A window that began before the certificate was stored is none.
 * - ACT_BACK_OFF while an earlier failure or the CA's Retry-After forbids another attempt.
 * - ACT_RESUME with an order that is not final, else ACT_ORDER.
 */
struct decision schedule_decide(const struct holding *holding, const struct ledger *ledger, const struct instant *now,
				const struct secret *secret);

#endif
