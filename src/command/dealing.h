/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dealing.h - the warden of a task that is not a renewal: storer, signer and client as there, without a gate, a window and a responder.
 * Only the storer removes a certificate.
 */
#ifndef ACMEGATE_COMMAND_DEALING_H
#define ACMEGATE_COMMAND_DEALING_H

#include "base/config.h"

/* Does config->task. Returns the exit status; has logged what happened. */
int dealing_run(const struct config *config, int state_fd);

#endif
