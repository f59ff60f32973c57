// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/persist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"
#define STRING_MOST 255 /* octets (RFC 1035, 3.3) */
#define MOST_TAGS 32	/* with more of them a record is malformed here */
#define HASHED 10	/* bytes of the hash that the label has */

struct span {
	const char *at; /* NULL: it is not there */
	size_t length;
};

static bool is_word(struct span span, const char *word)
{
	return span.at && strlen(word) == span.length && !strncasecmp(span.at, word, span.length);
}

static struct span trim(const char *at, size_t length)
{
	size_t blanks = strspn(at, BLANKS);

	blanks = blanks < length ? blanks : length;
	at += blanks;
	length -= blanks;
	while (length && strchr(BLANKS, at[length - 1]))
		length--;
	return (struct span){ at, length };
}

/* The parameters of a record. */
struct parameters {
	struct span tag[MOST_TAGS];
	struct span value[MOST_TAGS];
	size_t number;
};

static struct span parameter(const struct parameters *parameters, const char *tag)
{
	for (size_t i = 0; i < parameters->number; i++)
		if (is_word(parameters->tag[i], tag))
			return parameters->value[i];
	return (struct span){ NULL, 0 };
}

static bool is_value(struct span span)
{
	for (size_t i = 0; i < span.length; i++)
		if (span.at[i] < '!' || span.at[i] > '~' || span.at[i] == ';')
			return false;
	return true;
}

/* text: behind the name of the issuer, from the semicolon on. false: it is malformed. */
static bool take_parameters(struct parameters *parameters, const char *text)
{
	parameters->number = 0;
	while (*text == ';') {
		const size_t length = strcspn(++text, ";");
		const char *equals = memchr(text, '=', length);
		struct span tag, value;

		if (!equals || parameters->number == MOST_TAGS)
			return false;
		tag = trim(text, (size_t)(equals - text));
		value = trim(equals + 1, length - (size_t)(equals + 1 - text));
		if (!tag.length || !is_value(value))
			return false;
		for (size_t i = 0; i < parameters->number; i++)
			if (parameters->tag[i].length == tag.length && !strncasecmp(parameters->tag[i].at, tag.at, tag.length))
				return false;
		parameters->tag[parameters->number] = tag;
		parameters->value[parameters->number++] = value;
		text += length;
	}
	return true;
}

/* false: it is no number of seconds. */
static bool take_until(struct span span, int64_t *until)
{
	char text[24], *end;

	*until = 0;
	if (!span.at)
		return true;
	if (!span.length || span.length >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)span.length, span.at);
	errno = 0;
	*until = strtoll(text, &end, 10);
	return !*end && !errno && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
}

static bool is_of_issuer(const struct persist_terms *terms, struct span name)
{
	for (uint32_t i = 0; i < terms->issuers; i++)
		if (is_word(name, terms->issuer[i]))
			return true;
	return false;
}

static bool is_of_account(const struct persist_terms *terms, struct span uri)
{
	for (uint32_t i = 0; i < terms->accounts; i++)
		if (strlen(terms->account[i]) == uri.length && !strncmp(terms->account[i], uri.at, uri.length))
			return true;
	return false;
}

enum persist_verdict persist_judge(const struct persist_terms *terms, const char *text, int64_t now, int64_t *until)
{
	const size_t length = strcspn(text, ";");
	struct parameters parameters;
	struct span account;
	bool wild;

	*until = 0;
	if (!is_of_issuer(terms, trim(text, length)))
		return PERSIST_FOREIGN;
	if (!take_parameters(&parameters, text + length))
		return PERSIST_MALFORMED;
	account = parameter(&parameters, "accounturi");
	wild = is_word(parameter(&parameters, "policy"), "wildcard");
	if (!account.at || !account.length || !take_until(parameter(&parameters, "persistUntil"), until))
		return PERSIST_MALFORMED;
	if (!is_of_account(terms, account))
		return PERSIST_STRANGER;
	if (terms->wildcard && !wild)
		return PERSIST_NARROW;
	return parameter(&parameters, "persistUntil").at && *until < now ? PERSIST_LAPSED : PERSIST_GOOD;
}

void persist_write(const struct persist_terms *terms, const char *name, char *text, size_t size)
{
	char value[PERSIST_TEXT_SIZE], until[40] = "";
	size_t used;

	if (terms->until)
		snprintf(until, sizeof(until), "; persistUntil=%" PRId64, terms->until);
	snprintf(value, sizeof(value), "%s; accounturi=%s%s%s", terms->issuer[0], terms->account[0],
		 terms->wildcard ? "; policy=wildcard" : "", until);
	used = (size_t)snprintf(text, size, PERSIST_LABEL ".%s. IN TXT", name);
	for (size_t at = 0; at < strlen(value) && used < size; at += STRING_MOST)
		used += (size_t)snprintf(text + used, size - used, " \"%.*s\"", STRING_MOST, value + at);
}

bool persist_is_issuer(const char *name)
{
	const size_t length = strlen(name);

	return length && length < NAME_SIZE && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.")] && name[0] != '.' &&
	       name[length - 1] != '.' && !strstr(name, "..");
}

void persist_account_label(const unsigned char *hash, char label[ACCOUNT_LABEL_SIZE])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567"; /* RFC 4648, 6 */
	size_t used = 0;

	label[used++] = '_';
	for (unsigned int bit = 0; bit < HASHED * 8; bit += 5) {
		const unsigned int two = (unsigned int)hash[bit / 8] << 8 | (bit / 8 + 1 < HASHED ? hash[bit / 8 + 1] : 0U);

		label[used++] = alphabet[two >> (11 - bit % 8) & 31];
	}
	label[used] = '\0';
}
