/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ledger.h - what happened to each certificate, in STATE/ledger/NAME: the memory of acmegate across runs.
 *
 * The storer writes it, before an attempt and after; acmegate reads it (plan). Neither reads what the network sent: the texts in it
 * come as fields of a fixed size, and only printable ASCII is kept (ledger_clean()).
 *
 * A file is one struct ledger behind a head with its version and length, and a SHA-256 of both. It is replaced as a whole: a
 * temporary name, fsync, rename, fsync of the directory. Fields are only ever added at the end: a file of an older acmegate is shorter,
 * and what it lacks reads as 0. The version rises when that is not enough.
 *
 *	ledger_read() -> ledger_begin(), ledger_end(), or a field -> ledger_write()
 */
#ifndef ACMEGATE_STORE_LEDGER_H
#define ACMEGATE_STORE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/instant.h"
#include "base/wire.h"
#include "store/secret.h"

#define LEDGER_VERSION 1
#define LEDGER_CA_SIZE 96
#define LEDGER_ATTEMPTS 32 /* the newest are kept */
#define LEDGER_RESULTS 16  /* room for more than enum result has */

/* One attempt to obtain the certificate. It is written before the CA is asked, with RESULT_UNKNOWN: a run that is killed leaves that. */
struct attempt {
	struct instant started;
	int64_t ended;		 /* seconds since the epoch; 0: it has not, or its run was killed */
	uint64_t wish;		 /* what was asked for: wish_of() */
	char ca[LEDGER_CA_SIZE]; /* host of the CA's directory */
	struct outcome outcome;
};

/* The CA's renewal information (RFC 9773) about the certificate with this certID; about another one it counts for nothing. */
struct ari {
	char certid[CERTID_SIZE]; /* base64url(AKI) "." base64url(serial); "": nothing has been read yet */
	int64_t start, end;	  /* suggestedWindow, seconds since the epoch; 0: the CA gave none that is usable */
	int64_t chosen;		  /* the moment in it, drawn once by ledger_suggest() */
	struct instant read_at;	  /* of the last answer, or of the last failure to get one */
	uint32_t retry_after;	  /* seconds from read_at before which the CA is not asked again: 60 to 86400 */
	uint32_t padding;
	char explanation[URL_SIZE]; /* explanationURL, or "" */
};

/* The generation that is in use: what the signer read in it, and what it was ordered with. */
struct live {
	int64_t not_before, not_after; /* seconds since the epoch; both 0: there is none */
	int64_t stored;		       /* when; 0: before there was a ledger, and then directory, profile and wish are not known */
	uint64_t wish;		       /* wish_of() of the order that it came from */
	char certid[CERTID_SIZE];      /* "": not known */
	char directory[URL_SIZE];      /* of the CA that it came from, or "" */
	char profile[LABEL_SIZE];
	uint8_t revoked; /* by this host: 1 and the reason (base/revocation.h); 0: it was not */
	char padding[6];
};

/* An order that is not final: it is resumed rather than placed again, which keeps the exemption from limits (RFC 9773, 5). */
struct open_order {
	char url[URL_SIZE]; /* "": there is none */
	uint64_t wish;	    /* another wish needs another order */
	int64_t placed;	    /* seconds since the epoch */
};

/*
 * The keys that reuse_key is about, by the SHA-256 of their public keys; all zero: not known, or none. Of a next key that is named here
 * the file is on the disk.
 */
struct keys {
	unsigned char live[SPKI_SIZE], next[SPKI_SIZE];
	int64_t prepared;  /* when the next one was made: seconds since the epoch */
	uint32_t renewals; /* certificates of the live key beside its first */
	uint32_t padding;
};

struct ledger {
	struct live live;
	struct ari ari;
	struct open_order order;
	struct instant held; /* the CA asked to wait (Retry-After) at this moment, */
	uint32_t hold;	     /* so many seconds; 0: it did not */
	uint32_t failures;   /* attempts in a row with the same wish that stored nothing */
	uint32_t attempts;   /* in use */
	uint32_t padding;
	struct attempt attempt[LEDGER_ATTEMPTS]; /* the newest first */
	struct keys keys;
	char holder[LEDGER_CA_SIZE];	/* host of the CA that asked to wait; "": that of the newest attempt */
	uint32_t ended[LEDGER_RESULTS]; /* attempts by enum result, also those that are kept no more: ledger_count() */
	double drawn[LEDGER_ATTEMPTS]; /* by attempt: schedule_draw(), for who may not read the secret; 0: an older acmegate wrote it */
	struct lapse lapse;	       /* of the records of dns-persist-01 that the newest attempt has found */
};

enum ledger_state {
	LEDGER_READ,	/* as it was written */
	LEDGER_NONE,	/* there is none yet: *ledger is empty */
	LEDGER_CORRUPT, /* put aside as NAME.corrupt (ledger_read()), or to be (ledger_look()): *ledger is empty */
	LEDGER_NEWER,	/* of a newer acmegate, and left alone; *ledger is ours, in NAME.1 beside it */
};

/* dir: the open directory STATE/ledger. name: of the certificate. -1: it cannot be read, which says nothing about it. */
int ledger_read(int dir, const char *name, struct ledger *ledger, enum ledger_state *state, struct fault *fault) MUST_CHECK;

/* The same, changing nothing: for plan. */
int ledger_look(int dir, const char *name, struct ledger *ledger, enum ledger_state *state, struct fault *fault) MUST_CHECK;

/*
 * On the disk when it returns 0. On failure (a full disk) the old one stays. It is for the directory's group to read if the directory is:
 * ledger_share().
 */
int ledger_write(int dir, const char *name, const struct ledger *ledger, struct fault *fault) MUST_CHECK;

/* Was the CA with this directory asked? */
bool ledger_is_of(const struct attempt *attempt, const char *directory);

/* A new attempt, of unknown result: it counts as failed until ledger_end(). */
void ledger_begin(struct ledger *ledger, const struct instant *now, uint64_t wish, const char *directory);

/* The number of attempts with each result, since the ledger was begun. RESULT_UNKNOWN: their runs were killed. None of the numbers ever falls. */
void ledger_count(const struct ledger *ledger, uint32_t ended[LEDGER_RESULTS]);

/* The result of the newest attempt. A wait is clamped to 1 minute ... 1 day. */
void ledger_end(struct ledger *ledger, const struct instant *now, const struct outcome *outcome);

/*
 * Notes the CA's answer about the live certificate. The moment is drawn if the window or the certificate is another than before;
 * without a window in the answer the one that is known stays.
 */
void ledger_suggest(struct ledger *ledger, const struct suggestion *suggestion, const struct instant *now,
		    const struct secret *secret);

/* The live certificate is revoked. With a compromised key, the key of an order that is not final goes too: the caller writes the rest. */
void ledger_revoke(int dir, const char *name, struct ledger *ledger, int reason);

/* Notes the key of the live certificate. renewed: the certificate is another than the one before. The next key may be this one: used up. */
void ledger_note_key(struct ledger *ledger, const unsigned char spki[SPKI_SIZE], bool renewed);

bool ledger_has_spki(const unsigned char spki[SPKI_SIZE]); /* false: all zero */

/* A private key in a file of its own: of the open order, or the next one. The caller of ledger_load_key() frees it. NULL: errno. */
enum ledger_key { LEDGER_ORDER_KEY, LEDGER_NEXT_KEY };
int ledger_save_key(int dir, const char *name, enum ledger_key which, const char *pem, size_t length, struct fault *fault) MUST_CHECK;
bool ledger_has_key(int dir, const char *name, enum ledger_key which);
char *ledger_load_key(int dir, const char *name, enum ledger_key which, size_t *length) MUST_CHECK;

/* Removes the open order from the ledger, which the caller writes, and its key. */
void ledger_forget_order(int dir, const char *name, struct ledger *ledger);

/* Only printable ASCII stays, the rest becomes '?': of a text that came from the network. */
void ledger_clean(char *text, size_t size);

#endif
