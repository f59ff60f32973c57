// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/reply.h"

#define PATIENCE 300 /* seconds; each writer has a limit of its own below that */

static int channel[MAX_DNS]; /* 0: there is none */

int writer_learn(struct fault *fault)
{
	static struct record record;
	int with[2], n;

	if (fcntl(FD_WRITER, F_GETFD) < 0)
		return 0;
	while ((n = wire_receive_with(FD_WRITER, &record, with, fault)) > 0) {
		if (record.verb != VERB_WRITER || record.index >= MAX_DNS || with[0] < 0)
			return fault_set(fault, FAULT_FAILED, "%s in the place of a channel to a writer",
					 verb_name((enum verb)record.verb));
		channel[record.index] = fcntl(with[0], F_DUPFD_CLOEXEC,
					      FD_AGENT_END); /* the number may mean another descriptor that is missing */
		close_fd(&with[0]);
		if (channel[record.index] < 0)
			return fault_errno(fault, FAULT_LATER, "a channel to a writer");
	}
	return n;
}

static void describe(const struct note *note, struct placed *placed)
{
	memset(placed, 0, sizeof(*placed));
	snprintf(placed->zone, sizeof(placed->zone), "%s", note->target.zone);
	snprintf(placed->owner, sizeof(placed->owner), "%s", note->target.owner);
	snprintf(placed->name, sizeof(placed->name), "%s", note->name);
	snprintf(placed->value, sizeof(placed->value), "%s", note->value);
}

/* A late reply would be taken for that to the next question: the channel of a writer that is silent, or has ended, is closed. */
int writer_ask(const struct config *config, uint32_t section, bool put, const struct note *note, struct fault *fault)
{
	static struct record reply;
	struct placed placed;
	int n = 0;

	describe(note, &placed);
	if (!channel[section])
		return fault_set(fault, FAULT_LATER,
				 "the process that changes values of type = %s does not run: see the messages before",
				 dns_types[config->dns[section].type]);
	if (wire_send(channel[section], put ? VERB_PUT_VALUE : VERB_TAKE_VALUE, section, &placed, sizeof(placed), fault) == 0)
		n = wire_await(channel[section], &reply, PATIENCE, fault);
	if (n > 0 && reply.verb == VERB_REPLY)
		return 0;
	if (n > 0 && reply_check(&reply, fault) < 0)
		return -1;
	close(channel[section]);
	channel[section] = 0;
	return fault_set(fault, FAULT_LATER, "the process that changes values of type = %s %s",
			 dns_types[config->dns[section].type], n == 0 ? "has ended" : "did not answer");
}
