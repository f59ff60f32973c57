/* SPDX-License-Identifier: GPL-3.0-or-later */
/* readers.h - the group of who may look at what is not secret: acmegate status and history. */
#ifndef ACMEGATE_PUBLISH_READERS_H
#define ACMEGATE_PUBLISH_READERS_H

/*
 * The ledgers of certificates in the state directory become the group's to read, where the host has the group and they are not yet. Keys and
 * the host's secret, which lie beside them, stay root's. What fails is left as it was: nothing but acmegate status depends on it.
 */
void readers_let_in(int state_fd);

#endif
