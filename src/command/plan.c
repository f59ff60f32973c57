// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

/* Where a renewal would fail. */
static int find_obstacles(struct config *config, struct gate *gate)
{
	int status = STATUS_DONE, rc;
	struct fault fault;

	if (config_find_user(config, &fault) < 0) {
		log_error("%s", fault.text);
		status = fault_status(&fault);
	}
	rc = config->responder.mode == RESPONDER_WEBROOT && access(config->responder.webroot, X_OK) < 0 ?
		     fault_errno(&fault, FAULT_FAILED, "[responder] webroot %s", config->responder.webroot) :
		     gate_try_listening(gate, &fault);
	if (rc < 0) {
		log_error("%s", fault.text);
		status = status == STATUS_DONE ? fault_status(&fault) : status;
	}
	return status;
}

static int forecast(struct config *config, struct gate *gate)
{
	const bool webroot = config->responder.mode == RESPONDER_WEBROOT;
	struct fault fault, other;
	int rc;

	(void)!config_find_user(config, &other); /* a user that is missing is one of the obstacles */
	rc = gate_limit(gate, config, &fault);
	if (rc == 0)
		rc = gate_plan(gate, true,
			       webroot ? "with the web server that is there" : "for renewals, whose listener is acmegate's own",
			       &fault);
	if (rc < 0)
		log_error("%s", fault.text);
	if (rc == 0 && webroot)
		printf("# the tokens become files in %s/.well-known/acme-challenge\n", config->responder.webroot);
	if (!webroot && gate_plan(gate, false, "for hook and guard, whose listener is another program's", &other) < 0)
		printf("# hook and guard: %s\n", other.text);
	if (rc < 0)
		return fault_status(&fault);
	return config->certificates ? find_obstacles(config, gate) : STATUS_DONE;
}

int plan_run(struct host *host, const struct call *call)
{
	(void)call;
	return forecast(host->config, &host->gate);
}
