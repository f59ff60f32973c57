// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/instant.h"
#include "base/log.h"
#include "store/limits.h"
#include "store/schedule.h"

/* Looks for reasons why a renewal would fail. */
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

/* The port of tls-alpn-01, where the responder's mode does not matter. */
static int forecast_tls(struct gate *gate)
{
	struct fault fault;
	int rc;

	gate_turn(gate, WINDOW_TLS);
	rc = gate_plan(gate, true, "for renewals over TLS (tls-alpn-01), whose listener is acmegate's own, too", &fault);
	if (rc == 0)
		rc = gate_try_listening(gate, &fault);
	gate_turn(gate, WINDOW_HTTP);
	if (rc < 0)
		log_error("%s", fault.text);
	return rc < 0 ? fault_status(&fault) : STATUS_DONE;
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

/* Prints the next renewal's decision for this certificate, from the notes of earlier runs. */
static void foresee(const struct config *config, uint32_t index, int ledgers)
{
	static struct ledger ledger;
	const struct certificate *certificate = &config->certificate[index];
	struct instant now = instant_now();
	enum ledger_state state;
	struct secret secret;
	struct holding holding;
	struct limits limits;
	struct decision decision;
	struct fault fault;

	if (ledger_look(ledgers, certificate->name, &ledger, &state, &fault) < 0 || secret_look(ledgers, &secret, &fault) < 0) {
		printf("# certificate %s: %s\n", certificate->name, fault.text);
		return;
	}
	if (state == LEDGER_NONE || state == LEDGER_CORRUPT) {
		printf("# certificate %s: no renewal has looked at it yet\n", certificate->name);
		return;
	}
	holding = holding_of(config, certificate, &ledger);
	decision = limits_decide(config, index, &holding, &ledger, ledgers, NULL, &now, &secret, &limits);
	printf("# certificate %s: %s%s\n", certificate->name, decision.reason,
	       decision.act == ACT_ORDER  ? "; it would be ordered now" :
	       decision.act == ACT_RESUME ? "; its order would be resumed now" :
					    "");
}

static void foresee_all(const struct config *config, int state_fd)
{
	OWN_FD int ledgers = state_fd < 0 ? -1 : openat(state_fd, "ledger", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	instant_learn_boot();
	for (uint32_t i = 0; i < config->certificates; i++) {
		if (ledgers < 0)
			printf("# certificate %s: no renewal has looked at it yet\n", config->certificate[i].name);
		else
			foresee(config, i, ledgers);
	}
}

int plan_run(struct host *host, const struct call *call)
{
	int status, of_tls = STATUS_DONE;

	(void)call;
	foresee_all(host->config, host->state_fd);
	status = forecast(host->config, &host->gate);
	if (config_needs_tls(host->config))
		of_tls = forecast_tls(&host->gate);
	return status == STATUS_DONE ? of_tls : status;
}
