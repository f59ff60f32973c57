/* SPDX-License-Identifier: GPL-3.0-or-later */
/* date.h - days as people write them. */
#ifndef ACMEGATE_BASE_DATE_H
#define ACMEGATE_BASE_DATE_H

#include <stdint.h>

#include "base/own.h"

/* A day, as in 2026-11-01: its beginning, UTC, in seconds since the epoch. -1: it is none. */
int date_read(const char *text, int64_t *seconds) MUST_CHECK;

#endif
