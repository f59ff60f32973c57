/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * notes.h - the file that lists which values are in the DNS, so that the next run removes those of one that was killed: a value is written
 * and synced before it is added, and struck after it was removed.
 *
 * A line of fixed length each, so that nothing moves and a write that was cut off harms no other: "SECTION ZONE OWNER VALUE ADDRESS NAME".
 * ADDRESS is that of the primary, or "-" where a writer changes the zone. Notes of earlier versions have no NAME.
 */
#ifndef ACMEGATE_DNS_NOTES_H
#define ACMEGATE_DNS_NOTES_H

#include "dns/zone.h"

struct note {
	char dns[LABEL_SIZE]; /* its section */
	char value[VALUE_SIZE];
	char name[NAME_SIZE]; /* of the authorization, without "*." */
	struct target target;
	long place; /* in the file; -1: it is in none */
};

/* -1: errno. */
int notes_write(int fd, struct note *note, struct fault *fault) MUST_CHECK;
int notes_strike(int fd, struct note *note, struct fault *fault) MUST_CHECK;

/* The next one from *place on, which moves behind it. false: there is none. What makes no sense was never finished, and is passed over. */
bool notes_next(int fd, long *place, struct note *note);

#endif
