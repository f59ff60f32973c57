/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_failure.h - why libcurl could not exchange something, and what to do about it. */
#ifndef ACMEGATE_AGENT_HTTP_FAILURE_H
#define ACMEGATE_AGENT_HTTP_FAILURE_H

#include <curl/curl.h>
#include <stdbool.h>

#include "acme/exchange.h"

/*
 * Sets kind, stalled, and reason if it has none yet. own_ca: the server was to be verified with the ca_file of this section of the
 * configuration. error: libcurl's own words, or "".
 */
void http_failure_explain(struct exchange *exchange, CURL *easy, CURLcode code, bool own_ca, const char *section, const char *error);

#endif
