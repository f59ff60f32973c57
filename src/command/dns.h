/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns.h - the parts of acmegate dns: a row of the table in dns.c, and a file for each. The first word of the call is behind its own. */
#ifndef ACMEGATE_COMMAND_DNS_H
#define ACMEGATE_COMMAND_DNS_H

#include "command/command.h"

int dns_setup_run(struct host *host, const struct call *call);
int dns_address_run(struct host *host, const struct call *call);

#endif
