/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * revocation.h - the reasons for which a certificate may be revoked: those of RFC 5280, 5.3.1, that its holder can have.
 */
#ifndef ACMEGATE_BASE_REVOCATION_H
#define ACMEGATE_BASE_REVOCATION_H

#define REVOCATION_UNSPECIFIED 0
#define REVOCATION_KEY_COMPROMISE 1

/* All of them, as people are told: "unspecified, keyCompromise, ..." */
#define REVOCATION_CHOICES "unspecified, keyCompromise, affiliationChanged, superseded or cessationOfOperation"

/* The number of the reason with this name, in whatever case, with or without '-', '_' and spaces between its words; -1: there is none. */
int revocation_find(const char *name);

/* The name of a number that revocation_find() returns; "unspecified" for others. */
const char *revocation_name(int reason);

#endif
