/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outside.h - acmegate check --from-outside, which needs the host for itself. */
#ifndef ACMEGATE_CHECK_OUTSIDE_H
#define ACMEGATE_CHECK_OUTSIDE_H

#include "command/command.h"

int check_outside_run(struct host *host, const struct call *call);

#endif
