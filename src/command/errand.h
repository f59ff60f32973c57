/* SPDX-License-Identifier: GPL-3.0-or-later */
/* errand.h - what renew, renew-now and rehearse have in common. */
#ifndef ACMEGATE_COMMAND_ERRAND_H
#define ACMEGATE_COMMAND_ERRAND_H

#include "command/command.h"
#include "warden/renewal.h"

/* The certificates that the command line names, or all. -1: one of them is not in the configuration; that was logged. */
int errand_choose(struct errand *errand, const struct config *config, const struct call *call) MUST_CHECK;

/*
 * One run, with this configuration and this directory for certificates, accounts and ledgers. It turns to each CA that has something to
 * do (cas_turn_to()). The exit status.
 */
int errand_do(struct errand *errand, struct config *config, int store_fd, struct host *host);

#endif
