/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * permission.h - the system calls that a role may make which answers on sockets that it was given, writes below directories that it was given,
 * or asks by D-Bus. Every other call does not exist for it (ENOSYS): a newer C library then tries an older one.
 */
#ifndef ACMEGATE_BASE_PERMISSION_H
#define ACMEGATE_BASE_PERMISSION_H

#include "base/sandbox.h"

/* As filter_make(). Not for the client, which has a list of what it may not do (client_filter.h). */
void *permission_filter(enum role role, uint32_t architecture) MUST_CHECK;

#endif
