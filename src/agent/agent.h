/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent.h - the roles of acmegate-agent, the image without rights.
 *
 * Each is the main function of a process that the warden has started with the descriptors of wire.h; it returns the exit
 * status of the process (fault.h) and has logged why when that is not 0.
 */
#ifndef ACMEGATE_AGENT_AGENT_H
#define ACMEGATE_AGENT_AGENT_H

#include "base/config.h"

int client_main(const struct config *config);	 /* talks to the CA */
int signer_main(const struct config *config);	 /* holds the keys, signs, verifies */
int storer_main(const struct config *config);	 /* writes what is kept */
int responder_main(const struct config *config); /* answers on the port */
int sweeper_main(const struct config *config);	 /* removes tokens that an earlier run left */
int translator_main(const struct config *config); /* knows international names; there is no configuration yet */

/* Before the signer confines itself: the system's roots become FD_TRUST, unless the configuration has a trust_file. */
void signer_trust(const struct config *config);

#endif
