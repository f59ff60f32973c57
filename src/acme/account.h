/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * account.h - from the URL of a directory to an account that the CA accepts (RFC 8555, 7.1.1 and 7.3).
 */
#ifndef ACMEGATE_ACME_ACCOUNT_H
#define ACMEGATE_ACME_ACCOUNT_H

#include "acme/acme.h"

/* Fetches the directory and gives it to acme. *date: what the CA takes for the time of day, or 0. */
int enrol_open(struct acme *acme, const char *url, int64_t *date, struct fault *fault) MUST_CHECK;

/*
 * Finds the CA's account for our key, or makes it; acme_account() then names it. Terms of service that the
 * configuration does not accept are never agreed to: without an account the fault names the page and the setting.
 */
int enrol_register(struct acme *acme, const struct config *config, struct fault *fault) MUST_CHECK;

#endif
