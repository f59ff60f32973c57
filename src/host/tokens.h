/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tokens.h - tokens that a killed storer left in the web server's directory ([responder] mode = webroot). */
#ifndef ACMEGATE_HOST_TOKENS_H
#define ACMEGATE_HOST_TOKENS_H

#include "base/config.h"

/* Starts a sweeper where there may be tokens, of a rehearsal, too. Failures are logged. */
void tokens_sweep(const struct config *config, int state_fd);

bool tokens_are_left(const struct config *config, int state_fd);

#endif
