// SPDX-License-Identifier: GPL-3.0-or-later
#include "forecast.h"

#include <unistd.h>

#include "connections.h"
#include "listener.h"
#include "log.h"

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

int forecast_renewal(struct config *config, uint16_t target)
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
