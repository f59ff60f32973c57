/* SPDX-License-Identifier: GPL-3.0-or-later */
/* registration.h - acmegate dns register: gives each name of a section [dns NAME] with type = acme-dns its registration. */
#ifndef ACMEGATE_COMMAND_REGISTRATION_H
#define ACMEGATE_COMMAND_REGISTRATION_H

#include "command/errand.h"

/* Those of the certificates that the errand names. Prints the CNAME line of each. The exit status. */
int registration_run(const struct config *config, const struct errand *errand);

#endif
