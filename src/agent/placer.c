// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * placer.c - the agent's role that puts one file into the web server's directory for acmegate check, and removes it when it is told to, or its
 * channel ends. Its rights are those of the storer over that directory, and no others.
 */
#include "agent/agent.h"

#include <string.h>
#include <sys/socket.h>

#include "agent/webroot.h"
#include "base/log.h"

/* The reply to the token: why it could not be put there, or an empty text. Then one byte, or the end: the directories may be in use. */
int placer_main(const struct config *config)
{
	static struct token token;
	struct fault fault = { .text = "" };
	struct trial trial;
	char word;
	bool used;

	if (recv(FD_WARDEN, &token, sizeof(token), 0) != (ssize_t)sizeof(token))
		return STATUS_FAILED;
	token.token[sizeof(token.token) - 1] = token.key_authorization[sizeof(token.key_authorization) - 1] = '\0';
	(void)!trial_begin(&trial, config->responder.webroot, &token, &fault);
	(void)!send(FD_WARDEN, fault.text, strlen(fault.text) + 1, MSG_NOSIGNAL);
	used = recv(FD_WARDEN, &word, 1, 0) != 1;
	trial_end(&trial, &token, used);
	return STATUS_DONE;
}
