// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/exchange.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/base64url.h"

#define SCHEME "https://"

bool url_is_valid(const char *url, size_t length)
{
	static const char marks[] = "-._~:/?#[]@!$&'()*+,;=%";

	if (length >= URL_SIZE || length <= strlen(SCHEME) || strncasecmp(url, SCHEME, strlen(SCHEME)) != 0)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = url[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && !(c && strchr(marks, c)))
			return false;
	}
	return url[strlen(SCHEME)] != '/';
}

bool url_same_origin(const char *one, const char *other)
{
	size_t length = strlen(SCHEME);

	if (strlen(one) <= length || strlen(other) <= length)
		return false;
	length += strcspn(one + length, "/?#");
	return strncasecmp(one, other, length) == 0 && (!other[length] || strchr("/?#", other[length]));
}

const char *url_host(const char *url, size_t *length)
{
	const char *host = url + strlen(SCHEME);
	size_t authority = strcspn(host, "/?#");

	*length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
	if (*length > authority || memchr(host, '@', authority))
		*length = 0;
	return host;
}

void exchange_reset(struct exchange *exchange)
{
	exchange->status = 0;
	exchange->kind = FAULT_NONE;
	exchange->stalled = false;
	exchange->reason[0] = '\0';
	exchange->used = 0;
	if (exchange->data)
		exchange->data[0] = '\0';
	exchange->nonce[0] = exchange->location[0] = '\0';
	for (size_t i = 0; i < ALTERNATES; i++)
		exchange->alternate[i][0] = '\0';
	exchange->date = exchange->retry_at = 0;
	exchange->retry_seconds = -1;
}

int exchange_append(struct exchange *exchange, const void *data, size_t length)
{
	size_t need = exchange->used + length + 1;

	if (length > BODY_MOST || need > BODY_MOST + 1)
		return -1;
	if (need > exchange->room) {
		size_t room = need < 2048 ? 2048 : need * 2;
		char *larger = realloc(exchange->data, room);

		if (!larger)
			return -1;
		exchange->data = larger;
		exchange->room = room;
	}
	if (length)
		memcpy(exchange->data + exchange->used, data, length);
	exchange->used += length;
	exchange->data[exchange->used] = '\0';
	return 0;
}

void exchange_free(struct exchange *exchange)
{
	free(exchange->data);
	exchange->data = NULL;
	exchange->used = exchange->room = 0;
}

static void take_nonce(struct exchange *exchange, const char *value)
{
	size_t length = strlen(value);

	if (length >= NONCE_SIZE)
		return;
	for (size_t i = 0; i < length; i++)
		if (!base64url_is(value[i]))
			return;
	memcpy(exchange->nonce, value, length + 1);
}

static void take_location(struct exchange *exchange, const char *value)
{
	size_t length = strlen(value);

	if (url_is_valid(value, length))
		memcpy(exchange->location, value, length + 1);
}

/* Reads the IMF-fixdate of RFC 9110, 5.6.7; no server sends its two obsolete forms. */
static int64_t seconds_of(const char *value)
{
	struct tm tm = { 0 };
	const char *end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm);

	if (!end || *end)
		return 0;
	return (int64_t)timegm(&tm);
}

static void take_date(struct exchange *exchange, const char *value)
{
	exchange->date = seconds_of(value);
}

static void take_retry_after(struct exchange *exchange, const char *value)
{
	int64_t seconds = 0;
	const char *c = value;

	for (; *c >= '0' && *c <= '9'; c++)
		if (seconds < INT32_MAX) /* more digits change nothing: callers clamp it far below */
			seconds = seconds * 10 + (*c - '0');
	if (c > value && !*c)
		exchange->retry_seconds = seconds < INT32_MAX ? seconds : INT32_MAX;
	else
		exchange->retry_at = seconds_of(value);
}

/* Does a parameter list (";rel="alternate";...", up to a comma) name the relation "alternate"? Moves *at to its end. */
static bool is_alternate(const char **at)
{
	static const char wanted[] = "rel=";
	bool found = false, quoted = false;

	for (const char *c = *at;; c++) {
		*at = c;
		if (!*c || (*c == ',' && !quoted))
			return found;
		if (*c == '"')
			quoted = !quoted;
		if (quoted || strncasecmp(c, wanted, strlen(wanted)) != 0 || (c[-1] != ';' && c[-1] != ' '))
			continue;
		c += strlen(wanted) - 1;
		found |= strncasecmp(c + 1, "\"alternate\"", 11) == 0 ||
			 (strncasecmp(c + 1, "alternate", 9) == 0 && strchr(";, ", c[10]));
	}
}

/* One header has several links, each <URL> and parameters (RFC 8288, 3). */
static void take_link(struct exchange *exchange, const char *value)
{
	const char *at = value;

	while ((at = strchr(at, '<'))) {
		const char *url = at + 1;
		size_t length = strcspn(url, ">"), slot = 0;

		if (!url[length])
			return;
		at = url + length + 1;
		if (!is_alternate(&at) || !url_is_valid(url, length))
			continue;
		while (slot < ALTERNATES && exchange->alternate[slot][0])
			slot++;
		if (slot == ALTERNATES)
			return;
		memcpy(exchange->alternate[slot], url, length);
		exchange->alternate[slot][length] = '\0';
	}
}

void exchange_header(struct exchange *exchange, const char *name, const char *value)
{
	static const struct {
		const char *name;
		void (*take)(struct exchange *exchange, const char *value);
	} headers[] = {
		{ "Replay-Nonce", take_nonce },	     { "Location", take_location }, { "Date", take_date },
		{ "Retry-After", take_retry_after }, { "Link", take_link },
	};

	for (size_t i = 0; i < LENGTH_OF(headers); i++)
		if (strcasecmp(name, headers[i].name) == 0)
			headers[i].take(exchange, value);
}

int64_t exchange_retry_after(const struct exchange *exchange, int64_t least, int64_t most)
{
	int64_t wish;

	if (exchange->retry_seconds >= 0)
		wish = exchange->retry_seconds * 1000;
	else if (exchange->retry_at && exchange->date)
		wish = (exchange->retry_at - exchange->date) * 1000;
	else
		return -1;
	if (wish < least)
		return least;
	return wish < most ? wish : most;
}

struct exchange *exchanges_find_free(struct exchanges *exchanges)
{
	for (size_t i = 0; i < EXCHANGES_MOST; i++)
		if (!exchanges->slot[i].owner)
			return &exchanges->slot[i];
	return NULL;
}

void exchanges_start(struct exchanges *exchanges, struct exchange *exchange, void *owner)
{
	exchange_reset(exchange);
	exchange->owner = owner;
	exchange->most = exchanges->most;
	exchanges->transport.start(exchanges->transport.context, exchange);
}

void exchanges_cancel(struct exchanges *exchanges, const void *owner)
{
	for (size_t i = 0; i < EXCHANGES_MOST; i++) {
		struct exchange *exchange = &exchanges->slot[i];

		if (!exchange->owner || exchange->owner != owner)
			continue;
		exchanges->transport.cancel(exchanges->transport.context, exchange);
		exchange->owner = NULL;
	}
}

void exchanges_free(struct exchanges *exchanges, const void *owner)
{
	exchanges_cancel(exchanges, owner);
	for (size_t i = 0; i < EXCHANGES_MOST; i++)
		exchange_free(&exchanges->slot[i]);
}
