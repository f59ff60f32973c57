/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_filter.h - the system calls that the client may not make: libcurl and the C library's name services change from release to release,
 * so that no list of what it may make would last.
 */
#ifndef ACMEGATE_BASE_CLIENT_FILTER_H
#define ACMEGATE_BASE_CLIENT_FILTER_H

#include <stdint.h>

#include "base/fault.h"

/* As filter_make(). */
void *client_filter(uint32_t architecture) MUST_CHECK;

#endif
