/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stage.h - STATE/rehearsal: the store of rehearsals, laid out as the store itself. Their account stays there from one to the next. */
#ifndef ACMEGATE_HOST_STAGE_H
#define ACMEGATE_HOST_STAGE_H

#include "base/config.h"

/* Opens it, and makes *staged the configuration with this state directory; the caller closes it. -1 with errno: there is none. */
int stage_open(const struct config *config, int state_fd, struct config *staged);

/* The same, making it first, and without the certificates and ledgers of the rehearsal before. */
int stage_set(const struct config *config, int state_fd, struct config *staged, struct fault *fault) MUST_CHECK;

/* Removes certificates and ledgers. A failure only leaves them lying. */
void stage_strike(int stage_fd);

#endif
