/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan.h - the commands that would open the port, and what keeps a validation away in spite of them. */
#ifndef ACMEGATE_BACKENDS_PLAN_H
#define ACMEGATE_BACKENDS_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fault.h"

#define PLAN_LINES 64
#define PLAN_REMARKS 8

/* The work of open(), as commands that a person could type. */
struct plan {
	size_t lines, sets; /* sets: so many of the lines make no rule, but what rules look into */
	char line[PLAN_LINES][640];
	char left[FAULT_TEXT_SIZE];   /* a chain that blocks and is left to the iptables backend, or "" */
	char owned[FAULT_TEXT_SIZE];  /* a chain that blocks and that nobody but its owner can change, or "" */
	bool owner_is_deaf;	      /* nobody can ask that owner to open it: it is not firewalld */
	char client[FAULT_TEXT_SIZE]; /* how a chain may stop our client on its way to the CA, or "" */
	char lost[256];		      /* a chain, and the marks that packets miss because of a rule there, or "" */
	size_t remarks;
	char remark[PLAN_REMARKS][320]; /* what the host has besides rules that may keep a validation away */
	bool unbound, untimed;		/* what a kernel here cannot do: end the opening with our socket, end it in time */
	bool unowned;			/* ... end the redirection with our process */
};

/* Adds a remark; a backend passes it on as a callback. */
void plan_remark(void *plan, const char *text);

#endif
