/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fake_transport.h - a transport without a network, and a signer without a key, for the tests of the protocol.
 *
 * Each exchange is answered by serve(); time goes forward only while nothing is on its way. Every nonce is given out
 * once and taken once: a request with another one fails the test, unless serve() refuses it anyway.
 */
#ifndef ACMEGATE_TESTS_FAKE_TRANSPORT_H
#define ACMEGATE_TESTS_FAKE_TRANSPORT_H

#include "acme/acme.h"

#define CA "https://ca.example/"
#define FAKE_NONCES 20000

struct fake {
	void (*serve)(struct fake *fake, struct exchange *exchange); /* fills the answer; nonce is in it already */
	struct exchange *flying[EXCHANGES_MOST];
	size_t in_flight, most_in_flight;
	int64_t now;
	unsigned int given; /* nonces so far */
	bool taken[FAKE_NONCES];
	unsigned int heads, posts, signatures, bindings, cancelled;
	int stop_after;	    /* next() says stop after so many answers; 0: never */
	int unsigned_after; /* sign() fails after so many; 0: never */
	int64_t wake_at;    /* then next() calls wake() and returns 0; 0: never */
	void (*wake)(void);
	bool silent;			  /* nothing is answered at all */
	unsigned int last_nonce;	  /* of the last POST */
	char header[4096], payload[4096]; /* of the last POST, decoded */
};

extern struct fake fake;

/* Forgets everything; the directory is set. */
struct acme *fake_start(void (*serve)(struct fake *fake, struct exchange *exchange));

/* Answers with that status and body. */
void fake_answer(struct exchange *exchange, unsigned int status, const char *body);
void fake_problem(struct exchange *exchange, unsigned int status, const char *type);

#endif
