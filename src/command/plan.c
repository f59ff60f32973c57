// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "firewall/connections.h"
#include "firewall/listener.h"
#include "base/log.h"
#include "firewall/window.h"

/* The files in webroot need a web server on the port. */
static int find_server(const struct config *config, struct fault *fault)
{
	uint32_t inode;
	int found;

	if (access(config->responder.webroot, X_OK) < 0)
		return fault_errno(fault, FAULT_FAILED, "[responder] webroot %s", config->responder.webroot);
	found = connections_listeners(config->gate.port, &inode, 1, fault);
	return found ? found : fault_set(fault, FAULT_FAILED, "no program listens on port %u: with [responder] mode = webroot a web "
					 "server has to answer there; start it, or set mode = standalone", config->gate.port);
}

/* By making the sockets that a renewal makes. */
static int try_listening(uint16_t port, struct fault *fault)
{
	int listeners[2];

	if (listener_open(port, listeners, fault) < 0)
		return -1;
	close_fd(&listeners[0]);
	close_fd(&listeners[1]);
	return 0;
}

/* Where a renewal would fail. */
static int find_obstacles(struct config *config, uint16_t target)
{
	int status = STATUS_DONE;
	struct fault fault;

	if (config_find_user(config, &fault) < 0) {
		log_error("%s", fault.text);
		status = fault_status(&fault);
	}
	if ((config->responder.mode == RESPONDER_WEBROOT ? find_server(config, &fault) : try_listening(target, &fault)) < 0) {
		log_error("%s", fault.text);
		status = status == STATUS_DONE ? fault_status(&fault) : status;
	}
	return status;
}

static void print_plan(const struct window *window, const char *whose)
{
	const struct plan *plan = &window->plan;

	printf("# %s:\n", whose);
	if (!plan->lines)
		printf("# no chain blocks port %u; nothing to open\n", window->opening.port);
	for (size_t i = 0; i < plan->lines; i++)
		printf("%s\n", plan->line[i]);
	if (plan->lost[0])
		printf("# meanwhile packets for the port miss what rules behind these set: %s\n", plan->lost);
	if (plan->client[0])
		printf("# %s\n", plan->client);
}

/* Of a listener of our own, or of another program's. *target: where it listens. */
static int show(struct config *config, struct journal *journal, bool own, const char *whose, uint16_t *target, struct fault *fault)
{
	static struct window window;
	int rc = window_prepare(&window, journal, config, own, fault);

	if (rc == 0)
		print_plan(&window, whose);
	if (rc == 0 && own)
		window_remark(&window, config);
	for (size_t i = 0; i < window.plan.remarks; i++)
		printf("# %s\n", window.plan.remark[i]);
	*target = window.opening.target;
	window_free(&window);
	return rc;
}

static int forecast(struct config *config, struct journal *journal)
{
	const bool webroot = config->responder.mode == RESPONDER_WEBROOT;
	struct fault fault, other;
	uint16_t target, ignored;
	int rc;

	(void)!config_find_user(config, &other); /* a user that is missing is one of the obstacles */
	rc = show(config, journal, true, webroot ? "with the web server that is there" : "for renewals, whose listener is acmegate's own",
		      &target, &fault);

	if (rc < 0)
		log_error("%s", fault.text);
	if (rc == 0 && webroot)
		printf("# the tokens become files in %s/.well-known/acme-challenge\n", config->responder.webroot);
	if (!webroot && show(config, journal, false, "for hook and guard, whose listener is another program's", &ignored, &other) < 0)
		printf("# hook and guard: %s\n", other.text);
	if (rc < 0)
		return fault_status(&fault);
	return config->certificates ? find_obstacles(config, target) : STATUS_DONE;
}

int plan_run(struct host *host, const struct call *call)
{
	(void)call;
	return forecast(host->config, &host->journal);
}
