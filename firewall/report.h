/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report.h - the lines of the log about a window: what is open now, what became of window_mend(), whether all that is not ours is as it was
 * before.
 */
#ifndef ACMEGATE_FIREWALL_REPORT_H
#define ACMEGATE_FIREWALL_REPORT_H

#include "firewall/window.h"

void report_opened(const struct window *window);
void report_mended(struct window *window, int mended, const struct fault *fault);
void report_unchanged(struct window *window);

#endif
