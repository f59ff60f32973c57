/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check_network.h - the rows that findings of an examiner make (base/finding.h). */
#ifndef ACMEGATE_COMMAND_CHECK_NETWORK_H
#define ACMEGATE_COMMAND_CHECK_NETWORK_H

#include "base/finding.h"
#include "command/check.h"

/* "ca" and "clock". */
void check_ca(struct examination *, const struct finding *);

/* "name" and "caa". */
void check_addresses(struct examination *, const struct finding *);
void check_caa(struct examination *, const struct finding *);

/* "name", of a name that is an address. */
void check_own_address(struct examination *, const char *address);

#endif
