/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dns_program.h - the process that runs the program of a section [dns NAME] with type = exec, for acmegate-dns, which may start none. acmegate
 * forks it before it gives its own rights up. It can become another user, end what runs as such a one, and give directories away.
 */
#ifndef ACMEGATE_WARDEN_DNS_PROGRAM_H
#define ACMEGATE_WARDEN_DNS_PROGRAM_H

#include "base/config.h"

/* Starts it for this section (an index); it ends when the other end of the channel does. Returns its pidfd, or -1. */
int dns_program_start(const struct config *config, uint32_t section, int channel, struct fault *fault) MUST_CHECK;

#endif
