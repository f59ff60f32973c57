/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * account.h - the CA's account for our key: finds it, makes it, changes it (RFC 8555, 7.3).
 */
#ifndef ACMEGATE_ACME_ACCOUNT_H
#define ACMEGATE_ACME_ACCOUNT_H

#include "acme/acme.h"

/*
 * Finds the CA's account for our key, or makes one; acme_account() then names it. Without an account it never agrees to terms of service
 * that the configuration does not accept: the fault names the page and the setting. *made: just now, with the configured contacts.
 */
int account_register(struct acme *acme, const struct config *config, bool *made, struct fault *fault) MUST_CHECK;

/* Makes none. 1: found; acme_account() names it. 0: the CA has none for this key. */
int account_find(struct acme *acme, struct fault *fault) MUST_CHECK;

/* The rest is about the account that acme_account() names. */

int account_look(struct acme *acme, struct account_object *object, struct fault *fault) MUST_CHECK;

/* contact: as in the configuration. */
int account_update(struct acme *acme, const char *contact, struct fault *fault) MUST_CHECK;

/* Gives the account another key (7.3.5). inner: the JWS by that key. */
int account_change_key(struct acme *acme, const char *inner, struct fault *fault) MUST_CHECK;

/* 1: done. 0: the CA accepts nothing of this account; the fault says how it put that. */
int account_deactivate(struct acme *acme, struct fault *fault) MUST_CHECK;

#endif
