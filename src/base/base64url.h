/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * base64url.h - the encoding of RFC 4648, section 5, without padding, as JOSE and ACME use it everywhere.
 */
#ifndef ACMEGATE_BASE_BASE64URL_H
#define ACMEGATE_BASE_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/own.h"

/* Characters that n bytes become, without the NUL. */
#define BASE64URL_LENGTH(n) (((n)*4 + 2) / 3)

/* Writes BASE64URL_LENGTH(length) characters and a NUL to text; returns how many characters. */
size_t base64url_encode(char *text, const void *data, size_t length);

/*
 * The bytes that `length` characters of text stand for; data has room for length * 3 / 4 of them. Returns how many, or
 * -1: a character outside the alphabet (padding and white space too), an impossible length, or bits set behind the last
 * byte, so that each value has one spelling only.
 */
long base64url_decode(void *data, const char *text, size_t length) MUST_CHECK;

/* Is it a character of the alphabet? */
bool base64url_is(char c);

#endif
