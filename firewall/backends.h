/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backends.h - the kinds of firewall that there are. */
#ifndef ACMEGATE_FIREWALL_BACKENDS_H
#define ACMEGATE_FIREWALL_BACKENDS_H

#include "backends/backend.h"

/* All backends in the order of backend_table.h, NULL at the end. */
extern const struct backend *const backends[];

#endif
