/* SPDX-License-Identifier: GPL-3.0-or-later */
/* proof.h - what the CA looks for: where it is put for each kind of challenge, and how it is taken away. */
#ifndef ACMEGATE_AGENT_PROOF_H
#define ACMEGATE_AGENT_PROOF_H

#include "acme/authorization.h"

struct proof {
	struct authorizations *list;
	const char *thumbprint; /* of the account's key */
	const char *account;	/* its URL */
	int dns;		/* channel to acmegate-dns; -1: there is none */
};

/*
 * Publishes the proofs of pending authorizations whose challenges need this window, and waits until the CA can find them. One that
 * fails has failed by itself; -1: everything has to stop.
 */
int proof_publish(const struct proof *proof, enum challenge_window window, struct fault *fault) MUST_CHECK;

/* Asks acmegate-dns on this channel (-1: there is none), and waits for its reply. */
int proof_ask_dns(int dns, enum verb verb, uint32_t index, const void *data, size_t length, struct record *reply,
		  struct fault *fault) MUST_CHECK;

/* Takes them away. What cannot be taken away now is tried again by those who keep it: the storer, acmegate-dns. */
void proof_withdraw(const struct proof *proof, enum challenge_window window);

#endif
