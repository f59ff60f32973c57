/* SPDX-License-Identifier: GPL-3.0-or-later */
/* removal.h - takes all that is stored of one certificate away. */
#ifndef ACMEGATE_STORE_REMOVAL_H
#define ACMEGATE_STORE_REMOVAL_H

#include "store/store.h"

/*
 * Removes certificates/NAME with its generations, and its ledger; ledgers: the open directory of these. It follows no link, and removes
 * nothing that another certificate of the store may have. 1: done, and durable. 0: there was nothing. -1: what is left can be removed
 * by the same call.
 */
int removal_run(const struct store *store, int ledgers, const char *name, struct fault *fault) MUST_CHECK;

#endif
