/* SPDX-License-Identifier: GPL-3.0-or-later */
/* state.h - the states of accounts, orders, authorizations and challenges (RFC 8555, 7.1.6), in one: the same word has one meaning in all. */
#ifndef ACMEGATE_ACME_STATE_H
#define ACMEGATE_ACME_STATE_H

enum state {
	STATE_UNKNOWN,
	STATE_PENDING,
	STATE_READY,
	STATE_PROCESSING,
	STATE_VALID,
	STATE_INVALID,
	STATE_DEACTIVATED,
	STATE_EXPIRED,
	STATE_REVOKED,
	STATES
};

const char *state_name(enum state state);

/* STATE_UNKNOWN: it is none of these words. */
enum state state_find(const char *word);

#endif
