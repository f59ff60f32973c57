/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * secret.h - what this host draws its moments from: the same always, and another on each host, clones of one machine included.
 */
#ifndef ACMEGATE_STORE_SECRET_H
#define ACMEGATE_STORE_SECRET_H

#include <stddef.h>

#include "base/fault.h"

struct secret {
	unsigned char byte[32];
};

/* dir: the open directory STATE/ledger. The file .secret in it, 0600; made at the first call. */
int secret_open(int dir, struct secret *secret, struct fault *fault) MUST_CHECK;

/* 1: it is there. 0: no run has made it yet, and *secret is all zeros. */
int secret_look(int dir, struct secret *secret, struct fault *fault) MUST_CHECK;

/* HMAC-SHA-256 of the data with the secret, as a number: at least 0, below 1, in steps of 2^-53. */
double secret_draw(const struct secret *secret, const void *data, size_t length);

#endif
