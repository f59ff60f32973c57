/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backends.h - the kinds of firewall that there are. */
#ifndef ACMEGATE_FIREWALL_BACKENDS_H
#define ACMEGATE_FIREWALL_BACKENDS_H

#include "backends/backend.h"

/*
 * All backends, NULL at the end. Their order is fixed: the journal names them by a bit mask of it. It is the order in which
 * they are closed, and opened in reverse: what opens and closes in no time is the last to open and the first to close. So
 * the port, which is open when all layers are, stays shut while a program talks to a cloud, and the time that the kernel
 * ends by itself begins when the program is done.
 */
extern const struct backend *const backends[];

#endif
