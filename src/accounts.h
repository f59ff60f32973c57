/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * accounts.h - the accounts in the store, one for each CA: accounts/HASH/{key.pem,url}, HASH of the directory's URL.
 */
#ifndef ACMEGATE_ACCOUNTS_H
#define ACMEGATE_ACCOUNTS_H

#include "store.h"

/*
 * The account at the CA with this directory URL: *key is the caller's, NULL when there is none; url is "" when it is
 * not known. Returns 1 when there was a key that cannot be used and that has been put aside as key.pem.broken, else 0
 * or -1.
 */
int accounts_read(const struct store *store, const char *directory, struct key **key, char url[URL_SIZE],
		  struct fault *fault) MUST_CHECK;

/* Both are durable when they return 0. A key is never written over another one. */
int accounts_save_key(const struct store *store, const char *directory, const struct key *key,
		      struct fault *fault) MUST_CHECK;
int accounts_save_url(const struct store *store, const char *directory, const char *url, size_t length,
		      struct fault *fault) MUST_CHECK;

#endif
