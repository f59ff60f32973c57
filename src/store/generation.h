/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * generation.h - the numbered generations in the directory of one certificate, and the link "live" to one of them.
 *
 * For store.c. dir is the open directory certificates/NAME throughout.
 */
#ifndef ACMEGATE_STORE_GENERATION_H
#define ACMEGATE_STORE_GENERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/wire.h"

#define KEYLESS "keyless" /* an empty file: the generation has no private key, nor lacks one */

/* The judge of what is stored: keys, chains and PKCS#12 are no more than bytes here. -1: it cannot say, which says nothing about these. */
struct examiner {
	int (*examine)(void *context, const struct bundle *bundle, size_t length, struct verdict *verdict, struct fault *fault);
	void *context;
};

/* A number that is in use by no generation, whole or broken, and higher than theirs. 0 on failure. */
uint32_t generation_next(int dir, struct fault *fault) MUST_CHECK;

/* Gives the finished temporary directory its number. Durable when it returns 0. */
int generation_name(int dir, const char *temporary, uint32_t number, struct fault *fault) MUST_CHECK;

/* The number that "live" points to; 0: it is missing, or no link to a generation (*unusable). */
uint32_t generation_live(int dir, bool *unusable);

/* Makes it the live one in one step. Durable when it returns 0. */
int generation_switch(int dir, uint32_t number, struct fault *fault) MUST_CHECK;

/* 1: whole, and *verdict is about it. 0: broken. -1: that could not be found out, which says nothing about it. */
int generation_examine(int dir, uint32_t number, const struct examiner *examiner, struct verdict *verdict,
		       struct fault *fault) MUST_CHECK;

/* The newest whole one, putting aside the broken ones above it. *number 0: there is none. */
int generation_find_whole(int dir, const struct examiner *examiner, struct verdict *verdict, uint32_t *number,
			  struct fault *fault) MUST_CHECK;

/* Its directory; the caller closes it. -1 with errno. */
int generation_open(int dir, uint32_t number) MUST_CHECK;

/* Renames it to N.broken, or with number 0 "live" itself; that there is none is success. */
int generation_put_aside(int dir, uint32_t number, struct fault *fault) MUST_CHECK;

/* Removes one that is not live. */
void generation_remove(int dir, uint32_t number);

/* Removes all but the live one and the two newest of the others, and broken ones that are older than these. */
void generation_prune(int dir, uint32_t live);

#endif
