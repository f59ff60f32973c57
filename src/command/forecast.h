/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forecast.h - acmegate plan: what would be opened, and what a renewal on this host would fail by after it has talked to the CA. */
#ifndef ACMEGATE_COMMAND_FORECAST_H
#define ACMEGATE_COMMAND_FORECAST_H

#include "base/config.h"
#include "firewall/journal.h"

/* Prints the lines, and logs each obstacle with its remedy. The exit status that a renewal would have. */
int forecast(struct config *config, struct journal *journal);

/* Before guard runs this command: an engine of containers forwards what it publishes, which is not what is opened. */
void forecast_command(const char *program, uint16_t port);

#endif
