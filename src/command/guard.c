// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <string.h>

#include "command/lease.h"
#include "base/log.h"

static struct command_process process;

/* First of all, see lease_fork_command(). */
int guard_prepare(struct host *host, struct fault *fault)
{
	host->first_fd = COMMAND_CHANNEL + 1;
	return lease_fork_command(&process, fault);
}

/* An engine of containers forwards what it publishes, which is not what is opened. */
static void remark_engine(const char *program, uint16_t port)
{
	static const char *const engines[] = { "docker", "docker-compose", "podman", "podman-compose", "nerdctl", "ctr" };
	const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;

	for (size_t i = 0; i < LENGTH_OF(engines); i++)
		if (!strcmp(name, engines[i]))
			log_notice("%s: port %u of this host is opened, and the chains that forward to a container (FORWARD, DOCKER-USER) are not; "
				   "while it is open, a rule of nat that sends the port to a container is passed by. What listens on the host "
				   "itself is reached: a container with --network host, or the engine's own proxy of a published port",
				   name, port);
}

int guard_run(struct host *host, const struct call *call)
{
	const char *max = call->value[GUARD_MAX];
	struct fault fault;

	if (max && config_set_max_open(host->config, max) < 0) {
		log_error("--max %s: expected 5 to 600 seconds", max);
		return STATUS_USAGE;
	}
	if (!call->words) {
		log_error("guard needs a command: acmegate guard -- COMMAND...");
		return STATUS_USAGE;
	}
	if (max && gate_limit(&host->gate, host->config, &fault) < 0) {
		log_error("%s", fault.text);
		return fault_status(&fault);
	}
	remark_engine(call->word[0], host->config->gate.port);
	return lease_guard(host->config, &host->gate, &process, call->word, call->value[GUARD_ON_LISTEN] != NULL);
}
