// SPDX-License-Identifier: GPL-3.0-or-later
/* Renewal information: the first line is the value of Retry-After, the rest the document. Includes the file that it tests. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acme/renewal_info.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void check_suggestion(const struct suggestion *suggestion)
{
	bool window = suggestion->answer == SUGGESTION_WINDOW;

	check(suggestion->answer < SUGGESTION_ANSWERS);
	check(suggestion->again >= LEAST && suggestion->again <= MOST);
	check(window ? suggestion->start > 0 && suggestion->start < suggestion->end : !suggestion->start && !suggestion->end);
	check(strnlen(suggestion->explanation, URL_SIZE) < URL_SIZE);
	check(!suggestion->explanation[0] || url_is_valid(suggestion->explanation, strlen(suggestion->explanation)));
	check(window || !suggestion->explanation[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct exchange exchange;
	struct renewal_info info = { .certid = "a.b" };
	struct acme_call call = { .context = &info };
	char *text = malloc(size + 1), *rest = text, *line;

	check(text);
	memcpy(text, data, size);
	text[size] = '\0';
	exchange_reset(&exchange);
	exchange.status = 200;
	exchange.date = 1790000000;
	line = strsep(&rest, "\n");
	exchange_header(&exchange, "Retry-After", line);
	if (rest)
		check(exchange_append(&exchange, rest, size - (size_t)(rest - text)) == 0 || size > BODY_MOST);
	check(fetched(&call, &exchange, NULL, NULL) == CALL_FINISHED);
	check_suggestion(&info.suggestion);
	check(renewal_info_moment(line) >= 0);
	exchange_free(&exchange);
	free(text);
	return 0;
}
