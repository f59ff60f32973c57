// SPDX-License-Identifier: GPL-3.0-or-later
/* acmegate-agent ROLE: started by acmegate only, with the descriptors of wire.h. */
#include "agent.h"

#include <stdio.h>
#include <string.h>

#include "confine.h"
#include "log.h"
#include "sandbox.h"
#include "wire.h"

static int (*const mains[])(const struct config *) = {
	[ROLE_CLIENT] = client_main,
	[ROLE_KEEPER] = keeper_main,
	[ROLE_RESPONDER] = responder_main,
};
_Static_assert(LENGTH_OF(mains) == ROLES, "one main for each role");

int main(int argc, char **argv)
{
	const struct config *config;
	struct fault fault;
	enum role role;

	if (argc < 2 || !sandbox_find_role(argv[1], &role)) {
		fprintf(stderr, "acmegate-agent is started by acmegate, see acmegate(8)\n");
		return STATUS_USAGE;
	}
	log_start(argv[1], argc > 2 && !strcmp(argv[2], "--verbose"));
	if (sandbox_prove(role, &fault) < 0) {
		log_error("%s", fault.text);
		return STATUS_FAILED;
	}
	config = config_receive(FD_CONFIG);
	if (!config) {
		log_error("the %s got no configuration", argv[1]);
		return STATUS_FAILED;
	}
	if (confine(role, config, &fault) < 0) {
		log_error("%s", fault.text);
		return STATUS_FAILED;
	}
	return mains[role](config);
}
