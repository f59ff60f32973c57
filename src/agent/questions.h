/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * questions.h - what the client asks the signer, and the signer as src/acme wants it.
 */
#ifndef ACMEGATE_AGENT_QUESTIONS_H
#define ACMEGATE_AGENT_QUESTIONS_H

#include "acme/order.h"

/* Asks the signer, whose reply is then in questions_reply. */
extern struct record questions_reply;
int questions_ask(enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault) MUST_CHECK;

/* Asks without data for a struct of this size. */
int questions_take(enum verb verb, uint32_t index, void *out, size_t size, struct fault *fault) MUST_CHECK;

extern const struct signer questions_signer;
extern const struct order_signer questions_order_signer;

#endif
