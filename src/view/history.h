/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * history.h - windows of the host and attempts for its certificates, the newest first, from a moment on: seconds since the epoch, 0: all
 * that is kept. -1: there is no memory. The caller looks after errors of the stream.
 */
#ifndef ACMEGATE_VIEW_HISTORY_H
#define ACMEGATE_VIEW_HISTORY_H

#include "view/status.h"

/* Lines for people, and the sum for an auditor: of that time, or of a year. */
int history_write(const struct status *status, FILE *out, int64_t since) MUST_CHECK;

/* The same for a spreadsheet, by RFC 4180, with a header and without the sum. */
int history_write_csv(const struct status *status, FILE *out, int64_t since) MUST_CHECK;

#endif
