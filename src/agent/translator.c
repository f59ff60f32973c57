// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * translator.c - the agent's role that knows what international names are in ASCII, see wire.h. It is started while the
 * configuration is read, so it gets none; its rights are to read from its channel and to write into it.
 */
#include "agent/agent.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/idna.h"
#include "base/wire.h"

int translator_main(const struct config *config)
{
	char name[FOREIGN_NAME_SIZE], ascii[NAME_SIZE], why[WHY_SIZE], answer[TRANSLATION_SIZE];
	ssize_t n;

	(void)config;
	while ((n = recv(FD_WARDEN, name, sizeof(name) - 1, 0)) > 0) {
		name[n] = '\0';
		if (idna_ascii(name, ascii, why) == 0)
			n = snprintf(answer, sizeof(answer), "%c%s", TRANSLATED, ascii);
		else
			n = snprintf(answer, sizeof(answer), "%c%s", UNTRANSLATABLE, why);
		if (send(FD_WARDEN, answer, (size_t)n, MSG_NOSIGNAL) != n)
			return STATUS_FAILED;
	}
	return n < 0 ? STATUS_FAILED : STATUS_DONE;
}
