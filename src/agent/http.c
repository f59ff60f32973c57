// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "agent/http_answer.h"
#include "agent/http_failure.h"
#include "agent/resolver.h"
#include "base/clock.h"

#define USER_AGENT "acmegate/" PACKAGE_VERSION " (ACME HTTP-01)"
#define CONNECT_MOST 10000L /* ms */
#define TOTAL_MOST 30000L   /* ms for one exchange */
#define REDIRECTS_MOST 3L   /* of a GET: the directory; nothing else may be redirected */
#define CONNECTIONS_MOST 4L /* to a server without HTTP/2 */
#define CA_FILE_MOST (1024 * 1024)
#define BUFFER_BYTES 4096L
#define UPLOAD_BYTES 16384L /* the least that libcurl takes */

struct flight {
	CURL *easy;
	struct http_answer answer; /* its exchange is NULL: free */
	struct curl_slist *resolve;
	struct curl_slist *lines; /* headers of this exchange alone */
	bool hashed;		  /* verifies with the system's hashed directory only */
	char error[CURL_ERROR_SIZE];
};

struct http {
	CURLM *multi;
	struct curl_slist *headers; /* of a POST */
	struct curl_blob ca;
	const char *bundle; /* the system's CA file, NULL: not that, or no directory to try before it */
	char proxy[URL_SIZE];
	char proxy_host[URL_SIZE]; /* https://HOST:PORT, for the resolver */
	const char *api;	   /* "dns NAME": the section that it is for; NULL: the CA */
	const char *plain;	   /* ADDRESS:PORT that all requests go to, by http; NULL: https */
	bool stalled;		   /* an exchange has: from then on each gets a connection of its own */
	struct flight flight[EXCHANGES_MOST];
	struct resolver resolver;
};

static int read_ca_file(struct http *http, int fd, struct fault *fault)
{
	struct stat s;
	ssize_t n;

	if (fstat(fd, &s) < 0)
		return fault_errno(fault, FAULT_FAILED, "reading the configured ca_file");
	if (s.st_size <= 0 || s.st_size > CA_FILE_MOST)
		return fault_set(fault, FAULT_USAGE, "the configured ca_file is empty or larger than %d bytes", CA_FILE_MOST);
	http->ca.len = (size_t)s.st_size;
	http->ca.flags = CURL_BLOB_NOCOPY;
	http->ca.data = malloc(http->ca.len);
	if (!http->ca.data)
		return fault_errno(fault, FAULT_LATER, "reading the configured ca_file");
	n = pread(fd, http->ca.data, http->ca.len, 0);
	if (n < 0)
		return fault_errno(fault, FAULT_FAILED, "reading the configured ca_file");
	http->ca.len = (size_t)n;
	return 0;
}

static int add_headers(struct http *http)
{
	static const char *const lines[] = { "Content-Type: application/jose+json", "Accept-Language: en", "Expect:" };

	for (size_t i = 0; i < LENGTH_OF(lines); i++) {
		struct curl_slist *longer = curl_slist_append(http->headers, lines[i]);

		if (!longer)
			return -1;
		http->headers = longer;
	}
	return 0;
}

static void take_proxy(struct http *http, const char *proxy)
{
	const char *host = strstr(proxy, "://"), *login = strrchr(proxy, '@');

	snprintf(http->proxy, sizeof(http->proxy), "%s", proxy);
	if (host)
		snprintf(http->proxy_host, sizeof(http->proxy_host), "https://%s", login ? login + 1 : host + 3);
}

struct http *http_start(int ca_fd, const char *proxy, struct fault *fault)
{
	struct http *http;

	/* libcurl would write key material into that file. Proxies are set on each handle, also when there is none. */
	unsetenv("SSLKEYLOGFILE");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(http = calloc(1, sizeof(*http)))) {
		fault_set(fault, FAULT_FAILED, "libcurl does not start");
		return NULL;
	}
	take_proxy(http, proxy);
	if (ca_fd >= 0 && read_ca_file(http, ca_fd, fault) < 0) {
		http_free(http);
		return NULL;
	}
	if (ca_fd < 0 && curl_version_info(CURLVERSION_NOW)->capath)
		http->bundle = curl_version_info(CURLVERSION_NOW)->cainfo;
	http->multi = curl_multi_init();
	if (!http->multi || add_headers(http) < 0 ||
	    curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) != CURLM_OK ||
	    curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, CONNECTIONS_MOST) != CURLM_OK) {
		http_free(http);
		fault_set(fault, FAULT_LATER, "not enough memory for libcurl");
		return NULL;
	}
	return http;
}

struct http *http_start_plain(const char *address, struct fault *fault)
{
	struct http *http = http_start(-1, "", fault);

	if (http)
		http->plain = address;
	return http;
}

struct http *http_start_api(int ca_fd, const char *section, struct fault *fault)
{
	struct http *http = http_start(ca_fd, "", fault);

	if (http)
		http->api = section;
	return http;
}

/* Sets the options that are the same for every exchange; the handle keeps them. */
static CURL *new_easy(const struct http *http, struct flight *flight)
{
	CURL *easy = curl_easy_init();
	CURLcode bad = CURLE_OK;

#define SET(option, value) bad |= curl_easy_setopt(easy, option, value)
	if (!easy)
		return NULL;
	SET(CURLOPT_PRIVATE, flight);
	SET(CURLOPT_ERRORBUFFER, flight->error);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, http->plain ? "http" : "https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
	SET(CURLOPT_MAXREDIRS, REDIRECTS_MOST);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(CURLOPT_PIPEWAIT, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MOST);
	SET(CURLOPT_DNS_CACHE_TIMEOUT, -1L);
	SET(CURLOPT_USERAGENT, USER_AGENT);
	SET(CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BYTES);
	SET(CURLOPT_PROXY, http->proxy); /* "" switches the environment's proxies off, too */
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_WRITEFUNCTION, http_answer_take_body);
	SET(CURLOPT_HEADERFUNCTION, http_answer_take_header);
	SET(CURLOPT_HEADERDATA, &flight->answer);
	if (http->ca.data) {
		SET(CURLOPT_CAINFO_BLOB, &http->ca);
		SET(CURLOPT_CAPATH, NULL);
	}
	/* One hashed file is found in no time; parsing all 140 of the bundle takes longer than all the rest of a
	 * renewal. */
	flight->hashed = http->bundle != NULL;
	if (flight->hashed)
		SET(CURLOPT_CAINFO, NULL);
#undef SET
	if (bad == CURLE_OK)
		return easy;
	curl_easy_cleanup(easy);
	return NULL;
}

static bool is_plain(const struct http *http, const struct exchange *exchange)
{
	return http->api && !strncmp(exchange->url, "http:", 5);
}

/* Puts the addresses of a host that is new into libcurl's cache. A proxy looks up names itself, but for its own. */
static int resolve(struct http *http, struct flight *flight, struct exchange *exchange)
{
	char entry[RESOLVER_ENTRY];
	int n;

	if (http->plain) {
		snprintf(entry, sizeof(entry), "::%s", http->plain);
		flight->resolve = curl_slist_append(NULL, entry);
		return curl_easy_setopt(flight->easy, CURLOPT_CONNECT_TO, flight->resolve) == CURLE_OK ? 0 : -1;
	}
	if (is_plain(http, exchange)) /* this host */
		return 0;
	n = resolver_look(&http->resolver, http->proxy[0] ? http->proxy_host : exchange->url, entry, exchange->reason,
			  sizeof(exchange->reason));
	if (n <= 0)
		return n;
	flight->resolve = curl_slist_append(NULL, entry);
	return curl_easy_setopt(flight->easy, CURLOPT_RESOLVE, flight->resolve) == CURLE_OK ? 0 : -1;
}

static int take_lines(struct flight *flight, const char *const *lines)
{
	for (size_t i = 0; lines && lines[i]; i++) {
		struct curl_slist *longer = curl_slist_append(flight->lines, lines[i]);

		if (!longer)
			return -1;
		flight->lines = longer;
	}
	return 0;
}

static int prepare(struct http *http, struct flight *flight, struct exchange *exchange)
{
	CURL *easy = flight->easy ? flight->easy : new_easy(http, flight);
	CURLcode bad = CURLE_OK;

	flight->easy = easy;
	if (!easy || take_lines(flight, exchange->headers) < 0)
		return -1;
	flight->error[0] = '\0';
	flight->answer.headers = 0;
	bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, exchange->most ? (long)exchange->most : TOTAL_MOST);
	bad |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, http->stalled ? 1L : 0L);
	bad |= curl_easy_setopt(easy, CURLOPT_URL, exchange->url);
	bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
	bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, exchange->method == METHOD_GET && !http->plain && !http->api ? 1L : 0L);
	bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER,
				flight->lines			? flight->lines :
				exchange->method == METHOD_POST ? http->headers :
								  NULL);
	bad |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->method == METHOD_DELETE ? "DELETE" : NULL);
	if (http->api)
		bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, is_plain(http, exchange) ? "http" : "https");
	if (exchange->method == METHOD_POST) {
		bad |= curl_easy_setopt(easy, CURLOPT_POST, 1L);
		bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)exchange->length);
		bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, exchange->body);
	} else { /* either makes it a GET or HEAD, whatever the handle did before */
		bad |= curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
		bad |= curl_easy_setopt(easy, CURLOPT_NOBODY, exchange->method == METHOD_HEAD ? 1L : 0L);
	}
	return bad == CURLE_OK ? resolve(http, flight, exchange) : -1;
}

void http_begin(struct http *http, struct exchange *exchange)
{
	size_t i = 0;

	while (i < EXCHANGES_MOST - 1 && http->flight[i].answer.exchange)
		i++;
	http->flight[i].answer.exchange = exchange;
	if (prepare(http, &http->flight[i], exchange) < 0 || curl_multi_add_handle(http->multi, http->flight[i].easy) != CURLM_OK) {
		exchange->kind = FAULT_LATER;
		if (!exchange->reason[0])
			snprintf(exchange->reason, sizeof(exchange->reason), "not enough memory for libcurl");
	}
}

static void land(struct http *http, struct flight *flight)
{
	curl_multi_remove_handle(http->multi, flight->easy);
	curl_easy_setopt(flight->easy, CURLOPT_RESOLVE, NULL);
	curl_easy_setopt(flight->easy, CURLOPT_CONNECT_TO, NULL);
	curl_slist_free_all(flight->resolve);
	curl_slist_free_all(flight->lines);
	flight->resolve = flight->lines = NULL;
	flight->answer.exchange = NULL;
}

void http_cancel(struct http *http, struct exchange *exchange)
{
	for (size_t i = 0; i < EXCHANGES_MOST; i++)
		if (http->flight[i].answer.exchange == exchange)
			land(http, &http->flight[i]);
}

static struct exchange *finish(struct http *http, CURL *easy, CURLcode code)
{
	struct flight *flight = NULL;
	struct exchange *exchange;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&flight);
	exchange = flight->answer.exchange;
	if (code == CURLE_OK) {
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		exchange->status = (unsigned int)status;
		http_answer_read(easy, exchange);
	} else {
		http_failure_explain(exchange, easy, code, http->ca.data != NULL, http->api ? http->api : "acme", flight->error);
		http->stalled |= exchange->stalled;
	}
	land(http, flight);
	return exchange;
}

/* An exchange that did not even get off the ground. */
static struct exchange *crashed(struct http *http)
{
	for (size_t i = 0; i < EXCHANGES_MOST; i++) {
		struct exchange *exchange = http->flight[i].answer.exchange;

		if (!exchange || exchange->kind == FAULT_NONE)
			continue;
		land(http, &http->flight[i]);
		return exchange;
	}
	return NULL;
}

/* The directory does not know the CA, or is not hashed at all: the same once more with the bundle, for good. */
static bool with_bundle(struct http *http, CURL *easy, CURLcode code)
{
	struct flight *flight = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&flight);
	if (code != CURLE_PEER_FAILED_VERIFICATION || !flight->hashed)
		return false;
	flight->hashed = false;
	curl_multi_remove_handle(http->multi, easy);
	if (curl_easy_setopt(easy, CURLOPT_CAINFO, curl_version_info(CURLVERSION_NOW)->cainfo) != CURLE_OK ||
	    curl_multi_add_handle(http->multi, easy) != CURLM_OK)
		return false;
	http->bundle = NULL;
	return true;
}

/* libcurl looks at each of its handles whenever it works: so first everything that is done already. */
static struct exchange *done_already(struct http *http)
{
	CURLMsg *message;
	int rest;

	while ((message = curl_multi_info_read(http->multi, &rest))) {
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result;

		if (message->msg == CURLMSG_DONE && !with_bundle(http, easy, code))
			return finish(http, easy, code);
	}
	return crashed(http);
}

/* poll(2) passes over a descriptor of -1, and so does libcurl, which hands these on. */
int http_next(struct http *http, int64_t milliseconds, const int watched[HTTP_WATCHED], struct exchange **exchange,
	      struct fault *fault)
{
	struct curl_waitfd extra[HTTP_WATCHED] = { { watched[0], CURL_WAIT_POLLIN, 0 }, { watched[1], CURL_WAIT_POLLIN, 0 } };
	int64_t end = clock_milliseconds() + milliseconds, left = milliseconds;
	CURLMcode bad;
	int running;

	while (!(*exchange = done_already(http))) {
		bad = curl_multi_perform(http->multi, &running);
		*exchange = done_already(http);
		if (*exchange)
			return 1;
		if (left <= 0 || extra[0].revents || extra[1].revents)
			return 0;
		if (bad == CURLM_OK)
			bad = curl_multi_poll(http->multi, extra, HTTP_WATCHED, left < 60000 ? (int)left : 60000, NULL);
		if (bad != CURLM_OK)
			return fault_set(fault, FAULT_FAILED, "libcurl: %s", curl_multi_strerror(bad));
		left = end - clock_milliseconds();
	}
	return 1;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	for (size_t i = 0; i < EXCHANGES_MOST; i++) {
		if (http->flight[i].answer.exchange)
			land(http, &http->flight[i]);
		curl_easy_cleanup(http->flight[i].easy);
	}
	curl_multi_cleanup(http->multi);
	curl_slist_free_all(http->headers);
	resolver_free(&http->resolver);
	free(http->ca.data);
	free(http);
}
