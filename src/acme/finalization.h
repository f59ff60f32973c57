/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * finalization.h - from an order whose authorizations are valid to the stored certificate (RFC 8555, 7.4).
 */
#ifndef ACMEGATE_ACME_FINALIZATION_H
#define ACMEGATE_ACME_FINALIZATION_H

#include "acme/order.h"

/* Finalizes, polls, downloads and installs all orders that have no fault, for at most `most` milliseconds. */
int finalization_run(struct order *orders, size_t n, struct acme *acme, int64_t most, struct fault *fault) MUST_CHECK;

#endif
