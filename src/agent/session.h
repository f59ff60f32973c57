/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session.h - what the client has in hand during a run: the certificates it works for, and the channels to the CA and to the three
 * processes beside it.
 *
 *	session_take_work -> session_connect -> ... -> session_end
 */
#ifndef ACMEGATE_AGENT_SESSION_H
#define ACMEGATE_AGENT_SESSION_H

#include "acme/order.h"
#include "acme/renewal_info.h"
#include "agent/http.h"

struct session {
	const struct config *config;
	struct http *http;
	struct acme *acme;
	struct account account;
	struct order *orders;
	size_t count;
	struct renewal_info *asks; /* about certificates that are due only if the CA suggests it */
	size_t asked;
	struct authorizations authorizations;
	struct outcome outcome;		/* of what concerns all of them, if it fails */
	bool deaf;			/* the responder's channel has ended */
	bool opened[CHALLENGE_WINDOWS]; /* the port was open */
	int64_t stood;			/* ms, for how long in all */
	uint32_t validated;		/* names, and one more, as the warden was told; 0: it is not to be told now */
	struct work work;		/* that it was given */
	int dns;			/* channel to acmegate-dns; -1: there is none */
};

/* Takes the list of certificates to obtain, or to ask about. */
int session_take_work(struct session *session, struct fault *fault) MUST_CHECK;
void session_add_order(struct session *session, uint32_t index);

/* Keys and transport. */
int session_connect(struct session *session, struct fault *fault) MUST_CHECK;

/* Notes that a step which all certificates need has failed. otherwise: the result, unless a request has given one. Returns -1. */
int session_fail(struct session *session, enum step step, enum result otherwise);

/* Waits for the next word of the warden, which is in session_record then; anything but `wanted` ends us. 1: it refuses to open. */
extern struct record session_record;
int session_hear(enum verb wanted, struct fault *fault) MUST_CHECK;

/* Tells the warden how many of the names at hand are valid, or have been asked for. */
int session_tell_validated(struct session *session, struct fault *fault) MUST_CHECK;

/* Takes what the responder has told so far. */
void session_drain_hits(struct session *session);

void session_end(struct session *session);

#endif
