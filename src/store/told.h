/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * told.h - the alarms that were given, in STATE/status/told: so that each change is told once, and not by each run. acmegate-view reads and
 * writes it through a descriptor; one that is damaged counts as empty, and what is wrong is told once more.
 */
#ifndef ACMEGATE_STORE_TOLD_H
#define ACMEGATE_STORE_TOLD_H

#include "base/config.h"
#include "base/watched.h"

#define TOLD_MOST (MAX_CERTIFICATES + MAX_WATCHED)

enum trouble {
	TROUBLE_FAILING = 1,
	TROUBLE_UNREADABLE = 2, /* the ledger */
	TROUBLE_SIXTH = 4,	/* of the life is left, or less; one of these three */
	TROUBLE_DAYS = 8,	/* the same, and less than three days */
	TROUBLE_EXPIRED = 16,
	TROUBLE_LIFE = 28
};

struct told_certificate {
	char name[LABEL_SIZE]; /* one that is longer: a part of its hash */
	uint8_t troubles;      /* that were told, by enum trouble */
	uint8_t padding[6];
};

struct told {
	uint64_t window; /* the newest whose end was looked at */
	uint64_t open;	 /* the newest that was told as not closed */
	uint32_t tries;	 /* of the alarm that is next, in vain */
	uint32_t certificates;
	struct told_certificate certificate[TOLD_MOST];
};

void told_read(int fd, struct told *told);

/* At the beginning of the file. */
int told_write(int fd, const struct told *told, struct fault *fault) MUST_CHECK;

/* The place of the certificate in told->certificate, by its name or by that there; -1: it has none. */
int told_find(const struct told *told, const char *name);

/* Those of this certificate, or 0; and a change of them. */
uint8_t told_troubles(const struct told *told, const char *name);
void told_note(struct told *told, const char *name, uint8_t troubles);

#endif
