/* SPDX-License-Identifier: GPL-3.0-or-later */
/* task.h - what the storer does when the task is not to renew: the account, the removal of a certificate. */
#ifndef ACMEGATE_AGENT_TASK_H
#define ACMEGATE_AGENT_TASK_H

#include "agent/storing.h"

/* May the signer send this verb? The account may be asked for in any task; the words that change something are each of one task. */
bool task_allows(enum task_kind kind, uint32_t verb);

/* Serves the words about an account that is there: VERB_ACCOUNT_URL, _CONTACTS, _SAVE_NEW_ACCOUNT_KEY, _SETTLE_KEY, _RETIRE. */
storer_serve task_account_word;

/* TASK_REMOVE: all that the process is for. Its exit status; has logged what happened. */
int task_remove(const struct storer *storer);

#endif
