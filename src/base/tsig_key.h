/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tsig_key.h - files with a TSIG key (RFC 8945), as tsig-keygen of BIND and keymgr of Knot write them:
 *
 *	key "NAME" { algorithm hmac-sha256; secret "BASE64"; };
 *
 *	key:
 *	- id: NAME
 *	  algorithm: hmac-sha256
 *	  secret: BASE64
 */
#ifndef ACMEGATE_BASE_TSIG_KEY_H
#define ACMEGATE_BASE_TSIG_KEY_H

#include "base/dns.h"
#include "base/fault.h"

/* Fills name, secret and algorithm of the key, the last one if the file says so. FAULT_USAGE. */
int tsig_key_read(const char *path, struct dns *dns, struct fault *fault) MUST_CHECK;

/* By its name in any spelling: hmac-sha256, HMAC_SHA256, sha256, with a dot behind it. FAULT_USAGE: none, or one that is not safe. */
int tsig_algorithm_find(const char *text, uint32_t *algorithm, struct fault *fault) MUST_CHECK;

#endif
