/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds.h - how much there may be of what the configuration names, for the records that processes exchange. */
#ifndef ACMEGATE_BASE_BOUNDS_H
#define ACMEGATE_BASE_BOUNDS_H

#include "base/policy.h"

#define MAX_CERTIFICATES 2000
#define MAX_HOOKS_EACH 8
#define HOOKS_SIZE (MAX_HOOKS_EACH * COMMAND_SIZE) /* of those of one certificate, each with a newline */

#endif
