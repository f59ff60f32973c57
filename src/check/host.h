/* SPDX-License-Identifier: GPL-3.0-or-later */
/* host.h - what the checks ask before they look. */
#ifndef ACMEGATE_CHECK_HOST_H
#define ACMEGATE_CHECK_HOST_H

#include "base/config.h"

/* Is a certificate validated over HTTP? */
bool check_is_listening(const struct config *config);

/* Is another acmegate at work on this host at this moment? Found out without taking a lock. */
bool check_is_busy(const struct config *config);

#endif
