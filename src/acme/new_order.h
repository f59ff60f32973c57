/* SPDX-License-Identifier: GPL-3.0-or-later */
/* new_order.h - places orders (RFC 8555, 7.4), or resumes those of an earlier run. */
#ifndef ACMEGATE_ACME_NEW_ORDER_H
#define ACMEGATE_ACME_NEW_ORDER_H

#include "acme/order.h"

/*
 * Resumes the orders that an earlier run has placed, as long as the CA can still make a certificate of them, and places the others,
 * except those with a fault or a URL. If the CA does not take an order as a replacement, or answers with a failed old one, it places the
 * order again. Adds their authorizations to the list and fetches them. Afterwards those are wanted that an order needs which may still
 * succeed.
 */
int new_order_place(struct order *orders, size_t n, struct acme *acme, struct authorizations *list, struct fault *fault) MUST_CHECK;

#endif
