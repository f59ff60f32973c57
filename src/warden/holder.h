/* SPDX-License-Identifier: GPL-3.0-or-later */
/* holder.h - the program that listens on a port. */
#ifndef ACMEGATE_WARDEN_HOLDER_H
#define ACMEGATE_WARDEN_HOLDER_H

#include <stdint.h>

#include "base/fault.h"
#include "base/process.h"

struct holder {
	pid_t pid; /* 0: a process that cannot be looked at from here */
	char name[PROCESS_NAME];
};

/* 1: somebody listens. 0: nobody does. -1: fault. */
int holder_find(uint16_t port, struct holder *holder, struct fault *fault) MUST_CHECK;

#endif
