/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recovery.h - how a gate begins: it locks this host, and closes what an earlier one may have left open, whatever else is wrong. */
#ifndef ACMEGATE_FIREWALL_RECOVERY_H
#define ACMEGATE_FIREWALL_RECOVERY_H

#include "base/wire.h"
#include "firewall/journal.h"

/*
 * Takes the locks of network namespace and journal, or neither, and closes by tag. Without a state directory (state_fd -1) the firewall is
 * searched all the same, and no journal is opened. Has logged what it found. FAULT_LATER: another acmegate is at work; with EBUSY: one that
 * has another state directory.
 */
int recovery_claim(struct journal *journal, int state_fd, enum claim how, struct fault *fault) MUST_CHECK;

#endif
