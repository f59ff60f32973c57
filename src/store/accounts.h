/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * accounts.h - the accounts in the store, one for each CA: accounts/HASH/, HASH of the directory's URL.
 *
 *	key.pem			its key
 *	url			its URL at the CA
 *	contact			the contacts that the CA was told last
 *	next.pem		a new key, which the CA may have or not; accounts_settle() ends that
 *	key.pem.deactivated	the key of an account that was deactivated
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

/* The rest is about an account that is there, and durable in the same way. */

int accounts_save_contact(const struct store *store, const char *directory, const char *contact, size_t length,
			  struct fault *fault) MUST_CHECK;

/* A new key beside the one in use. */
int accounts_save_next(const struct store *store, const char *directory, const char *pem, size_t length,
		       struct fault *fault) MUST_CHECK;

/* next: the new key takes the place of the one in use, in one step; else it goes. */
int accounts_settle(const struct store *store, const char *directory, bool next, struct fault *fault) MUST_CHECK;

/* Puts the key aside as key.pem.deactivated. */
int accounts_retire(const struct store *store, const char *directory, struct fault *fault) MUST_CHECK;

#endif
