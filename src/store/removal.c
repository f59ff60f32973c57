// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/removal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/file.h"

static int remove_entry(int dir, const char *name, void *context)
{
	(void)context;
	return dir_remove(dir, name);
}

/* 1: removed. 0: it was not there. The directory itself goes last: as long as it is there, the next call finds the rest. */
static int remove_generations(const struct store *store, const char *name, struct fault *fault)
{
	OWN_FD int top = dir_open(store->state, "certificates");
	OWN_FD int dir = top < 0 ? -1 : dir_open(top, name);

	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0 && (errno == ELOOP || errno == ENOTDIR))
		return fault_set(fault, FAULT_FAILED,
				 "%s/certificates/%s is no directory: nothing was removed; look at it, and remove it by hand",
				 store->path, name);
	if (dir < 0 || (unlinkat(dir, "live", 0) < 0 && errno != ENOENT) || dir_each(dir, remove_entry, NULL) < 0 ||
	    unlinkat(top, name, AT_REMOVEDIR) < 0 || fsync(top) < 0)
		return fault_errno(fault, FAULT_FAILED, "removing %s/certificates/%s, of which a part may be left", store->path,
				   name);
	return 1;
}

/* "mail.corrupt" may be the ledger of a certificate of that name, too. */
static bool is_of_another(const struct store *store, const char *file)
{
	OWN_FD int top = dir_open(store->state, "certificates");

	return top >= 0 && file_exists(top, file);
}

static int remove_ledger(const struct store *store, int ledgers, const char *name, struct fault *fault)
{
	static const char *const suffixes[] = { "~key", "~next", "~", ".corrupt", "" };
	char file[LABEL_SIZE + 16];
	int removed = 0;

	for (size_t i = 0; i < LENGTH_OF(suffixes); i++) {
		snprintf(file, sizeof(file), "%.*s%s", LABEL_SIZE - 1, name, suffixes[i]);
		if (suffixes[i][0] == '.' && is_of_another(store, file))
			continue;
		if (unlinkat(ledgers, file, 0) == 0)
			removed = 1;
		else if (errno != ENOENT)
			return fault_errno(fault, FAULT_FAILED, "removing %s/ledger/%s", store->path, file);
	}
	return fsync(ledgers) < 0 ? fault_errno(fault, FAULT_FAILED, "removing %s/ledger/%s", store->path, name) : removed;
}

int removal_run(const struct store *store, int ledgers, const char *name, struct fault *fault)
{
	int generations = remove_generations(store, name, fault);
	int ledger = generations < 0 ? -1 : remove_ledger(store, ledgers, name, fault);

	return ledger < 0 ? -1 : generations || ledger;
}
