/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tool.h - the host's own iptables tools: which of them serve which tables, and running one. */
#ifndef ACMEGATE_BACKENDS_IPTABLES_TOOL_H
#define ACMEGATE_BACKENDS_IPTABLES_TOOL_H

#include "backends/iptables/rules.h"

/* One of the four kinds of tables, with the tools that may serve it. */
struct ipt_layer {
	const char *name;     /* of the tool, for people */
	const char *paths[2]; /* the second one serves whatever the administrator has chosen */
	bool legacy;
	uint8_t family; /* NFPROTO_* */
};

#define IPT_LAYERS 4
extern const struct ipt_layer ipt_layers[IPT_LAYERS];

/*
 * The tool of this layer; NULL, with a fault that says what to do: there is none (ENOENT), or it is broken. *prompt: two at once cost no
 * time. Before 1.8.8 one that finds the lock of the legacy tables taken looks again a second later.
 */
const char *ipt_find(const struct ipt_layer *layer, bool *prompt, struct fault *fault) MUST_CHECK;

/*
 * Do this tool and its kernel know the matches? The tool is asked for help on them, which loads them and changes nothing. 1, 0, or -1.
 */
int ipt_knows(const char *tool, bool bound, bool timed, struct fault *fault) MUST_CHECK;

/* Begins a command on a table: the tool, the seconds that it may wait for the lock, the table. */
void ipt_begin(struct ipt_words *command, const char *tool, const char *table);

/* Runs it. The fault quotes command and answer; FAULT_LATER with EAGAIN: somebody else kept the lock. */
int ipt_run(const struct ipt_words *command, pid_t *pid, struct fault *fault) MUST_CHECK;

/* The output of -S for a table; the caller frees it. NULL: fault. */
char *ipt_list(const char *tool, const char *table, struct fault *fault) MUST_CHECK;

#endif
