// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/http_failure.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"

/* Does it help to try again? Names, routes and peers come back; a wrong certificate or an endless answer does not. */
static enum fault_kind kind_of(CURLcode code)
{
	static const CURLcode lasting[] = {
		CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT,
		CURLE_TOO_MANY_REDIRECTS,	CURLE_WRITE_ERROR,	  CURLE_SSL_ISSUER_ERROR,
	};

	for (size_t i = 0; i < LENGTH_OF(lasting); i++)
		if (code == lasting[i])
			return FAULT_FAILED;
	return FAULT_LATER;
}

/* Does the chain end at no root that we trust? X509_verify_cert() says 18 to 21, also for a root that only the CA knows. */
static bool is_untrusted(CURL *easy, CURLcode code)
{
	long verified = 0;

	return code == CURLE_PEER_FAILED_VERIFICATION &&
	       curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verified) == CURLE_OK && verified >= 18 && verified <= 21;
}

static long number_of(CURL *easy, CURLINFO info)
{
	long value = 0;

	return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

/* The proxy has answered, and not with a connection. 407 and the like need somebody, 502 to 504 only time. */
static bool is_refused_by_proxy(CURL *easy, struct exchange *exchange)
{
	long status = number_of(easy, CURLINFO_HTTP_CONNECTCODE);

	if (status < 300)
		return false;
	exchange->kind = status >= 500 ? FAULT_LATER : FAULT_FAILED;
	if (status == 407)
		snprintf(exchange->reason, sizeof(exchange->reason),
			 "the proxy wants a user and a password (status 407); [acme] proxy = http://USER:PASSWORD@HOST:PORT "
			 "must have the right ones");
	else
		snprintf(exchange->reason, sizeof(exchange->reason), "the proxy does not connect us (status %ld)", status);
	return true;
}

/* Since libcurl 8.6; CURLE_OUT_OF_MEMORY before. */
#define TOO_LARGE ((CURLcode)100)

/* The remedy, for errors where libcurl's words do not name one. false: they do, or there is none. */
static bool say_more(CURL *easy, CURLcode code, bool own_ca, const char *section, char *text, size_t size)
{
	if (code == CURLE_SSL_CACERT_BADFILE && own_ca)
		snprintf(text, size, "[%s] ca_file holds no certificate that can be read; it must be a PEM file of the %s's roots",
			 section, strcmp(section, "acme") ? "server" : "CA");
	else if ((code == CURLE_SSL_CACERT_BADFILE || is_untrusted(easy, code)) && own_ca)
		snprintf(text, size, "the server's certificate comes from no CA in [%s] ca_file", section);
	else if (code == CURLE_SSL_CACERT_BADFILE || is_untrusted(easy, code)) /* a host without ca-certificates has no bundle */
		snprintf(text, size,
			 "the server's certificate comes from no CA that this host knows; install the package ca-certificates, or name a "
			 "file with the CA's own root in [%s] ca_file",
			 section);
	else if (code == CURLE_UNSUPPORTED_PROTOCOL && number_of(easy, CURLINFO_REDIRECT_COUNT) > 0)
		snprintf(text, size, "it redirects to a URL that is not https");
	/* A buffer of fixed size. */
	else if (code == TOO_LARGE || (code == CURLE_OUT_OF_MEMORY && number_of(easy, CURLINFO_RESPONSE_CODE) > 0))
		snprintf(text, size, "a header of the answer is longer than libcurl takes");
	else
		return false;
	return true;
}

/* libcurl says that it could not connect, and only asked why. */
static void say_why(CURL *easy, CURLcode code, struct exchange *exchange)
{
	const size_t used = strlen(exchange->reason);
	const long why = code == CURLE_COULDNT_CONNECT ? number_of(easy, CURLINFO_OS_ERRNO) : 0;

	if (why)
		snprintf(exchange->reason + used, sizeof(exchange->reason) - used, ": %s", strerror((int)why));
}

void http_failure_explain(struct exchange *exchange, CURL *easy, CURLcode code, bool own_ca, const char *section, const char *error)
{
	char remedy[sizeof(exchange->reason)];
	const bool more = say_more(easy, code, own_ca, section, remedy, sizeof(remedy));

	exchange->kind = more ? FAULT_FAILED : kind_of(code);
	exchange->stalled = code == CURLE_OPERATION_TIMEDOUT;
	if (is_refused_by_proxy(easy, exchange))
		return;
	if (more)
		snprintf(exchange->reason, sizeof(exchange->reason), "%s", remedy);
	else if (!exchange->reason[0])
		snprintf(exchange->reason, sizeof(exchange->reason), "%s", error[0] ? error : curl_easy_strerror(code));
	say_why(easy, code, exchange);
}
