/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rollover.h - the account gets another key (RFC 8555, 7.3.5), for the signer.
 *
 * The new key is durable before the CA hears of it, and the old one stays until the CA has said which one the account has: whatever kills a
 * run, the next one has both keys and asks with both.
 */
#ifndef ACMEGATE_AGENT_ROLLOVER_H
#define ACMEGATE_AGENT_ROLLOVER_H

#include "agent/signing.h"

/* VERB_NEW_ACCOUNT_KEY, VERB_OTHER_KEY, VERB_SETTLE_KEY. */
signing_handler rollover_on_new_key, rollover_on_other_key, rollover_on_settle_key;

#endif
