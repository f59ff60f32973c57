/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tokens.h - the tokens that the responder answers with, as the client publishes them. One list in a process. */
#ifndef ACMEGATE_AGENT_TOKENS_H
#define ACMEGATE_AGENT_TOKENS_H

#include "base/fault.h"
#include "base/wire.h"

/* NULL: there is none of that name. */
const struct token *tokens_find(const char *token, size_t length);

/* Takes the tokens that wait already. 1: done. 0: the client has gone. */
int tokens_receive(struct fault *fault) MUST_CHECK;

#endif
