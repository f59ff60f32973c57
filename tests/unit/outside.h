/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outside.h - the world outside of own_net(): a process in another network, behind a pair of interfaces, that connects to port 80. */
#ifndef ACMEGATE_TESTS_UNIT_OUTSIDE_H
#define ACMEGATE_TESTS_UNIT_OUTSIDE_H

#include <stdbool.h>

#define OUTSIDE_OURS "192.0.2.1"    /* our end of the wire */
#define OUTSIDE_ADDRESS "192.0.2.2" /* theirs */
#define OUTSIDE_ADDRESS6 "2001:db8::2"

/* false: this kernel has no pairs of interfaces (veth). */
bool outside_begin(void);
void outside_end(void);

/*
 * 4 or 6: it connects, by that family, and keeps the connection. r: the oldest one was reset, or will be within 20 seconds; l: it lives.
 * Either way it is given up. Anything else than that ends the test.
 */
void outside_do(char order);

#endif
