// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/gate_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/launch_channel.h"

static struct record record;

/* --- beginning ---------------------------------------------------------------------------------------------------- */

int gate_start(struct gate *gate, struct fault *fault)
{
	gate->pidfd = launch_channel(ROLE_GATE, NULL, &(struct descriptor){ -1, FD_WARDEN }, 1, &gate->channel, fault);
	return gate->pidfd < 0 ? -1 : 0;
}

/* One that never answered was not started, or is another version's. */
static int gone(struct gate *gate, struct fault *fault)
{
	char path[PATH_MAX];

	gate->died = true;
	(void)shutdown(gate->channel, SHUT_RDWR); /* one that could not be told closes now */
	if (gate->met)
		return fault_set(fault, FAULT_FAILED, "the gate has ended before it was told to");
	if (launch_find("-gate", path, fault) < 0)
		return -1;
	return fault_set(fault, FAULT_FAILED, "%s has ended at once: see above, or install acmegate completely (make install)", path);
}

static int say(struct gate *gate, enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault)
{
	return gate->channel < 0 || wire_send(gate->channel, verb, index, data, length, fault) < 0 ? gone(gate, fault) : 0;
}

/* The CA's own address, if its URL has one instead of a name. */
static void find_ca(const char *url, struct policy *policy)
{
	const char *host = strstr(url, "://");
	char text[INET6_ADDRSTRLEN];
	bool bracket;

	if (!host)
		return;
	bracket = host[3] == '[';
	host += bracket ? 4 : 3;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(host, bracket ? "]" : ":/"), host);
	if (inet_pton(AF_INET, text, policy->ca) == 1)
		policy->ca_family = NFPROTO_IPV4;
	else if (inet_pton(AF_INET6, text, policy->ca) == 1)
		policy->ca_family = NFPROTO_IPV6;
}

void gate_turn(struct gate *gate, enum challenge_window window)
{
	gate->tls = window == WINDOW_TLS;
	gate->port = gate->ports[window];
}

static uint32_t for_port(const struct gate *gate)
{
	return gate->tls ? FOR_TLS : 0;
}

static int send_policy(struct gate *gate, const struct config *config, int state_fd, bool detached, struct fault *fault)
{
	struct policy policy = {
		.backend = config->gate.backend,
		.mode = config->responder.mode,
		.seconds = config->gate.max_open,
		.user = config->gate.uid,
		.port = config->gate.port,
		.tls_port = config_needs_tls(config) ? config->gate.tls_port : 0,
		.target = config->responder.port,
		.ca_port = config_ca_port(config),
		.public_ca = config_has_public_ca(config),
		.detached = detached,
		.has_command = config->gate.command[0] != '\0',
	};

	gate->seconds = config->gate.max_open;
	gate->ports[WINDOW_HTTP] = config->gate.port;
	gate->ports[WINDOW_TLS] = config->gate.tls_port;
	gate_turn(gate, WINDOW_HTTP);
	find_ca(config->acme.directory, &policy);
	return wire_send_with(gate->channel, VERB_POLICY, 0, &policy, sizeof(policy), (const int[2]){ state_fd, -1 }, fault) < 0 ?
		       gone(gate, fault) :
		       0;
}

int gate_limit(struct gate *gate, const struct config *config, struct fault *fault)
{
	return send_policy(gate, config, -1, false, fault);
}

int gate_tell(struct gate *gate, const struct config *config, int state_fd, bool detached, struct fault *fault)
{
	const char *command = config->gate.command;

	gate->state_fd = state_fd;
	if (send_policy(gate, config, state_fd, detached, fault) < 0)
		return -1;
	return command[0] ? say(gate, VERB_COMMAND, 0, command, strlen(command), fault) : 0;
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

static int take_fault(struct fault *fault)
{
	fault_set(fault, record.verb == VERB_OCCUPIED ? FAULT_LATER : (enum fault_kind)record.index, "%s", record.data);
	fault->code = record.verb == VERB_OCCUPIED ? EBUSY : 0;
	return -1;
}

static int receive(struct gate *gate, struct fault *fault)
{
	int with[2], rc = gate->channel < 0 ? 0 : wire_receive_with(gate->channel, &record, with, fault);

	if (rc == 0)
		return gone(gate, fault);
	gate->met = true;
	if (rc > 0 && record.verb == VERB_OVERTIME)
		gate->overtime = true;
	close_fd(&with[0]); /* for a responder that is not needed any more */
	close_fd(&with[1]);
	return rc < 0 ? -1 : 0;
}

static int await(struct gate *gate, struct fault *fault)
{
	if (receive(gate, fault) < 0)
		return -1;
	if (record.verb == VERB_REPLY)
		return 0;
	return record.verb == VERB_FAULT || record.verb == VERB_OCCUPIED ?
		       take_fault(fault) :
		       fault_set(fault, FAULT_FAILED, "the gate answered %s", verb_name((enum verb)record.verb));
}

static int ask(struct gate *gate, enum verb verb, uint32_t index, struct fault *fault)
{
	return say(gate, verb, index, NULL, 0, fault) < 0 ? -1 : await(gate, fault);
}

int gate_claim(struct gate *gate, enum claim how, struct fault *fault)
{
	if (ask(gate, VERB_CLAIM, how, fault) < 0)
		return -1;
	if (record.length != sizeof(gate->past))
		return fault_set(fault, FAULT_FAILED, "the gate answers CLAIM with %u bytes", record.length);
	memcpy(&gate->past, record.data, sizeof(gate->past));
	return 0;
}

int gate_ask_plan(struct gate *gate, bool own, const char **text, struct fault *fault)
{
	struct fault other;
	int rc = ask(gate, VERB_PLAN, own | for_port(gate), fault);

	*text = await(gate, &other) == 0 ? record.data : "";
	return rc;
}

int gate_plan(struct gate *gate, bool own, const char *title, struct fault *fault)
{
	const char *text;
	int rc = gate_ask_plan(gate, own, &text, fault);

	if (rc == 0)
		printf("# %s:\n", title);
	printf("%s", text);
	return rc;
}

int gate_try_listening(struct gate *gate, struct fault *fault)
{
	return ask(gate, VERB_TRY_LISTENING, for_port(gate), fault);
}

void gate_explain(struct gate *gate)
{
	struct fault ignored;

	(void)!ask(gate, VERB_EXPLAIN, 0, &ignored);
}

int gate_read(struct gate *gate, struct reading *reading, struct fault *fault)
{
	if (ask(gate, VERB_READ, 0, fault) < 0)
		return -1;
	if (record.length != sizeof(*reading))
		return fault_set(fault, FAULT_FAILED, "the gate answered READ with %u bytes", record.length);
	memcpy(reading, record.data, sizeof(*reading));
	return 0;
}

int gate_prepare(struct gate *gate, const struct whereabouts *at, struct fault *fault)
{
	static const struct whereabouts anywhere;

	return say(gate, VERB_PREPARE, at ? (1U + gate->traced) | for_port(gate) : 0, at ? at : &anywhere, sizeof(*at), fault);
}

int gate_let_in(struct gate *gate, struct fault *fault)
{
	return say(gate, VERB_LET_IN, 0, NULL, 0, fault);
}

/* Answers that nobody waited for come first. What it could not close it has logged: then only the other answer comes. */
int gate_shut(struct gate *gate, bool again, struct closed *closed, struct fault *fault)
{
	record.verb = VERB_SHUT;
	if (say(gate, VERB_SHUT, again, NULL, 0, fault) < 0)
		return -1;
	do
		if (receive(gate, fault) < 0)
			return -1;
	while (record.verb != VERB_CLOSED && record.verb != VERB_CLEARED);
	if (record.verb == VERB_CLEARED)
		return fault_set(fault, FAULT_FAILED, "the port could not be closed");
	memcpy(closed, record.data, sizeof(*closed));
	return 0;
}

int gate_clear(struct gate *gate)
{
	struct fault ignored;

	while (record.verb != VERB_CLEARED || gate->died)
		if (gate->died || receive(gate, &ignored) < 0)
			return STATUS_FAILED;
	return (int)record.index;
}

void gate_leave(struct gate *gate)
{
	close_fd(&gate->channel);
	close_fd(&gate->pidfd);
}

void gate_end(struct gate *gate)
{
	struct pollfd ended = { .fd = gate->pidfd, .events = POLLIN };
	siginfo_t info;

	close_fd(&gate->channel);
	while (gate->pidfd >= 0 && poll(&ended, 1, -1) < 0 && errno == EINTR)
		;
	if (gate->pidfd >= 0)
		(void)waitid(P_PIDFD, (id_t)gate->pidfd, &info, WEXITED | WNOHANG);
	close_fd(&gate->pidfd);
}
