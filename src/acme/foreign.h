/* SPDX-License-Identifier: GPL-3.0-or-later */
/* foreign.h - the JSON that other clients keep: keys of accounts, and the CA's words about them. */
#ifndef ACMEGATE_ACME_FOREIGN_H
#define ACMEGATE_ACME_FOREIGN_H

#include "base/config.h"
#include "base/jwk.h"

/* certbot's private_key.json. After a fault, too, the caller wipes the key. */
int foreign_key(const char *text, size_t length, struct jwk *jwk, struct fault *fault) MUST_CHECK;

/* The account's URL in certbot's regr.json or lego's account.json, or the text itself. "" without any text; -1: there is none in it. */
int foreign_account(const char *text, size_t length, char url[URL_SIZE], struct fault *fault) MUST_CHECK;

#endif
