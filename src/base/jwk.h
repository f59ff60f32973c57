/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jwk.h - a private key in JSON (RFC 7517; RFC 7518, 6.2.2 and 6.3.2), as certbot keeps that of its account. */
#ifndef ACMEGATE_BASE_JWK_H
#define ACMEGATE_BASE_JWK_H

#include <stddef.h>

#define JWK_NUMBER 1024 /* bytes: RSA 8192 */

enum jwk_part { JWK_N, JWK_E, JWK_D, JWK_P, JWK_Q, JWK_DP, JWK_DQ, JWK_QI, JWK_X, JWK_Y, JWK_PARTS };

/* The owner wipes it. */
struct jwk {
	char curve[8]; /* "P-256", "P-384"; "": RSA */
	struct {
		size_t length; /* 0: it is not there */
		unsigned char byte[JWK_NUMBER];
	} part[JWK_PARTS];
};

#endif
