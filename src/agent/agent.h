/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent.h - the roles of acmegate-agent, the image without rights.
 *
 * Each is the main function of a process that the privileged image starts with the descriptors of wire.h. It returns the exit status
 * of the process (fault.h), and logs why if that is not 0.
 *
 * config has what the role uses, see config_share.h; NULL: it uses nothing.
 */
#ifndef ACMEGATE_AGENT_AGENT_H
#define ACMEGATE_AGENT_AGENT_H

#include "base/config.h"

int client_main(const struct config *config);	  /* talks to the CA */
int signer_main(const struct config *config);	  /* holds the keys, signs, verifies */
int storer_main(const struct config *config);	  /* writes certificates, the account, and tokens with mode webroot */
int responder_main(const struct config *config);  /* answers the CA's requests on the port */
int sweeper_main(const struct config *config);	  /* removes tokens that an earlier run left */
int importer_main(const struct config *config);	  /* looks at what other clients have left, and has it stored */
int examiner_main(const struct config *config);	  /* looks at CA, names and web server for acmegate check */
int placer_main(const struct config *config);	  /* puts one file into the web server's directory for acmegate check */
int watcher_main(const struct config *config);	  /* looks at certificates of other clients for acmegate status */
int provider_main(const struct config *config);	  /* writes values of dns-01 by the API of one section [dns NAME] */
int translator_main(const struct config *config); /* turns international names into their ASCII form */

/* Before the signer confines itself: the system's roots become FD_TRUST, unless the configuration has a trust_file. */
void signer_trust(const struct config *config);

#endif
