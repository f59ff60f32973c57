/* SPDX-License-Identifier: GPL-3.0-or-later */
/* value.h - the values of this run: into the DNS, until all servers give them, and out again. */
#ifndef ACMEGATE_DNS_VALUE_H
#define ACMEGATE_DNS_VALUE_H

#include "base/config.h"
#include "base/wire.h"
#include "dns/message.h"

#define VALUE_NAME_SIZE (NAME_SIZE + 16) /* with _acme-challenge */

/* The section of this certificate, if it has this name, or the wildcard of it; or NULL. */
const struct dns *value_section(const struct config *config, uint32_t index, const char *name);

/* The name that its values are at. */
int value_name(const char *name, char full[VALUE_NAME_SIZE], struct fault *fault) MUST_CHECK;

/* The names come from the configuration: what it does not have is refused. Each may be done again. */
int value_add(const struct config *config, uint32_t certificate, const struct value *value, struct fault *fault) MUST_CHECK;

/* Until every authoritative server of the zone gives the value. */
int value_await(const struct config *config, uint32_t certificate, const struct value *value, struct fault *fault) MUST_CHECK;

int value_remove(const struct config *config, uint32_t certificate, const struct value *value, struct fault *fault) MUST_CHECK;

/* Removes what the notes list: at the start what an earlier run has left, at the end what this one has; whose: for the log. The number that is
 * left. */
size_t value_sweep(const struct config *config, const char *whose);

#endif
