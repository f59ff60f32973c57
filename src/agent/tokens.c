// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/tokens.h"

#include <poll.h>
#include <string.h>

#include "agent/agent.h"
#include "base/base64url.h"
#include "base/wire.h"

static struct published {
	size_t count;
	struct token token[MAX_NAMES];
	struct record record;
} published;

static bool is_base64url(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!base64url_is(text[i]))
			return false;
	return length > 0;
}

static struct token *find(const char *token, size_t length)
{
	for (size_t i = 0; i < published.count; i++)
		if (!strncmp(published.token[i].token, token, length) && !published.token[i].token[length])
			return &published.token[i];
	return NULL;
}

const struct token *tokens_find(const char *token, size_t length)
{
	return find(token, length);
}

/* The client parses what a CA sends; what it tells us goes out to anyone, so it is checked again. */
static int add_token(const struct token *token, struct fault *fault)
{
	size_t length = strlen(token->token);
	const char *thumbprint = token->key_authorization + length + 1;
	struct token *slot = find(token->token, length);

	if (!is_base64url(token->token, length) || strncmp(token->key_authorization, token->token, length) ||
	    token->key_authorization[length] != '.' || !is_base64url(thumbprint, strlen(thumbprint)))
		return fault_set(fault, FAULT_FAILED, "the client sent a malformed token");
	if (!slot && published.count == MAX_NAMES)
		return fault_set(fault, FAULT_FAILED, "the client sent more than %d tokens", MAX_NAMES);
	if (!slot)
		slot = &published.token[published.count++];
	*slot = *token;
	return 0;
}

/* 1: there was one. 0: the client has gone. */
static int receive_token(struct fault *fault)
{
	int rc = wire_receive(FD_CLIENT, &published.record, fault);
	struct token token;

	if (rc <= 0)
		return rc;
	if (published.record.verb != VERB_TOKEN)
		return fault_set(fault, FAULT_FAILED, "the client sent %s", verb_name(published.record.verb));
	memcpy(&token, published.record.data, sizeof(token));
	return add_token(&token, fault) < 0 ? -1 : 1;
}

int tokens_receive(struct fault *fault)
{
	struct pollfd client = { .fd = FD_CLIENT, .events = POLLIN };
	int rc = 1;

	while (rc > 0 && poll(&client, 1, 0) > 0)
		rc = receive_token(fault);
	return rc;
}
