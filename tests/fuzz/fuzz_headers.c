// SPDX-License-Identifier: GPL-3.0-or-later
/* The headers of an answer: lines of "X value", where X says which header. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64url.h"
#include "acme/exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void take_line(struct exchange *exchange, char *line)
{
	static const struct {
		char letter;
		const char *name;
	} names[] = {
		{ 'N', "replay-nonce" }, { 'L', "location" }, { 'D', "date" }, { 'R', "retry-after" }, { 'K', "link" },
	};

	if (!line[0] || !line[1])
		return;
	for (size_t i = 0; i < LENGTH_OF(names); i++)
		if (names[i].letter == line[0])
			exchange_header(exchange, names[i].name, line + 2);
}

static void check_all(const struct exchange *exchange)
{
	int64_t wait = exchange_retry_after(exchange, 5, 5000);

	check(wait == -1 || (wait >= 5 && wait <= 5000));
	check(!exchange->location[0] || url_is_valid(exchange->location, strlen(exchange->location)));
	for (size_t i = 0; i < ALTERNATES; i++)
		check(!exchange->alternate[i][0] || url_is_valid(exchange->alternate[i], strlen(exchange->alternate[i])));
	for (const char *c = exchange->nonce; *c; c++)
		check(base64url_is(*c));
	if (exchange->location[0])
		(void)url_same_origin(exchange->location, exchange->alternate[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct exchange exchange;
	char *text = malloc(size + 1), *rest = text, *line;

	check(text);
	memcpy(text, data, size);
	text[size] = '\0';
	exchange_reset(&exchange);
	while ((line = strsep(&rest, "\n"))) {
		char *copy = strdup(line); /* its end is the end of its memory */

		check(copy);
		take_line(&exchange, copy);
		free(copy);
	}
	check_all(&exchange);
	if (exchange_append(&exchange, text, size) == 0)
		check(exchange.data[exchange.used] == '\0');
	exchange_free(&exchange);
	free(text);
	return 0;
}
