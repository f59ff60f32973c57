/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * account.h - finds or makes the CA's account for our key (RFC 8555, 7.3).
 */
#ifndef ACMEGATE_ACME_ACCOUNT_H
#define ACMEGATE_ACME_ACCOUNT_H

#include "acme/acme.h"

/*
 * Finds the CA's account for our key, or makes one; acme_account() then names it. Without an account it never agrees to terms of service
 * that the configuration does not accept: the fault names the page and the setting.
 */
int account_register(struct acme *acme, const struct config *config, struct fault *fault) MUST_CHECK;

#endif
