/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reuse.h - reuse_key: the key that the next order is for, a pure function of configuration, ledger and time. The run and `tlsa` ask it.
 *
 * DANE (RFC 6698, RFC 7671): mail servers compare the key with a TLSA record in the DNS. The record of the next key must be published
 * before the key is used, and for so long that no cache has the set of records from before.
 */
#ifndef ACMEGATE_STORE_REUSE_H
#define ACMEGATE_STORE_REUSE_H

#include "base/config.h"
#include "store/ledger.h"

#define NEXT_KEY_AGE (48 * 60 * 60) /* s before a next key is used: RFC 7671, 8.1, wants two TTLs */

enum reuse { REUSE_NOTHING, REUSE_LIVE, REUSE_NEXT };

/* Of a certificate with reuse_key. present: there is a live one. A key that was compromised is never used again. */
enum reuse reuse_choose(const struct certificate *certificate, const struct ledger *ledger, bool present, int64_t now);

/* Renewals that the live key has left; those that wait for the age of the next key are not counted. */
uint32_t reuse_left(const struct certificate *certificate, const struct ledger *ledger);

#endif
