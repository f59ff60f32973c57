/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forecast.h - what a renewal on this host would fail by after it has talked to the CA, found before: for acmegate plan. */
#ifndef ACMEGATE_FORECAST_H
#define ACMEGATE_FORECAST_H

#include "config.h"

/* Logs each obstacle, with the remedy; target is where the responder would listen. The exit status that the renewal would have. */
int forecast_renewal(struct config *config, uint16_t target);

#endif
