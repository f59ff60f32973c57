// SPDX-License-Identifier: GPL-3.0-or-later
#include "publish/international.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/launch_channel.h"
#include "base/wire.h"

#define ANSWER_MOST 10000 /* ms */

static struct {
	int channel, pidfd;
	bool failed; /* it is not tried again for each name */
} translator = { -1, -1, false };

void international_end(void)
{
	close_fd(&translator.channel);
	(void)launch_reap(&translator.pidfd, true);
}

static int start(struct fault *fault)
{
	translator.pidfd = launch_channel(ROLE_TRANSLATOR, NULL, &(struct descriptor){ -1, FD_WARDEN }, 1, &translator.channel,
					  fault);
	return translator.pidfd < 0 ? -1 : 0;
}

int international_ascii(const char *name, char ascii[NAME_SIZE], struct fault *fault)
{
	char answer[TRANSLATION_SIZE] = "";
	struct pollfd reader = { .events = POLLIN };
	ssize_t n = -1;

	if (!translator.failed && translator.channel < 0 && start(fault) < 0)
		translator.failed = true;
	reader.fd = translator.channel;
	if (!translator.failed && send(translator.channel, name, strlen(name), MSG_NOSIGNAL) > 0 && poll(&reader, 1, ANSWER_MOST) == 1)
		n = recv(translator.channel, answer, sizeof(answer) - 1, 0);
	if (n < 2 || (answer[0] != TRANSLATED && answer[0] != UNTRANSLATABLE)) {
		translator.failed = true;
		return fault_set(fault, FAULT_FAILED, "acmegate-agent does not translate it; write it in its xn-- form");
	}
	answer[n] = '\0';
	if (answer[0] == UNTRANSLATABLE)
		return fault_set(fault, FAULT_USAGE, "%s", answer + 1);
	memcpy(ascii, answer + 1, (size_t)n);
	return 0;
}
