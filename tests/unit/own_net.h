/* SPDX-License-Identifier: GPL-3.0-or-later */
/* own_net.h - a network of the test's own, with the kernel's nf_tables in it. No root is needed where the kernel has
 * user namespaces. */
#ifndef ACMEGATE_TESTS_UNIT_OWN_NET_H
#define ACMEGATE_TESTS_UNIT_OWN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Enters it; to be called first in main(). false: the kernel forbids it, and the test says so and is skipped. The
 * loopback is up. */
bool own_net(void);

/* A table; and a base chain of it with policy drop at this hook. */
void own_net_table(uint8_t family, const char *table);
void own_net_owned_table(uint8_t family, const char *table); /* of the test's own process: nobody else can change it */
bool own_net_owners(void);				     /* the kernel knows such tables; if it does not, says so */
void own_net_chain(uint8_t family, const char *table, const char *chain, uint32_t hook);

/* Removes all of them, or this one, or the rules of a chain or of all chains (NULL) of it. */
void own_net_flush(void);
void own_net_remove(uint8_t family, const char *table);
void own_net_empty(uint8_t family, const char *table, const char *chain);

/* All there is, as the kernel tells it, is kept for the questions below; the number of messages. */
size_t own_net_read(void);

/* How many of the messages that were read have these bytes in them? */
size_t own_net_count(const char *text);

#endif
