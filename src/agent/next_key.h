/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * next_key.h - the storer's part of reuse_key: the next key is on the disk, in a file beside the ledger, before the ledger names it, and
 * stays there until a certificate of it is stored.
 */
#ifndef ACMEGATE_AGENT_NEXT_KEY_H
#define ACMEGATE_AGENT_NEXT_KEY_H

#include "agent/examination.h"
#include "agent/storing.h"

/*
 * Asks whether the request of csr is good: if not, the certificate is not ordered. Sees to it that a certificate with reuse_key has a next key of the configured type, which is not the live one. Its ledger is the one
 * that was read last. -1: the signer is lost. Without a next key the certificate goes on with the one in use: that was logged.
 */
int next_key_prepare(struct storer *storer, struct examination *examination, struct fault *fault) MUST_CHECK;

/*
 * The key of the open order: the CA may have made the certificate already. NULL: there is none of use. With reuse_key only the one that
 * an order would have now is: another one may have been announced since, or there was no reuse_key then. Its ledger was read last.
 */
char *next_key_of_order(struct storer *storer, uint32_t index, size_t *length) MUST_CHECK;

/* A key as reply, or none. Wipes and frees it. */
void next_key_give(struct reply *reply, char *pem, size_t length);
void next_key_wipe(char *pem, size_t length);

/* VERB_CHOOSE_KEY and VERB_SAVE_NEXT. */
storer_serve next_key_choose, next_key_save;

#endif
