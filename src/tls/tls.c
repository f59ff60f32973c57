// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * acmegate-tls: started by acmegate only, with the descriptors of wire.h, when a window for tls-alpn-01 is prepared. It has the listening
 * sockets on the port of that challenge, no file and no right, and shows the CA the certificate that proves a name.
 */
#include <stdio.h>
#include <string.h>

#include "base/confine.h"
#include "base/log.h"
#include "base/own.h"
#include "base/sandbox.h"
#include "tls/names.h"
#include "tls/handshake.h"

static int run(struct fault *fault)
{
	static const struct reception reception = {
		.hear = names_receive, .greet = handshake_greet, .receive = handshake_receive, .leave = handshake_leave
	};

	if (sandbox_prove(ROLE_TLS, fault) < 0 || confine(ROLE_TLS, NULL, -1, fault) < 0 || handshake_start(fault) < 0)
		return -1;
	return visitors_serve(&reception, fault);
}

int main(int argc, char **argv)
{
	struct fault fault;

	if (fill_standard() < 0)
		return STATUS_FAILED;
	if (argc < 2 || strcmp(argv[1], sandbox_role_name(ROLE_TLS))) {
		fprintf(stderr, "acmegate-tls is started by acmegate, see acmegate(8)\n");
		return STATUS_USAGE;
	}
	log_start(argv[1], log_detail_of(argv[2]));
	if (run(&fault) == 0)
		return STATUS_DONE;
	log_error("%s", fault.text);
	return fault_status(&fault);
}
