/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * refusal.h - the system calls that those may not make who start the host's tools, and neither may the tools. The tools are not ours: no list of
 * what they may make would last.
 */
#ifndef ACMEGATE_BASE_REFUSAL_H
#define ACMEGATE_BASE_REFUSAL_H

#include <stdint.h>

#include "base/fault.h"

/* The gate with a program of the administrator, and that program; the gate without one; the watchdog; acmegate-iptables, and its tools. */
enum refusal { REFUSAL_COMMAND, REFUSAL_GATE, REFUSAL_WATCHDOG, REFUSAL_TOOLS, REFUSALS };

/* As filter_make(). */
void *refusal_filter(enum refusal refusal, uint32_t architecture) MUST_CHECK;

/* In this process, for good, with all that it executes. As filter_load(). */
int refusal_take(enum refusal refusal) MUST_CHECK;

#endif
