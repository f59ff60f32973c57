/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store.h - certificates below the state directory. Only the storer touches it, which reads none of them: they are bytes.
 *
 *	certificates/NAME/N/{privkey,cert,chain,fullchain}.pem	one whole generation; N rises
 *	certificates/NAME/N/{combined,keyfirst}.pem		fullchain and privkey in one file, the other way round
 *	certificates/NAME/N/keyless				in the place of privkey, combined, keyfirst: the key is elsewhere
 *	certificates/NAME/N/bundle.p12				the same as PKCS#12, if it is configured
 *	certificates/NAME/N/directory				the ACME directory of the CA that it came from
 *	certificates/NAME/live -> N				the generation in use: one rename switches all files
 *	certificates/NAME/deploy-pending			not all deploy hooks have succeeded for it yet; has those that have, in lines
 *	certificates/NAME/N.broken				a generation that was found broken
 *
 * Everything is written under a name that begins with ".tmp-", brought to the disk, and only then renamed within its
 * directory; whatever stops us, the next store_clean() removes what was left and a reader sees the old or the new.
 * No symbolic link is followed but "live", and of that only its text is used.
 */
#ifndef ACMEGATE_STORE_STORE_H
#define ACMEGATE_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "store/generation.h"

struct store {
	int state;		  /* the state directory, O_PATH is enough; the caller's */
	const char *path;	  /* its name, for messages */
	const char *directory;	  /* of the CA that what is saved comes from */
	struct examiner examiner; /* for store_inspect() */
};

struct stored {
	bool present; /* a whole generation is live, and verdict is about it */
	bool broken;  /* the live one was not whole: it has been renamed to N.broken */
	bool deploy_pending;
	uint32_t generation;
	struct verdict verdict;
	char directory[URL_SIZE]; /* of the CA that the live one came from; "": not known */
};

/* Removes what an earlier run left unfinished. Call it once before the others. */
int store_clean(const struct store *store, struct fault *fault) MUST_CHECK;

/*
 * Is there room for what a run writes? FAULT_FAILED with what to do. To be called before anything is asked of the CA:
 * a certificate that cannot be stored still counts against its limits.
 */
int store_check_room(const struct store *store, struct fault *fault) MUST_CHECK;

/*
 * Reads the live generation of this certificate. A live generation that is not whole (a file is missing, key and certificate do not
 * belong together) is put aside, and the newest whole one takes its place. A failure says nothing about the
 * certificate.
 */
int store_inspect(const struct store *store, const struct certificate *certificate, struct stored *stored,
		  struct fault *fault) MUST_CHECK;

/*
 * Makes this the live generation; durable when it returns 0. On failure the old one stays live, unless only the last fsync failed.
 * Three generations are kept.
 */
int store_save(const struct store *store, const struct certificate *certificate, const struct bundle *bundle, size_t length,
	       struct fault *fault) MUST_CHECK;

/*
 * Gives the files of a generation to the owner and group, and the mode, that the configuration has now. Who may read them before and
 * after may do so all the time. 1: something was changed. 0: nothing was to be done.
 */
int store_adjust(const struct store *store, const struct certificate *certificate, uint32_t generation,
		 struct fault *fault) MUST_CHECK;

/* The private key of the live generation (PEM), which the caller wipes and frees. NULL: there is none, or it cannot be read. */
char *store_load_key(const struct store *store, const struct certificate *certificate, size_t *length, struct fault *fault) MUST_CHECK;

/* These deploy hooks, a line each, have succeeded and the others are pending; none here: all have. */
int store_deployed(const struct store *store, const struct certificate *certificate, const char *hooks, size_t length,
		   struct fault *fault) MUST_CHECK;

/* For accounts.c: a directory right below the state directory, made when it is missing; the caller closes it. */
int store_open(const struct store *store, const char *name, bool passable, struct fault *fault) MUST_CHECK;

#endif
