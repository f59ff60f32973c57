/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * accounts.h - the accounts in the store, one for each CA: accounts/HASH/{key.pem,url}, HASH of the directory's URL.
 */
#ifndef ACMEGATE_STORE_ACCOUNTS_H
#define ACMEGATE_STORE_ACCOUNTS_H

#include "store/store.h"

/*
 * The account at the CA with this directory URL: the key as it is in its file, "" when there is none or the file cannot be one; the
 * URL is "" when it is not known.
 */
int accounts_read(const struct store *store, const char *directory, struct stored_account *account, struct fault *fault) MUST_CHECK;

/*
 * Both are durable when they return 0. A key is never written over another one: one that is there (its user knows that it is broken)
 * is put aside as key.pem.broken, its URL is forgotten, and the result is 1.
 */
int accounts_save_key(const struct store *store, const char *directory, const char *pem, size_t length,
		      struct fault *fault) MUST_CHECK;
int accounts_save_url(const struct store *store, const char *directory, const char *url, size_t length,
		      struct fault *fault) MUST_CHECK;

#endif
