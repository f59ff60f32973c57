/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * directory.h - fetches the CA's directory, which holds the URLs of everything else (RFC 8555, 7.1.1).
 */
#ifndef ACMEGATE_ACME_DIRECTORY_H
#define ACMEGATE_ACME_DIRECTORY_H

#include "acme/acme.h"

/* Fetches the directory at this URL and gives it to acme. *date: the CA's time of day in seconds since the epoch, or 0. */
int directory_fetch(struct acme *acme, const char *url, int64_t *date, struct fault *fault) MUST_CHECK;

#endif
