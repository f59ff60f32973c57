/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * watchdog.h - a second process with the same rights that listens to nobody: when the gate dies, or overstays, it closes.
 */
#ifndef ACMEGATE_FIREWALL_WATCHDOG_H
#define ACMEGATE_FIREWALL_WATCHDOG_H

#include "base/policy.h"
#include "firewall/journal.h"

/*
 * Forks the watchdog of this process; to be called before any listening socket exists, because a child that holds one keeps
 * the port. It shares the flock of the journal, so nobody else can begin before it has closed. A few seconds after the time
 * is up it kills a gate that still lives, and closes, however often it has to try. Returns its pidfd.
 */
int watchdog_start(const struct journal *journal, const struct policy *policy, struct fault *fault) MUST_CHECK;

/* The window is closed and the journal clear: ends and reaps it. */
void watchdog_stop(int *pidfd);

#endif
