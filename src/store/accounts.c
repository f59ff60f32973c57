// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "store/crypto.h"
#include "store/file.h"

#define NEXT "next.pem"

static int open_account(const struct store *store, const char *directory, struct fault *fault)
{
	OWN_FD int top = store_open(store, "accounts", false, fault);
	unsigned char digest[SHA256_SIZE];
	char name[17];
	int fd;

	if (top < 0 || crypto_sha256(directory, strlen(directory), digest, fault) < 0)
		return -1;
	for (size_t i = 0; i < 8; i++)
		snprintf(name + 2 * i, 3, "%02x", digest[i]);
	fd = dir_make(top, name, false);
	if (fd < 0)
		return fault_errno(fault, FAULT_FAILED, "%s/accounts/%s", store->path, name);
	return fd;
}

/* The URL is only a shortcut: without it the CA tells it again. */
static void read_url(int dir, char url[URL_SIZE])
{
	size_t length;
	OWN_FREE char *text = file_read(dir, "url", &length);

	if (text)
		length = strcspn(text, "\n");
	if (text && length < URL_SIZE)
		snprintf(url, URL_SIZE, "%.*s", (int)length, text);
}

/* A key as it is in its file; "": there is none, or the file cannot be one. */
static int read_key(int dir, const char *name, char key[KEY_PEM_SIZE])
{
	size_t length;
	char *pem = file_read(dir, name, &length);

	if (!pem)
		return file_is_broken(errno) ? 0 : -1;
	if (length < KEY_PEM_SIZE)
		memcpy(key, pem, length);
	explicit_bzero(pem, length);
	free(pem);
	return 0;
}

static void read_contact(int dir, struct stored_account *account)
{
	size_t length;
	OWN_FREE char *text = file_read(dir, "contact", &length);

	account->told = text && length < CONTACT_SIZE;
	if (account->told)
		memcpy(account->contact, text, length);
}

int accounts_read(const struct store *store, const char *directory, struct stored_account *account, struct fault *fault)
{
	OWN_FD int dir = open_account(store, directory, fault);

	memset(account, 0, sizeof(*account));
	if (dir < 0)
		return -1;
	if (read_key(dir, "key.pem", account->key) < 0 || read_key(dir, NEXT, account->next) < 0)
		return fault_errno(fault, FAULT_LATER, "the account key in %s/accounts", store->path);
	if (account->key[0])
		read_url(dir, account->url);
	read_contact(dir, account);
	return 0;
}

/* Whatever is known of the account of the key that goes. */
static int forget(int dir)
{
	static const char *const files[] = { "url", "contact" };

	for (size_t i = 0; i < LENGTH_OF(files); i++)
		if (unlinkat(dir, files[i], 0) < 0 && errno != ENOENT)
			return -1;
	return 0;
}

int accounts_save_key(const struct store *store, const char *directory, const char *pem, size_t length, struct fault *fault)
{
	OWN_FD int dir = open_account(store, directory, fault);
	int old;

	if (dir < 0)
		return -1;
	if (forget(dir) < 0)
		return fault_errno(fault, FAULT_FAILED, "an old account in %s/accounts", store->path);
	old = renameat(dir, "key.pem", dir, "key.pem.broken") == 0;
	if (!old && errno != ENOENT)
		return fault_errno(fault, FAULT_FAILED, "putting aside a broken key in %s/accounts", store->path);
	if (file_replace(dir, "key.pem", pem, length) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing the account key in %s/accounts", store->path);
	return old;
}

int accounts_save_url(const struct store *store, const char *directory, const char *url, size_t length, struct fault *fault)
{
	OWN_FD int dir = open_account(store, directory, fault);
	char line[URL_SIZE + 1];
	int n = snprintf(line, sizeof(line), "%.*s\n", (int)length, url);

	if (dir < 0)
		return -1;
	if (file_replace(dir, "url", line, (size_t)n) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing the account's URL in %s/accounts", store->path);
	return 0;
}

int accounts_save_contact(const struct store *store, const char *directory, const char *contact, size_t length, struct fault *fault)
{
	OWN_FD int dir = open_account(store, directory, fault);

	if (dir < 0)
		return -1;
	if (file_replace(dir, "contact", contact, length) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing the account's contacts in %s/accounts", store->path);
	return 0;
}

int accounts_save_next(const struct store *store, const char *directory, const char *pem, size_t length, struct fault *fault)
{
	OWN_FD int dir = open_account(store, directory, fault);

	if (dir < 0)
		return -1;
	if ((renameat(dir, NEXT, dir, NEXT ".broken") < 0 && errno != ENOENT) || file_replace(dir, NEXT, pem, length) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing the new account key in %s/accounts", store->path);
	return 0;
}

int accounts_settle(const struct store *store, const char *directory, bool next, struct fault *fault)
{
	OWN_FD int dir = open_account(store, directory, fault);

	if (dir < 0)
		return -1;
	if ((next ? renameat(dir, NEXT, dir, "key.pem") : unlinkat(dir, NEXT, 0)) < 0 || fsync(dir) < 0)
		return fault_errno(fault, FAULT_FAILED, "changing the account key in %s/accounts", store->path);
	return 0;
}

int accounts_retire(const struct store *store, const char *directory, struct fault *fault)
{
	OWN_FD int dir = open_account(store, directory, fault);

	if (dir < 0)
		return -1;
	if (renameat(dir, "key.pem", dir, "key.pem.deactivated") < 0 || forget(dir) < 0 || fsync(dir) < 0)
		return fault_errno(fault, FAULT_FAILED, "putting aside the account key in %s/accounts", store->path);
	return 0;
}
