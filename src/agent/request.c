// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/request.h"

#include <string.h>

#include "base/base64url.h"
#include "base/wire.h"

struct scanner {
	const char *at, *end;
};

/* As much of the text as has come must be there. REQUEST_TOKEN: all of it is. */
static enum request_verdict expect(struct scanner *scanner, const char *text)
{
	for (; *text; text++, scanner->at++) {
		if (scanner->at == scanner->end)
			return REQUEST_MORE;
		if (*scanner->at != *text)
			return REQUEST_OTHER;
	}
	return REQUEST_TOKEN;
}

static enum request_verdict expect_token(struct scanner *scanner, const char **token, size_t *length)
{
	*token = scanner->at;
	while (scanner->at < scanner->end && base64url_is(*scanner->at))
		scanner->at++;
	*length = (size_t)(scanner->at - *token);
	if (*length > TOKEN_SIZE - 1)
		return REQUEST_OTHER;
	if (scanner->at == scanner->end)
		return REQUEST_MORE;
	return *length ? REQUEST_TOKEN : REQUEST_OTHER;
}

static enum request_verdict expect_version(struct scanner *scanner)
{
	enum request_verdict verdict = expect(scanner, " HTTP/1.");

	if (verdict != REQUEST_TOKEN)
		return verdict;
	if (scanner->at == scanner->end)
		return REQUEST_MORE;
	if (*scanner->at != '0' && *scanner->at != '1')
		return REQUEST_OTHER;
	scanner->at++;
	if (scanner->at < scanner->end && *scanner->at == '\r')
		scanner->at++;
	return expect(scanner, "\n");
}

/* The header means nothing to us, only its end does: an empty line. NUL never belongs there. */
static enum request_verdict expect_header(struct scanner *scanner)
{
	size_t line = 0;

	for (; scanner->at < scanner->end; scanner->at++) {
		if (*scanner->at == '\0')
			return REQUEST_OTHER;
		if (*scanner->at == '\n' && !line)
			return REQUEST_TOKEN;
		if (*scanner->at == '\n')
			line = 0;
		else if (*scanner->at != '\r')
			line++;
	}
	return REQUEST_MORE;
}

enum request_verdict request_parse(const char *data, size_t length, const char **token, size_t *token_length)
{
	struct scanner scanner = { data, data + (length < REQUEST_SIZE ? length : REQUEST_SIZE) };
	enum request_verdict verdict = expect(&scanner, "GET /.well-known/acme-challenge/");

	if (verdict == REQUEST_TOKEN)
		verdict = expect_token(&scanner, token, token_length);
	if (verdict == REQUEST_TOKEN)
		verdict = expect_version(&scanner);
	if (verdict == REQUEST_TOKEN)
		verdict = expect_header(&scanner);
	return verdict == REQUEST_MORE && length >= REQUEST_SIZE ? REQUEST_OTHER : verdict;
}
